import ArgumentParser
import Claims
import Documents
import Web

/// `yijian schema`: the data dictionary (数据字典), derived from the schema that the program itself uses.
struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Print the data dictionary (数据字典): tables, fields, national names.")

    @Argument(help: "Only this table.")
    var table: String?

    @Flag(name: .long, help: "As JSON.")
    var json = false

    @Flag(name: .long, help: "As Markdown, the form of docs/data-dictionary.md.")
    var markdown = false

    @Flag(name: .customLong("openapi"), help: "The OpenAPI 3.1 description of the HTTP/JSON API instead.")
    var isOpenAPI = false

    @Flag(
        name: .customLong("api"), help: "The reference of the HTTP/JSON API instead, the form of docs/api-reference.md."
    )
    var isReference = false

    private static let heads = [
        ColumnHead("name", "field"), ColumnHead("type", "type"), ColumnHead("chinese", "中文名"),
        ColumnHead("national", "national field"), ColumnHead("note", "meaning"),
    ]

    func run() throws {
        if isOpenAPI { return try Terminal.show([API.openAPI.pretty]) }
        if isReference { return try Terminal.show([API.page]) }
        var tables = Table.allCases
        if let name = table {
            guard let one = Table(rawValue: name) else {
                throw CommandError.usage(
                    "YJ-203", "there is no table `\(name)`",
                    advice: "tables are " + Table.allCases.map(\.rawValue).joined(separator: ", "))
            }
            tables = [one]
        }
        if json {
            let objects = tables.map { table in
                JSONText.members([
                    "table": .text(table.rawValue), "chinese": .text(table.chinese), "role": .text("\(table.role)"),
                    "fields": .array(table.fields.map(Self.object)),
                ])
            }
            return try Terminal.show([JSONText.array(objects).pretty])
        }
        var lines: [String] =
            markdown ? ["# Data dictionary (数据字典)", "", "Printed by `yijian schema --markdown`."] : []
        for table in tables { lines += markdown ? Self.markdown(table) : Self.text(table) }
        try Terminal.show(lines)
    }

    private static func object(_ field: Field) -> JSONText {
        .members([
            "name": .text(field.name), "type": .text(typeName(field.kind)), "chinese": .text(field.chinese),
            "national": field.national.isEmpty ? nil : .text(field.national),
            "note": field.note.isEmpty ? nil : .text(field.note),
        ])
    }

    private static func text(_ table: Table) -> [String] {
        var rows = TextTable(heads)
        for field in table.fields {
            rows.append([
                .text(field.name), .text(typeName(field.kind)), .text(field.chinese), .text(field.national),
                .text(field.note),
            ])
        }
        let style = Terminal.style
        return [style.bold("\(table.rawValue) \(table.chinese)") + "  (\(table.role))"]
            + rows.lines(width: Terminal.width - 2, style: .plain).map { "  " + $0 } + [""]
    }

    private static func markdown(_ table: Table) -> [String] {
        let rows = table.fields.map { field in
            let national = field.national.isEmpty ? "" : "`\(field.national)`"
            return "| `\(field.name)` | \(typeName(field.kind)) | \(field.chinese) | \(national) | \(field.note) |"
        }
        return [
            "", "## `\(table.rawValue)` \(table.chinese)", "", "Role: \(table.role).", "",
            "| field | type | 中文名 | national field | meaning |", "| --- | --- | --- | --- | --- |",
        ] + rows
    }

    static func typeName(_ kind: FieldKind) -> String {
        switch kind {
        case .identifier: "identifier"
        case .text: "text"
        case .code(let system): "\(system.rawValue) code"
        case .row(let table): "→ \(table.rawValue)"
        case .day: "day"
        case .second: "second of day"
        case .decimal(let scale): "decimal(18,\(scale))"
        case .integer: "integer"
        case .flag: "flag"
        }
    }
}
