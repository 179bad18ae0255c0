import Database
import Foundation

@testable import Supervision

/// The disk of a store runs full while officers act, and gets room again (磁盘写满). The store's data lie on a small file system of
/// their own; a file in it stands for what else took the room.
package enum FullDiskTrial {
    package struct Outcome: Sendable {
        package var acknowledged = 0
        /// Acts that were refused because the disk was full, in words that say so (DBS003).
        package var refused = 0
        /// Acts taken after there was room again, by the same process.
        package var resumed = 0
        package var lost = 0
        package var invented = 0
        package var others: [String] = []
        package var differences: [String] = []

        package var isClean: Bool {
            refused > 0 && resumed > 0 && lost + invented == 0 && others.isEmpty && differences.isEmpty
        }
        package var text: String {
            "full disk: acknowledged \(acknowledged), refused \(refused) (DBS003), resumed without restart \(resumed): lost \(lost), "
                + "invented \(invented)" + (others + differences).map { "\n" + $0 }.joined()
        }
    }

    /// `small` is a folder on the small file system; `beside` keeps the key file.
    package static func run(
        _ address: StoreAddress, small folder: String, beside: String, knowledge: String, rounds: Int = 2
    ) throws -> Outcome {
        let office = try TrialOffice.make(address, knowledge: knowledge, folder: beside, officers: 1)
        let matters = try (0..<3).map { _ in try office.openClue() }
        var outcome = Outcome()
        var told: Set<Int> = []
        var value = 0
        func act() throws {
            value += 1
            do {
                _ = try office.book.act(TrialOffice.score(value), on: matters[value % 3], by: office.tokens[0])
                told.insert(value)
                outcome.acknowledged += 1
            } catch let error as StoreError where error.kind == .full {
                outcome.refused += 1
            } catch {
                outcome.others.append("\(error)")
            }
        }
        for _ in 0..<rounds {
            let before = outcome.refused
            try fill(folder + "/filler")
            // The log still has pages it may use again; after them nothing goes.
            for _ in 0..<400 where outcome.refused < before + 5 { try act() }
            unlink(folder + "/filler")
            let taken = outcome.acknowledged
            for _ in 0..<5 { try act() }
            outcome.resumed += outcome.acknowledged - taken
        }
        office.book.door.store.close()
        // As after a restart: what was acknowledged, and nothing else.
        let again = try TrialOffice.enter(address, knowledge: knowledge, folder: beside)
        var found: Set<Int> = []
        for id in matters {
            let acts = try again.book.matter(id, by: again.tokens[0]).matter.acts
            found.formUnion(acts.compactMap { TrialOffice.score(of: $0) })
        }
        outcome.lost = told.subtracting(found).count
        outcome.invented = found.subtracting(told).count
        try again.book.sequencer.placeWaiting()
        outcome.differences = try again.book.check().differences
        outcome.differences += try StoreLedger.verify(
            again.book.door.store, again.book.door.seals, trusted: [LedgerWorld.key.verifier]
        ).run.problems.map(\.description)
        return outcome
    }

    /// Takes all the room there is.
    private static func fill(_ path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        for size in [1 << 16, 1 << 12, 1 << 9] {
            let bytes = [UInt8](repeating: 0, count: size)
            while write(file, bytes, size) == size {}
        }
        close(file)
    }
}
