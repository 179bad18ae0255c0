import Testing

@testable import Columns

/// Changed, cut and invented bytes end in an error or in other values, never in a crash.
@Suite struct HostileBytesTests {
    private let scratch = Scratch()

    /// Reads everything that can be read; returns how many columns could not.
    private func readAll(_ path: String) throws -> Int {
        let file = try ArrowFile(path: path)
        var refused = 0
        for batch in 0..<min(file.batchCount, 8) {
            for index in file.fields.indices {
                do throws(ColumnsError) {
                    let view = try file.column(index, batch: batch)
                    guard view.count <= 1 << 20 else { continue }
                    let dictionary = view.type == .dictionary ? try file.dictionary(index) : nil
                    _ = SampleTable.describe(view, dictionary: dictionary)
                } catch { refused += 1 }
            }
        }
        return refused
    }

    private func readAll(stream bytes: [UInt8]) throws -> Int {
        var limits = ArrowLimits()
        limits.bodyBytes = 1 << 24
        let reader = try ArrowStreamReader(bytes: bytes, name: "mutated", limits: limits)
        var refused = 0
        while let batch = try reader.next() {
            for index in reader.fields.indices {
                do throws(ColumnsError) {
                    let view = try batch.column(index)
                    guard view.count <= 1 << 20 else { continue }
                    let dictionary = view.type == .dictionary ? try reader.dictionary(index) : nil
                    _ = SampleTable.describe(view, dictionary: dictionary)
                } catch { refused += 1 }
            }
        }
        return refused
    }

    private static func mutate(_ bytes: [UInt8], _ random: inout SplitMix) -> [UInt8] {
        var bytes = bytes
        if random.next() % 16 == 0 { bytes.removeLast(Int(random.next() % UInt64(bytes.count))) }
        let awkward: [UInt32] = [0, 1, 4, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0xFFFF_FFF8, 0x0000_FFFF, 1 << 20]
        for _ in 0..<(1 + random.next() % 4) where bytes.count >= 8 {
            let place = Int(random.next() % UInt64(bytes.count - 7))
            switch random.next() % 3 {
            case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes[place] ^= 1 << UInt8(random.next() % 8)
            default:
                let value = awkward[Int(random.next() % UInt64(awkward.count))]
                for byte in 0..<4 { bytes[place / 4 * 4 + byte] = UInt8(truncatingIfNeeded: value >> UInt32(8 * byte)) }
            }
        }
        return bytes
    }

    @Test func mutatedFilesNeverCrash() throws {
        _ = try SampleTable.write(to: scratch("seed"), batches: [5, 9])
        let seed = try scratch.read("seed")
        var random = SplitMix(state: 20_240_501)
        var (unreadable, partly, whole) = (0, 0, 0)
        for _ in 0..<20_000 {
            try scratch.write(Self.mutate(seed, &random), to: "mutated")
            do {
                if try readAll(scratch("mutated")) > 0 { partly += 1 } else { whole += 1 }
            } catch is ColumnsError { unreadable += 1 }
        }
        // All three ends must have been reached, else the mutations miss what they are for.
        #expect(unreadable > 1000 && partly > 1000 && whole > 1000, "\(unreadable) \(partly) \(whole)")
    }

    @Test func mutatedStreamsNeverCrash() throws {
        _ = try SampleTable.write(to: scratch("seed"), batches: [5, 9], format: .stream)
        let seed = try scratch.read("seed")
        var random = SplitMix(state: 7)
        var (unreadable, partly, whole) = (0, 0, 0)
        for _ in 0..<20_000 {
            do {
                if try readAll(stream: Self.mutate(seed, &random)) > 0 { partly += 1 } else { whole += 1 }
            } catch is ColumnsError { unreadable += 1 }
        }
        #expect(unreadable > 1000 && partly > 1000 && whole > 1000, "\(unreadable) \(partly) \(whole)")
    }

    @Test func shortAndForeignFilesAreNamed() throws {
        for (name, bytes) in [
            ("empty", []), ("short", Array("ARROW1".utf8)), ("text", Array(repeating: 0x41, count: 100)),
            ("parquet", Array("PAR1".utf8) + Array(repeating: 0, count: 50) + Array("PAR1".utf8)),
        ] as [(String, [UInt8])] {
            try scratch.write(bytes, to: name)
            let error = #expect(throws: ColumnsError.self) { try ArrowFile(path: scratch(name)) }
            #expect(error?.place == scratch(name))
            #expect(throws: ColumnsError.self) { try ArrowStreamReader(bytes: bytes, name: name) }
        }
        let missing = #expect(throws: ColumnsError.self) { try ArrowFile(path: scratch("none")) }
        #expect(missing?.code == "COL010")
        #expect(throws: ColumnsError.self) { try ArrowFile(path: scratch.path) }
    }
}
