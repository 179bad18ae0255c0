import Casework
import Database
import Foundation
import Ledger
import StoreTesting
import Trials

@testable import Supervision

/// A bureau of officers in a store of its own, with a folder for what belongs beside it.
final class BooksOffice {
    let stored: TestStore
    let office: TrialOffice
    let folder: String
    static let key = LedgerWorld.key

    init(_ kind: StoreKind, officers: Int = 2) throws {
        stored = try TestStore(kind)
        folder = FileManager.default.temporaryDirectory.path + "/yijian-books-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        office = try TrialOffice.make(
            stored.store.address, knowledge: Shipped.folder, folder: folder, officers: officers)
    }

    deinit {
        office.book.door.store.close()
        try? FileManager.default.removeItem(atPath: folder)
    }

    var book: Casebook { office.book }
    var store: Store { office.book.door.store }
    var seals: Seals { office.book.door.seals }
    var sequencer: Sequencer { office.book.sequencer }

    /// So many matters with so many acts each, the opening among them.
    func work(matters: Int, acts: Int) throws -> [String] {
        let ids = try (0..<matters).map { _ in try office.openClue() }
        for act in 1..<max(acts, 1) {
            for (index, id) in ids.enumerated() {
                _ = try book.act(
                    TrialOffice.score(act * 100 + index), on: id, by: office.tokens[act % office.tokens.count])
            }
        }
        return ids
    }

    func verify(held: [SignedCheckpoint] = []) throws -> [String] {
        try StoreLedger.verify(store, seals, held: held, trusted: [Self.key.verifier]).run.problems.map(\.code)
    }

    func checkpoint() throws -> SignedCheckpoint { try sequencer.checkpoint(Self.key, origin: "yijian/370100") }
}
