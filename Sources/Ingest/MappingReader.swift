import Claims
import Columns
import Yams

/// Reads mapping files. Every complaint has its line; a file with errors gives diagnostics and no mapping.
///
/// Limits: 1 MiB, 100,000 YAML nodes (aliases counted each time they are used), 24 levels.
struct MappingReader {
    let file: String
    private(set) var diagnostics: [MappingDiagnostic] = []
    private static let byteLimit = 1 << 20
    private static let nodeLimit = 100_000
    private static let depthLimit = 24

    init(file: String) { self.file = file }

    mutating func read(_ text: String) -> Mapping? {
        guard text.utf8.count <= MappingReader.byteLimit else {
            report("ING201", "The mapping is larger than 1 MiB", MappingPlace(line: 1, column: 1), "Split it")
            return nil
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            report(
                "ING202", "Not valid YAML: \(MappingReader.firstLine(of: error))", MappingReader.place(of: error),
                "See docs/mapping.md")
            return nil
        } catch {
            report("ING202", "Not valid YAML", MappingPlace(line: 1, column: 1), "See docs/mapping.md")
            return nil
        }
        guard let root, let top = root.mapping else {
            report(
                "ING203", "A mapping starts with keys such as sources and tables", MappingPlace(line: 1, column: 1),
                "See docs/mapping.md")
            return nil
        }
        var visited = 0
        guard MappingReader.fits(root, depth: 0, &visited) else {
            report(
                "ING201", "The mapping is nested too deeply or expands too far", MappingPlace(line: 1, column: 1),
                "Use fewer aliases")
            return nil
        }
        var mapping = Mapping()
        expect(top, ["mapping", "note", "nulls", "coverage", "maps", "sources", "tables"], "a mapping")
        mapping.name = string(top["mapping"]) ?? ""
        let nulls = strings(top["nulls"])
        mapping.coverage = coverage(top["coverage"])
        if let sources = top["sources"]?.mapping {
            for (key, value) in sources { if let source = source(key, value, nulls) { mapping.sources.append(source) } }
        } else {
            report("ING204", "No sources are stated", place(root), "Add sources: with a name and files for each")
        }
        let tables = top["tables"]?.sequence
        if tables == nil { report("ING204", "No tables are stated", place(root), "Add tables: with a list of targets") }
        for node in tables ?? [] {
            if let table = table(node, mapping, maps: top["maps"]?.mapping) { mapping.tables.append(table) }
        }
        return diagnostics.contains(where: \.isError) ? nil : mapping
    }

    // MARK: Parts

    private mutating func coverage(_ node: Node?) -> Coverage? {
        guard let node else { return nil }
        guard let map = node.mapping else {
            report(
                "ING205", "coverage needs from, to and closedWorld", place(node),
                "Write coverage: {from: 2024-01-01, to: 2024-12-31, closedWorld: false}")
            return nil
        }
        expect(map, ["from", "to", "closedWorld"], "coverage")
        guard let from = string(map["from"]).flatMap({ Day($0) }), let to = string(map["to"]).flatMap({ Day($0) }),
            from <= to
        else {
            report("ING205", "coverage needs two days in order", place(node), "Write them as yyyy-mm-dd")
            return nil
        }
        return Coverage(from: from.number, to: to.number, closedWorld: flag(map["closedWorld"]) ?? false)
    }

    private mutating func source(_ key: Node, _ node: Node, _ nulls: [String]) -> SourceMapping? {
        guard let name = string(key) else { return nil }
        var source = SourceMapping(name: name, place: place(key))
        source.nulls = nulls
        if let file = node.string {
            source.files = [file]
            return source
        }
        guard let map = node.mapping else {
            report("ING205", "Source \(name) needs files", place(node), "Write \(name): {files: \"*.csv\"}")
            return nil
        }
        expect(
            map,
            [
                "files", "format", "encoding", "delimiter", "quote", "columns", "nulls", "optional", "rows", "where",
                "note",
            ],
            "source \(name)")
        source.files = strings(map["files"])
        if source.files.isEmpty {
            report(
                "ING205", "Source \(name) names no files", place(node),
                "Add files: with a name or a pattern such as \"fee_*.csv\"")
        }
        if let format = map["format"] {
            guard let known = string(format).flatMap({ SourceMapping.Format(rawValue: $0) }) else {
                report("ING205", "Unknown format", place(format), "Use csv, ndjson, json or arrow")
                return nil
            }
            source.format = known
        }
        if let encoding = map["encoding"] {
            let text = (string(encoding) ?? "").lowercased()
            if !["utf-8", "utf8", "gb18030", "gbk", "gb2312"].contains(text) {
                report("ING205", "Unknown encoding \(text)", place(encoding), "Use utf-8 or gb18030")
            }
            source.encoding = text.hasPrefix("utf") ? "utf-8" : "gb18030"
        }
        if let delimiter = map["delimiter"] { source.dialect.delimiter = byte(delimiter, "delimiter") ?? 0x2C }
        if let quote = map["quote"] {
            source.dialect.quote = string(quote) == "" ? 0 : (byte(quote, "quote") ?? 0x22)
        }
        if map["columns"] != nil { source.columns = strings(map["columns"]) }
        source.nulls += strings(map["nulls"])
        source.isOptional = flag(map["optional"]) ?? false
        source.rows = string(map["rows"])
        source.conditions = conditions(map["where"])
        return source
    }

    private mutating func table(_ node: Node, _ mapping: Mapping, maps: Node.Mapping?) -> TableMapping? {
        guard let map = node.mapping else {
            report("ING205", "A table needs table, from and fields", place(node), "See docs/mapping.md")
            return nil
        }
        expect(
            map, ["table", "from", "action", "repeat", "where", "skipWhenAbsent", "clear", "fields", "note"], "a table")
        guard let tableName = string(map["table"]), let table = Table(rawValue: tableName) else {
            report(
                "ING206", "Unknown table", place(map["table"] ?? node),
                "Use one of " + Table.allCases.map(\.rawValue).joined(separator: ", "))
            return nil
        }
        guard let sourceName = string(map["from"]), mapping.sources.contains(where: { $0.name == sourceName }) else {
            report(
                "ING207", "Table \(tableName) comes from an unknown source", place(map["from"] ?? node),
                "Name one of the sources above")
            return nil
        }
        var result = TableMapping(table: table, source: sourceName, place: place(node))
        if let action = map["action"] {
            switch string(action) {
            case "rows": result.action = .rows
            case "merge": result.action = .merge
            case "withdraw": result.action = .withdraw
            default: report("ING205", "Unknown action", place(action), "Use rows, merge or withdraw")
            }
        } else if table == .person || table.role == .master {
            result.action = .merge
        }
        if let count = map["repeat"] {
            if let number = string(count).flatMap({ Int($0) }), (1...500).contains(number) {
                result.repetitions = number
            } else {
                report(
                    "ING205", "repeat needs a number from 1 to 500", place(count),
                    "Write how many groups of columns there are")
            }
        }
        result.conditions = conditions(map["where"])
        for item in list(map["skipWhenAbsent"]) {
            if let value = value(item, maps) { result.skipWhenAbsent.append(value) }
        }
        result.clears = strings(map["clear"])
        guard let fields = map["fields"]?.mapping else {
            report("ING205", "Table \(tableName) fills no fields", place(node), "Add fields:")
            return nil
        }
        for (key, valueNode) in fields {
            guard let field = string(key) else { continue }
            guard TableMapping.isFillable(field, in: table) else {
                report(
                    "ING208", "Table \(tableName) has no field \(field)", place(key),
                    "Use one of " + TableMapping.fillable(table).joined(separator: ", "))
                continue
            }
            if let value = value(valueNode, maps) {
                result.fields.append(FieldMapping(field: field, place: place(key), value: value))
            }
        }
        return result
    }

    // MARK: Pieces

    func string(_ node: Node?) -> String? { node?.scalar?.string }

    mutating func flag(_ node: Node?) -> Bool? {
        guard let node else { return nil }
        switch string(node) {
        case "true": return true
        case "false": return false
        default:
            report("ING205", "Yes or no is written true or false", place(node), "Write true or false")
            return nil
        }
    }

    func list(_ node: Node?) -> [Node] {
        guard let node else { return [] }
        if let sequence = node.sequence { return Array(sequence) }
        return [node]
    }

    func strings(_ node: Node?) -> [String] { list(node).compactMap { string($0) } }

    mutating func byte(_ node: Node, _ what: String) -> UInt8? {
        let text = string(node) ?? ""
        if text == "tab" || text == "\\t" { return 0x09 }
        if text.utf8.count == 1, let byte = text.utf8.first, byte != 0x0A, byte != 0x0D { return byte }
        report("ING205", "\(what) is one ASCII character or tab", place(node), "Write \(what): \",\"")
        return nil
    }

    mutating func expect(_ map: Node.Mapping, _ keys: Set<String>, _ what: String) {
        for (key, _) in map where !keys.contains(string(key) ?? "") {
            report(
                "ING210", "Unknown key \(string(key) ?? "?") in \(what)", place(key),
                "Known are " + keys.sorted().joined(separator: ", "))
        }
    }

    mutating func report(_ code: String, _ message: String, _ place: MappingPlace, _ advice: String) {
        diagnostics.append(
            MappingDiagnostic(
                isError: true, code: code, file: file, line: place.line, column: place.column, message: message,
                advice: advice))
    }

    func place(_ node: Node) -> MappingPlace {
        MappingPlace(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
    }

    private static func place(of error: YamlError) -> MappingPlace {
        switch error {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _):
            MappingPlace(line: mark.line, column: mark.column)
        default: MappingPlace(line: 1, column: 1)
        }
    }

    private static func firstLine(of error: YamlError) -> String {
        switch error {
        case .scanner(_, let problem, _, _), .parser(_, let problem, _, _), .composer(_, let problem, _, _): problem
        case .duplicatedKeysInMapping(let duplicates, _):
            "a key is written twice: \(duplicates.map { "\($0)" }.joined(separator: ", "))"
        default: "it cannot be read"
        }
    }

    private static func fits(_ node: Node, depth: Int, _ visited: inout Int) -> Bool {
        visited += 1
        if visited > nodeLimit || depth > depthLimit { return false }
        switch node {
        case .mapping(let map):
            return map.allSatisfy {
                fits($0.key, depth: depth + 1, &visited) && fits($0.value, depth: depth + 1, &visited)
            }
        case .sequence(let sequence): return sequence.allSatisfy { fits($0, depth: depth + 1, &visited) }
        default: return true
        }
    }
}

extension TableMapping {
    /// Names for a day and its second together, per table.
    static func momentFields(_ table: Table) -> [String: (day: String, second: String)] {
        switch table {
        case .encounter: ["start": ("start_day", "start_second"), "end": ("end_day", "end_second")]
        case .line, .operation, .prescription, .settlement, .scan: ["time": ("day", "second")]
        default: [:]
        }
    }

    /// What a mapping may fill: the fields, the moments, and the version and group that decide about corrections.
    static func fillable(_ table: Table) -> [String] {
        table.fields.map(\.name) + momentFields(table).keys.sorted() + ["version", "group"]
    }

    static func isFillable(_ field: String, in table: Table) -> Bool { fillable(table).contains(field) }
}
