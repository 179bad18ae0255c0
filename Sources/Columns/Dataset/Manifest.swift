#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The days a dataset covers, both included, as days since 1970-01-01; `closedWorld` when nothing is missing there.
package struct Coverage: Equatable, Sendable, Codable {
    package let from: Int32
    package let to: Int32
    package let closedWorld: Bool

    package init(from: Int32, to: Int32, closedWorld: Bool) {
        self.from = from
        self.to = to
        self.closedWorld = closedWorld
    }
}

/// What one generation of a dataset consists of: `generations/N.json`.
package struct Manifest: Equatable, Sendable, Codable {
    package struct Parent: Equatable, Sendable, Codable {
        package let generation: Int
        /// SHA-256 of the parent's manifest.
        package let sha256: String
    }

    package struct SegmentEntry: Equatable, Sendable, Codable {
        package let name: String
        /// SHA-256 of the segment's `segment.json`.
        package let sha256: String
    }

    package let format: Int
    package let generation: Int
    package let parent: Parent?
    package let coverage: Coverage
    package let segments: [SegmentEntry]
    package let masters: [String: TableFile]
    package let notes: [String: String]
    /// Generations before this one were pruned; absent when none were.
    package let oldest: Int?

    static let format = 1
}

/// One Arrow file of a dataset and how to know that it is whole.
package struct TableFile: Equatable, Sendable, Codable {
    package let file: String
    package let bytes: Int
    package let rows: Int
    package let sha256: String
    package let checksums: Checksums

    init(file: String, _ summary: FileSummary) {
        self.file = file
        bytes = summary.bytes
        rows = summary.rows
        sha256 = summary.sha256
        checksums = summary.checksums
    }

    /// Whether the counts are possible at all; sums over them cannot overflow.
    var isSound: Bool { (0...(1 << 50)).contains(bytes) && (0...(1 << 40)).contains(rows) }

    func open(in directory: String) throws(ColumnsError) -> ArrowFile {
        let path = directory + "/" + file
        let size = Disk.size(of: path)
        guard size == bytes else {
            throw ColumnsError(
                "COL043", "the file has \(size.map(String.init) ?? "no") bytes where \(bytes) were written", at: path,
                advice: "Restore the file from a copy, or import its source again")
        }
        return try ArrowFile(path: path, checksums: checksums.values)
    }
}

/// One block of a segment: the same whole timelines in each timeline table.
package struct Block: Equatable, Sendable {
    /// Rows per timeline table.
    package let rows: [String: Int]
    package let firstPerson: String
    package let lastPerson: String

    package init(rows: [String: Int], firstPerson: String, lastPerson: String) {
        self.rows = rows
        self.firstPerson = firstPerson
        self.lastPerson = lastPerson
    }
}

/// What one segment consists of: `segment.json`. Blocks are kept as columns, which keeps the file small.
struct SegmentContents: Equatable, Codable {
    struct Blocks: Equatable, Codable {
        let tables: [String]
        /// Rows per table and block.
        let rows: [[Int]]
        let firstPerson: [String]
        let lastPerson: [String]
    }

    let tables: [String: TableFile]
    private let blocks: Blocks

    init(tables: [String: TableFile], blocks list: [Block]) {
        self.tables = tables
        let names = Set(list.flatMap { $0.rows.keys }).sorted()
        blocks = Blocks(
            tables: names, rows: names.map { name in list.map { $0.rows[name] ?? 0 } },
            firstPerson: list.map(\.firstPerson), lastPerson: list.map(\.lastPerson))
    }

    var blockCount: Int { blocks.firstPerson.count }
    /// The tables that are cut into blocks.
    var timelineTables: [String] { blocks.tables }

    /// The blocks; nil when the columns do not have the same length or a count is impossible.
    func list() -> [Block]? {
        guard blocks.lastPerson.count == blockCount, blocks.rows.count == blocks.tables.count,
            blocks.rows.allSatisfy({ $0.count == blockCount && $0.allSatisfy { (0...Int(Int32.max)).contains($0) } }),
            Set(blocks.tables).count == blocks.tables.count
        else { return nil }
        return (0..<blockCount).map { block in
            var rows: [String: Int] = [:]
            for (table, counts) in zip(blocks.tables, blocks.rows) { rows[table] = counts[block] }
            return Block(rows: rows, firstPerson: blocks.firstPerson[block], lastPerson: blocks.lastPerson[block])
        }
    }
}

/// The JSON of manifests: keys sorted, so that equal contents have equal bytes.
enum Json {
    static let byteLimit = 256 << 20

    static func encode(_ value: some Encodable) throws(ColumnsError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(value)) + [0x0A]
        } catch {
            throw ColumnsError("COL044", "a manifest cannot be written: \(error)", at: "JSON", advice: "Report this")
        }
    }

    /// Reads a file that must have the given SHA-256.
    static func decode<Value: Decodable>(
        _ type: Value.Type, _ path: String, sha256: String
    ) throws(ColumnsError) -> Value {
        let bytes = try Disk.read(path, limit: byteLimit)
        guard SHA256.hex(of: bytes) == sha256 else {
            throw ColumnsError(
                "COL042", "the file does not match its SHA-256", at: path,
                advice: "It was changed or damaged: restore it from a copy")
        }
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw ColumnsError(
                "COL044", "the file is not a manifest that this build reads: \(error)", at: path,
                advice: "Use the build that wrote it, or a later one")
        }
    }
}

/// Names that may become file names: ASCII letters, digits, `.`, `_`, `-`, not beginning with a dot.
enum FileName {
    static func isSound(_ name: String) -> Bool {
        guard let first = name.utf8.first, first != 0x2E, name.utf8.count <= 100 else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
    }
}
