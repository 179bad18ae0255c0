import Claims
import Rules

extension Evaluator {
    /// Fields that are never negative once refunds are netted, so an unknown one is at least zero.
    static let neverNegative: Set<String> = [
        "quantity", "price", "amount", "in_scope", "days_supply", "minutes", "dose", "total", "basic", "large",
        "assistance", "civil", "long_term_care", "other_funds", "account", "cash",
    ]

    /// The value of a field, through its references.
    func read(_ path: FieldPath, from start: RowReference) -> Value {
        var row = start
        for (position, step) in path.steps.enumerated() {
            switch follow(step, from: row) {
            case .row(let next): row = next
            case .unknown(let cause):
                // A code without master data: what is missing is the field asked for.
                let wanted = position == path.steps.count - 1 ? "\(step.rawValue).\(leafName(path))" : nil
                return unknown(path, cause: cause ?? wanted ?? step.rawValue)
            }
        }
        switch path.field {
        case .identity: return identity(of: row)
        case .day: return day(of: row)
        case .time: return time(of: row)
        case .start: return moment(of: row, day: "start_day", second: "start_second")
        case .end: return end(of: row)
        case .stored(let index): return stored(index, of: row)
        }
    }

    private enum Step {
        case row(RowReference)
        /// The cause, unless it is just that no such row is known.
        case unknown(String?)
    }

    private func follow(_ target: Table, from row: RowReference) -> Step {
        let name = "\(row.table.rawValue).\(target.rawValue)"
        guard let value = claims.value(target.rawValue, of: row) else { return .unknown(name) }
        switch value {
        case .row(let index): return .row(RowReference(table: target, index: index))
        case .text(let code):
            guard let index = claims.byIdentifier[target]?[code] else { return .unknown(nil) }
            return .row(RowReference(table: target, index: index))
        default: return .unknown(name)
        }
    }

    private func leafName(_ path: FieldPath) -> String {
        switch path.field {
        case .stored(let index): path.table.fields.indices.contains(index) ? path.table.fields[index].name : "?"
        case .identity: path.table.identifier ?? path.table.rawValue
        case .day: "day"
        case .time: "time"
        case .start: "start"
        case .end: "end"
        }
    }

    private func unknown(_ path: FieldPath, cause: String) -> Value {
        switch path.field {
        case .identity: return Value(path.table.role == .master ? .text(nil) : .identity(nil), cause: cause)
        case .day, .time, .start, .end: return .number(.unknown, cause: cause)
        case .stored(let index): return unknownField(index, of: path.table, cause: cause)
        }
    }

    private func unknownField(_ index: Int, of table: Table, cause: String) -> Value {
        let field = table.fields[index]
        switch field.kind {
        case .identifier, .text, .code: return .text(nil, cause: cause)
        case .row: return Value(.identity(nil), cause: cause)
        case .flag: return .truth(nil, cause: cause)
        case .day, .second: return .number(.unknown, cause: cause)
        case .decimal, .integer:
            return .number(Evaluator.neverNegative.contains(field.name) ? .nonNegative : .unknown, cause: cause)
        }
    }

    private func stored(_ index: Int, of row: RowReference) -> Value {
        let field = row.table.fields[index]
        guard let value = claims.value(field.name, of: row) else {
            return unknownField(index, of: row.table, cause: "\(row.table.rawValue).\(field.name)")
        }
        switch value {
        case .text(let text): return .text(text)
        case .number(let number): return .number(Interval(exactly: Int128(number)))
        case .day(let day): return .number(Interval(exactly: Int128(day)))
        case .second(let second): return .number(Interval(exactly: Int128(second)))
        case .flag(let flag): return .truth(flag)
        case .row(let index):
            guard case .row(let target) = field.kind else { return Value(.identity(nil), cause: field.name) }
            return Value(.identity(RowReference(table: target, index: index)), cause: nil)
        }
    }

    private func identity(of row: RowReference) -> Value {
        row.table.role == .master ? .text(claims.identifier(of: row)) : Value(.identity(row), cause: nil)
    }

    // MARK: - Time

    /// The day of the row's reference time.
    func day(of row: RowReference) -> Value {
        switch row.table {
        case .encounter: dayField("start_day", of: row)
        case .diagnosis: ofEncounter(of: row, day(of:))
        default: dayField("day", of: row)
        }
    }

    /// The moment of the row's reference time.
    func time(of row: RowReference) -> Value {
        switch row.table {
        case .encounter: moment(of: row, day: "start_day", second: "start_second")
        case .diagnosis: ofEncounter(of: row, time(of:))
        default: moment(of: row, day: "day", second: "second")
        }
    }

    private func ofEncounter(of row: RowReference, _ read: (RowReference) -> Value) -> Value {
        guard let encounter = claims.reference(.encounter, of: row) else {
            return .number(.unknown, cause: "\(row.table.rawValue).encounter")
        }
        return read(encounter)
    }

    private func dayField(_ name: String, of row: RowReference) -> Value {
        guard let day = claims.day(name, of: row) else {
            return .number(.unknown, cause: "\(row.table.rawValue).\(name)")
        }
        return .number(Interval(exactly: Int128(day)))
    }

    private func moment(of row: RowReference, day: String, second: String) -> Value {
        guard let dayNumber = claims.day(day, of: row) else {
            return .number(.unknown, cause: "\(row.table.rawValue).\(day)")
        }
        let midnight = Int128(dayNumber) * 86_400
        if case .second(let seconds) = claims.value(second, of: row) {
            return .number(Interval(exactly: midnight + Int128(seconds)))
        }
        let wholeDay = Interval(.finite(midnight), .finite(midnight + 86_399))
        return .number(wholeDay, cause: "\(row.table.rawValue).\(second)")
    }

    /// The end of a stay; an open stay lasts to the end of the horizon's day.
    private func end(of row: RowReference) -> Value {
        if claims.day("end_day", of: row) != nil { return moment(of: row, day: "end_day", second: "end_second") }
        guard let horizon = claims.horizon else { return .number(.unknown, cause: "encounter.end_day") }
        return .number(Interval(exactly: Int128(horizon) * 86_400 + 86_399))
    }

    // MARK: - Spans

    /// Whether a span of the table covers the day (协议、支付资格、待遇): false only when spans are known and none does.
    func isCovered(_ key: Value, on day: Value, in table: Table) -> Value {
        guard !claims.absent.contains(table) else { return .truth(nil, cause: table.rawValue) }
        guard let name = name(of: key) else { return .truth(nil, cause: key.cause) }
        let owner = table.fields[0].name
        var answers: [Value] = []
        for index in claims.participants[table] ?? [] {
            let span = RowReference(table: table, index: index)
            let ownerName =
                table == .entitlement
                ? claims.reference(.person, of: span).map(claims.identifier(of:)) : claims.text(owner, of: span)
            guard ownerName == name else { continue }
            let from = dayField("from", of: span)
            let begun = Kleene.compare(.lessOrEqual, from.interval, day.interval)
            let lasting = claims.day("to", of: span).map {
                Kleene.compare(.lessOrEqual, day.interval, Interval(exactly: Int128($0)))
            }
            answers.append(
                Kleene.and([.truth(begun, cause: from.cause ?? day.cause), .truth(lasting ?? true, cause: day.cause)]))
        }
        return answers.isEmpty ? .truth(nil, cause: table.rawValue) : Kleene.or(answers)
    }
}
