import Glibc
import Testing

@testable import Columns

@Suite struct DatasetTests {
    private let scratch = Scratch()
    private static let fields = [ColumnField("person", .int32), ColumnField("item", .dictionary)]
    private static let items = [1: StringTable(["A", "B"])]

    /// Adds one segment of two blocks and, when named, a master; commits.
    private func grow(
        _ path: String, _ segment: String, master: String? = nil, disk: Disk = Disk(), to day: Int32 = 31,
        tables: [String] = ["line", "person", "stock"]
    ) throws -> Int {
        let draft = try GenerationDraft(dataset: path, disk: disk)
        let part = try draft.addSegment(segment)
        for table in tables {
            let writer = try part.writer(for: table, fields: Self.fields, dictionaries: Self.items)
            for rows in table == "stock" ? [5] : [3, 4] {
                let columns = Self.fields.map { ColumnBuffer($0.type) }
                for row in 0..<rows { for column in columns { column.append(Int32(row % 2)) } }
                try writer.write(columns, rows: rows)
            }
            try part.finish(table, writer)
        }
        part.blocks = [(3, "a", "c"), (4, "d", "g")].map {
            Block(
                rows: tables.contains("person") ? ["line": $0.0, "person": $0.0] : ["line": $0.0], firstPerson: $0.1,
                lastPerson: $0.2)
        }
        if let master {
            let writer = try draft.masterWriter(for: "item", fields: [ColumnField("code", .utf8)])
            let names = ColumnBuffer(.utf8)
            names.append(master)
            try writer.write([names], rows: 1)
            try draft.finishMaster("item", writer)
        }
        return try draft.commit(coverage: Coverage(from: 0, to: day, closedWorld: false), notes: ["by": segment])
    }

    @Test func generationsGrowAndStayReadable() throws {
        let path = scratch("data")
        #expect(Dataset.currentGeneration(path) == nil)
        #expect(try grow(path, "s1", master: "one") == 1)
        let first = try Dataset.open(path)
        #expect(try grow(path, "s2", master: "two", to: 59) == 2)
        #expect(try grow(path, "s3", master: "two", to: 90) == 3)
        let third = try Dataset.open(path)
        #expect(third.generation == 3 && third.segments.map(\.name) == ["s1", "s2", "s3"])
        #expect(third.coverage == Coverage(from: 0, to: 90, closedWorld: false) && third.notes == ["by": "s3"])
        let segment = third.segments[1]
        #expect(segment.blockCount == 2 && segment.rows("line", block: 1) == 4 && segment.firstPerson(1) == "d")
        #expect(segment.isTimeline("line") && !segment.isTimeline("stock") && segment.totalRows("stock") == 5)
        let file = try #require(try segment.file("line"))
        #expect(try segment.file("line") === file)
        #expect(try file.column(1, batch: 1).int32[3] == 1)
        #expect(try segment.file("scan") == nil && third.master("ward") == nil)
        #expect(try third.master("item")?.column(0, batch: 0).string(0) == "two")
        #expect(try first.master("item")?.column(0, batch: 0).string(0) == "one")
        let second = try Dataset.open(path, generation: 2)
        #expect(second.segments.map(\.name) == ["s1", "s2"])
        #expect(throws: ColumnsError.self) { try Dataset.open(path, generation: 4) }
        #expect(third.verify().isEmpty, "\(third.verify())")
        // Compaction: a new segment takes the place of the old ones, which older generations still have.
        let draft = try GenerationDraft(dataset: path)
        draft.keptSegments = ["s3"]
        #expect(try draft.commit(coverage: third.coverage) == 4)
        #expect(try Dataset.open(path).segments.map(\.name) == ["s3"])
        #expect(Dataset.verify(path).isEmpty)
    }

    @Test func onlyOneWriterAndSoundNames() throws {
        let path = scratch("data")
        _ = try grow(path, "s1")
        let draft = try GenerationDraft(dataset: path)
        let busy = #expect(throws: ColumnsError.self) { try GenerationDraft(dataset: path) }
        #expect(busy?.advice.contains("Another writer") == true)
        for name in ["s1", "../x", "", ".x", "a/b", String(repeating: "x", count: 200)] {
            #expect(throws: ColumnsError.self) { try draft.addSegment(name) }
        }
        draft.abandon()
        _ = try GenerationDraft(dataset: path)
        #expect(Dataset.verify(path).isEmpty)
        try Disk().makeDirectory(scratch("home"))
        try scratch.write([1], to: "home/thesis.txt")
        let error = #expect(throws: ColumnsError.self) { try GenerationDraft(dataset: scratch("home")) }
        #expect(error?.message.contains("thesis.txt") == true)
    }

    /// Whoever can write a dataset can also write matching hashes: the contents must still be possible.
    @Test func impossibleManifestsAreRefused() throws {
        let path = scratch("data")
        _ = try grow(path, "s1", master: "one", tables: ["line"])
        let manifest = String(decoding: try scratch.read("data/generations/1.json"), as: UTF8.self)
        let segment = String(decoding: try scratch.read("data/segments/s1/segment.json"), as: UTF8.self)
        func publish(_ manifest: String, as number: String = "1") throws {
            try scratch.write(Array(manifest.utf8), to: "data/generations/\(number).json")
            try scratch.write(Array("\(number) \(SHA256.hex(of: manifest))\n".utf8), to: "data/CURRENT")
        }
        try publish(manifest)
        #expect(try Dataset.open(path).generation == 1)
        for (part, other) in [
            ("\"format\":1", "\"format\":2"), ("\"generation\":1", "\"generation\":2"), ("\"s1\"", "\"../s1\""),
            ("\"rows\":1", "\"rows\":-1"), ("\"rows\":1", "\"rows\":9223372036854775807"), ("{", "["),
            ("\"rows\":1", "\"rows\":1e999"), ("\"coverage\":", "\"coverage\":" + String(repeating: "[", count: 9999)),
        ] {
            #expect(manifest.contains(part))
            try publish(manifest.replacing(part, with: other))
            #expect(throws: ColumnsError.self, "\(other)") { try Dataset.open(path) }
            #expect(!Dataset.verify(path).isEmpty && fails { _ = try GenerationDraft(dataset: path) })
        }
        let huge = "9223372036854775807"
        try publish(manifest.replacing("\"generation\":1", with: "\"generation\":\(huge)"), as: huge)
        #expect(throws: ColumnsError.self) { try GenerationDraft(dataset: path) }
        try Disk().remove(path + "/generations/\(huge).json")
        for (part, other) in [
            ("[3,4]", "[3]"), ("[3,4]", "[3,-4]"), ("[3,4]", "[3,9223372036854775807]"),
            ("line.arrow", "../line.arrow"),
            ("\"tables\":[\"line\"]", "\"tables\":[\"person\"]"),
        ] {
            #expect(segment.contains(part), "\(part)")
            let changed = segment.replacing(part, with: other)
            try scratch.write(Array(changed.utf8), to: "data/segments/s1/segment.json")
            try publish(manifest.replacing(SHA256.hex(of: segment), with: SHA256.hex(of: changed)))
            #expect(throws: ColumnsError.self, "\(other)") { try Dataset.open(path) }
        }
    }

    private func fails(_ work: () throws -> Void) -> Bool {
        do { try work() } catch { return true }
        return false
    }

    @Test func everyChangedByteIsFound() throws {
        let path = scratch("data")
        _ = try grow(path, "s1", master: "one", tables: ["line"])
        _ = try GenerationDraft(dataset: path).commit(coverage: Coverage(from: 0, to: 59, closedWorld: true))
        #expect(Dataset.verify(path).isEmpty)
        var files: [String] = []
        var folders = [path]
        while let folder = folders.popLast() {
            for name in Disk.names(in: folder) {
                let entry = folder + "/" + name
                if Disk.isDirectory(entry) { folders.append(entry) } else { files.append(entry) }
            }
        }
        #expect(files.count == 7)
        var random = SplitMix(state: 5)
        for file in files {
            let size = try #require(Disk.size(of: file))
            for place in 0..<size {
                let mask = 1 << UInt8(random.next() % 8) as UInt8
                try flip(file, place, mask)
                if Dataset.verify(path).filter({ !$0.isHarmless }).isEmpty {
                    Issue.record("byte \(place) of \(file) changed by \(mask) and nothing was found")
                }
                try flip(file, place, mask)
            }
        }
        #expect(Dataset.verify(path).isEmpty)
    }

    private func flip(_ file: String, _ place: Int, _ mask: UInt8) throws {
        let descriptor = open(file, O_RDWR)
        defer { close(descriptor) }
        var byte: UInt8 = 0
        try #require(pread(descriptor, &byte, 1, place) == 1)
        byte ^= mask
        try #require(pwrite(descriptor, &byte, 1, place) == 1)
    }

    @Test func missingExtraAndCutFilesAreFound() throws {
        let path = scratch("data")
        _ = try grow(path, "s1", master: "one")
        let victims = ["segments/s1/line.arrow", "segments/s1/segment.json", "generations/1.json", "CURRENT"]
        for victim in victims + Disk.names(in: path + "/masters").map({ "masters/" + $0 }) {
            let bytes = try scratch.read("data/" + victim)
            try Disk().remove(path + "/" + victim)
            #expect(!Dataset.verify(path).isEmpty, "\(victim) is missing")
            try scratch.write(Array(bytes.dropLast(1)), to: "data/" + victim)
            #expect(!Dataset.verify(path).isEmpty, "\(victim) is cut")
            try scratch.write(bytes + [0], to: "data/" + victim)
            #expect(!Dataset.verify(path).isEmpty, "\(victim) is too long")
            try scratch.write(bytes, to: "data/" + victim)
            #expect(Dataset.verify(path).isEmpty)
        }
        for extra in ["x", "segments/s1/x", "masters/x", "generations/x", "segments/x", "generations/7.json", ".lock"] {
            try scratch.write([1], to: "data/" + extra)
            #expect(!Dataset.verify(path).isEmpty, "\(extra) is extra")
            try Disk().remove(path + "/" + extra)
        }
    }

    /// Nothing that `CURRENT` will lead to may still be in flight when it is switched: a cut of power keeps no promises
    /// about what was not made durable.
    @Test func everythingIsDurableBeforeTheSwitch() throws {
        let path = scratch("data")
        let log = OperationLog()
        _ = try grow(path, "s1", master: "one", disk: log.disk)
        let operations = log.operations
        let switches = operations.indices.filter { operations[$0] == .init(.rename, path + "/CURRENT") }
        // Once for the empty dataset, once for the commit.
        try #require(switches.count == 2)
        let before = operations[..<switches[1]]
        var written = 0
        for (index, entry) in before.enumerated() where entry.operation == .write {
            written += 1
            #expect(before[index...].contains(.init(.sync, entry.path)), "\(entry.path) is not durable")
        }
        #expect(written >= 7)
        for (index, entry) in before.enumerated() where [.create, .rename, .makeDirectory].contains(entry.operation) {
            let folder = String(entry.path.prefix(upTo: entry.path.lastIndex(of: "/") ?? entry.path.startIndex))
            // What is staged moves on: its new folder is the one that counts.
            if entry.path.contains("/.staging") && !entry.path.contains("/segments/s1/") { continue }
            if entry.path == path || entry.path.hasSuffix("CURRENT.new") { continue }
            #expect(before[index...].contains(.init(.syncDirectory, folder)), "\(folder) is not durable")
        }
        #expect(operations[switches[1]...].contains(.init(.syncDirectory, path)))
    }

    /// A program that is started meanwhile has every file until it begins: it must not keep the writer's lock.
    @Test func aChildThatHasTheFileDoesNotKeepTheLock() throws {
        let lock = try Disk().lock(scratch(".lock"))
        let child = dup(lock)
        defer { close(child) }
        #expect(throws: ColumnsError.self) { _ = try Disk().lock(scratch(".lock")) }
        Disk.unlock(lock)
        Disk.unlock(try Disk().lock(scratch(".lock")))
    }

    /// Every file operation of a commit fails once, by an error or by the end of the process.
    @Test(arguments: [ENOSPC, EIO, -1])
    func aCommitThatFailsAnywhereLeavesOldOrNew(code: Int32) throws {
        for fresh in [true, false] {
            var step = 0
            var outcomes: Set<Int?> = []
            while true {
                let path = scratch("d\(code)-\(fresh)-\(step)")
                if !fresh { _ = try grow(path, "s1", master: "one") }
                let fault = Fault(step: step, code: code)
                var wasReported = false
                do {
                    _ = try grow(path, "s2", master: "two", disk: fault.disk)
                } catch let error as ColumnsError {
                    wasReported = true
                    #expect(error.place.hasPrefix(path) || error.place == scratch.path + "/")
                    #expect(!error.advice.isEmpty)
                }
                if !fault.wasReached { break }
                let generation = Dataset.currentGeneration(path)
                outcomes.insert(generation)
                if let generation, generation > 0 {
                    let dataset = try Dataset.open(path)
                    #expect(dataset.segments.last?.name == (generation == (fresh ? 1 : 2) ? "s2" : "s1"))
                    let problems = Dataset.verify(path).filter { !$0.isHarmless }
                    #expect(problems.isEmpty, "step \(step): \(problems)")
                    // A reported failure with room on the disk leaves nothing behind; a kill may.
                    if code > 0 && wasReported { #expect(Dataset.verify(path).isEmpty, "step \(step)") }
                }
                // The next writer goes on as if nothing had been.
                let next = try grow(path, "s3", master: "three")
                #expect(next == (generation ?? 0) + 1)
                #expect(Dataset.verify(path).isEmpty, "step \(step): \(Dataset.verify(path))")
                try Disk().remove(path)
                step += 1
            }
            #expect(step > 40, "a commit has \(step) file operations")
            #expect(outcomes.contains(fresh ? 1 : 2) && outcomes.contains(fresh ? 0 : 1))
        }
    }
}

/// Notes every file operation.
private final class OperationLog: @unchecked Sendable {
    struct Entry: Equatable {
        let operation: DiskOperation
        let path: String

        init(_ operation: DiskOperation, _ path: String) {
            self.operation = operation
            self.path = path
        }
    }

    private(set) var operations: [Entry] = []

    var disk: Disk {
        Disk { operation, path in
            self.operations.append(Entry(operation, path))
            return 0
        }
    }
}

/// Makes one file operation fail: with an error, or (-1) as the last moment of the process.
private final class Fault: @unchecked Sendable {
    private let step: Int
    private let code: Int32
    private var count = 0
    private(set) var wasReached = false

    init(step: Int, code: Int32) {
        self.step = step
        self.code = code
    }

    var disk: Disk {
        Disk { _, _ in
            defer { self.count += 1 }
            if self.count == self.step { self.wasReached = true }
            if self.code < 0 { return self.count >= self.step ? EINTR : 0 }
            return self.count == self.step ? self.code : 0
        }
    }
}
