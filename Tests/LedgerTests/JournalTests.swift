import Foundation
import Synchronization
import Testing

@testable import Ledger

/// A folder with a journal in it that ends with the test.
final class JournalScratch: Sendable {
    let folder: String
    let keys: KeyFile

    init(suite: CipherSuite = .aes256gcm) throws {
        folder = NSTemporaryDirectory() + "yijian-journal-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try KeyFile.generate(at: folder + "/keys", suite: suite)
        keys = try KeyFile.read(folder + "/keys")
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var path: String { folder + "/journal" }

    func open(_ settings: JournalSettings = JournalSettings(), calls: FileCalls = FileCalls()) throws -> Journal {
        try Journal.open(path, keys: keys, settings: settings, calls: calls)
    }
}

extension JournalEntry {
    /// Entry number `number`: 60 to 3,000 bytes that compress, with two keys.
    static func sample(_ number: Int, size: Int? = nil) -> JournalEntry {
        let line = "{\"infno\":\"3101\",\"number\":\(number)}"
        let count = size ?? (60 + number * 7919 % 3000)
        let request = String(repeating: line, count: count / line.utf8.count + 1)
        return JournalEntry(
            kind: UInt8(number % 5), keys: [.transport(number), JournalKey("visit", ["V\(number / 10)"])],
            request: Array(request.utf8), answer: Array("answer \(number)".utf8))
    }
}

extension JournalKey {
    static func transport(_ number: Int) -> JournalKey { JournalKey("transport", ["H001", "3101", "M\(number)"]) }
}

extension Journal {
    /// Appends and waits; nil for a failure.
    @discardableResult func put(_ entry: JournalEntry, unlessKnown key: JournalKey? = nil) -> Result<
        JournalReceipt, JournalError
    > {
        let result = Mutex<Result<JournalReceipt, JournalError>?>(nil)
        let done = DispatchSemaphore(value: 0)
        append(entry, unlessKnown: key) { answer in
            result.withLock { $0 = answer }
            done.signal()
        }
        done.wait()
        return result.withLock { $0 } ?? .failure(JournalError(.closed, "", "", at: "", advice: ""))
    }

    func all() throws -> [JournalRecord] {
        var records: [JournalRecord] = []
        try replay { record in
            records.append(record)
            return true
        }
        return records
    }
}

@Suite struct JournalTests {
    @Test(arguments: CipherSuite.allCases) func whatWasRecordedIsFoundAgainAfterAStart(suite: CipherSuite) throws {
        let scratch = try JournalScratch(suite: suite)
        var settings = JournalSettings()
        settings.segmentBytes = 20_000
        settings.hash = suite == .aes256gcm ? .sha256 : .sm3
        let journal = try scratch.open(settings)
        for number in 0..<100 {
            #expect(try journal.put(.sample(number)).get().sequence == UInt64(number))
        }
        func compare(_ journal: Journal) throws {
            let records = try journal.all()
            #expect(records.count == 100)
            for (number, record) in records.enumerated() {
                let entry = JournalEntry.sample(number)
                #expect(record.content == entry.content && record.kind == entry.kind)
                #expect(try journal.newest(.transport(number)) == UInt64(number))
            }
            #expect(try journal.sequences(of: JournalKey("visit", ["V3"])) == (30..<40).reversed().map(UInt64.init))
            #expect(try journal.newest(.transport(100)) == nil)
        }
        try compare(journal)
        journal.close()
        try compare(journal)
        #expect(journal.figures.segments > 5 && journal.figures.unsealedSegments == 1)
        let again = try Journal.read(scratch.path, keys: scratch.keys)
        #expect(again.opening.problems == [] && again.opening.sealedSegments == journal.figures.segments - 1)
        try compare(again)
        let check = try JournalVerification.run(scratch.path, keys: scratch.keys, anchors: [journal.anchor])
        #expect(check.problems == [] && check.next == 100)
    }

    @Test func goesOnWhereItEndedAndKeepsTheChain() throws {
        let scratch = try JournalScratch()
        for round in 0..<10 {
            let journal = try scratch.open()
            #expect(journal.opening.nextSequence == UInt64(round * 3))
            for number in 0..<3 { _ = try journal.put(.sample(round * 3 + number)).get() }
            journal.close()
        }
        let check = try JournalVerification.run(scratch.path, keys: scratch.keys)
        #expect(check.problems == [] && check.next == 30 && check.segments == 1)
    }

    @Test func copiesThatArriveTogetherAreOneRecord() async throws {
        let scratch = try JournalScratch()
        let journal = try scratch.open()
        let receipts = try await withThrowingTaskGroup(of: JournalReceipt.self) { group in
            for turn in 0..<400 {
                let number = turn % 40
                group.addTask { try await journal.append(.sample(number), unlessKnown: .transport(number)) }
            }
            return try await group.reduce(into: [JournalReceipt]()) { $0.append($1) }
        }
        #expect(receipts.count { if case .recorded = $0 { true } else { false } } == 40)
        #expect(Set(receipts.map(\.sequence)).count == 40)
        journal.close()
        let again = try scratch.open()
        #expect(again.opening.nextSequence == 40)
        #expect(
            try again.put(.sample(7), unlessKnown: .transport(7)).get()
                == .known(sequence: again.newest(.transport(7)) ?? 99))
        again.close()
    }

    @Test func nothingReadableLiesInTheFolder() throws {
        let scratch = try JournalScratch()
        let journal = try scratch.open()
        let canary = "CANARY-330106199001011234"
        _ = try journal.put(
            JournalEntry(
                kind: 1, keys: [JournalKey("person", [canary])], request: Array(canary.utf8), answer: Array(canary.utf8)
            )
        ).get()
        journal.close()
        for name in try FileManager.default.contentsOfDirectory(atPath: scratch.path) {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/" + name))
            #expect(bytes.range(of: Data("CANARY".utf8)) == nil)
        }
        #expect(try journal.record(0).request == Array(canary.utf8))
    }

    @Test func aSecondWriterAndAForeignKeyFileAreRefused() throws {
        let scratch = try JournalScratch()
        let journal = try scratch.open()
        _ = try journal.put(.sample(1)).get()
        #expect { try scratch.open() } throws: { ($0 as? JournalError)?.kind == .locked }
        let other = try JournalScratch()
        #expect { try Journal.read(scratch.path, keys: other.keys) } throws: { ($0 as? JournalError)?.kind == .keys }
        journal.close()
    }

    @Test func keysRotateAndOldRecordsStayReadable() throws {
        let scratch = try JournalScratch()
        let journal = try scratch.open()
        _ = try journal.put(.sample(1)).get()
        journal.close()
        try KeyFile.rotate(at: scratch.folder + "/keys", suite: .sm4ctrHmacSm3)
        let keys = try KeyFile.read(scratch.folder + "/keys")
        let rotated = try Journal.open(scratch.path, keys: keys)
        #expect(try rotated.put(.sample(2)).get().sequence == 1)
        rotated.close()
        #expect(try Journal.read(scratch.path, keys: keys).record(0).content == JournalEntry.sample(1).content)
        #expect(try Journal.read(scratch.path, keys: keys).newest(.transport(1)) == 0)
        #expect(try Journal.read(scratch.path, keys: keys).record(1).content == JournalEntry.sample(2).content)
        #expect { try Journal.read(scratch.path, keys: scratch.keys).record(1) } throws: {
            ($0 as? JournalError)?.code == "JRN023"
        }
    }

    @Test func aFloodIsRefusedAndMemoryStaysBounded() throws {
        let scratch = try JournalScratch()
        var settings = JournalSettings()
        settings.waitingRecords = 10
        let gate = DispatchSemaphore(value: 0)
        let calls = FileCalls { call, _ in
            if call == .syncData { gate.wait() }
            return nil
        }
        let journal = try scratch.open(settings, calls: calls)
        let answers = Mutex<[Result<JournalReceipt, JournalError>]>([])
        for number in 0..<5000 { journal.append(.sample(number)) { answer in answers.withLock { $0.append(answer) } } }
        let busy = answers.withLock {
            $0.count { if case .failure(let error) = $0 { error.kind == .busy } else { false } }
        }
        #expect(busy > 4000)
        for _ in 0..<100 { gate.signal() }
        journal.close()
        #expect(answers.withLock { $0.count } == 5000)
        #expect(Int(journal.opening.nextSequence) == 0 && Int(journal.figures.nextSequence) == 5000 - busy)
    }

    /// A sealed file takes the name of the unsealed one, whose space is given back piece by piece: not while somebody reads it.
    @Test func aReaderBesideTheWriterKeepsWhatItReads() throws {
        let scratch = try JournalScratch()
        var settings = JournalSettings()
        settings.segmentBytes = 6 << 20
        let journal = try scratch.open(settings)
        for number in 0..<5 { _ = try journal.put(.sample(number, size: 1 << 20)).get() }
        let reader = try Journal.read(scratch.path, keys: scratch.keys)
        let before = try reader.all()
        // Closes the segment, which is sealed under its name.
        for number in 5..<8 { _ = try journal.put(.sample(number, size: 1 << 20)).get() }
        while journal.figures.unsealedSegments > 1 { usleep(1_000) }
        GradualRelease.finish()
        #expect(try reader.all() == before)
        #expect(before.count == 5)
        #expect(try journal.all().count == 8)
        #expect(try JournalVerification.run(scratch.path, keys: scratch.keys).isWhole)
        journal.close()
    }

    @Test func whatIsKeptLongEnoughIsRetiredAndTheRestVerifies() throws {
        let scratch = try JournalScratch()
        var settings = JournalSettings()
        settings.segmentBytes = 5000
        let time = Mutex<Int64>(0)
        let journal = try Journal.open(scratch.path, keys: scratch.keys, settings: settings) {
            time.withLock { time in
                time += 1000
                return time
            }
        }
        for number in 0..<60 { _ = try journal.put(.sample(number)).get() }
        #expect(throws: JournalError.self) {
            try Journal.read(scratch.path, keys: scratch.keys).retire(olderThan: .max)
        }
        journal.close()
        let again = try scratch.open(settings)
        let instant = try again.record(30).instant
        let first = try again.retire(olderThan: instant)
        #expect(first > 10 && first <= 30)
        // Segments are sealed beside the work; one that is not yet stays until it is.
        var kept = first
        for _ in 0..<2_400 where kept <= 30 {
            usleep(25_000)
            kept = try again.retire(olderThan: .max)
        }
        #expect(kept > 30, "the open segment stays")
        #expect(try again.newest(.transport(3)) == nil && again.newest(.transport(59)) == 59)
        #expect { try again.record(3) } throws: { ($0 as? JournalError)?.kind == .absent }
        again.close()
        #expect(try JournalVerification.run(scratch.path, keys: scratch.keys).problems == [])
        #expect(try scratch.open().opening.problems == [])
    }
}
