import Glibc
import Testing

@testable import Columns

@Suite struct ArrowFileTests {
    private let scratch = Scratch()

    @Test(arguments: [[], [0], [1], [7, 0, 64], [1000, 1, 65]])
    func everyTypeComesBack(batches: [Int]) throws {
        for nulls in [true, false] {
            let path = scratch("t\(nulls).arrow")
            let summary = try SampleTable.write(to: path, batches: batches, nulls: nulls)
            let file = try ArrowFile(path: path, checksums: summary.checksums.values)
            #expect(file.fields == SampleTable.fields)
            #expect(file.metadata == ["maker": "test", "名": "值"])
            #expect(file.batchCount == batches.count)
            #expect(file.totalRows == batches.reduce(0, +))
            #expect(summary.rows == file.totalRows)
            #expect(summary.bytes == file.byteCount)
            #expect(summary.sha256 == SHA256.hex(of: try scratch.read("t\(nulls).arrow")))
            var start = 0
            for (batch, rows) in batches.enumerated() {
                let written = SampleTable.columns(rows, from: start, nulls: nulls)
                for index in SampleTable.fields.indices {
                    let view = try file.column(index, batch: batch)
                    let dictionary = view.type == .dictionary ? try file.dictionary(index) : nil
                    #expect(view.nullCount == written[index].nullCount)
                    #expect(UInt(bitPattern: view.values) % 64 == 0)
                    #expect(
                        SampleTable.describe(view, dictionary: dictionary)
                            == SampleTable.describe(written[index].view, dictionary: SampleTable.dictionary.view))
                }
                start += rows
                file.release(batch: batch)
            }
            #expect(file.verifyAll().isEmpty)
        }
    }

    @Test func equalColumnsGiveEqualBytes() throws {
        _ = try SampleTable.write(to: scratch("a"), batches: [100, 5])
        _ = try SampleTable.write(to: scratch("b"), batches: [100, 5])
        #expect(try scratch.read("a") == scratch.read("b"))
    }

    @Test func columnsOverForeignMemoryAreWrittenAsTheyAre() throws {
        let numbers = ColumnBuffer(.int32)
        for value in 0..<100 as Range<Int32> { numbers.append(value) }
        let strings = ColumnBuffer(.utf8)
        for value in 0..<100 { strings.append("s\(value)") }
        // A slice in the middle: its offsets do not begin at zero.
        let slice = ColumnView(
            type: .utf8, count: 50, nullCount: 0, validity: nil, values: strings.view.values,
            offsets: strings.view.offsets.map { $0 + 30 })
        let path = scratch("slice.arrow")
        let writer = try ArrowWriter(path: path, fields: [ColumnField("n", .int32), ColumnField("s", .utf8)])
        try writer.write(
            [
                ColumnBuffer(.int32, borrowing: UnsafeRawPointer(numbers.view.int32 + 30), count: 50),
                ColumnBuffer(borrowing: slice),
            ], rows: 50)
        let file = try ArrowFile(path: path, checksums: try writer.finish().checksums.values)
        #expect(try file.column(0, batch: 0).int32[49] == 79)
        #expect(try file.column(1, batch: 0).string(49) == "s79")
    }

    @Test func whatCannotBeReadBackIsRefused() throws {
        let fields = [ColumnField("c", .dictionary), ColumnField("n", .int32, nullable: false)]
        let writer = try ArrowWriter(
            path: scratch("bad.arrow"), fields: fields, dictionaries: [0: StringTable(["a"])])
        let (codes, numbers) = (ColumnBuffer(.dictionary), ColumnBuffer(.int32))
        codes.append(1 as Int32)
        numbers.append(5 as Int32)
        #expect(throws: ColumnsError.self) { try writer.write([codes, numbers], rows: 1) }
        codes.reset()
        numbers.reset()
        codes.append(0 as Int32)
        numbers.appendNull()
        let error = #expect(throws: ColumnsError.self) { try writer.write([codes, numbers], rows: 1) }
        #expect(error?.code == "COL031")
    }

    @Test func aChangedBufferIsFoundBeforeItIsUsed() throws {
        let path = scratch("t.arrow")
        let summary = try SampleTable.write(to: path, batches: [300])
        let sound = try ArrowFile(path: path, checksums: summary.checksums.values)
        let place = sound.index(of: "money").map { $0 } ?? 0
        let value = try sound.column(place, batch: 0).int64[101]
        var bytes = try scratch.read("t.arrow")
        let pattern = withUnsafeBytes(of: value.littleEndian) { Array($0) }
        let found = bytes.indices.first { Array(bytes[$0..<min($0 + 8, bytes.count)]) == pattern }
        bytes[try #require(found)] ^= 1
        try scratch.write(bytes, to: "changed.arrow")
        let changed = try ArrowFile(path: scratch("changed.arrow"), checksums: summary.checksums.values)
        let error = #expect(throws: ColumnsError.self) { try changed.column(place, batch: 0) }
        #expect(error?.code == "COL021")
        #expect(error?.place.contains("batch 0, column 'money'") == true)
        _ = try changed.column(0, batch: 0)
        #expect(changed.verifyAll().count == 1)
    }

    @Test func streamsComeBackFromBytesAndPipes() throws {
        _ = try SampleTable.write(to: scratch("s"), batches: [10, 0, 200], format: .stream)
        let bytes = try scratch.read("s")
        let reader = try ArrowStreamReader(bytes: bytes, name: "sample")
        #expect(reader.fields == SampleTable.fields)
        var (start, sizes) = (0, [Int]())
        while let batch = try reader.next() {
            let written = SampleTable.columns(batch.rows, from: start)
            for index in SampleTable.fields.indices {
                let view = try batch.column(index)
                let dictionary = view.type == .dictionary ? try reader.dictionary(index) : nil
                #expect(
                    SampleTable.describe(view, dictionary: dictionary)
                        == SampleTable.describe(written[index].view, dictionary: SampleTable.dictionary.view))
            }
            start += batch.rows
            sizes.append(batch.rows)
        }
        #expect(sizes == [10, 0, 200])
        // Cut off anywhere it is an error, never a shorter table.
        for length in stride(from: 0, to: bytes.count, by: 97) {
            #expect(throws: ColumnsError.self) {
                let reader = try ArrowStreamReader(bytes: Array(bytes[..<length]), name: "cut")
                while try reader.next() != nil {}
            }
        }
    }
}

/// What many threads, pipes and full disks do.
@Suite struct ArrowSurroundingsTests {
    private let scratch = Scratch()

    @Test func manyThreadsTouchOneFileFirst() async throws {
        let path = scratch("t.arrow")
        let summary = try SampleTable.write(to: path, batches: [500, 500, 500, 500])
        let file = try ArrowFile(path: path, checksums: summary.checksums.values)
        let expected = try SampleTable.describe(file.column(7, batch: 3))
        for _ in 0..<20 {
            let fresh = try ArrowFile(path: path, checksums: summary.checksums.values)
            await withTaskGroup(of: [String]?.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for batch in 0..<4 {
                            for index in SampleTable.fields.indices { _ = try? fresh.column(index, batch: batch) }
                        }
                        return try? SampleTable.describe(fresh.column(7, batch: 3))
                    }
                }
                for await result in group { #expect(result == expected) }
            }
        }
    }

    @Test func aPipeCarriesAStream() async throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let (output, input) = (ends[0], ends[1])
        let fields = SampleTable.fields
        let writing = Task.detached {
            defer { close(input) }
            let writer = try ArrowWriter(
                descriptor: input, name: "pipe", fields: fields, dictionaries: SampleTable.dictionaries)
            for batch in 0..<20 { try writer.write(SampleTable.columns(5000, from: batch * 5000), rows: 5000) }
            return try writer.finish()
        }
        let reader = try ArrowStreamReader(descriptor: output, name: "pipe")
        defer { close(output) }
        var (rows, sum) = (0, Int64(0))
        while let batch = try reader.next() {
            let view = try batch.column(2)
            for row in 0..<batch.rows where view.isValid(row) { sum &+= view.int64[row] }
            rows += batch.rows
        }
        let expected = SampleTable.columns(100_000)[2]
        var expectedSum = Int64(0)
        for row in 0..<100_000 where expected.view.isValid(row) { expectedSum &+= expected.view.int64[row] }
        #expect(rows == 100_000 && sum == expectedSum)
        #expect(try await writing.value.rows == rows)
    }

    @Test func aFullDiskIsNamed() throws {
        let descriptor = open("/dev/full", O_WRONLY)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let writer = try ArrowWriter(
            descriptor: descriptor, name: "/dev/full", fields: SampleTable.fields,
            dictionaries: SampleTable.dictionaries)
        let error = #expect(throws: ColumnsError.self) {
            try writer.write(SampleTable.columns(100_000), rows: 100_000)
            _ = try writer.finish()
        }
        #expect(error?.place == "/dev/full" && error?.advice.contains("make room") == true)
    }

    @Test func claimsOfMuchMemoryAreRefusedOrCostNothing() throws {
        _ = try SampleTable.write(to: scratch("s"), batches: [10], format: .stream)
        let bytes = try scratch.read("s")
        // The length of the first message's metadata claims a gigabyte.
        var claiming = bytes
        claiming.replaceSubrange(4..<8, with: [0, 0, 0, 0x40])
        let error = #expect(throws: ColumnsError.self) { try ArrowStreamReader(bytes: claiming, name: "claim") }
        #expect(error?.message.contains("claims") == true)
        var limits = ArrowLimits()
        limits.fields = 3
        #expect(throws: ColumnsError.self) { try ArrowStreamReader(bytes: bytes, name: "wide", limits: limits) }
        limits = ArrowLimits()
        limits.rowsPerBatch = 5
        #expect(throws: ColumnsError.self) { try ArrowStreamReader(bytes: bytes, name: "long", limits: limits) }
    }
}
