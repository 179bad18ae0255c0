import Database
import Foundation
import Ledger
import StoreTesting
import Testing
import Trials

@testable import Supervision

@Suite("Backup")
struct BackupTests {
    static let pairs = TestStore.kinds.flatMap { from in TestStore.kinds.map { (from, $0) } }

    /// Every row of every table, and the ledger; from each kind of store into each.
    @Test(arguments: pairs)
    func whatIsBackedUpComesBack(from: StoreKind, into: StoreKind) throws {
        let books = try BooksOffice(from)
        let ids = try books.work(matters: 3, acts: 4)
        let held = try books.checkpoint()
        _ = try books.book.act(TrialOffice.score(7), on: ids[0], by: books.office.tokens[0])
        let file = try books.book.addEvidence(
            Array("检查笔录\n".utf8), named: "笔录.txt", to: ids[0], by: books.office.tokens[0])
        let path = books.folder + "/backup"
        let before = try Self.rows(books.store)
        let made = try StoreBackup.write(books.store, seals: books.seals, to: path)
        #expect(made.rows == before.count && made.acts == 12)

        let target = try TestStore(into)
        let restored = try StoreBackup.restore(path, into: target.store, seals: books.seals, reason: "演练")
        #expect(restored.rows == made.rows && restored.identifier == made.identifier)
        // All but the notes of backup and restore themselves.
        let after = try Self.rows(target.store)
        let own = after.subtracting(before)
        #expect(
            own.allSatisfy { row in ["act", "leaf", "tree_node", "ledger_head", "trail", "counter"].contains(row.table)
            })
        #expect(before.subtracting(after).allSatisfy { ["ledger_head", "counter", "arrival"].contains($0.table) })
        let again = try TrialOffice.enter(target.store.address, knowledge: Shipped.folder, folder: books.folder)
        #expect(try again.book.check().differences.isEmpty && again.book.verifyEvidence().problems.isEmpty)
        let verified = try StoreLedger.verify(
            target.store, books.seals, held: [held], trusted: [BooksOffice.key.verifier])
        #expect(verified.run.isWhole && verified.run.acts == 14 && verified.waiting == 0)
        let notes = try LedgerNote.all(in: target.store, books.seals)
        #expect(notes.map(\.kind) == [.restored] && notes.first?.reason == "演练" && notes.first?.acts == 12)
        // Work goes on: sessions, matters, evidence are those of before.
        _ = try again.book.act(TrialOffice.score(8), on: ids[0], by: again.tokens[0])
        #expect(try again.book.evidence(of: ids[0], by: again.tokens[0]) == [file])
        again.book.door.store.close()
    }

    @Test(arguments: TestStore.kinds)
    func aLiveStoreIsNotWrittenOver(kind: StoreKind) throws {
        let books = try BooksOffice(kind)
        _ = try books.work(matters: 1, acts: 2)
        let path = books.folder + "/backup"
        _ = try StoreBackup.write(books.store, seals: books.seals, to: path)
        let before = try Self.rows(books.store)
        #expect(throws: DoorRefusal.self) {
            try StoreBackup.restore(path, into: books.store, seals: books.seals, reason: "误操作")
        }
        #expect(try Self.rows(books.store) == before)
        #expect(throws: DoorRefusal.self, "a backup is never replaced") {
            try StoreBackup.write(books.store, seals: books.seals, to: path)
        }
        #expect(throws: DoorRefusal.self, "without a reason") {
            try StoreBackup.restore(path, into: try TestStore(kind).store, seals: books.seals, reason: " ")
        }
    }

    /// Cut at many places, changed at many places, put together from two, read with another key: refused, and nothing is written.
    @Test func damagedBackupsAreRefused() throws {
        let books = try BooksOffice(.sqlite)
        let ids = try books.work(matters: 2, acts: 2)
        // Several blocks.
        let scan =
            Array("%PDF-1.7\n".utf8) + (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        _ = try books.book.addEvidence(scan, named: "卷宗.pdf", to: ids[0], by: books.office.tokens[0])
        let paths = ["a", "b", "bad"].map { books.folder + "/" + $0 }
        _ = try StoreBackup.write(books.store, seals: books.seals, to: paths[0])
        _ = try StoreBackup.write(books.store, seals: books.seals, to: paths[1])
        let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: paths[0])))
        let other = [UInt8](try Data(contentsOf: URL(fileURLWithPath: paths[1])))
        let target = try TestStore(.sqlite)
        func expectRefused(_ bytes: [UInt8], _ what: String, keys: Seals? = nil) throws {
            try Data(bytes).write(to: URL(fileURLWithPath: paths[2]))
            #expect(throws: DoorRefusal.self, "\(what)") {
                try StoreBackup.restore(paths[2], into: target.store, seals: keys ?? books.seals, reason: "演练")
            }
        }
        var dice = Dice(3)
        for _ in 0..<12 {
            let cut = dice.below(whole.count)
            try expectRefused(Array(whole.prefix(cut)), "cut at \(cut)")
            var changed = whole
            let place = dice.below(whole.count)
            changed[place] ^= 1 << UInt8(dice.below(8))
            try expectRefused(changed, "changed at \(place)")
        }
        let firstBlock = 23 + 4 + whole[23..<27].reversed().reduce(0) { $0 << 8 | Int($1) }
        try expectRefused(Array(whole.prefix(firstBlock)), "cut between two blocks")
        try expectRefused(whole + [0], "something behind it")
        try expectRefused(Array(whole.prefix(firstBlock)) + other.dropFirst(firstBlock), "put together from two")
        try KeyFile.generate(at: books.folder + "/other-keys")
        try expectRefused(whole, "another key", keys: try Seals.read(books.folder + "/other-keys"))
        _ = try StoreBackup.restore(paths[0], into: target.store, seals: books.seals, reason: "演练")
        #expect(try Self.rows(target.store).count > 0)
    }

    @Test func keysRotateAndEverythingIsSealedAnew() throws {
        let books = try BooksOffice(.sqlite)
        let ids = try books.work(matters: 2, acts: 3)
        let file = try books.book.addEvidence(
            Array("笔录".utf8), named: "笔录.txt", to: ids[0], by: books.office.tokens[0])
        let held = try books.checkpoint()
        try KeyFile.rotate(at: books.folder + "/keys", suite: .sm4ctrHmacSm3)
        let door = try Door.open(books.store, knowledge: Shipped.folder, keys: books.folder + "/keys")
        var book = books.book
        book = try Casebook(door: door, library: book.library)
        // Six acts, a file with its part and its use, and one authenticator for each of five accounts.
        #expect(try door.reseal(by: books.office.administrator) == 14)
        #expect(try door.reseal(by: books.office.administrator) == 0)
        #expect(try book.check().differences.isEmpty && book.verifyEvidence().problems.isEmpty)
        #expect(try book.evidence(of: ids[0], by: books.office.tokens[0]) == [file])
        let sealed = try books.store.read { try $0.rows("SELECT sealed FROM act WHERE matter <> '@ledger'") }
        #expect(try sealed.allSatisfy { try door.seals.isCurrent($0.bytes("sealed")) })
        try book.sequencer.placeWaiting()
        let run = try StoreLedger.verify(books.store, door.seals, held: [held], trusted: [BooksOffice.key.verifier]).run
        #expect(run.isWhole && run.acts == 7, "the leaves are what they were, and a note says what was done")
    }

    struct WholeRow: Hashable {
        let table: String
        let values: [StoreValue]
    }

    static func rows(_ store: Store) throws -> Set<WholeRow> {
        try store.read { transaction in
            var rows: Set<WholeRow> = []
            for table in try transaction.wholeTables() where table.name != "schema_step" {
                try transaction.eachRow(of: table) { rows.insert(WholeRow(table: table.name, values: $0)) }
            }
            return rows
        }
    }
}
