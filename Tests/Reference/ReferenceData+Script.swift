import Claims

extension ReferenceData {
    /// The claims as lines of a rule case (`given`): one form for the interpreter, the engine and a person who wants to
    /// know what happened.
    package var script: String {
        var lines: [String] = []
        var words = ["coverage"]
        if let from = coverage.from { words.append("from=\(Day(number: from))") }
        if let to = coverage.to { words.append("to=\(Day(number: to))") }
        words.append("closed=\(coverage.closedWorld)")
        lines.append(words.joined(separator: " "))
        for table in Table.allCases {
            if absent.contains(table) { lines.append("table \(table.rawValue) absent") }
            for row in rows[table] ?? [] { lines.append(script(of: row, in: table)) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func script(of row: ReferenceRow, in table: Table) -> String {
        var words = [table.rawValue, row.id]
        for (index, field) in table.fields.enumerated() where field.name != table.identifier {
            guard let value = row.values[index], case .second = field.kind else {
                if let value = row.values[index] { words.append("\(field.name)=\(text(value, of: field))") }
                continue
            }
            // A day and its second are written as one moment, in place of the day.
            let day = field.name.replacing("second", with: "day")
            guard let written = words.last, written.hasPrefix("\(day)=") else { continue }
            let name = day == "day" ? "time" : String(day.dropLast(4))
            words[words.count - 1] = "\(name)=\(written.dropFirst(day.count + 1))T\(text(value, of: field))"
        }
        return words.joined(separator: " ")
    }

    private func text(_ value: FieldValue, of field: Field) -> String {
        switch value {
        case .text(let text): text.contains(" ") || text.isEmpty ? "\"\(text)\"" : text
        case .day(let day): Day(number: day).description
        case .second(let second):
            KeyText.moment(Int128(second)).map { String($0.suffix(8)) } ?? "\(second)"
        case .flag(let flag): "\(flag)"
        case .row(let index):
            if case .row(let target) = field.kind { rows[target]?[index].id ?? "?" } else { "?" }
        case .number(let number):
            if case .decimal(let scale) = field.kind {
                Exact.text(Int128(number), scale: scale)
            } else {
                "\(number)"
            }
        }
    }
}
