import Knowledge
import Rules

/// Which of the sender's columns is which field of the rows, and where the answers go (来文清单映射).
///
///     list: 省级清单
///     item: row
///     key: [序号]
///     columns: { row_institution: 机构名称, row_amount: 疑点金额 }
///     answers: { answer: 核查结论, found_amount: 查实金额, answer_reason: 核查说明 }
package struct SenderMapping: Sendable {
    package let name: String
    package let item: String
    package let key: [String]
    package let columns: [(field: String, column: String)]
    package let answers: [(field: String, column: String)]

    package static func read(_ bytes: [UInt8], file: String, for procedure: Procedure) -> (
        mapping: SenderMapping?, diagnostics: [Diagnostic]
    ) {
        let (document, problems) = YamlDocument.read(bytes, file: file)
        guard let document else { return (nil, problems) }
        var yaml = YamlReading(document)
        let root = document.root
        yaml.only(root, ["list", "item", "key", "columns", "answers"], in: "a mapping of a list")
        let name = yaml.text(root["list"], "list", of: "the mapping") ?? ""
        let item = yaml.text(root["item"], "item", of: "the mapping") ?? ""
        if !procedure.items.contains(where: { $0.id == item }) {
            yaml.note(
                root["item"], "PRC005", "there is no item `\(item)`",
                advice: "items: \(procedure.items.map(\.id).joined(separator: ", "))")
        }
        let key = yaml.words(root["key"], "key").map(\.word)
        if key.isEmpty { yaml.note(root["key"], "PRC001", "no column names a row", advice: "write `key: [序号]`") }
        func pairs(_ word: String) -> [(field: String, column: String)] {
            yaml.named(root[word], word).compactMap { entry in
                guard procedure.field(entry.id)?.item == item else {
                    let names = procedure.fields.filter { $0.item == item }.map(\.id)
                    let guess = Suggestion.nearest(to: entry.id, among: names)
                    yaml.note(
                        entry.key, "PRC005", "`\(item)` has no field `\(entry.id)`",
                        advice: guess.map { "did you mean `\($0)`?" } ?? "fields: \(names.joined(separator: ", "))")
                    return nil
                }
                return yaml.text(entry.value, entry.id, of: "the mapping").map { (entry.id, $0) }
            }
        }
        let columns = pairs("columns")
        let answers = pairs("answers")
        let isSound = yaml.diagnostics.isEmpty
        return (
            isSound ? SenderMapping(name: name, item: item, key: key, columns: columns, answers: answers) : nil,
            problems + yaml.diagnostics
        )
    }
}

extension SenderMapping {
    /// The answers that somebody filled into a sheet, by row; rows without an answer are left out, cells that cannot be read
    /// are named.
    package func answers(in table: CommaTable, for procedure: Procedure) -> (
        rows: [(key: String, fields: [String: FieldValue])], rejects: [SenderList.Reject]
    ) {
        var rows: [(key: String, fields: [String: FieldValue])] = []
        var rejects: [SenderList.Reject] = []
        func cell(_ column: String, _ row: [String]) -> String {
            guard let place = table.head.firstIndex(where: { $0.trimmingBlanks == column }), place < row.count else {
                return ""
            }
            return row[place].trimmingBlanks
        }
        lines: for (position, row) in table.rows.enumerated() {
            let key = self.key.map { cell($0, row) }.joined(separator: "-")
            var fields: [String: FieldValue] = [:]
            for pair in answers {
                let text = cell(pair.column, row)
                guard !text.isEmpty, let field = procedure.field(pair.field) else { continue }
                guard let value = field.value(ofSent: text) else {
                    rejects.append(
                        .init(line: table.lines[position], column: pair.column, reason: "“\(text)”不是\(field.name)"))
                    continue lines
                }
                fields[pair.field] = value
            }
            if !fields.isEmpty { rows.append((key, fields)) }
        }
        return (rows, rejects)
    }
}

/// A list from above as it came, and its answer in the sender's own columns (上级清单与反馈).
package struct SenderList: Sendable {
    package struct Reject: Sendable, Equatable {
        package let line: Int
        package let column: String
        package let reason: String
    }

    package let table: CommaTable
    package let mapping: SenderMapping
    /// The item of each row of the table; nil: the row was rejected or repeats another.
    package let keys: [String?]
    package let items: [Command.Item]
    package let rejects: [Reject]
    package let repeated: Int

    /// Reads every row: items + rejects + repeated = rows, always.
    package init(_ table: CommaTable, _ mapping: SenderMapping, for procedure: Procedure) {
        self.table = table
        self.mapping = mapping
        var index: [String: Int] = [:]
        for (position, name) in table.head.enumerated() {
            index[name.trimmingBlanks] = index[name.trimmingBlanks] ?? position
        }
        var keys: [String?] = []
        var items: [Command.Item] = []
        var rejects: [Reject] = []
        var known: [String: [String]] = [:]
        var repeated = 0
        rows: for (position, row) in table.rows.enumerated() {
            func reject(_ column: String, _ reason: String) {
                rejects.append(Reject(line: table.lines[position], column: column, reason: reason))
                keys.append(nil)
            }
            var parts: [String] = []
            for column in mapping.key {
                guard let place = index[column], !row[place].trimmingBlanks.isEmpty else {
                    reject(column, index[column] == nil ? "清单没有这一列" : "没有填写")
                    continue rows
                }
                parts.append(row[place].trimmingBlanks)
            }
            let key = parts.joined(separator: "-")
            if let before = known[key] {
                guard before == row else {
                    reject(mapping.key.joined(separator: "、"), "编号\(key)出现两次而内容不同")
                    continue
                }
                repeated += 1
                keys.append(nil)
                continue
            }
            var fields: [String: FieldValue] = [:]
            for pair in mapping.columns {
                guard let place = index[pair.column], let field = procedure.field(pair.field) else {
                    reject(pair.column, "清单没有这一列")
                    continue rows
                }
                let text = row[place].trimmingBlanks
                if text.isEmpty { continue }
                guard let value = field.value(ofSent: text) else {
                    reject(pair.column, "“\(text)”不是\(field.name)")
                    continue rows
                }
                fields[pair.field] = value
            }
            known[key] = row
            keys.append(key)
            items.append(Command.Item(kind: mapping.item, key: key, parent: nil, fields: fields))
        }
        self.keys = keys
        self.items = items
        self.rejects = rejects
        self.repeated = repeated
    }

    /// The sender's table with the answers of the matter: his columns as they were, the answers in the columns named for them.
    /// A row that repeats another is answered like it; one that could not be read says so.
    package func answered(by matter: Matter) -> CommaTable {
        var head = table.head
        var places: [(field: String, place: Int)] = []
        for pair in mapping.answers {
            if let place = head.firstIndex(where: { $0.trimmingBlanks == pair.column }) {
                places.append((pair.field, place))
            } else {
                head.append(pair.column)
                places.append((pair.field, head.count - 1))
            }
        }
        var byContent: [[String]: String] = [:]
        for (position, key) in keys.enumerated() { if let key { byContent[table.rows[position]] = key } }
        var rows: [[String]] = []
        for row in table.rows {
            var row = row
            let key = byContent[row]
            row += Array(repeating: "", count: max(0, head.count - row.count))
            for (field, place) in places {
                guard let key else { continue }
                row[place] = matter.fields[key]?[field].map { matter.procedure.field(field)?.shown($0) ?? "" } ?? ""
            }
            rows.append(row)
        }
        return CommaTable(head: head, rows: rows)
    }
}

extension Field {
    /// A value as people send it: a choice by its name, money with thousands commas.
    package func value(ofSent text: String) -> FieldValue? {
        switch kind {
        case .choice(let choices):
            return choices.first { $0.name == text || $0.id == text }.map { .single(.text($0.id)) }
        case .money, .number:
            return value(of: text.replacing(",", with: "").replacing("，", with: "").replacing("元", with: ""))
        case .day: return value(of: text.replacing("/", with: "-"))
        default: return value(of: text)
        }
    }

    /// A value as people read it.
    package func shown(_ value: FieldValue) -> String {
        if case .choice(let choices) = kind, case .single(.text(let id)) = value {
            return choices.first { $0.id == id }?.name ?? id
        }
        return value.description
    }
}
