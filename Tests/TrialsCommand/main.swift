import Database
import Foundation
import Ledger
import Trials

// Long trials of journal and ledger; `make campaign` runs them and keeps what they print.
//
//   yijian-trials kills COUNT [SEED]      kill -9 at random moments while writing
//   yijian-trials attacks PLACES          every kind of attack on the ledger at so many places
//   yijian-trials start GIBIBYTES [MIB]   how long a start takes with a journal of that size, segments of so many MiB
//   yijian-trials rate SECONDS BYTES      records a second, and the time of a sync
//   yijian-trials ledger FOLDER ACTS      makes a ledger of so many acts with five checkpoints, to verify
//   yijian-trials history STORE KNOWLEDGE KILLS [SEED]   officers and sequencers killed at random; what they say they did
//                                         is held against the store, which must be empty
//   yijian-trials fill STORE KNOWLEDGE MATTERS FOLDER      fills an empty store with matters of twenty acts; keeps keys in the folder
//   yijian-trials measure STORE KNOWLEDGE ROUNDS FOLDER    lists, tasks and steps in a store that was filled
//   yijian-trials full STORE SMALL BESIDE KNOWLEDGE       a store whose data lie on a small file system that runs full
//   yijian-trials writer FOLDER FIRST     the writer that `kills` kills; `officer` and `sequencer` are those of `history`

let arguments = Array(CommandLine.arguments.dropFirst())
let folder = NSTemporaryDirectory() + "yijian-trial-\(getpid())"

func number(_ place: Int, _ fallback: Int) -> Int {
    arguments.count > place ? Int(arguments[place]) ?? fallback : fallback
}

func say(_ text: String) {
    print(text)
    fflush(nil)
}

func inFolder(_ body: () throws -> Bool) throws -> Never {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let isGood: Bool
    do {
        isGood = try body()
    } catch {
        print("failed: \(error)")
        isGood = false
    }
    try FileManager.default.removeItem(atPath: folder)
    exit(isGood ? 0 : 1)
}

switch arguments.first {
case "officer":
    try HistoryTrial.officer(
        StoreAddress(arguments[1]), knowledge: arguments[2], folder: arguments[3], which: number(4, 0),
        first: number(5, 0), seed: UInt64(number(6, 1)))
case "sequencer": try HistoryTrial.sequencer(StoreAddress(arguments[1]))
case "history":
    try inFolder {
        var plan = HistoryTrial.Plan()
        plan.kills = number(3, 100)
        plan.seed = UInt64(number(4, 1))
        let outcome = try HistoryTrial.run(
            program: URL(fileURLWithPath: CommandLine.arguments[0]), address: StoreAddress(arguments[1]),
            text: arguments[1], knowledge: arguments[2], folder: folder, plan: plan)
        let address = try StoreAddress(arguments[1])
        print("history on \(try Store(address).kind.rawValue): " + outcome.text)
        return outcome.isClean
    }
case "fill":
    let folder = arguments[4]
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let load = try StoreLoad.make(StoreAddress(arguments[1]), knowledge: arguments[2], folder: folder)
    say("store: \(load.office.book.door.store.kind.rawValue)")
    try load.fill(matters: number(3, 100_000), report: say)
    try load.analyze()
case "measure":
    let office = try TrialOffice.enter(
        StoreAddress(arguments[1]), knowledge: arguments[2], folder: arguments[4])
    say("milliseconds".padding(toLength: 46, withPad: " ", startingAt: 0) + "     p50     p95     max")
    var worst = 0.0
    try StoreLoad(office: office).measure(rounds: number(3, 200), seed: 1) { figure in
        say(figure.text)
        if !figure.name.contains("no bar") { worst = max(worst, figure.at(0.95)) }
    }
    say("highest p95: \(String(format: "%.1f", worst)) ms (bar: 100 ms)")
    exit(worst <= 100 ? 0 : 1)
case "full":
    let outcome = try FullDiskTrial.run(
        StoreAddress(arguments[1]), small: arguments[2], beside: arguments[3], knowledge: arguments[4])
    print(outcome.text)
    exit(outcome.isClean ? 0 : 1)
case "writer": try KillTrial.write(arguments[1], first: number(2, 0))
case "kills":
    try inFolder {
        let outcome = try KillTrial.run(
            writer: URL(fileURLWithPath: CommandLine.arguments[0]), folder: folder, count: number(1, 2000),
            seed: UInt64(number(2, 1)))
        print("killed writers: " + outcome.text)
        let check = try JournalVerification.run(folder + "/journal", keys: KeyFile.read(folder + "/keys"))
        // The last kill may have torn the tail; nothing else may be found.
        let found = check.problems.filter { $0.code != "JRN032" }
        print("verification: \(check.next) records in \(check.segments) segments, \(found.count) problems")
        return outcome.isClean && found.isEmpty
    }
case "attacks":
    let places = number(1, 1000)
    var missed = 0
    var alarms = 0
    for attack in LedgerAttack.allCases {
        var found = 0
        for place in 0..<places {
            var dice = Dice(UInt64(place) &* 6_364_136_223_846_793_005 &+ 11)
            let honest = LedgerWorld(acts: 12 + dice.below(90), hash: place % 10 == 0 ? .sm3 : .sha256, dice: &dice)
            if !honest.verify().isEmpty { alarms += 1 }
            var world = honest
            attack.strike(&world, &dice)
            if world.verify().isEmpty { print("missed: \(attack) at \(place)") } else { found += 1 }
        }
        missed += places - found
        print("\(attack.rawValue): \(found) of \(places) found")
        // Whoever watches a trial of minutes sees how far it is.
        fflush(nil)
    }
    print(
        "\(LedgerAttack.allCases.count) kinds: missed \(missed), false alarms \(alarms) of \(places * LedgerAttack.allCases.count)"
    )
    exit(missed + alarms == 0 ? 0 : 1)
case "start":
    try inFolder {
        var settings = JournalSettings()
        settings.compression = false
        settings.segmentBytes = number(2, 256) << 20
        let records = try StartTrial.fill(folder, bytes: number(1, 4) << 30, settings: settings)
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder + "/journal")
        print(
            "journal of \(number(1, 4)) GiB, segments of \(number(2, 256)) MiB: \(records) records in \(files.count - 1) segments"
        )
        for turn in 1...4 {
            if turn != 2 { try StartTrial.forgetPages(folder) }
            let (milliseconds, opening) = try StartTrial.start(folder, settings: settings)
            print(
                "start \(turn) (\(turn == 2 ? "files in memory" : "files on disk")): first answer after \(milliseconds) ms; \(opening.scannedBytes >> 20) MiB scanned, "
                    + "\(opening.sealedSegments) sealed segments, \(opening.problems.count) problems")
        }
        return true
    }
case "ledger":
    let place = arguments[1]
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    try KeyFile.generate(at: place + "/keys")
    let key = try SigningKey.generate(at: place + "/signing", name: "office")
    let ledger = try ActLedger.open(place + "/ledger", origin: "yijian/trial", keys: KeyFile.read(place + "/keys"))
    let count = number(2, 1000)
    for part in 0..<5 {
        // Twenty acts a matter; two hundred matters are worked on at once.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<200 {
                group.addTask {
                    for turn in 0..<(count / 1000) {
                        let act = UInt64(part * (count / 1000) + turn)
                        let body = Array("{\"step\":\(act),\"lane\":\(lane)}".utf8)
                        _ = try await ledger.append(matter: "\(lane)-\(act / 20)", number: act % 20 + 1, body: body)
                    }
                }
            }
            try await group.waitForAll()
        }
        try ledger.checkpoint(key).text.write(toFile: place + "/held-\(part)", atomically: false, encoding: .utf8)
    }
    ledger.close()
    print("\(ledger.count) acts; key \(key.verifier.text)")
case "rate":
    try inFolder {
        try KeyFile.generate(at: folder + "/keys")
        let journal = try Journal.open(folder + "/journal", keys: KeyFile.read(folder + "/keys"))
        let body = Array(String(repeating: "{\"feedetl_sn\":\"123\",\"cnt\":1},", count: number(2, 20_000) / 28).utf8)
        let room = DispatchSemaphore(value: 64)
        let end = Date(timeIntervalSinceNow: Double(number(1, 5)))
        var count = 0
        while Date() < end {
            room.wait()
            let entry = JournalEntry(kind: 1, keys: [JournalKey("rate", [String(count)])], request: body, answer: [])
            journal.append(entry) { _ in room.signal() }
            count += 1
        }
        for _ in 0..<64 { room.wait() }
        for _ in 0..<64 { room.signal() }
        let syncs = journal.figures.syncs
        print(
            "64 waiting, \(body.count) bytes each: \(count / number(1, 5)) records/s, \(syncs.count) syncs, fdatasync p50 "
                + "\(Int(syncs.microseconds(at: 0.5))) µs, p99 \(Int(syncs.microseconds(at: 0.99))) µs")
        journal.close()
        return true
    }
default:
    print(
        "history STORE KNOWLEDGE KILLS [SEED] | kills COUNT [SEED] | attacks PLACES | start GIBIBYTES | rate SECONDS BYTES"
    )
    exit(2)
}
