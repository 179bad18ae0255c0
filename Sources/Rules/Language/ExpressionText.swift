import Claims

/// Writes a checked expression as text of the rule language, always the same for the same meaning.
package enum ExpressionText {
    static func same(_ a: Expression, _ b: Expression) -> Bool { a.type == b.type && text(a) == text(b) }

    /// `columns` names the columns of each list join; without names they are numbered.
    package static func text(
        _ expression: Expression, lists: [Rule.ListMatch] = [], columns: [[String]] = []
    ) -> String {
        ExpressionWriter(lists: lists, columns: columns, inWindow: false).text(expression)
    }
}

private struct ExpressionWriter {
    let lists: [Rule.ListMatch]
    let columns: [[String]]
    var inWindow: Bool

    func text(_ expression: Expression) -> String {
        switch expression.node {
        case .number(let mantissa):
            if expression.type == .day { return "DATE '\(Day(number: Int32(clamping: mantissa)))'" }
            return DecimalText.text(mantissa, scale: expression.type.scale ?? 0)
        case .text(let text):
            return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
        case .boolean(let flag): return flag ? "TRUE" : "FALSE"
        case .field(let path, let scope): return (scope == .focus && inWindow ? "this." : "") + name(path)
        case .listColumn(let match, let column):
            let alias = lists.indices.contains(match) ? lists[match].alias : "list\(match)"
            guard columns.indices.contains(match), columns[match].indices.contains(column) else {
                return "\(alias)[\(column)]"
            }
            return "\(alias).\(columns[match][column])"
        case .not(let inner):
            if case .isKnown(let value) = inner.node { return "\(operand(value)) IS UNKNOWN" }
            return "NOT \(operand(inner))"
        case .and(let terms): return terms.map(operand).joined(separator: " AND ")
        case .or(let terms): return terms.map(operand).joined(separator: " OR ")
        case .compare(let comparison, let a, let b): return "\(operand(a)) \(comparison.rawValue) \(operand(b))"
        case .startsWith(let inner, let prefix): return "\(operand(inner)) STARTS WITH '\(prefix)'"
        case .inList(let list, let columns, let arguments):
            let values = arguments.map(text).joined(separator: ", ")
            return "(\(values)) IN LIST \(list)[\(columns.map(String.init).joined(separator: ", "))]"
        case .isKnown(let inner): return "\(operand(inner)) IS KNOWN"
        case .arithmetic(let operation, let a, let b):
            let sign =
                switch operation {
                case .add: "+"
                case .subtract: "-"
                case .multiply: "*"
                }
            return "\(operand(a)) \(sign) \(operand(b))"
        case .negate(let inner): return "-\(operand(inner))"
        case .absolute(let inner): return "ABS(\(text(inner)))"
        case .greatest(let terms): return "GREATEST(\(list(terms)))"
        case .least(let terms): return "LEAST(\(list(terms)))"
        case .coalesce(let terms): return "COALESCE(\(list(terms)))"
        case .round(let above, let below, let digits):
            return "ROUND(\(operand(above))\(below.map { " / " + operand($0) } ?? ""), \(digits))"
        case .age(let birth, let day): return "AGE(\(text(birth)), \(text(day)))"
        case .dayOf(let inner): return "DAY(\(text(inner)))"
        case .period(let period, let inner): return "\(period.rawValue)(\(text(inner)))"
        case .prefix(let inner, let count): return "PREFIX(\(text(inner)), \(count))"
        case .choose(let branches, let otherwise):
            let cases = branches.map { "WHEN \(text($0.condition)) THEN \(text($0.result))" }
            return "CASE \(cases.joined(separator: " ")) ELSE \(text(otherwise)) END"
        case .covered(let table, let key, let day):
            let name =
                switch table {
                case .eligibility: "eligible"
                case .agreement: "contracted"
                default: "entitled"
                }
            return "\(name)(\(text(key)), \(text(day)))"
        case .aggregate(let aggregate): return self.aggregate(aggregate)
        }
    }

    private func list(_ terms: [Expression]) -> String { terms.map(text).joined(separator: ", ") }

    /// In brackets when it is compound.
    private func operand(_ expression: Expression) -> String {
        switch expression.node {
        case .and, .or, .compare, .arithmetic, .not, .startsWith, .inList, .isKnown, .negate: "(\(text(expression)))"
        default: text(expression)
        }
    }

    private func aggregate(_ aggregate: Aggregate) -> String {
        var inner = self
        inner.inWindow = true
        let argument = aggregate.argument.map(inner.text) ?? "*"
        let call =
            switch aggregate.function {
            case .exists: "EXISTS"
            case .countDistinct: "COUNT(DISTINCT \(argument))"
            default: "\(aggregate.function.rawValue.uppercased())(\(argument))"
            }
        guard let window = aggregate.window else { return call }
        let keys = window.same.map { "\(inner.text($0.related)) = \(inner.text($0.focus))" }
        var words = [window.table.rawValue, "SAME", keys.joined(separator: ", ")]
        func bound(_ value: Int?) -> String { value.map(String.init) ?? "" }
        switch window.range {
        case .days(let a, let b): words.append("DAYS \(bound(a))..\(bound(b))")
        case .seconds(let a, let b): words.append("SECONDS \(bound(a))..\(bound(b))")
        case .run(let days): words.append("RUN \(days) DAYS")
        case nil: break
        }
        if let filter = window.filter { words.append("WHERE \(inner.text(filter))") }
        return "\(call) \(aggregate.function == .exists ? "" : "OVER ")(\(words.joined(separator: " ")))"
    }

    private func name(_ path: FieldPath) -> String {
        let leaf: String
        switch path.field {
        case .stored(let index):
            leaf = path.table.fields.indices.contains(index) ? path.table.fields[index].name : "field\(index)"
        case .identity: leaf = path.steps.isEmpty ? path.start.rawValue : ""
        case .time: leaf = "time"
        case .start: leaf = "start"
        case .end: leaf = "end"
        case .day: leaf = "day"
        }
        return (path.steps.map(\.rawValue) + (leaf.isEmpty ? [] : [leaf])).joined(separator: ".")
    }
}

/// Writes a mantissa with its scale: `-12.50`.
package enum DecimalText {
    package static func text(_ mantissa: Int64, scale: Int) -> String {
        var digits = String(mantissa.magnitude)
        if scale > 0 {
            while digits.count <= scale { digits = "0" + digits }
            digits.insert(".", at: digits.index(digits.endIndex, offsetBy: -scale))
        }
        return mantissa < 0 ? "-" + digits : digits
    }
}
