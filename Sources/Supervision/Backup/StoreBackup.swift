import Columns
import Database
import Foundation
import Ledger

/// The whole store in one sealed file, and back (备份与恢复). Taken while others write, as one unchanging state; a backup of either kind
/// of store restores into either kind, so that a county that grows takes its history along. The key file is not in it.
package struct StoreBackup: Sendable {
    package let identifier: String
    package let tables: Int
    package let rows: Int
    package let acts: Int
    package let bytes: Int

    /// Writes a backup of the store to a new file.
    package static func write(
        _ store: Store, seals: Seals, to path: String, surroundings: Surroundings = .system
    ) throws -> StoreBackup {
        let writer = try BackupWriter(path, seals: seals, identifier: RandomBytes.make(16))
        var (rows, tables, acts) = (0, 0, 0)
        try store.read { transaction in
            let whole = try transaction.wholeTables()
            acts = try transaction.integer("SELECT size FROM ledger_head WHERE name = \(Sequencer.head)")
            let head = BackupStream.Head(
                program: "yijian", instant: surroundings.now(), store: store.kind.rawValue,
                steps: try steps(in: transaction), acts: acts)
            try writer.write(BackupStream.bytes(.head(head)))
            for table in whole where table.name != "schema_step" {
                tables += 1
                try writer.write(BackupStream.bytes(.table(name: table.name, columns: table.carried)))
                try transaction.eachRow(of: table) { values in
                    rows += 1
                    try writer.write(BackupStream.bytes(.row(values)))
                }
            }
        }
        try writer.write(BackupStream.bytes(.end(rows: rows)))
        let bytes = try writer.finish()
        try store.write {
            try $0.leaveTrail(
                at: surroundings.now(), "", "store.care", HexText.text(writer.identifier), isAllowed: true, "backup")
        }
        return StoreBackup(
            identifier: HexText.text(writer.identifier), tables: tables, rows: rows, acts: acts, bytes: bytes)
    }

    /// Fills an empty store from a backup, in one transaction, and notes in the ledger that it was restored and why. A store with
    /// anything in it is refused. Afterwards the tables are brought up to this program.
    package static func restore(
        _ path: String, into store: Store, seals: Seals, reason: String, surroundings: Surroundings = .system
    ) throws -> StoreBackup {
        guard reason.contains(where: { !$0.isWhitespace }) else {
            throw DoorRefusal(.reasonMissing, "a restore needs a reason", at: path, advice: "say why it is restored")
        }
        let reader = try BackupReader(path, seals: seals)
        var entries = Entries(reader: reader)
        guard case .head(let head)? = try entries.next() else {
            throw BackupFile.damaged(path, "it does not say what it is")
        }
        try prepare(store, for: head, path)
        let identifier = HexText.text(reader.identifier)
        let (tables, rows) = try store.write { transaction in
            // A repeated transaction begins the file anew.
            entries = Entries(reader: try BackupReader(path, seals: seals))
            _ = try entries.next()
            let counts = try transaction.withoutReferences { try fill(transaction, &entries, path) }
            return counts
        }
        try store.migrate([supervisionTables])
        try store.write { transaction in
            try LedgerNote(
                kind: .restored, instant: surroundings.now(), acts: head.acts, reason: reason, object: identifier
            ).append(in: transaction, seals: seals)
            try transaction.leaveTrail(
                at: surroundings.now(), "", "store.care", identifier, isAllowed: true, "restored: " + reason)
        }
        try Sequencer(store, surroundings: surroundings).placeWaiting()
        return StoreBackup(identifier: identifier, tables: tables, rows: rows, acts: head.acts, bytes: 0)
    }

    /// Entries of a backup, block by block.
    private struct Entries {
        let reader: BackupReader
        var parser = BackupStream.Parser()

        mutating func next() throws -> BackupStream.Entry? {
            while true {
                if let entry = try parser.next() { return entry }
                guard let block = try reader.block() else { return nil }
                parser.take(block)
            }
        }
    }

    private static func steps(in transaction: Transaction) throws -> [BackupStream.Head.Step] {
        try transaction.rows("SELECT family, number, name, digest FROM schema_step ORDER BY family, number").map {
            row in
            .init(
                family: try row.text("family"), number: try row.integer("number"), name: try row.text("name"),
                digest: try row.text("digest"))
        }
    }

    /// Makes the tables as they were when the backup was taken.
    private static func prepare(_ store: Store, for head: BackupStream.Head, _ path: String) throws {
        if try store.schemaCondition([supervisionTables]) != .empty {
            let used = try store.read { transaction in
                try transaction.wholeTables().filter {
                    // What a new store has from its migrations.
                    try !["schema_step", "counter", "ledger_head"].contains($0.name) && transaction.count($0) > 0
                }
            }
            guard used.isEmpty else {
                throw DoorRefusal(
                    .setUp, "the store is in use: `\(used[0].name)` and \(used.count - 1) other tables hold rows",
                    at: store.address.shown,
                    advice: "restore into a new store, compare, then let the servers use that one; nothing was changed")
            }
        }
        let known = head.steps.allSatisfy { $0.family == supervisionTables.name }
        try store.migrate([supervisionTables], upTo: [supervisionTables.name: head.steps.map(\.number).max() ?? 0])
        guard known, try store.read({ try steps(in: $0) }) == head.steps else {
            throw DoorRefusal(
                .setUp, "the backup's tables are not those of this program", at: path,
                advice: "restore it with the program version that wrote it, then run `yijian store migrate`")
        }
    }

    private static func fill(_ transaction: Transaction, _ entries: inout Entries, _ path: String) throws -> (
        tables: Int, rows: Int
    ) {
        let whole = try transaction.wholeTables().filter { $0.name != "schema_step" }
        for table in whole { try transaction.empty(table) }
        var (tables, rows) = (0, 0)
        var current: WholeTable?
        var waiting: [[StoreValue]] = []
        func flush() throws {
            if let current { try transaction.fill(current, waiting) }
            waiting.removeAll(keepingCapacity: true)
        }
        while let entry = try entries.next() {
            switch entry {
            case .table(let name, let columns):
                try flush()
                guard let table = whole.first(where: { $0.name == name }), table.carried == columns else {
                    throw BackupFile.damaged(path, "it has a table `\(name)` that this store has not")
                }
                current = table
                tables += 1
            case .row(let values):
                guard values.count == current?.carried.count else {
                    throw BackupFile.damaged(path, "a row does not fit")
                }
                waiting.append(values)
                rows += 1
                if waiting.count == 128 { try flush() }
            case .end(let count):
                try flush()
                guard count == rows, tables == whole.count else {
                    throw BackupFile.damaged(path, "it has \(rows) rows in \(tables) tables, and says \(count)")
                }
                return (tables, rows)
            case .head: throw BackupFile.damaged(path, "it begins twice")
            }
        }
        throw BackupFile.damaged(path, "its end is missing")
    }
}
