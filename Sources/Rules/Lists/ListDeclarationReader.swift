import Claims
import Knowledge

/// Reads the declaration of a list from its YAML file.
package enum ListDeclarationReader {
    private static let reserved = ["from", "to", "area"]

    package static func read(_ file: KnowledgeFile) -> (declaration: ListDeclaration?, diagnostics: [Diagnostic]) {
        let (document, problems) = YamlDocument.read(file.bytes, file: file.path)
        guard let document else { return (nil, problems) }
        guard document.root.pairs != nil else {
            let diagnostic = Diagnostic(
                file: file.path, line: document.root.line, column: document.root.column, code: "LST001",
                message: "a list's declaration is a mapping of keys", advice: "begin with `list: \(file.stem)`")
            return (nil, [diagnostic])
        }
        var keys = KeyReader(document, document.root)
        let declaration = declare(&keys, file)
        keys.finish()
        let hasErrors = keys.diagnostics.contains { $0.severity == .error }
        return (hasErrors ? nil : declaration, keys.diagnostics)
    }

    private static func declare(_ keys: inout KeyReader, _ file: KnowledgeFile) -> ListDeclaration? {
        let idNode = keys.required("list", advice: "begin with `list: \(file.stem)`")
        let id = keys.text(idNode, "list")
        if let id, let idNode, id != file.stem {
            keys.report(
                idNode, "LST002", "the file is called \(file.stem).yaml, but declares the list `\(id)`",
                advice: "give both one name")
        }
        let name = keys.text(keys.required("name", advice: "name the list in Chinese"), "name")
        let columns = columns(keys.required("columns", advice: "write { item: item code, limit: decimal(4) }"), &keys)
        let keyNode = keys.required("keys", advice: "name the columns that identify a row: [item]")
        var found: [Int] = []
        for node in keyNode?.elements ?? keyNode.map({ [$0] }) ?? [] {
            guard let column = keys.text(node, "keys"), !columns.isEmpty else { continue }
            guard let index = columns.firstIndex(where: { $0.name == column }) else {
                keys.report(
                    node, "LST004", "there is no column `\(column)`",
                    advice: Suggestion.nearest(to: column, among: columns.map(\.name)).map { "did you mean `\($0)`?" }
                        ?? "columns: \(columns.map(\.name).joined(separator: ", "))")
                continue
            }
            guard !found.contains(index), found.count < ListDeclaration.keysMax else {
                keys.report(
                    node, "LST004", "the key `\(column)` is one too many", advice: "name each key once, at most 8")
                continue
            }
            found.append(index)
        }
        if let keyNode, found.isEmpty, !columns.isEmpty {
            keys.report(keyNode, "LST004", "the list has no key", advice: "name at least one column")
        }
        var area = KnowledgeList.AreaSelector.none
        var date = KnowledgeList.DateSelector.fee
        if let select = keys.optional("select") {
            var inner = KeyReader(keys.document, select)
            if let chosen: KnowledgeList.AreaSelector = inner.word(inner.optional("area"), "area") { area = chosen }
            if let chosen: KnowledgeList.DateSelector = inner.word(inner.optional("date"), "date") { date = chosen }
            inner.finish()
            keys.add(inner.diagnostics)
        }
        let source = keys.text(keys.optional("source"), "source") ?? ""
        let basis = keys.text(keys.optional("basis"), "basis") ?? ""
        let catalogue = keys.text(keys.optional("catalogue"), "catalogue") == "true"
        let awaits = keys.text(keys.optional("awaits"), "awaits") == "areas"
        _ = keys.optional("note")
        guard let id, let name, !columns.isEmpty, !found.isEmpty else { return nil }
        return ListDeclaration(
            id: id, name: name, columns: columns, keys: found, areaSelector: area, dateSelector: date, source: source,
            basis: basis, file: file.path, isCatalogue: catalogue, awaitsAreas: awaits)
    }

    private static func columns(_ node: YamlNode?, _ keys: inout KeyReader) -> [ListDeclaration.Column] {
        guard let node else { return [] }
        guard let pairs = node.pairs, !pairs.isEmpty, pairs.count <= ListDeclaration.columnsMax else {
            keys.report(
                node, "LST003", "`columns` is a mapping of 1 to \(ListDeclaration.columnsMax) columns",
                advice: "write { item: item code, limit: decimal(4) }")
            return []
        }
        var columns: [ListDeclaration.Column] = []
        for (key, value) in pairs {
            let name = key.string ?? ""
            guard let first = name.utf8.first, Lexer.isNameStart(first),
                name.utf8.allSatisfy({ Lexer.isNameStart($0) || Lexer.isDigit($0) })
            else {
                keys.report(key, "LST003", "`\(name)` cannot name a column", advice: "use letters, digits and _")
                continue
            }
            guard !reserved.contains(name) else {
                keys.report(
                    key, "LST003", "`\(name)` is reserved: every list may have it", advice: "leave it out of `columns`")
                continue
            }
            guard let text = value.string, let kind = KnowledgeList.ColumnKind(KeyReader.trimmed(text)) else {
                keys.report(
                    value, "LST003", "`\(value.string ?? "")` is not a kind of column",
                    advice:
                        "kinds: `item code`, `diagnosis prefix`, text, integer, decimal(n), day, flag; code systems: "
                        + CodeSystem.allCases.map(\.rawValue).joined(separator: " "))
                continue
            }
            columns.append(ListDeclaration.Column(name: name, kind: kind))
        }
        return columns
    }
}

extension KnowledgeList.AreaSelector: CaseIterable {
    package static let allCases: [KnowledgeList.AreaSelector] = [.care, .home, .none]
}

extension KnowledgeList.DateSelector: CaseIterable {
    package static let allCases: [KnowledgeList.DateSelector] = [.fee, .discharge, .settlement]
}
