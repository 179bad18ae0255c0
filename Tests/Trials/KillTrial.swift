import Foundation
import Ledger

/// A writer that is killed at random moments, and the bookkeeping of one who watches it from outside (F1).
///
/// The writer prints the number of an entry when its append was acknowledged, with the record it became. The watcher kills it,
/// reads the journal as a start does, and compares: lost, invented, doubled.
package enum KillTrial {
    package struct Outcome: Sendable {
        package var kills = 0
        package var acknowledged = 0
        package var records = 0
        package var lost = 0
        package var invented = 0
        package var doubled = 0
        package var damaged = 0

        package var isClean: Bool { lost + invented + doubled + damaged == 0 }
        package var text: String {
            "kills \(kills), acknowledged \(acknowledged), records \(records): lost \(lost), invented \(invented), doubled "
                + "\(doubled), starts with damage \(damaged)"
        }
    }

    static func entry(_ number: Int) -> JournalEntry {
        JournalEntry(
            kind: 1, keys: [key(number)], request: Array("request \(number) ".utf8) + filling(number),
            answer: Array("answer \(number)".utf8))
    }

    static func key(_ number: Int) -> JournalKey { JournalKey("trial", [String(number)]) }

    private static func filling(_ number: Int) -> [UInt8] { [UInt8](repeating: 46, count: abs(number) * 7919 % 6000) }

    /// The writer: entries `first…` over and over, some of them twice, until it is killed.
    package static func write(_ folder: String, first: Int) throws -> Never {
        var settings = JournalSettings()
        settings.segmentBytes = 200_000
        // Every other writer seals its segments as they lie.
        settings.lagSegments = first % 2 == 0 ? 0 : 3
        let journal = try Journal.open(folder + "/journal", keys: KeyFile.read(folder + "/keys"), settings: settings)
        let room = DispatchSemaphore(value: 32)
        var number = first
        while true {
            let here = number
            // A client that sends twice: the second must not become a record.
            for _ in 0..<(here % 5 == 0 ? 2 : 1) {
                room.wait()
                journal.append(entry(here), unlessKnown: key(here)) { result in
                    if case .success(let receipt) = result {
                        let line = Array("\(here) \(receipt.sequence)\n".utf8)
                        _ = Glibc.write(STDOUT_FILENO, line, line.count)
                    }
                    room.signal()
                }
            }
            number += 1
        }
    }

    /// Kills the writer `count` times after up to `milliseconds`, going on with the same journal.
    package static func run(
        writer: URL, folder: String, count: Int, milliseconds: Int = 60, seed: UInt64 = 1
    ) throws -> Outcome {
        var dice = Dice(seed)
        var outcome = Outcome()
        var acknowledged: [Int: UInt64] = [:]
        var first = 0
        if access(folder + "/keys", F_OK) != 0 { try KeyFile.generate(at: folder + "/keys") }
        let keys = try KeyFile.read(folder + "/keys")
        var seen: UInt64 = 0
        for turn in 0..<count {
            let process = Process()
            process.executableURL = writer
            process.arguments = ["writer", folder, String(first)]
            let pipe = Pipe()
            process.standardOutput = pipe
            try process.run()
            // Mostly while it writes; every fourth time anywhere, also while it starts.
            var said = ""
            if turn % 4 != 3 {
                said = String(decoding: try pipe.fileHandleForReading.read(upToCount: 1) ?? Data(), as: UTF8.self)
            }
            usleep(UInt32(dice.below(milliseconds * 1000)))
            kill(process.processIdentifier, SIGKILL)
            said += String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            outcome.kills += 1
            for line in said.split(separator: "\n") {
                let words = line.split(separator: " ").compactMap { UInt64($0) }
                guard words.count == 2 else { continue }
                if let before = acknowledged[Int(words[0])], before != words[1] { outcome.doubled += 1 }
                acknowledged[Int(words[0])] = words[1]
            }
            let journal = try Journal.read(folder + "/journal", keys: keys)
            if !journal.opening.problems.allSatisfy({ $0.isHarmless }) { outcome.damaged += 1 }
            // New records now; all of them again at the end.
            first = max(first, (acknowledged.keys.max() ?? -1) + 1)
            let from = turn == count - 1 ? 0 : seen
            try journal.replay(from: from) { record in
                if let number = number(of: record) {
                    first = max(first, number + 1)
                    if record.content != entry(number).content { outcome.invented += 1 }
                } else {
                    outcome.invented += 1
                }
                return true
            }
            seen = journal.opening.nextSequence
        }
        let journal = try Journal.read(folder + "/journal", keys: keys)
        var found: [Int: UInt64] = [:]
        try journal.replay { record in
            outcome.records += 1
            if let number = number(of: record) {
                if found[number] != nil { outcome.doubled += 1 }
                found[number] = record.sequence
            }
            return true
        }
        outcome.acknowledged = acknowledged.count
        outcome.lost = acknowledged.count { found[$0.key] != $0.value }
        return outcome
    }

    private static func number(of record: JournalRecord) -> Int? {
        let words = String(decoding: record.request.prefix(30), as: UTF8.self).split(separator: " ")
        return words.count > 1 && words[0] == "request" ? Int(words[1]) : nil
    }
}
