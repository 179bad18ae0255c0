import Foundation
import Ledger

/// A large journal, and how long a start takes until it answers (L10).
package enum StartTrial {
    /// Fills a journal until its folder has `bytes`; messages of about 20 KB as hospitals send them.
    package static func fill(_ folder: String, bytes: Int, settings: JournalSettings) throws -> Int {
        if access(folder + "/keys", F_OK) != 0 { try KeyFile.generate(at: folder + "/keys") }
        let journal = try Journal.open(folder + "/journal", keys: KeyFile.read(folder + "/keys"), settings: settings)
        var dice = Dice(7)
        // What does not compress, so that the folder grows as fast as the disk takes it.
        let noise = (0..<(1 << 20)).map { _ in UInt8(truncatingIfNeeded: dice.next()) }
        let room = DispatchSemaphore(value: 256)
        var number = Int(journal.opening.nextSequence)
        var written = 0
        while written < bytes {
            let start = dice.below(noise.count - 20_000)
            let entry = JournalEntry(
                kind: 1, keys: [KillTrial.key(number), JournalKey("visit", ["V\(number / 3)"])],
                request: Array(noise[start..<(start + 20_000)]), answer: [])
            room.wait()
            journal.append(entry) { _ in room.signal() }
            number += 1
            written += 20_200
        }
        for _ in 0..<256 { room.wait() }
        for _ in 0..<256 { room.signal() }
        journal.close()
        return number
    }

    /// Makes the system forget what it holds of the journal's files in memory, so that a start reads the disk.
    package static func forgetPages(_ folder: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder + "/journal") {
            let descriptor = Glibc.open(folder + "/journal/" + name, O_RDONLY)
            posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
            close(descriptor)
        }
    }

    /// Milliseconds from nothing to the first recorded answer, with a look-up of an old and of an unknown key.
    package static func start(_ folder: String, settings: JournalSettings) throws -> (
        milliseconds: Int, opening: JournalOpening
    ) {
        let began = ContinuousClock.now
        let journal = try Journal.open(folder + "/journal", keys: KeyFile.read(folder + "/keys"), settings: settings)
        guard try journal.newest(KillTrial.key(5)) == 5, try journal.newest(KillTrial.key(-1)) == nil else {
            throw JournalError(.damaged, "TRIAL", "a record of the beginning is not found", at: folder, advice: "")
        }
        let done = DispatchSemaphore(value: 0)
        journal.append(KillTrial.entry(-2)) { _ in done.signal() }
        done.wait()
        let took = ContinuousClock.now - began
        journal.close()
        return (Int(took / .milliseconds(1)), journal.opening)
    }
}
