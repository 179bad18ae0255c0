import Foundation
import Testing

@testable import Ingest

/// What grows with a delivery lies in memory up to a limit, and in a file of the work folder beyond it.
@Suite struct WorkMemoryTests {
    private static func fill(_ memory: WorkMemory, _ pieces: Int, of bytes: Int) -> [UnsafeMutablePointer<UInt64>] {
        (0..<pieces).map { piece in
            let start = memory.allocate(UInt64.self, bytes / 8)
            for place in 0..<bytes / 8 { start[place] = UInt64(piece) << 32 | UInt64(place) }
            return start
        }
    }

    private static func isWhole(_ starts: [UnsafeMutablePointer<UInt64>], of bytes: Int) -> Bool {
        starts.enumerated().allSatisfy { piece, start in
            (0..<bytes / 8).allSatisfy { start[$0] == UInt64(piece) << 32 | UInt64($0) }
        }
    }

    @Test func whatGoesBeyondTheLimitLiesInAFile() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/work-memory-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let bytes = 120 << 10
        let memory = WorkMemory(folder: folder, limit: 1 << 20)
        let few = Self.fill(memory, 8, of: bytes)
        #expect(memory.bytesInFile == 0)
        let more = Self.fill(memory, 1200, of: bytes)
        // Two pieces of the file, and one of its own for what is larger than a piece.
        #expect(memory.bytesInFile > 1190 * bytes)
        let large = Self.fill(memory, 1, of: 70 << 20)
        #expect(Self.isWhole(few, of: bytes) && Self.isWhole(more, of: bytes) && Self.isWhole(large, of: 70 << 20))
        // The file has no name: it is gone however the import ends.
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
    }

    @Test func withoutAFileItIsOrdinaryMemory() {
        let memory = WorkMemory(folder: "/nowhere/at/all", limit: 0)
        let pieces = Self.fill(memory, 3, of: 1 << 20)
        #expect(memory.bytesInFile == 0)
        #expect(Self.isWhole(pieces, of: 1 << 20))
    }
}
