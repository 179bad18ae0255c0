import Database
import Foundation
import Ledger
import StoreTesting
import Testing
import Trials

@testable import Supervision

@Suite("Sequencer")
struct SequencerTests {
    @Test(arguments: TestStore.kinds)
    func everyActGetsOnePlaceAndTheTreeIsThatOfRFC6962(kind: StoreKind) throws {
        let books = try BooksOffice(kind)
        _ = try books.work(matters: 3, acts: 5)
        #expect(try books.sequencer.standing() == .init(placed: 0, waiting: 15))
        #expect(try books.sequencer.placeWaiting() == 15)
        #expect(try books.sequencer.placeWaiting() == 0)
        #expect(try books.sequencer.standing() == .init(placed: 15, waiting: 0))
        let note = try books.checkpoint()
        var tree = TreeInMemory(.sha256)
        for row in try books.store.read({ try $0.rows("SELECT hash FROM leaf ORDER BY place") }) {
            tree.append(try row.bytes("hash"))
        }
        #expect(try note.checkpoint.size == 15 && note.checkpoint.root == tree.root(15))
        _ = try books.work(matters: 1, acts: 2)
        let later = try books.checkpoint()
        #expect(later.checkpoint.size == 17 && later.checkpoint.origin == "yijian/370100")
        #expect(try books.verify(held: [note, later]).isEmpty)
    }

    @Test(arguments: TestStore.kinds)
    func aCommandPlacesItsActItself(kind: StoreKind) throws {
        let books = try BooksOffice(kind)
        var book = books.book
        book.placesAtOnce = true
        let id = try books.office.openClue()
        _ = try book.act(TrialOffice.score(1), on: id, by: books.office.tokens[0])
        #expect(try books.sequencer.standing() == .init(placed: 2, waiting: 0))
    }

    /// Whoever saw an older state is told, and nothing is done.
    @Test(arguments: TestStore.kinds)
    func whoSawAnOlderStateIsTold(kind: StoreKind) throws {
        let books = try BooksOffice(kind)
        let id = try books.office.openClue()
        let token = books.office.tokens[0]
        _ = try books.book.act(TrialOffice.score(1), on: id, seen: 1, by: token)
        do {
            _ = try books.book.act(TrialOffice.score(2), on: id, seen: 1, by: books.office.tokens[1])
            Issue.record("an act on an older state was taken")
        } catch let error as StoreError {
            #expect(error.kind == .changedMeanwhile)
        }
        #expect(try books.book.matter(id, by: token).matter.acts.count == 2)
    }

    /// What the owner of the tables does to them is found by the verification of the live store.
    @Test(arguments: TestStore.kinds)
    func whatIsDoneToTheTablesIsFound(kind: StoreKind) throws {
        let books = try BooksOffice(kind)
        let ids = try books.work(matters: 3, acts: 4)
        let note = try books.checkpoint()
        _ = try books.office.openClue()
        #expect(try books.verify(held: [note]).isEmpty, "an act that waits for its place is no problem")
        _ = try books.sequencer.placeWaiting()
        #expect(try books.verify(held: [note]).isEmpty)
        let (one, two) = (ids[0], ids[1])
        let attacks: [(String, [SQL])] = [
            ("an act deleted", ["DELETE FROM act WHERE matter = \(one) AND number = 2"]),
            ("the last act deleted", ["DELETE FROM act WHERE matter = \(one) AND number = 4"]),
            (
                "an act deleted with its leaf",
                [
                    "DELETE FROM act WHERE matter = \(one) AND number = 2",
                    "DELETE FROM leaf WHERE matter = \(one) AND act = 2",
                ]
            ),
            (
                "the text of an act taken from another",
                [
                    """
                    UPDATE act SET sealed = (SELECT sealed FROM act WHERE matter = \(two) AND number = 2)
                    WHERE matter = \(one) AND number = 2
                    """
                ]
            ),
            (
                "a leaf changed in both tables",
                [
                    "UPDATE act SET leaf = \(Self.ones) WHERE matter = \(one) AND number = 3",
                    "UPDATE leaf SET hash = \(Self.ones) WHERE matter = \(one) AND act = 3",
                ]
            ),
            ("a leaf changed in the tree", ["UPDATE leaf SET hash = \(Self.ones) WHERE place = 5"]),
            ("a node changed", ["UPDATE tree_node SET hash = \(Self.ones) WHERE level = 2 AND place = 1"]),
            ("a node deleted", ["DELETE FROM tree_node WHERE level = 1 AND place = 0"]),
            (
                "two places exchanged",
                [
                    "UPDATE leaf SET place = 1000 WHERE place = 3", "UPDATE leaf SET place = 3 WHERE place = 4",
                    "UPDATE leaf SET place = 4 WHERE place = 1000",
                ]
            ),
            ("the tree made shorter", ["UPDATE ledger_head SET size = size - 2"]),
            ("a checkpoint deleted", ["DELETE FROM checkpoint"]),
            (
                "an act put in beside the tree",
                [
                    """
                    INSERT INTO act (matter, number, leaf, sealed, instant)
                    SELECT matter, 5, leaf, sealed, instant FROM act WHERE matter = \(one) AND number = 4
                    """
                ]
            ),
            (
                "an act put in to be placed",
                [
                    """
                    INSERT INTO act (matter, number, leaf, sealed, instant)
                    SELECT matter, 5, leaf, sealed, instant FROM act WHERE matter = \(one) AND number = 4
                    """, "INSERT INTO arrival (matter, act, hash) VALUES (\(one), 5, \(Self.ones))",
                ]
            ),
        ]
        for (name, attack) in attacks {
            #expect(try books.whatIsFound(after: attack, held: [note]).isEmpty == false, "\(name)")
            #expect(try books.verify(held: [note]).isEmpty, "\(name) was undone")
        }
        // History rewritten by who has all keys: only the checkpoint outside tells.
        let rewritten = try books.whatIsFound(
            after: [
                "DELETE FROM leaf WHERE place >= 6",
                "DELETE FROM tree_node WHERE NOT ((level = 1 AND place < 3) OR (level = 2 AND place < 1))",
                "DELETE FROM act WHERE NOT EXISTS (SELECT 1 FROM leaf l WHERE l.matter = act.matter AND l.act = act.number)",
                "UPDATE ledger_head SET size = 6", "DELETE FROM checkpoint",
            ], held: [note])
        #expect(rewritten.contains("LDG032"), "\(rewritten)")
    }

    private static let ones = [UInt8](repeating: 1, count: 32)

    /// The second verifier, which shares nothing with the first, reads the extract of a live store.
    @Test(arguments: TestStore.kinds)
    func thePythonVerifierAgreesOnALiveStore(kind: StoreKind) throws {
        let books = try BooksOffice(kind)
        _ = try books.work(matters: 2, acts: 3)
        let note = try books.checkpoint()
        var text = ""
        let disclosed = try StoreLedger.read(books.store, books.seals) {
            try LedgerExtract.write($0, hash: $0.hash, disclosing: { _ in true }, to: { text += $0 })
        }
        #expect(disclosed == 6)
        let paths = (extract: books.folder + "/extract.txt", note: books.folder + "/note")
        try text.write(toFile: paths.extract, atomically: false, encoding: .utf8)
        try note.text.write(toFile: paths.note, atomically: false, encoding: .utf8)
        #expect(try Self.python(books, paths.extract, paths.note) == 0)
        try text.replacing("\n3 ", with: "\n3 0").write(toFile: paths.extract, atomically: false, encoding: .utf8)
        #expect(try Self.python(books, paths.extract, paths.note) == 1)
    }

    private static func python(_ books: BooksOffice, _ extract: String, _ note: String) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "python3", Shipped.folder + "/../deploy/verify-ledger.py", extract, "--key", BooksOffice.key.verifier.text,
            "--own", note, "--held", note,
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}

extension BooksOffice {
    private struct Undo: Error {}

    /// The codes that a verification finds after the statements; they are undone.
    func whatIsFound(after statements: [SQL], held: [SignedCheckpoint]) throws -> [String] {
        var found: [String] = []
        do {
            try store.write { transaction in
                for statement in statements { try transaction.change(statement) }
                do {
                    found = try StoreLedger.verify(transaction, seals, held: held, trusted: [Self.key.verifier]).run
                        .problems.map(\.code)
                } catch let refusal as DoorRefusal {
                    found = [refusal.code]
                }
                throw Undo()
            }
        } catch is Undo {}
        return found
    }
}
