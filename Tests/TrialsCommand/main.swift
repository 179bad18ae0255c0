import Foundation
import Ledger
import Trials

// Long trials of journal and ledger; `make campaign` runs them and keeps what they print.
//
//   yijian-trials kills COUNT [SEED]      kill -9 at random moments while writing
//   yijian-trials attacks PLACES          every kind of attack on the ledger at so many places
//   yijian-trials start GIBIBYTES         how long a start takes with a journal of that size
//   yijian-trials rate SECONDS BYTES      records a second, and the time of a sync
//   yijian-trials writer FOLDER FIRST     the writer that `kills` kills


let arguments = Array(CommandLine.arguments.dropFirst())
let folder = NSTemporaryDirectory() + "yijian-trial-\(getpid())"

func number(_ place: Int, _ fallback: Int) -> Int {
    arguments.count > place ? Int(arguments[place]) ?? fallback : fallback
}

func inFolder(_ body: () throws -> Bool) throws -> Never {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let isGood = (try? body()) ?? false
    try FileManager.default.removeItem(atPath: folder)
    exit(isGood ? 0 : 1)
}

switch arguments.first {
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
    }
    print(
        "\(LedgerAttack.allCases.count) kinds: missed \(missed), false alarms \(alarms) of \(places * LedgerAttack.allCases.count)"
    )
    exit(missed + alarms == 0 ? 0 : 1)
case "start":
    try inFolder {
        var settings = JournalSettings()
        settings.compression = false
        let records = try StartTrial.fill(folder, bytes: number(1, 4) << 30, settings: settings)
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder + "/journal")
        print("journal of \(number(1, 4)) GiB: \(records) records in \(files.count - 1) segments")
        for turn in 1...3 {
            let (milliseconds, opening) = try StartTrial.start(folder, settings: settings)
            print(
                "start \(turn): first answer after \(milliseconds) ms; \(opening.scannedBytes >> 20) MiB scanned, "
                    + "\(opening.sealedSegments) sealed segments, \(opening.problems.count) problems")
        }
        return true
    }
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
    print("kills COUNT [SEED] | attacks PLACES | start GIBIBYTES | rate SECONDS BYTES")
    exit(2)
}
