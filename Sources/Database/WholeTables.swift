/// A table of a store as it is, whatever it holds: for copying stores whole.
package struct WholeTable: Sendable, Equatable {
    package let name: String
    package let columns: [String]
    /// The key that counts by itself: its order is kept, its numbers are given anew.
    package let counted: String?

    package init(name: String, columns: [String], counted: String?) {
        self.name = name
        self.columns = columns
        self.counted = counted
    }

    /// The columns whose values are carried.
    package var carried: [String] { columns.filter { $0 != counted } }

    fileprivate static func quoted(_ name: String) -> String {
        "\"" + name.replacing("\"", with: "\"\"") + "\""
    }

    fileprivate var carriedNames: String { carried.map(Self.quoted).joined(separator: ", ") }
    fileprivate var quotedName: String { Self.quoted(name) }
}

extension Transaction {
    /// Every table of the store, by name.
    package func wholeTables() throws -> [WholeTable] {
        let names =
            storeKind == .sqlite
            ? try rows(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
            )
            : try rows(
                """
                SELECT table_name AS name FROM information_schema.tables
                WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name COLLATE "C"
                """)
        return try names.map { row in
            let name = try row.text("name")
            return WholeTable(name: name, columns: try columns(of: name), counted: try counted(name))
        }
    }

    private func counted(_ table: String) throws -> String? {
        if storeKind == .postgresql {
            return try row(
                """
                SELECT column_name AS name FROM information_schema.columns
                WHERE table_schema = current_schema() AND table_name = \(table) AND is_identity = 'YES'
                """)?.text("name")
        }
        guard
            let text = try row("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = \(table)")?.text("sql"),
            text.contains("AUTOINCREMENT")
        else { return nil }
        return try row("SELECT name FROM pragma_table_info(\(table)) WHERE pk = 1")?.text("name")
    }

    /// Gives every row of a table to the closure, in little memory; its values are those of `carried`.
    package func eachRow(of table: WholeTable, _ body: ([StoreValue]) throws -> Void) throws {
        let order = table.counted.map { " ORDER BY " + WholeTable.quoted($0) } ?? ""
        let select = "SELECT \(table.carriedNames) FROM \(table.quotedName)" + order
        guard storeKind == .postgresql else {
            try stream(SQL(verbatim: select)) { try body($0.values) }
            return
        }
        // libpq keeps a whole answer in memory, so the server keeps it and gives it in pieces.
        try runScript("DECLARE yijian_rows NO SCROLL CURSOR FOR " + select)
        var count = 0
        repeat {
            count = 0
            try stream("FETCH FORWARD 500 FROM yijian_rows") { row in
                count += 1
                try body(row.values)
            }
        } while count > 0
        try runScript("CLOSE yijian_rows")
    }

    /// Puts rows into a table that was emptied; values in the order of `carried`.
    package func fill(_ table: WholeTable, _ rows: [[StoreValue]]) throws {
        var rest = rows[...]
        // SQLite takes 32,766 values in a statement, PostgreSQL 65,535.
        let most = max(1, min(128, 30_000 / max(table.carried.count, 1)))
        for count in [most, 16, 1] {
            while rest.count >= count {
                var sql = SQL(verbatim: "INSERT INTO \(table.quotedName) (\(table.carriedNames)) VALUES ")
                for (index, row) in rest.prefix(count).enumerated() {
                    sql = sql + (index == 0 ? "(\(list: row))" : ", (\(list: row))")
                }
                try change(sql)
                rest = rest.dropFirst(count)
            }
        }
    }

    package func empty(_ table: WholeTable) throws { try change(SQL(verbatim: "DELETE FROM " + table.quotedName)) }

    package func count(_ table: WholeTable) throws -> Int {
        try integer(SQL(verbatim: "SELECT COUNT(*) FROM " + table.quotedName))
    }

    /// Runs the body while references between tables are not looked at; at its end, or at the end of the transaction, all of them
    /// are.
    package func withoutReferences<T>(_ body: () throws -> T) throws -> T {
        if storeKind == .sqlite {
            try runScript("PRAGMA defer_foreign_keys = ON")
            return try body()
        }
        let references = try rows(
            """
            SELECT quote_ident(conname) AS name, conrelid::regclass::text AS place, pg_get_constraintdef(oid) AS text
            FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY conname
            """)
        for row in references {
            try runScript("ALTER TABLE \(try row.text("place")) DROP CONSTRAINT \(try row.text("name"))")
        }
        let result = try body()
        for row in references {
            try runScript(
                "ALTER TABLE \(try row.text("place")) ADD CONSTRAINT \(try row.text("name")) \(try row.text("text"))")
        }
        return result
    }
}
