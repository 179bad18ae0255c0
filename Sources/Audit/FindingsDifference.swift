/// What changed between two runs (两次审核的差异): findings gained, lost, changed and kept, with their money.
///
/// Findings are matched by identifier, so the same group found again with other content counts as changed. The first
/// run is held in memory as identifiers and contents, the second is streamed.
package struct FindingsDifference {
    package enum Kind: String, Sendable, CaseIterable { case gained, lost, changed, kept }

    package struct Entry: Sendable {
        package let kind: Kind
        /// As in the second run; for lost findings, as in the first.
        package let record: FindingsRecord
        package let former: FindingsRecord?
        /// The fields that differ, for changed findings.
        package let fields: [String]
    }

    package struct Sum: Sendable, Hashable {
        package var findings = 0
        /// Of violations and suspicions, in fen; for changed findings: after minus before.
        package var gross: Int64 = 0
        package var loss: Int64 = 0

        package init() {}
    }

    package private(set) var sums: [Kind: Sum] = Dictionary(
        uniqueKeysWithValues: Kind.allCases.map { ($0, Sum()) })
    private var former: [String: FindingsRecord] = [:]
    private var order: [String] = []

    package init() {}

    package var isEmpty: Bool { Kind.allCases.allSatisfy { $0 == .kept || sums[$0]?.findings == 0 } }

    package mutating func addFormer(_ record: FindingsRecord) {
        if former.updateValue(record, forKey: record.id) == nil { order.append(record.id) }
    }

    package mutating func addLatter(_ record: FindingsRecord) -> Entry {
        guard let before = former.removeValue(forKey: record.id) else {
            return entry(.gained, record, nil)
        }
        return entry(before == record ? .kept : .changed, record, before)
    }

    /// Those of the first run that the second did not name again; call when the second has ended.
    package mutating func lost() -> [Entry] {
        let ids = order.filter { former[$0] != nil }
        return ids.compactMap { id in former.removeValue(forKey: id).map { entry(.lost, $0, nil) } }
    }

    private mutating func entry(_ kind: Kind, _ record: FindingsRecord, _ before: FindingsRecord?) -> Entry {
        func gross(_ record: FindingsRecord?) -> Int64 {
            guard let record, record.isConclusion else { return 0 }
            return record.gross ?? 0
        }
        func loss(_ record: FindingsRecord?) -> Int64 {
            guard let record, record.isConclusion else { return 0 }
            return record.loss ?? 0
        }
        var sum = sums[kind] ?? Sum()
        sum.findings += 1
        sum.gross = sum.gross &+ gross(record) &- (kind == .changed ? gross(before) : 0)
        sum.loss = sum.loss &+ loss(record) &- (kind == .changed ? loss(before) : 0)
        sums[kind] = sum
        let fields = kind == .changed ? before.map { record.differences(from: $0) } ?? [] : []
        return Entry(kind: kind, record: record, former: before, fields: fields)
    }
}
