import Claims

extension Checker {
    /// `this.field`, `alias.column`, a key of the group, or a field of the row at hand.
    mutating func path(_ parts: [String], _ syntax: Syntax, _ frame: Frame) -> Expression? {
        let first = parts[0]
        if first.lowercased() == "this", parts.count > 1 {
            return focusPath(Array(parts.dropFirst()), syntax)
        }
        if parts.count == 2, let match = lists.firstIndex(where: { $0.alias == first }) {
            return listColumn(match, parts[1], syntax)
        }
        switch frame {
        case .focus, .group: return focusPath(parts, syntax)
        case .related(let table): return field(parts, of: table, .related, syntax)
        case .explicit:
            report(
                syntax.offset, "RUL007", "`\(parts.joined(separator: "."))` does not say whose it is",
                advice: "write `this.\(parts.joined(separator: "."))`, or a column of a list")
            return nil
        }
    }

    private mutating func focusPath(_ parts: [String], _ syntax: Syntax) -> Expression? {
        if parts.count == 1, let key = keys.first(where: { $0.name == parts[0] }) {
            return Expression(key.expression.node, type: key.expression.type, at: position(syntax.offset))
        }
        return field(parts, of: focus, .focus, syntax)
    }

    private mutating func field(
        _ parts: [String], of table: Table, _ scope: RowScope, _ syntax: Syntax
    ) -> Expression? {
        do {
            let meaning = try Names.resolve(parts, from: table)
            guard let period = meaning.period else { return made(.field(meaning.path, scope), meaning.type, syntax) }
            let inner = made(.field(meaning.path, scope), period == .hour ? .moment : .day, syntax)
            return made(.period(period, inner), meaning.type, syntax)
        } catch {
            var advice = error.advice
            if parts.count == 1, lists.contains(where: { $0.alias == parts[0] }) {
                advice = "it is a list: write `\(parts[0]).column`"
            } else if parts.count == 2, error.part == 0,
                let alias = Suggestion.nearest(to: parts[0], among: lists.map(\.alias))
            {
                advice = "did you mean the list `\(alias)`?"
            } else if parts.count == 1, let key = Suggestion.nearest(to: parts[0], among: keys.map(\.name)),
                !advice.hasPrefix("did you mean")
            {
                advice = "did you mean the key `\(key)`?"
            }
            report(syntax.offset, "RUL007", error.message, advice: advice)
            return nil
        }
    }

    private mutating func listColumn(_ match: Int, _ name: String, _ syntax: Syntax) -> Expression? {
        let list = lists[match].declaration
        guard let column = list.columnIndex(name) else {
            report(
                syntax.offset, "RUL010", "the list `\(list.id)` has no column `\(name)`",
                advice: columnAdvice(name, list))
            return nil
        }
        return made(.listColumn(match: match, column: column), list.columns[column].kind.type, syntax)
    }

    func columnAdvice(_ name: String, _ list: ListDeclaration) -> String {
        let names = list.columns.map(\.name)
        return Suggestion.nearest(to: name, among: names).map { "did you mean `\($0)`?" }
            ?? "it has: \(names.joined(separator: ", "))"
    }

    /// The declaration of a list, or a report that there is none.
    mutating func declaration(_ word: Word) -> ListDeclaration? {
        if let list = declarations[word.text] { return list }
        let guess = Suggestion.nearest(to: word.text, among: declarations.keys.sorted())
        report(
            word.offset, "RUL009", "there is no list `\(word.text)`",
            advice: guess.map { "did you mean `\($0)`?" } ?? "add lists/\(word.text).yaml and lists/\(word.text).csv")
        return nil
    }

    // MARK: Lists

    mutating func inList(
        _ arguments: [Syntax], _ word: Word, _ columns: [Word], _ syntax: Syntax, _ frame: Frame
    ) -> Expression? {
        let checked = arguments.map { check($0, frame) }
        guard let list = declaration(word) else { return nil }
        var indexes: [Int] = []
        if columns.isEmpty {
            guard arguments.count <= list.keys.count else {
                report(
                    word.offset, "RUL010",
                    "the list `\(list.id)` has \(list.keys.count) keys, but \(arguments.count) values are looked up",
                    advice: "name the columns: IN LIST \(list.id)(…)")
                return nil
            }
            indexes = Array(list.keys.prefix(arguments.count))
        } else {
            for column in columns {
                guard let index = list.columnIndex(column.text) else {
                    report(
                        column.offset, "RUL010", "the list `\(list.id)` has no column `\(column.text)`",
                        advice: columnAdvice(column.text, list))
                    return nil
                }
                indexes.append(index)
            }
            guard indexes.count == arguments.count else {
                report(
                    word.offset, "RUL010", "\(arguments.count) values are looked up in \(indexes.count) columns",
                    advice: "write as many columns as values")
                return nil
            }
        }
        var known: [Expression] = []
        for (index, expression) in checked.enumerated() {
            guard let expression else { continue }
            if fits(expression, list.columns[indexes[index]], of: list, arguments[index]) { known.append(expression) }
        }
        guard known.count == arguments.count else { return nil }
        return made(.inList(list: list.id, columns: indexes, arguments: known), .boolean, syntax)
    }

    /// Whether a value can be looked up in a column.
    mutating func fits(
        _ expression: Expression, _ column: ListDeclaration.Column, of list: ListDeclaration, _ syntax: Syntax
    ) -> Bool {
        guard column.kind.type.joined(with: expression.type) != nil else {
            var advice = "look up a value of the column's type"
            if case .identity(let table) = expression.type { advice = "write `\(table.rawValue).id`" }
            mismatch(
                syntax,
                "the column `\(column.name)` of `\(list.id)` holds \(column.kind.type.described), but this is "
                    + expression.type.described, advice: advice)
            return false
        }
        if let wanted = column.kind.system, let given = expression.codeSystem(lists: lists.map(\.declaration)),
            wanted != given
        {
            report(
                syntax.offset, "RUL022",
                "the column `\(column.name)` of `\(list.id)` holds codes of \(wanted.rawValue), but this is a code of "
                    + given.rawValue, advice: "look up the right field, or correct the list's declaration")
            return false
        }
        return true
    }
}
