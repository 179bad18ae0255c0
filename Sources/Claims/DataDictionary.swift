/// The data dictionary (数据字典): one page that tells a stranger every table and field, made from the declaration.
///
/// The committed page equals what this renders; a test compares them, so that the page cannot lag behind the schema.
package enum DataDictionary {
    package static func markdown() -> String {
        var page = """
            # Data dictionary (数据字典)

            Made from `Sources/Claims/Schema.swift` by `make golden`; do not edit. A field that is absent is unknown, never zero.
            "National" names the field of the national standard it corresponds to, as `table.field` or a bare field name.

            How fields are stored: *identifier* and *text* are UTF-8; a *code* is dictionary-encoded UTF-8; *row* is the
            number of the referenced row inside the same segment (int32); *day* is date32; *second* is time32[s], the second of
            the day; *decimal(n)* is decimal64(18, n); *integer* is int32; *flag* is bool. Days and seconds are China Standard Time.

            | table | role | fields |
            |---|---|---|

            """
        for table in Table.allCases {
            page += "| [\(table.rawValue)](#\(table.rawValue)) | \(role(of: table)) | \(table.fields.count) |\n"
        }
        for table in Table.allCases {
            page += "\n## \(table.rawValue)\n\n| field | 中文 | stored as | national | note |\n|---|---|---|---|---|\n"
            for field in table.fields {
                let national = field.national.isEmpty ? "" : "`\(field.national)`"
                page +=
                    "| `\(field.name)` | \(field.chinese) | \(storage(of: field.kind)) | \(national) | \(field.note) |\n"
            }
        }
        return page
    }

    private static func role(of table: Table) -> String {
        switch table.role {
        case .timeline: "timeline: rows of one person"
        case .movement: "movement: rows of an institution or a package"
        case .master: "master data"
        }
    }

    private static func storage(of kind: FieldKind) -> String {
        switch kind {
        case .identifier: "identifier"
        case .text: "text"
        case .code(let system): "code: \(system.rawValue)"
        case .row(let table): "row of [\(table.rawValue)](#\(table.rawValue))"
        case .day: "day"
        case .second: "second"
        case .decimal(let scale): "decimal(\(scale))"
        case .integer: "integer"
        case .flag: "flag"
        }
    }
}
