import Foundation
import Synchronization
import Testing

@testable import Ledger

/// Disks fail, processes die, bytes rot: what was acknowledged stays, what was not is whole or absent, and all damage is found.
@Suite struct JournalFaultTests {
    private static let small = 40

    /// Small segments, so that few records already fill some.
    private static var settings: JournalSettings { settings(lag: 3) }

    /// With a lag of 0 every segment is sealed as it lies.
    private static func settings(lag: Int) -> JournalSettings {
        var settings = JournalSettings()
        settings.segmentBytes = 900
        settings.lagSegments = lag
        return settings
    }

    @Test func aTailTornAtAnyByteIsLeftOut() throws {
        let scratch = try JournalScratch()
        let journal = try scratch.open()
        var ends: [Int] = []
        let file = URL(fileURLWithPath: scratch.path + "/00000000000000000000.journal")
        for number in 0..<5 {
            _ = try journal.put(.sample(number, size: Self.small)).get()
            ends.append(try Data(contentsOf: file).count)
        }
        journal.close()
        let bytes = try Data(contentsOf: file)
        for length in ends[1]..<bytes.count {
            let other = try JournalScratch()
            try FileManager.default.createDirectory(atPath: other.path, withIntermediateDirectories: true)
            try bytes.prefix(length).write(to: URL(fileURLWithPath: other.path + "/00000000000000000000.journal"))
            let torn = try Journal.open(other.path, keys: scratch.keys)
            let whole = ends.count { $0 <= length }
            #expect(torn.opening.nextSequence == UInt64(whole))
            #expect(torn.opening.problems.allSatisfy { $0.isHarmless })
            #expect(torn.opening.cutBytes == length - ends[whole - 1])
            _ = try torn.put(.sample(77, size: Self.small)).get()
            torn.close()
            let check = try JournalVerification.run(other.path, keys: scratch.keys)
            #expect(check.problems == [] && check.next == UInt64(whole + 1), "cut at \(length)")
            let records = try Journal.read(other.path, keys: scratch.keys).all()
            #expect(
                records.map(\.content) == ((0..<whole) + [77]).map { JournalEntry.sample($0, size: Self.small).content }
            )
        }
    }

    @Test(arguments: [0, 3]) func everyFlippedByteIsFoundAndNoneIsServedAsTruth(lag: Int) throws {
        let scratch = try JournalScratch()
        let journal = try scratch.open(Self.settings(lag: lag))
        for number in 0..<4 { _ = try journal.put(.sample(number, size: Self.small)).get() }
        journal.close()
        let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path).filter {
            $0.hasSuffix(".journal")
        }
        #expect(names.count >= 2)
        #expect(try JournalVerification.run(scratch.path, keys: scratch.keys).problems == [])
        var flips = 0
        for name in names.sorted() {
            let url = URL(fileURLWithPath: scratch.path + "/" + name)
            let good = try Data(contentsOf: url)
            for place in 0..<good.count {
                var bad = good
                bad[place] ^= place % 2 == 0 ? 1 : 0x80
                try bad.write(to: url)
                flips += 1
                // Without keys: checksums and links alone find it.
                #expect(try JournalVerification.run(scratch.path).isWhole == false, "\(name) byte \(place)")
                guard let reading = try? Journal.read(scratch.path, keys: scratch.keys) else { continue }
                for number in 0..<4 {
                    let entry = JournalEntry.sample(number, size: Self.small)
                    if let record = try? reading.record(UInt64(number)) { #expect(record.content == entry.content) }
                }
            }
            try good.write(to: url)
        }
        #expect(flips > 1000)
    }

    @Test func damageAmongAcknowledgedRecordsIsNoTornTail() throws {
        let scratch = try JournalScratch()
        let journal = try scratch.open()
        for number in 0..<6 { _ = try journal.put(.sample(number, size: Self.small)).get() }
        journal.close()
        let url = URL(fileURLWithPath: scratch.path + "/00000000000000000000.journal")
        var bytes = try Data(contentsOf: url)
        let frame = (bytes.count - SegmentHeader.byteCount) / 6
        bytes[SegmentHeader.byteCount + 2 * frame + 60] ^= 1
        try bytes.write(to: url)
        let again = try scratch.open()
        #expect(again.opening.problems.contains { $0.code == "JRN031" })
        #expect(again.opening.nextSequence == 6)
        #expect { try again.record(2) } throws: { ($0 as? JournalError)?.kind == .damaged }
        #expect(try again.record(5).content == JournalEntry.sample(5, size: Self.small).content)
        #expect(try again.put(.sample(6, size: Self.small)).get().sequence == 6)
        again.close()
        #expect(try Data(contentsOf: url) == bytes, "the damaged file is left as it is")
        #expect(try scratch.open().opening.problems.contains { $0.code == "JRN031" })
    }

    /// One run: open, append, fill segments, close. Returns numbers acknowledged and numbers refused.
    private func run(
        _ scratch: JournalScratch, lag: Int, calls: FileCalls
    ) -> (acknowledged: [Int: UInt64], refused: [Int]) {
        guard let journal = try? scratch.open(Self.settings(lag: lag), calls: calls) else { return ([:], []) }
        var acknowledged: [Int: UInt64] = [:]
        var refused: [Int] = []
        for number in 0..<8 {
            switch journal.put(.sample(number, size: Self.small)) {
            case .success(let receipt): acknowledged[number] = receipt.sequence
            case .failure: refused.append(number)
            }
        }
        journal.close()
        return (acknowledged, refused)
    }

    private func compare(
        _ scratch: JournalScratch, acknowledged: [Int: UInt64], refused: [Int], _ what: String
    ) throws {
        let journal = try scratch.open(Self.settings)
        let requests = try journal.all().map(\.content)
        for (number, sequence) in acknowledged {
            #expect(
                requests.indices.contains(Int(sequence))
                    && requests[Int(sequence)] == JournalEntry.sample(number, size: Self.small).content, "lost: \(what)"
            )
        }
        let possible = Set((0..<8).map { JournalEntry.sample($0, size: Self.small).content })
        #expect(requests.allSatisfy { possible.contains($0) }, "invented: \(what)")
        #expect(Set(requests).count == requests.count, "doubled: \(what)")
        // It takes records again, and all is one whole.
        for number in refused {
            let receipt = journal.put(.sample(number, size: Self.small), unlessKnown: .transport(number))
            #expect((try? receipt.get()) != nil)
        }
        journal.close()
        let check = try JournalVerification.run(scratch.path, keys: scratch.keys)
        #expect(check.problems == [], "\(what)")
        if !acknowledged.isEmpty || !refused.isEmpty { #expect(check.next == 8, "\(what)") }
    }

    /// Counts the calls of an undisturbed run.
    private func callCount(lag: Int) throws -> Int {
        let count = Mutex(0)
        let result = run(
            try JournalScratch(), lag: lag,
            calls: FileCalls { _, _ in
                count.withLock { $0 += 1 }
                return nil
            })
        #expect(result.acknowledged.count == 8)
        return count.withLock { $0 }
    }

    @Test(
        arguments: [
            FileFault.error(EIO), .error(ENOSPC), .error(EINTR), .error(EDQUOT), .short(1), .torn(0, EIO),
            .torn(37, ENOSPC), .torn(300, EIO),
        ], [0, 3]) func everyCallOfARunFailsInTurn(fault: FileFault, lag: Int) throws
    {
        let calls = try callCount(lag: lag)
        #expect(calls > 40)
        for turn in 0..<calls {
            let scratch = try JournalScratch()
            let count = Mutex(0)
            let result = run(
                scratch, lag: lag,
                calls: FileCalls { _, _ in
                    count.withLock { count in
                        count += 1
                        return count == turn + 1 ? fault : nil
                    }
                })
            if fault == .error(EINTR) || fault == .short(1) { #expect(result.acknowledged.count == 8) }
            #expect(result.refused.count <= 2)
            try compare(scratch, acknowledged: result.acknowledged, refused: result.refused, "\(fault) at call \(turn)")
        }
    }

    /// From one call on nothing works any more, as after a crash; the write in flight is cut somewhere.
    @Test(arguments: [0, 3]) func theWorldStopsAtEveryCall(lag: Int) throws {
        let calls = try callCount(lag: lag)
        for turn in 0..<calls {
            let scratch = try JournalScratch()
            let count = Mutex(0)
            let result = run(
                scratch, lag: lag,
                calls: FileCalls { call, _ in
                    count.withLock { count in
                        count += 1
                        if count <= turn { return nil }
                        return call == .write && count == turn + 1 ? .torn(turn * 37 % 400, EIO) : .error(EIO)
                    }
                })
            try compare(scratch, acknowledged: result.acknowledged, refused: result.refused, "stopped at call \(turn)")
        }
    }

    @Test func aFullDiskRefusesAndSpaceThatReturnsIsUsed() throws {
        let scratch = try JournalScratch()
        let isFull = Mutex(false)
        let calls = FileCalls { call, _ in
            isFull.withLock { $0 } && [.write, .create].contains(call) ? .torn(50, ENOSPC) : nil
        }
        let journal = try scratch.open(Self.settings, calls: calls)
        for number in 0..<40 {
            isFull.withLock { $0 = number % 10 >= 5 }
            let result = journal.put(.sample(number, size: Self.small))
            if number % 10 >= 5 {
                #expect { try result.get() } throws: { ($0 as? JournalError)?.kind == .full }
                #expect(!journal.figures.isTaking)
            } else {
                #expect((try? result.get()) != nil)
                #expect(journal.figures.isTaking)
            }
        }
        isFull.withLock { $0 = false }
        journal.close()
        let check = try JournalVerification.run(scratch.path, keys: scratch.keys)
        #expect(check.problems == [] && check.next == 20)
    }

    @Test func clocksMayJump() throws {
        let scratch = try JournalScratch()
        let day: Int64 = 86_400_000
        let times: [Int64] = [0, 3650 * day, -3650 * day, 5, 5, -1, .max, .min, 1_709_164_800_000]
        let turn = Mutex(0)
        let journal = try Journal.open(scratch.path, keys: scratch.keys, settings: Self.settings) {
            turn.withLock { turn in
                turn += 1
                return times[turn % times.count]
            }
        }
        for number in 0..<30 { _ = try journal.put(.sample(number, size: Self.small)).get() }
        journal.close()
        #expect(try JournalVerification.run(scratch.path, keys: scratch.keys).problems == [])
        let again = try scratch.open()
        #expect(again.opening.nextSequence == 30)
        #expect(try again.newest(.transport(12)) == 12)
    }

    @Test func aTailCutOffIsFoundByAnAnchorHeldElsewhere() throws {
        let scratch = try JournalScratch()
        let journal = try scratch.open(Self.settings)
        for number in 0..<4 { _ = try journal.put(.sample(number, size: Self.small)).get() }
        let early = journal.anchor
        for number in 4..<8 { _ = try journal.put(.sample(number, size: Self.small)).get() }
        let late = journal.anchor
        journal.close()
        #expect(try JournalVerification.run(scratch.path, anchors: [early, late]).problems == [])
        let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path).filter {
            $0.hasSuffix(".journal")
        }
        .sorted()
        let last = names.last
        try FileManager.default.removeItem(atPath: scratch.path + "/" + #require(last))
        #expect(try JournalVerification.run(scratch.path).problems == [])
        #expect(try JournalVerification.run(scratch.path, anchors: [early, late]).isWhole == false)
    }

    @Test func aMissingSegmentIsNamedAndNeverPassedOver() throws {
        let scratch = try JournalScratch()
        let journal = try scratch.open(Self.settings)
        for number in 0..<20 { _ = try journal.put(.sample(number, size: Self.small)).get() }
        journal.close()
        let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path).filter {
            $0.hasSuffix(".journal")
        }
        #expect(names.count > 3)
        try FileManager.default.removeItem(atPath: scratch.path + "/" + names.sorted()[1])
        #expect(try JournalVerification.run(scratch.path).problems.map(\.code) == ["JRN034"])
        let reading = try Journal.read(scratch.path, keys: scratch.keys)
        #expect(reading.opening.problems.map(\.code) == ["JRN034"])
        #expect { try reading.all() } throws: { ($0 as? JournalError)?.code == "JRN034" }
        #expect(try reading.record(19).content == JournalEntry.sample(19, size: Self.small).content)
    }

    /// A segment is sealed as it lies when others wait; what is found of it and read in it is the same.
    @Test func sealedAsTheyLieSegmentsKeepTheirBytes() throws {
        let scratch = try JournalScratch()
        let journal = try scratch.open(Self.settings(lag: 0))
        for number in 0..<30 { _ = try journal.put(.sample(number, size: Self.small)).get() }
        journal.close()
        #expect(journal.figures.segments > 5 && journal.figures.unsealedSegments == 1)
        #expect(journal.opening.problems == [] && journal.figures.sealingFailures == 0)
        let check = try JournalVerification.run(scratch.path, keys: scratch.keys, anchors: [journal.anchor])
        #expect(check.problems == [] && check.next == 30)
        let again = try scratch.open(Self.settings)
        #expect(again.opening.problems == [] && again.opening.sealedSegments == journal.figures.segments - 1)
        for number in 0..<30 {
            #expect(try again.newest(.transport(number)) == UInt64(number))
            #expect(
                try again.record(UInt64(number)).content == JournalEntry.sample(number, size: Self.small).content)
        }
        // A record in such a segment can still be forgotten.
        try again.erase(4)
        again.close()
        #expect { try again.record(4) } throws: { ($0 as? JournalError)?.kind == .absent }
        let rest = try JournalVerification.run(scratch.path, keys: scratch.keys)
        #expect(rest.problems == [] && rest.erased == 1 && rest.next == 30)
    }

    /// Sealing that lags must never touch the segment that is being written. A campaign of killed writers found that it did.
    @Test func sealingThatLagsLosesNothing() throws {
        let scratch = try JournalScratch()
        // Only sealing reads while records are written.
        let calls = FileCalls { call, _ in
            if call == .read { usleep(30_000) }
            return nil
        }
        let journal = try scratch.open(Self.settings, calls: calls)
        for number in 0..<60 {
            _ = try journal.put(.sample(number, size: Self.small)).get()
            // Now and then the writer rests until sealing has caught up, and then goes on in the open segment.
            for _ in 0..<5000 where number % 10 == 9 && journal.figures.unsealedSegments > 1 { usleep(1000) }
        }
        journal.close()
        let check = try JournalVerification.run(scratch.path, keys: scratch.keys)
        #expect(check.problems == [] && check.next == 60)
        #expect(try Journal.read(scratch.path, keys: scratch.keys).all().count == 60)
    }
}
