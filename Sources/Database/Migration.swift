import Columns

/// One step of a schema (迁移): a numbered file of SQL that is kept for ever and never changed once it was released.
///
/// It is written in SQLite's words, so that `sqlite3` runs it as it stands. PostgreSQL gets the same text with
/// `INTEGER` as BIGINT, `BLOB` as BYTEA, `TEXT` ordered by bytes as SQLite orders it, and without `STRICT`.
package struct Migration: Sendable {
    package let number: Int
    /// What it brings, in a few words with hyphens.
    package let name: String
    package let text: String

    package init(_ number: Int, _ name: String, _ text: String) {
        self.number = number
        self.name = name
        self.text = text
    }

    var digest: String { SHA256.hex(of: text) }

    func text(for kind: StoreKind) -> String {
        guard kind == .postgresql else { return text }
        return text.replacing(/\bINTEGER\b/, with: "BIGINT").replacing(/\bBLOB\b/, with: "BYTEA")
            .replacing(/\bTEXT\b/, with: "TEXT COLLATE \"C\"").replacing(/\)\s*STRICT\s*;/, with: ");")
    }
}

/// The steps that belong to one module's tables, numbered 1, 2, 3 ….
package struct MigrationFamily: Sendable {
    package let name: String
    package let migrations: [Migration]

    package init(_ name: String, _ migrations: [Migration]) {
        precondition(
            migrations.map(\.number) == Array(1...max(1, migrations.count)).prefix(migrations.count).map { $0 },
            "the migrations of \(name) are numbered 1, 2, 3 … without a gap")
        self.name = name
        self.migrations = migrations
    }
}

/// How far a store's schema is from the one this program wants.
package enum SchemaCondition: Equatable, Sendable {
    case current
    /// Nothing of ours is there.
    case empty
    /// These steps (`family/number-name`) are still to be done.
    case behind([String])
}

extension Store {
    /// Compares the store's steps with the program's. A store of a newer program, or a step whose text is not what was
    /// run here, is an error that names both.
    package func schemaCondition(_ families: [MigrationFamily]) throws -> SchemaCondition {
        try read { transaction in
            guard try transaction.hasSchemaTable() else { return .empty }
            let done = try transaction.stepsDone()
            try check(done, families)
            let missing = families.flatMap { family in
                family.migrations.filter { done[family.name]?[$0.number] == nil }
                    .map { "\(family.name)/\($0.number)-\($0.name)" }
            }
            return missing.isEmpty ? .current : done.isEmpty ? .empty : .behind(missing)
        }
    }

    /// Brings the schema to the program's state and says which steps it took. Each step is one transaction: a program
    /// that ends in the middle leaves whole steps, and the next run goes on. Several servers may try at once.
    ///
    /// `upTo` stops a family at a number, for tests that begin from an earlier schema.
    @discardableResult
    package func migrate(_ families: [MigrationFamily], upTo limits: [String: Int] = [:]) throws -> [String] {
        try write { try $0.makeSchemaTable() }
        var taken: [String] = []
        for family in families {
            for migration in family.migrations where migration.number <= limits[family.name] ?? .max {
                let isNew = try write { transaction in
                    try transaction.waitForOtherMigrations()
                    let done = try transaction.stepsDone()
                    try check(done, families)
                    guard done[family.name]?[migration.number] == nil else { return false }
                    try transaction.runScript(migration.text(for: kind))
                    try transaction.change(
                        """
                        INSERT INTO schema_step (family, number, name, digest)
                        VALUES (\(family.name), \(migration.number), \(migration.name), \(migration.digest))
                        """)
                    return true
                }
                if isNew { taken.append("\(family.name)/\(migration.number)-\(migration.name)") }
            }
        }
        return taken
    }

    private func check(_ done: [String: [Int: Step]], _ families: [MigrationFamily]) throws {
        for family in families {
            for (number, step) in (done[family.name] ?? [:]).sorted(by: { $0.key < $1.key }) {
                guard number <= family.migrations.count else {
                    throw StoreError(
                        .otherSchema,
                        "the store's `\(family.name)` tables are at step \(number) (\(step.name)), this program knows "
                            + "\(family.migrations.count)",
                        at: address.shown, advice: "run the newer program that wrote it; nothing was changed")
                }
                guard family.migrations[number - 1].digest == step.digest else {
                    throw StoreError(
                        .otherSchema,
                        "step \(number) (\(step.name)) of `\(family.name)` is not the text that was run on this store",
                        at: address.shown, advice: "run the program version that wrote the store; nothing was changed")
                }
            }
        }
    }
}

/// A step that was taken: its name and the digest of its text.
struct Step {
    let name: String
    let digest: String
}

extension Transaction {
    fileprivate func hasSchemaTable() throws -> Bool { try !columns(of: "schema_step").isEmpty }

    fileprivate func makeSchemaTable() throws {
        try waitForOtherMigrations()
        guard try !hasSchemaTable() else { return }
        let text = """
            CREATE TABLE schema_step (
                family TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL,
                PRIMARY KEY (family, number)
            ) STRICT;
            """
        try runScript(Migration(1, "schema-step", text).text(for: storeKind))
    }

    /// One server migrates at a time. SQLite's writer is alone anyway.
    fileprivate func waitForOtherMigrations() throws {
        if storeKind == .postgresql { try runScript("SELECT pg_advisory_xact_lock(7203594)") }
    }

    fileprivate func stepsDone() throws -> [String: [Int: Step]] {
        var done: [String: [Int: Step]] = [:]
        for row in try rows("SELECT family, number, name, digest FROM schema_step") {
            done[try row.text("family"), default: [:]][try row.integer("number")] = Step(
                name: try row.text("name"), digest: try row.text("digest"))
        }
        return done
    }

    /// The names of a table's columns; none when there is no such table.
    package func columns(of table: String) throws -> [String] {
        let sql: SQL =
            storeKind == .sqlite
            ? "SELECT name FROM pragma_table_info(\(table)) ORDER BY cid"
            : """
            SELECT column_name AS name FROM information_schema.columns
            WHERE table_schema = current_schema() AND table_name = \(table) ORDER BY ordinal_position
            """
        return try rows(sql).map { try $0.text("name") }
    }
}
