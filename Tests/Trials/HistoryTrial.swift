import Casework
import Database
import Foundation
import Ledger

@testable import Supervision

/// Several servers act on the same matters, sequencers beside them; all are killed at random. Afterwards the history they say
/// they had is held against the one the store has (历史核对).
///
/// An officer is a process: it reads a matter, says what it will write, acts, says what became of it, each with the time. The checker
/// believes these sayings and nothing else: what was acknowledged is there once, in the place that was named; what is there was
/// tried; who said how many acts it had seen stands right behind them; what was answered before another was begun stands before
/// it in the tree.
package enum HistoryTrial {
    package struct Outcome: Sendable {
        package var kills = 0
        package var sequencerKills = 0
        package var acknowledged = 0
        package var conflicts = 0
        package var errors = 0
        package var acts = 0
        package var lost = 0
        package var invented = 0
        package var doubled = 0
        package var overwritten = 0
        package var disordered = 0
        package var unplaced = 0
        package var problems: [String] = []
        /// Kinds of errors that officers met, with their number.
        package var errorKinds: [String: Int] = [:]

        package var isClean: Bool {
            lost + invented + doubled + overwritten + disordered + unplaced == 0 && problems.isEmpty
        }

        package var text: String {
            let met = errorKinds.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            return
                "officers killed \(kills), sequencers killed \(sequencerKills), acknowledged \(acknowledged), conflicts refused "
                + "\(conflicts), errors \(errors)\(met.isEmpty ? "" : " (\(met))"), acts \(acts): lost \(lost), invented \(invented), "
                + "doubled \(doubled), overwritten \(overwritten), out of real-time order \(disordered), without place \(unplaced)"
                + (problems.isEmpty ? "" : "\n" + problems.prefix(20).joined(separator: "\n"))
        }
    }

    /// One act as an officer told it.
    struct Saying {
        let matter: String
        let value: Int
        /// How many acts the officer had seen; nil when it did not say so to the store.
        let seen: Int?
        let began: UInt64
        var number: Int?
        var ended: UInt64?
    }

    // MARK: Processes

    /// An officer: acts until it is killed. Every value it writes is `first` and up.
    package static func officer(
        _ address: StoreAddress, knowledge: String, folder: String, which: Int, first: Int, seed: UInt64
    ) throws -> Never {
        let office = try TrialOffice.enter(address, knowledge: knowledge, folder: folder, connections: 2)
        let matters = try String(contentsOfFile: folder + "/matters", encoding: .utf8).split(separator: "\n").map(
            String.init)
        let token = office.tokens[which % office.tokens.count]
        var dice = Dice(seed)
        var value = first
        while true {
            let matter = matters[dice.below(matters.count)]
            let isCareful = dice.below(3) > 0
            value += 1
            do {
                let seen = isCareful ? try office.book.matter(matter, by: token).matter.acts.count : nil
                say("T \(value) \(matter) \(seen ?? -1) \(now())")
                let outcome = try office.book.act(TrialOffice.score(value), on: matter, seen: seen, by: token)
                say("K \(value) \(outcome.act?.number ?? -1) \(now())")
            } catch let error as StoreError where error.kind == .changedMeanwhile {
                say("C \(value)")
            } catch let error as StoreError {
                say("E \(value) \(error.code)")
            } catch {
                say("E \(value) \(String(describing: error).prefix(60).replacing("\n", with: " "))")
            }
        }
    }

    /// A sequencer: places until it is killed.
    package static func sequencer(_ address: StoreAddress) throws -> Never {
        // Whoever watches may be killed too; nobody is left behind then.
        let parent = getppid()
        let sequencer = Sequencer(try Store(address, connectionsMax: 2))
        sequencer.run(everyMilliseconds: 20, while: { getppid() == parent })
        exit(0)
    }

    private static func now() -> UInt64 { DispatchTime.now().uptimeNanoseconds }

    private static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = Glibc.write(STDOUT_FILENO, bytes, bytes.count)
    }

    // MARK: Watching

    package struct Plan: Sendable {
        package var officers = 4
        package var sequencers = 2
        package var matters = 5
        /// Kills of officers and sequencers together.
        package var kills = 8
        /// Between two kills, at most.
        package var milliseconds = 400
        package var seed: UInt64 = 1
        package init() {}
    }

    package static func run(
        program: URL, address: StoreAddress, text: String, knowledge: String, folder: String, plan: Plan
    ) throws -> Outcome {
        let office = try TrialOffice.make(address, knowledge: knowledge, folder: folder, officers: plan.officers)
        let matters = try (0..<plan.matters).map { _ in try office.openClue() }
        try matters.joined(separator: "\n").write(toFile: folder + "/matters", atomically: false, encoding: .utf8)
        var outcome = Outcome()
        var dice = Dice(plan.seed)
        var told = Told()
        var starts = 0

        func start(_ arguments: [String]) throws -> Running {
            starts += 1
            let process = Process()
            process.executableURL = program
            process.arguments = arguments
            let pipe = Pipe()
            process.standardOutput = pipe
            let running = Running(process: process, pipe: pipe)
            try process.run()
            return running
        }
        func startOfficer(_ which: Int) throws -> Running {
            try start([
                "officer", text, knowledge, folder, String(which), String((starts + 1) * 1_000_000),
                String(dice.next() % 1_000_000),
            ])
        }
        var officers = try (0..<plan.officers).map { try startOfficer($0) }
        var sequencers = try (0..<plan.sequencers).map { _ in try start(["sequencer", text]) }
        for turn in 0..<plan.kills {
            usleep(UInt32(dice.below(plan.milliseconds) + 20) * 1_000)
            if turn % 3 == 2 {
                let which = dice.below(plan.sequencers)
                sequencers[which].kill()
                outcome.sequencerKills += 1
                sequencers[which] = try start(["sequencer", text])
            } else {
                let which = dice.below(plan.officers)
                // Mostly one that works; every fourth time also one that is only starting.
                if dice.below(4) > 0 { officers[which].waitUntilItSpoke() }
                usleep(UInt32(dice.below(plan.milliseconds)) * 1_000)
                told.hear(officers[which].kill())
                outcome.kills += 1
                officers[which] = try startOfficer(which)
            }
        }
        for running in officers {
            running.waitUntilItSpoke()
            usleep(UInt32(plan.milliseconds) * 1_000)
            told.hear(running.kill())
        }
        for running in sequencers { running.kill() }
        try check(office, told, matters, &outcome)
        office.book.door.store.close()
        return outcome
    }

    /// A process and what it said so far, read by a thread so that a full pipe never holds it.
    private final class Running: @unchecked Sendable {
        private let process: Process
        private let lock = NSLock()
        private var text = Data()
        private let done = DispatchSemaphore(value: 0)

        init(process: Process, pipe: Pipe) {
            self.process = process
            let reading = pipe.fileHandleForReading
            Thread.detachNewThread { [self] in
                // What there is, at once: asking for a number of bytes would wait for all of them.
                while true {
                    let part = reading.availableData
                    if part.isEmpty { break }
                    lock.withLock { text += part }
                }
                done.signal()
            }
        }

        /// Until it acted for the first time, or half a minute.
        func waitUntilItSpoke() {
            for _ in 0..<3_000 where lock.withLock({ text.isEmpty }) && process.isRunning { usleep(10_000) }
        }

        @discardableResult
        func kill() -> String {
            Glibc.kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            done.wait()
            return lock.withLock { String(decoding: text, as: UTF8.self) }
        }
    }

    /// All sayings, by value.
    struct Told {
        var sayings: [Int: Saying] = [:]
        var conflicts = 0
        var errors: [String: Int] = [:]

        mutating func hear(_ text: String) {
            // The last line may be cut by the kill; a cut line has no line break behind it.
            for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
                let words = line.split(separator: " ").map(String.init)
                guard words.count >= 2, let value = Int(words[1]) else { continue }
                switch (words[0], words.count) {
                case ("T", 5):
                    sayings[value] = Saying(
                        matter: words[2], value: value, seen: Int(words[3]).flatMap { $0 < 0 ? nil : $0 },
                        began: UInt64(words[4]) ?? 0)
                case ("K", 4):
                    sayings[value]?.number = Int(words[2])
                    sayings[value]?.ended = UInt64(words[3])
                case ("C", _): conflicts += 1
                case ("E", _): errors[words.dropFirst(2).joined(separator: " "), default: 0] += 1
                default: continue
                }
            }
        }
    }

    // MARK: Checking

    static func check(_ office: TrialOffice, _ told: Told, _ matters: [String], _ outcome: inout Outcome) throws {
        try office.book.sequencer.placeWaiting()
        let key = LedgerWorld.key
        let note = try office.book.sequencer.checkpoint(key, origin: LedgerWorld.origin)
        let verified = try StoreLedger.verify(
            office.book.door.store, office.book.door.seals, held: [note], trusted: [key.verifier])
        outcome.problems += verified.run.problems.map(\.description)
        outcome.problems += try office.book.check().differences
        outcome.unplaced = verified.waiting
        outcome.conflicts = told.conflicts
        outcome.errors = told.errors.values.reduce(0, +)
        outcome.errorKinds = told.errors

        var values: [String: [Int: Int]] = [:]
        for id in matters {
            let matter = try office.book.door.store.read {
                try MatterShelf(transaction: $0, library: office.book.library, seals: office.book.door.seals).matter(id)
            }
            for act in matter?.acts ?? [] { values[id, default: [:]][act.number] = TrialOffice.score(of: act) }
        }
        var places: [Int: UInt64] = [:]
        try StoreLedger.read(office.book.door.store, office.book.door.seals) { ledger in
            var ends: [String: Int] = [:]
            for index in 0..<ledger.count {
                guard let act = try ledger.act(at: index) else { continue }
                if act.number != ends[act.matter, default: 0] + 1 {
                    outcome.problems.append("\(act.matter): number \(act.number) after \(ends[act.matter, default: 0])")
                }
                ends[act.matter] = act.number
                guard let value = values[act.matter]?[act.number] else { continue }
                outcome.acts += 1
                guard places.updateValue(index, forKey: value) == nil else {
                    outcome.doubled += 1
                    continue
                }
                guard let saying = told.sayings[value], saying.matter == act.matter else {
                    outcome.invented += 1
                    continue
                }
                if let number = saying.number, number != act.number { outcome.lost += 1 }
                if let seen = saying.seen, act.number != seen + 1 { outcome.overwritten += 1 }
            }
        }
        let acknowledged = told.sayings.values.filter { $0.number != nil }
        outcome.acknowledged = acknowledged.count
        outcome.lost += acknowledged.count { places[$0.value] == nil }
        outcome.disordered = disorder(
            acknowledged.compactMap { saying in
                places[saying.value].map { ($0, saying.began, saying.ended ?? .max) }
            })
    }

    /// How many acts stand behind one that was begun only after they had been answered.
    static func disorder(_ acts: [(place: UInt64, began: UInt64, ended: UInt64)]) -> Int {
        var latest: UInt64 = 0
        var count = 0
        for act in acts.sorted(by: { $0.place < $1.place }) {
            if act.ended < latest { count += 1 }
            latest = max(latest, act.began)
        }
        return count
    }
}
