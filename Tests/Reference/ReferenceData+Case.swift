import Claims
import Rules

extension ReferenceData {
    /// The small world of an example (规则用例).
    package init(_ tables: CaseTables) {
        var positions: [Table: [String: Int]] = [:]
        for (table, list) in tables.rows {
            for (index, row) in list.enumerated() { positions[table, default: [:]][row.id] = index }
        }
        var rows: [Table: [ReferenceRow]] = [:]
        for (table, list) in tables.rows {
            rows[table] = list.map { row in
                let values = table.fields.enumerated().map { index, field -> FieldValue? in
                    guard let value = row.values[index] else { return nil }
                    switch value {
                    case .text(let text): return .text(text)
                    case .number(let number): return .number(number)
                    case .day(let day): return .day(day)
                    case .second(let second): return .second(second)
                    case .flag(let flag): return .flag(flag)
                    case .row(let id):
                        guard case .row(let target) = field.kind else { return nil }
                        return positions[target]?[id].map { .row($0) }
                    }
                }
                return ReferenceRow(id: row.id, values: values)
            }
        }
        let coverage = ReferenceCoverage(
            from: tables.coverage.from?.number, to: tables.coverage.to?.number, closedWorld: tables.coverage.closed)
        self.init(rows: rows, coverage: coverage, absent: tables.absent)
    }

    /// The same rows in the form of an example, for ways of running a rule that take examples.
    package var caseTables: CaseTables {
        var tables: [Table: [CaseRow]] = [:]
        for (table, list) in rows {
            tables[table] = list.map { row in
                var values: [Int: CaseValue] = [:]
                for (index, value) in row.values.enumerated() {
                    switch value {
                    case nil: continue
                    case .text(let text): values[index] = .text(text)
                    case .number(let number): values[index] = .number(number)
                    case .day(let day): values[index] = .day(day)
                    case .second(let second): values[index] = .second(second)
                    case .flag(let flag): values[index] = .flag(flag)
                    case .row(let position):
                        guard case .row(let target) = table.fields[index].kind else { continue }
                        values[index] = (rows[target]?[position].id).map { .row($0) }
                    }
                }
                return CaseRow(id: row.id, values: values)
            }
        }
        let days = (coverage.from.map(Day.init(number:)), coverage.to.map(Day.init(number:)))
        return CaseTables(
            rows: tables, coverage: CaseTables.Coverage(from: days.0, to: days.1, closed: coverage.closedWorld),
            absent: absent)
    }
}

extension ReferenceInterpreter {
    /// One rule of a plan over an example, whose lists replace those of the package.
    package init(plan: Plan, rule: Rule, example: CaseTables) {
        let lists = plan.lists.merging(example.lists) { $1 }
        let narrowed = Plan(
            rules: [rule], lists: lists, packageName: plan.packageName, packageVersion: plan.packageVersion,
            packageHash: plan.packageHash)
        self.init(plan: narrowed, data: ReferenceData(example))
    }
}

extension ReferenceFinding {
    package var summary: FindingSummary {
        FindingSummary(
            outcome: outcome, key: key, person: person, violating: violating, involved: involved, value: value,
            limit: limit, gross: money.gross, loss: money.loss, cause: cause)
    }
}
