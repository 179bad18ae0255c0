/// Parses what stands in a rule's `unit` and `list`.
extension ExpressionParser {
    static func unit(_ bytes: [UInt8]) throws(Mistake) -> UnitSyntax {
        var parser = try ExpressionParser(bytes)
        guard parser.isKeyword("GROUP"), parser.isKeyword("OF", ahead: 1) else {
            let table = try parser.word("a table")
            try parser.expectEnd()
            return UnitSyntax(table: table, keys: nil)
        }
        parser.advance()
        parser.advance()
        let table = try parser.word("a table after `group of`")
        try parser.expect("BY", "before the keys of the group")
        var keys: [UnitSyntax.Key] = []
        repeat {
            let first = parser.current.start
            let expression = try parser.sum()
            let last = parser.index > 0 ? parser.tokens[parser.index - 1].end : first
            let written = String(decoding: parser.bytes[first..<max(first, last)], as: UTF8.self)
            let name = parser.accept("AS") ? try parser.word("a name for the key") : nil
            keys.append(UnitSyntax.Key(expression: expression, name: name, written: written))
        } while parser.accept(.comma) && keys.count <= 16
        try parser.expectEnd()
        return UnitSyntax(table: table, keys: keys)
    }

    static func listMatch(_ bytes: [UInt8]) throws(Mistake) -> ListMatchSyntax {
        var parser = try ExpressionParser(bytes)
        var alias: Word?
        if parser.isSymbol(.equal, ahead: 1) {
            alias = try parser.word("a name for the list")
            parser.advance()
        }
        let list = try parser.hyphenatedWord("the name of a list")
        try parser.expect(.open, "after the name of the list")
        var on: [(column: Word, expression: Syntax)] = []
        repeat {
            let column = try parser.word("a column of the list")
            try parser.expect(.equal, "after the column")
            on.append((column, try parser.sum()))
        } while parser.accept(.comma) && on.count <= 16
        try parser.expect(.close, "after the columns")
        try parser.expectEnd()
        return ListMatchSyntax(alias: alias, list: list, on: on)
    }
}
