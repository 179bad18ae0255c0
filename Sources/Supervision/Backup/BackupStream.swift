import Database
import Foundation

/// What stands inside a backup: first what it is, then each table with its rows, at the end how many rows there were.
///
/// An entry is a byte and what belongs to it: `H` and the head as JSON; `T`, the table's name and columns; `R` and its values; `E` and the
/// number of all rows. A value is `n`; `i` and 8 bytes; `t` or `b`, a length of 4 bytes and the bytes. Numbers are little-endian.
enum BackupStream {
    /// What a backup says of itself.
    struct Head: Codable, Equatable {
        struct Step: Codable, Equatable {
            let family: String
            let number: Int
            let name: String
            let digest: String
        }

        let program: String
        /// Seconds since 1970 UTC.
        let instant: Int
        /// Which of the two stores it was taken from.
        let store: String
        let steps: [Step]
        /// Acts that had a place in the tree.
        let acts: Int
    }

    enum Entry: Equatable {
        case head(Head)
        case table(name: String, columns: [String])
        case row([StoreValue])
        case end(rows: Int)
    }

    static func bytes(_ entry: Entry) throws -> [UInt8] {
        switch entry {
        case .head(let head):
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            return [UInt8(ascii: "H")] + counted([UInt8](try encoder.encode(head)))
        case .table(let name, let columns):
            return [UInt8(ascii: "T")] + counted(Array(name.utf8)) + little(UInt32(columns.count))
                + columns.flatMap { counted(Array($0.utf8)) }
        case .row(let values): return [UInt8(ascii: "R")] + little(UInt32(values.count)) + values.flatMap(bytes)
        case .end(let rows): return [UInt8(ascii: "E")] + little(UInt64(rows))
        }
    }

    private static func bytes(_ value: StoreValue) -> [UInt8] {
        switch value {
        case .null: [UInt8(ascii: "n")]
        case .integer(let integer): [UInt8(ascii: "i")] + little(UInt64(bitPattern: integer))
        case .text(let text): [UInt8(ascii: "t")] + counted(Array(text.utf8))
        case .bytes(let bytes): [UInt8(ascii: "b")] + counted(bytes)
        }
    }

    private static func counted(_ bytes: [UInt8]) -> [UInt8] { little(UInt32(bytes.count)) + bytes }

    private static func little(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian, Array.init)
    }

    /// Entries from bytes that come in blocks; an entry may begin in one and end in the next.
    struct Parser {
        private var bytes: [UInt8] = []
        private var start = 0

        mutating func take(_ block: [UInt8]) {
            bytes.removeSubrange(..<start)
            start = 0
            bytes += block
        }

        var isEmpty: Bool { start == bytes.count }

        /// The next whole entry; nil when more bytes are needed. Bytes that are no entry throw.
        mutating func next() throws -> Entry? {
            var cursor = Cursor(bytes: bytes, place: start)
            do {
                let entry = try cursor.entry()
                start = cursor.place
                return entry
            } catch is Cursor.Short {
                return nil
            }
        }
    }

    private struct Cursor {
        struct Short: Error {}

        let bytes: [UInt8]
        var place: Int

        mutating func entry() throws -> Entry {
            switch try byte() {
            case UInt8(ascii: "H"):
                let text = try counted()
                guard let head = try? JSONDecoder().decode(Head.self, from: Data(text)) else { throw Self.strange }
                return .head(head)
            case UInt8(ascii: "T"):
                let name = try text()
                let count = try integer(UInt32.self)
                guard count < 1_000 else { throw Self.strange }
                return .table(name: name, columns: try (0..<count).map { _ in try text() })
            case UInt8(ascii: "R"):
                let count = try integer(UInt32.self)
                guard count < 1_000 else { throw Self.strange }
                return .row(try (0..<count).map { _ in try value() })
            case UInt8(ascii: "E"): return .end(rows: Int(truncatingIfNeeded: try integer(UInt64.self)))
            default: throw Self.strange
            }
        }

        private mutating func value() throws -> StoreValue {
            switch try byte() {
            case UInt8(ascii: "n"): return .null
            case UInt8(ascii: "i"): return .integer(Int64(bitPattern: try integer(UInt64.self)))
            case UInt8(ascii: "t"): return .text(try text())
            case UInt8(ascii: "b"): return .bytes(try counted())
            default: throw Self.strange
            }
        }

        private mutating func text() throws -> String {
            guard let text = String(validating: try counted(), as: UTF8.self) else { throw Self.strange }
            return text
        }

        private mutating func counted() throws -> [UInt8] {
            let count = Int(try integer(UInt32.self))
            guard place + count <= bytes.count else { throw Short() }
            defer { place += count }
            return Array(bytes[place..<(place + count)])
        }

        private mutating func byte() throws -> UInt8 {
            guard place < bytes.count else { throw Short() }
            place += 1
            return bytes[place - 1]
        }

        private mutating func integer<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
            guard place + MemoryLayout<T>.size <= bytes.count else { throw Short() }
            var value: T = 0
            for offset in (0..<MemoryLayout<T>.size).reversed() {
                value = value << 8 | T(truncatingIfNeeded: bytes[place + offset])
            }
            place += MemoryLayout<T>.size
            return value
        }

        static let strange = DoorRefusal(
            .setUp, "what is inside this backup is not what this program writes", at: "the backup",
            advice: "read it with the program version that wrote it")
    }
}
