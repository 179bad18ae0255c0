import Claims
import Columns

/// Money at stake in a set of findings, counted in two ways (合计).
///
/// *Plain* adds every finding's amount. *Counted once* takes each violating row a single time, with the largest claim
/// that any finding makes on it, so overlapping rules do not inflate the sum; the loss of a row is its share of the
/// finding's loss and therefore never above what the fund paid for it. Where an encounter is claimed as a whole and
/// some of its lines as well, the larger of the two counts. Only violations and suspicions are counted.
package struct FindingsTotals {
    package struct Sums: Sendable, Hashable {
        package var findings = 0
        package var rows = 0
        package var plainGross: Int64 = 0
        package var plainLoss: Int64 = 0
        package var gross: Int64 = 0
        package var loss: Int64 = 0
        /// Findings whose loss is not known; their gross is in the sums, their loss is not.
        package var lossUnknown = 0

        package init() {}
    }

    private struct Claim {
        let group: Int
        var gross: Int64
        var loss: Int64
        /// The encounter (by number in `encounters`) that holds this line; -1 where none is known.
        let encounter: Int32
        /// The encounter itself is claimed, not a line of it.
        let isWhole: Bool
    }

    private let rows = StringDictionary()
    private let encounters = StringDictionary()
    private var claims: [Claim] = []
    private var sums: [Sums] = []

    package init() {}

    /// Adds a finding to a group of its own totals; without groups, everything is group 0.
    /// `encounterOf` finds the encounter of a violating line where the finding itself does not name it.
    package mutating func add(
        _ record: FindingsRecord, group: Int = 0, encounterOf: (String) -> String? = { _ in nil }
    ) {
        while sums.count <= group { sums.append(Sums()) }
        guard record.isConclusion else { return }
        sums[group].findings += 1
        sums[group].plainGross = Self.sum(sums[group].plainGross, record.gross ?? 0)
        sums[group].plainLoss = Self.sum(sums[group].plainLoss, record.loss ?? 0)
        if record.loss == nil { sums[group].lossUnknown += 1 }

        let stakes = record.stakes.map { Self.fen($0) }
        guard stakes.count == record.violating.count, !stakes.isEmpty else {
            // Without stakes per row the finding stands for itself.
            let whole = Claim(
                group: group, gross: record.gross ?? 0, loss: record.loss ?? 0, encounter: -1, isWhole: false)
            return claim("finding\u{1F}" + record.id, whole)
        }
        let losses = Self.shares(of: record.loss ?? 0, by: stakes)
        for (index, id) in record.violating.enumerated() {
            var encounter: String?
            switch record.violatingTable {
            case "encounter": encounter = id
            case "line": encounter = encounterOf(id) ?? record.encounter
            default: break
            }
            let number = encounter.map { encounters.code(for: "\(group)\u{1F}\($0)") } ?? -1
            claim(
                record.violatingTable + "\u{1F}" + id,
                Claim(
                    group: group, gross: stakes[index], loss: losses[index], encounter: number,
                    isWhole: record.violatingTable == "encounter"))
        }
    }

    package func result() -> Sums { results().first ?? Sums() }

    /// Per group, by its number.
    package func results() -> [Sums] {
        var results = sums
        var lines = [(gross: Int64, loss: Int64)](repeating: (0, 0), count: encounters.count)
        var whole = lines
        var owner = [Int](repeating: 0, count: encounters.count)
        for claim in claims {
            results[claim.group].rows += 1
            guard claim.encounter >= 0 else {
                results[claim.group].gross = Self.sum(results[claim.group].gross, claim.gross)
                results[claim.group].loss = Self.sum(results[claim.group].loss, claim.loss)
                continue
            }
            let place = Int(claim.encounter)
            owner[place] = claim.group
            if claim.isWhole {
                whole[place] = (claim.gross, claim.loss)
            } else {
                lines[place] = (Self.sum(lines[place].gross, claim.gross), Self.sum(lines[place].loss, claim.loss))
            }
        }
        for place in lines.indices {
            let group = owner[place]
            results[group].gross = Self.sum(results[group].gross, max(lines[place].gross, whole[place].gross))
            results[group].loss = Self.sum(results[group].loss, max(lines[place].loss, whole[place].loss))
        }
        return results
    }

    private mutating func claim(_ row: String, _ claim: Claim) {
        let number = Int(rows.code(for: "\(claim.group)\u{1F}\(row)"))
        guard number >= 0 else { return }
        if number == claims.count {
            claims.append(claim)
        } else {
            claims[number].gross = max(claims[number].gross, claim.gross)
            claims[number].loss = max(claims[number].loss, claim.loss)
        }
    }

    /// Parts of `whole` in proportion to `weights`; they add up to it exactly (largest remainder, first row first).
    package static func shares(of whole: Int64, by weights: [Int64]) -> [Int64] {
        var total: Int128 = 0
        for weight in weights { total += Int128(max(0, weight)) }
        guard total > 0, whole > 0 else { return [Int64](repeating: 0, count: weights.count) }
        var parts: [Int64] = []
        var remainders: [(Int128, Int)] = []
        var given: Int64 = 0
        for (index, weight) in weights.enumerated() {
            let (quotient, remainder) = (Int128(whole) * Int128(max(0, weight))).quotientAndRemainder(dividingBy: total)
            parts.append(Int64(quotient))
            given += Int64(quotient)
            remainders.append((remainder, index))
        }
        remainders.sort { $0.0 != $1.0 ? $0.0 > $1.0 : $0.1 < $1.1 }
        for (_, index) in remainders.prefix(Int(whole - given)) { parts[index] += 1 }
        return parts
    }

    private static func fen(_ text: String) -> Int64 { DecimalText.parse(text, scale: Schema.moneyScale) ?? 0 }

    /// Amounts of foreign origin can be absurd; a sum that does not fit stays at the largest number.
    private static func sum(_ left: Int64, _ right: Int64) -> Int64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? (right > 0 ? .max : .min) : sum
    }
}
