import Claims
import Rules

/// Rules whose unit is a row: one judgement per row, overlapping windows merged into one finding.
struct RowUnits {
    let judge: Judge
    let table: Table

    private struct Hit {
        let row: RowReference
        let judgement: Judgement
        let involved: Set<RowReference>
    }

    func judgements(of row: RowReference) -> [Judgement] {
        judge.judge(row, filter: { judge.selects(row, in: $0) })
    }

    func findings() -> [ReferenceFinding] {
        var hits: [Hit] = []
        var findings: [ReferenceFinding] = []
        for index in judge.claims.participants[table] ?? [] {
            let row = RowReference(table: table, index: index)
            let judgements = judgements(of: row)
            guard let decisive = judge.decisive(judgements) else { continue }
            let involved = judge.involved(judgements, answer: decisive.answer)
            if decisive.answer == .yes {
                hits.append(Hit(row: row, judgement: decisive, involved: involved))
            } else {
                findings.append(
                    judge.finding(
                        decisive, outcome: .undetermined, unit: table.rawValue, key: key(of: row), violating: [row],
                        involved: involved))
            }
        }
        return findings + merge(hits).map(finding)
    }

    private func key(of row: RowReference) -> String { "\(table.rawValue):\(judge.claims.identifier(of: row))" }

    private func finding(_ hits: [Hit]) -> ReferenceFinding {
        let rows = hits.map(\.row).sorted { $0.index < $1.index }
        let involved = hits.reduce(into: Set<RowReference>()) { $0.formUnion($1.involved) }
        // Ties go to the first row: `max(by:)` would take the last.
        let speaker = hits.sorted { $0.row.index < $1.row.index }.reduce(hits[0]) { best, hit in
            (largest(hit) ?? .minusInfinity) > (largest(best) ?? .minusInfinity)
                || (largest(hit) == largest(best) && hit.row.index < best.row.index) ? hit : best
        }
        var finding = judge.finding(
            speaker.judgement, outcome: judge.rule.outcome, unit: table.rawValue, key: key(of: rows[0]),
            violating: rows, involved: involved)
        let scenes = Dictionary(uniqueKeysWithValues: hits.map { ($0.row, $0.judgement.scene) })
        finding.money = Stakes(judge: judge, rows: rows, scenes: scenes, speaker: speaker.judgement).money()
        return finding
    }

    private func largest(_ hit: Hit) -> Bound? {
        hit.judgement.value.flatMap { $0.isExact ? $0.interval.low : nil }
    }

    // MARK: - Merging

    /// Hits whose windows overlap (same keys, next begins before the previous ends) are one violation.
    private func merge(_ hits: [Hit]) -> [[Hit]] {
        guard let window = judge.rule.test.aggregates.first(where: { $0.isTotal })?.window else {
            return hits.map { [$0] }
        }
        var byKey: [[Value.Content]: [(hit: Hit, span: Interval)]] = [:]
        var order: [[Value.Content]] = []
        var alone: [[Hit]] = []
        for hit in hits {
            let values = window.same.map { judge.evaluator.evaluate($0.focus, in: hit.judgement.scene) }
            // A row whose keys or time are not known has a window of its own.
            guard values.allSatisfy(\.isExact), window.range == nil || isTimed(hit.row, for: window) else {
                alone.append([hit])
                continue
            }
            let key = values.map(\.content)
            if byKey[key] == nil { order.append(key) }
            byKey[key, default: []].append((hit, span(of: window, around: hit)))
        }
        return order.flatMap { chain(byKey[$0] ?? []) } + alone
    }

    private func isTimed(_ row: RowReference, for window: Window) -> Bool {
        let day = judge.evaluator.day(of: row).interval
        return day.low != .minusInfinity && day.high != .plusInfinity
    }

    private func chain(_ entries: [(hit: Hit, span: Interval)]) -> [[Hit]] {
        let sorted = entries.sorted { a, b in
            a.span.low == b.span.low ? a.hit.row.index < b.hit.row.index : a.span.low < b.span.low
        }
        var chains: [[Hit]] = []
        var end = Bound.minusInfinity
        for (hit, span) in sorted {
            if chains.isEmpty || span.low > end {
                chains.append([hit])
                end = span.high
            } else {
                chains[chains.count - 1].append(hit)
                end = max(end, span.high)
            }
        }
        return chains
    }

    private func span(of window: Window, around hit: Hit) -> Interval {
        func shifted(_ origin: Interval, _ low: Int?, _ high: Int?) -> Interval {
            let from = low.flatMap { origin.adding(Interval(exactly: Int128($0)))?.low } ?? .minusInfinity
            let to = high.flatMap { origin.adding(Interval(exactly: Int128($0)))?.high } ?? .plusInfinity
            return Interval(from, to)
        }
        switch window.range {
        case nil: return .unknown
        case .days(let low, let high): return shifted(judge.evaluator.day(of: hit.row).interval, low, high)
        case .seconds(let low, let high): return shifted(judge.evaluator.time(of: hit.row).interval, low, high)
        case .run:
            let found = judge.evaluator.rows(of: window, in: hit.judgement.scene)
            let days = (found.certain + found.possible.map(\.row))
                .map { judge.evaluator.day(of: $0).interval }.filter { $0.exact != nil }
            return days.reduce(judge.evaluator.day(of: hit.row).interval) { $0.hull($1) }
        }
    }
}

extension Aggregate {
    /// Totals over a window; only these make neighbouring hits one violation.
    var isTotal: Bool {
        window != nil && (function == .sum || function == .count || function == .countDistinct)
    }
}
