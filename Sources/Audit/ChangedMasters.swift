import Claims
import Columns

/// The codes of which the master tables of two generations say different things (主数据变更): an institution that has another
/// level now, an item of another class, a practitioner whose eligibility ended.
///
/// Names are left out, no rule computes with them. A row that names a changed code is itself changed: a ward by its
/// institution. Master tables are small and are held twice while they are compared.
struct ChangedMasters {
    private(set) var codes: [CodeSystem: Set<String>] = [:]
    /// A table came or went: then nobody's outcome is sure to stay.
    private(set) var isEverything = false

    var isEmpty: Bool { codes.isEmpty && !isEverything }
    var count: Int { codes.values.reduce(0) { $0 + $1.count } }

    /// The tables whose files differ, with what they say by code before and now.
    init(_ now: Dataset, since before: Dataset) throws(ColumnsError) {
        var all: [(table: Table, said: [String: Set<[String]>])] = []
        for table in Table.allCases where table.role == .master {
            let (old, new) = (before.manifest.masters[table.rawValue], now.manifest.masters[table.rawValue])
            if (old == nil) != (new == nil) { isEverything = true }
            guard let key = Self.key(of: table), let new else { continue }
            let current = try Self.rows(of: table, by: key.field, in: now)
            all.append((table, current))
            guard let old, old.sha256 != new.sha256 else { continue }
            let former = try Self.rows(of: table, by: key.field, in: before)
            let changed = Set(current.keys).union(former.keys).filter { current[$0] != former[$0] }
            if !changed.isEmpty { codes[key.system, default: []].formUnion(changed) }
        }
        while spread(over: all) {}
    }

    /// Rows that name a changed code of another table are changed; false when there are no more.
    private mutating func spread(over tables: [(table: Table, said: [String: Set<[String]>])]) -> Bool {
        var isNew = false
        for (table, said) in tables {
            guard let key = Self.key(of: table) else { continue }
            for (field, column) in Self.said(by: table).enumerated() where column != key.field {
                guard case .code(let system) = table.fields[column].kind, let changed = codes[system] else { continue }
                for (code, rows) in said where rows.contains(where: { changed.contains($0[field]) }) {
                    if codes[key.system, default: []].insert(code).inserted { isNew = true }
                }
            }
        }
        return isNew
    }

    /// The field by which timelines name rows of the table.
    private static func key(of table: Table) -> (field: Int, system: CodeSystem)? {
        let name = table.identifier ?? (table == .agreement ? "institution" : "practitioner")
        guard let field = table.index(of: name), case .code(let system) = table.fields[field].kind else { return nil }
        return (field, system)
    }

    private static func said(by table: Table) -> [Int] {
        table.fields.indices.filter { table.fields[$0].name != "name" }
    }

    private static func rows(
        of table: Table, by key: Int, in dataset: Dataset
    ) throws(ColumnsError) -> [String: Set<[String]>] {
        guard let file = try dataset.master(table.rawValue) else { return [:] }
        let columns = said(by: table).map { file.index(of: table.fields[$0].name) }
        var found: [String: Set<[String]>] = [:]
        for batch in 0..<file.batchCount {
            let views = try columns.map { column throws(ColumnsError) in
                try column.map { column throws(ColumnsError) in
                    (try file.column(column, batch: batch), try words(file, column))
                }
            }
            for row in 0..<file.rowCount(ofBatch: batch) {
                let texts = views.map { $0.map { text($0.0, $0.1, row) } ?? "" }
                guard let place = said(by: table).firstIndex(of: key) else { continue }
                found[texts[place], default: []].insert(texts)
            }
        }
        return found
    }

    private static func words(_ file: ArrowFile, _ column: Int) throws(ColumnsError) -> StringTable? {
        file.fields[column].type == .dictionary ? try file.strings(column) : nil
    }

    /// A value as text; nothing for what is unknown.
    private static func text(_ view: ColumnView, _ words: StringTable?, _ row: Int) -> String {
        guard view.isValid(row) else { return "" }
        if let words { return words.string(Int(view.int32[row])) }
        switch view.type {
        case .utf8: return view.string(row)
        case .bool: return view.bool(row) ? "true" : "false"
        case .decimal64, .int64: return String(view.int64[row])
        default: return String(view.int32[row])
        }
    }
}
