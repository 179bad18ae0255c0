import Knowledge
import Rules

/// Reads a mapping from YAML, with the strictness of the rule reader: every slip has a place and an advice.
extension ListMapping {
    package static func read(_ bytes: [UInt8], file: String) -> (mapping: ListMapping?, diagnostics: [Diagnostic]) {
        let (document, problems) = YamlDocument.read(bytes, file: file)
        guard let document else { return (nil, problems) }
        guard document.root.pairs != nil else {
            let diagnostic = Diagnostic(
                file: file, line: document.root.line, column: document.root.column, code: "IMP001",
                message: "a mapping of a list is a mapping of keys", advice: "begin with `mapping: NAME`")
            return (nil, problems + [diagnostic])
        }
        var reader = MappingReader(KeyReader(document, document.root))
        let mapping = reader.read()
        let diagnostics = problems + reader.keys.diagnostics
        return (diagnostics.contains { $0.severity == .error } ? nil : mapping, diagnostics)
    }
}

private struct MappingReader {
    var keys: KeyReader
    var tables: [ListMapping.SheetTable] = []

    init(_ keys: KeyReader) { self.keys = keys }

    mutating func read() -> ListMapping? {
        let id = keys.text(keys.required("mapping", advice: "begin with `mapping: NAME`"), "mapping")
        let list = keys.text(keys.required("list", advice: "name the list that is filled"), "list")
        _ = keys.optional("note")
        readTables(keys.required("tables", advice: "write `tables: { rows: { headers: { item: [国标代码] } } }`"))
        let joinNode = keys.optional("join")
        let join = keys.text(joinNode, "join")
        if tables.count > 1 || join != nil { check(join, at: joinNode) }
        let columns = readColumns(keys.required("columns", advice: "write { item: rows.item }"))
        let replaces = texts(keys.optional("replaces"), "replaces")
        for (column, _) in replaces where !columns.contains(where: { $0.name == column }) {
            keys.report(
                keys.node, "IMP002", "`replaces` names `\(column)`, which the mapping does not fill",
                advice: "name a column of `columns`")
        }
        var skip = ListMapping.usualSkip
        if let node = keys.optional("skip") { skip = words(node, "skip").map(SheetText.folded) }
        var loss = ListMapping.usualLossMax
        if let node = keys.optional("loss"), let text = keys.text(node, "loss") {
            if let percent = Int(text.hasSuffix("%") ? String(text.dropLast()) : text), (0...100).contains(percent) {
                loss = percent
            } else {
                keys.report(node, "IMP002", "`loss` is a share of the rows in force", advice: "write 20%")
            }
        }
        keys.finish()
        guard let id, let list, !tables.isEmpty, !columns.isEmpty else { return nil }
        return ListMapping(
            id: id, list: list, tables: tables, join: join, columns: columns, replaces: replaces, skip: skip,
            lossMax: loss)
    }

    private mutating func readTables(_ node: YamlNode?) {
        guard let node else { return }
        guard let pairs = node.pairs, (1...2).contains(pairs.count) else {
            keys.report(node, "IMP002", "`tables` is a mapping of one or two tables", advice: "join two by a column")
            return
        }
        for (key, value) in pairs {
            var inner = KeyReader(keys.document, value)
            let sheet = inner.text(inner.optional("sheet"), "sheet")
            var headers: [(column: String, titles: [String])] = []
            let headerNode = inner.required("headers", advice: "write { item: [国标代码, 药品代码] }")
            for (column, titles) in headerNode?.pairs ?? [] {
                let words = (titles.elements ?? [titles]).compactMap { inner.text($0, "headers") }
                headers.append((column.string ?? "", words.map(SheetText.header)))
            }
            if headers.isEmpty || headers.count > 64 || headers.contains(where: { $0.titles.isEmpty }), let headerNode {
                inner.report(
                    headerNode, "IMP002", "a table has 1 to 64 columns, each with its headers",
                    advice: "write { item: [国标代码, 药品代码] }")
            }
            let onlyNode = inner.optional("only")
            let only = (onlyNode?.pairs ?? []).map { pair in
                (
                    column: pair.key.string ?? "",
                    texts: (pair.value.elements ?? [pair.value]).map { SheetText.folded($0.string ?? "") }
                )
            }
            for (column, _) in only where !headers.contains(where: { $0.column == column }) {
                if let onlyNode {
                    inner.report(
                        onlyNode, "IMP002", "`only` names `\(column)`, which is not among the headers",
                        advice: "add it to `headers`")
                }
            }
            inner.finish()
            keys.add(inner.diagnostics)
            tables.append(
                ListMapping.SheetTable(
                    name: key.string ?? "", sheet: sheet.map(SheetText.folded), headers: headers, only: only))
        }
    }

    private mutating func check(_ join: String?, at node: YamlNode?) {
        guard let join, tables.count == 2 else {
            keys.report(
                node ?? keys.node, "IMP002", "two tables need `join`, and one table has none",
                advice: "name the column that both tables have")
            return
        }
        for table in tables where !table.headers.contains(where: { $0.column == join }) {
            keys.report(
                node ?? keys.node, "IMP002", "the table `\(table.name)` has no column `\(join)` to join by",
                advice: "add it to its headers")
        }
    }

    private mutating func readColumns(_ node: YamlNode?) -> [ListMapping.Column] {
        guard let node else { return [] }
        guard let pairs = node.pairs, (1...64).contains(pairs.count) else {
            keys.report(
                node, "IMP002", "`columns` is a mapping of 1 to 64 columns", advice: "write { item: rows.item }")
            return []
        }
        var columns: [ListMapping.Column] = []
        for (key, value) in pairs {
            let name = key.string ?? ""
            if value.pairs == nil {
                if let origin = origin(value) { columns.append(ListMapping.Column(name: name, origin: origin)) }
                continue
            }
            var inner = KeyReader(keys.document, value)
            let constantNode = inner.optional("value")
            let fromNode = inner.optional("from")
            var origin: ListMapping.Column.Origin?
            if let constantNode { origin = inner.text(constantNode, "value").map { .constant($0) } }
            if let fromNode, constantNode == nil { origin = self.origin(fromNode) }
            if (fromNode == nil) == (constantNode == nil) {
                inner.report(value, "IMP002", "a column has either `from` or `value`", advice: "write one of them")
            }
            var column = ListMapping.Column(name: name, origin: origin ?? .constant(""))
            for (text, result) in inner.optional("values")?.pairs ?? [] {
                column.values[SheetText.folded(text.string ?? "")] = result.string ?? ""
            }
            for element in inner.optional("patterns")?.elements ?? [] {
                if let pattern = pattern(element) { column.patterns.append(pattern) }
            }
            column.otherwise = inner.text(inner.optional("otherwise"), "otherwise")
            column.separators = inner.optional("split")?.string
            column.form = inner.text(inner.optional("form"), "form")
            if let node = inner.optional("catalogue"), let text = inner.text(node, "catalogue") {
                let parts = text.split(separator: ".").map(String.init)
                if parts.count == 2 {
                    column.catalogue = (parts[0], parts[1])
                } else {
                    inner.report(node, "IMP002", "`catalogue` is LIST.COLUMN", advice: "write drug-catalogue.item")
                }
            }
            if let node = inner.optional("empty") { column.mayBeEmpty = inner.text(node, "empty") == "allowed" }
            inner.finish()
            keys.add(inner.diagnostics)
            if origin != nil { columns.append(column) }
        }
        return columns
    }

    private mutating func pattern(_ node: YamlNode) -> ListMapping.Pattern? {
        var inner = KeyReader(keys.document, node)
        let matchNode = inner.required("match", advice: "write { match: '不超过(\\d+)天', as: $1 }")
        let match = inner.text(matchNode, "match")
        let result = inner.text(inner.required("as", advice: "write $1 for the first group, or a text"), "as")
        inner.finish()
        keys.add(inner.diagnostics)
        guard let match, let result, let matchNode else { return nil }
        if match.utf8.count > 256 || (try? Regex(match)) == nil {
            keys.report(
                matchNode, "IMP003", "`\(match.prefix(60))` is not a pattern",
                advice: "write a regular expression of at most 256 bytes")
            return nil
        }
        return ListMapping.Pattern(match: match, result: result)
    }

    /// `table.column`.
    private mutating func origin(_ node: YamlNode) -> ListMapping.Column.Origin? {
        let text = keys.text(node, "from") ?? ""
        let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
        if parts.count == 2, let table = tables.firstIndex(where: { $0.name == parts[0] }),
            let column = tables[table].headers.firstIndex(where: { $0.column == parts[1] })
        {
            return .cell(table: table, column: column)
        }
        let known = tables.flatMap { table in table.headers.map { "\(table.name).\($0.column)" } }
        keys.report(
            node, "IMP002", "there is no column `\(text)` in the tables",
            advice: Suggestion.nearest(to: text, among: known).map { "did you mean `\($0)`?" }
                ?? "columns: \(known.joined(separator: ", "))")
        return nil
    }

    private mutating func texts(_ node: YamlNode?, _ key: String) -> [(column: String, text: String)] {
        guard let node else { return [] }
        guard let pairs = node.pairs else {
            keys.report(node, "IMP002", "`\(key)` is a mapping of columns and texts", advice: "write { batch: '1' }")
            return []
        }
        return pairs.map { ($0.key.string ?? "", $0.value.string ?? "") }
    }

    private mutating func words(_ node: YamlNode, _ key: String) -> [String] {
        (node.elements ?? [node]).compactMap { keys.text($0, key) }
    }
}
