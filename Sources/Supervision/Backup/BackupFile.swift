import Columns
import Foundation
import Ledger

/// A backup on disk: a mark, then blocks sealed with the key file's key, each for its place in this one file, the last one marked.
///
/// `"YJBAK1\n" ‖ identifier 16 ‖ (length 4 ‖ sealed block)…`. What is changed, moved, cut off or put together from two backups does not
/// open. Inside stands a stream of rows (`BackupStream`).
enum BackupFile {
    static let mark = Array("YJBAK1\n".utf8)
    static let blockBytes = 1 << 20
    /// A block of our making is hardly longer than `blockBytes` and one row.
    static let blockBytesMax = 1 << 28

    static func place(_ identifier: [UInt8], _ block: Int, isLast: Bool) -> Seals.Place {
        Seals.Place(column: "backup", row: "\(HexText.text(identifier))/\(block)/\(isLast ? "last" : "more")")
    }

    static func damaged(_ path: String, _ what: String) -> DoorRefusal {
        DoorRefusal(
            .setUp, "this backup cannot be read: \(what)", at: path,
            advice: "take another backup; nothing was written to the store")
    }

    static func worldFailed(_ path: String) -> DoorRefusal {
        DoorRefusal(
            .setUp, "the backup cannot be written or read (\(String(cString: strerror(errno))))", at: path,
            advice: "check the folder, its rights and its space")
    }
}

/// Writes a backup piece by piece under another name; `finish` gives the file its name when all is on the disk.
final class BackupWriter {
    let identifier: [UInt8]
    private let path: String
    private let seals: Seals
    private let file: UnsafeMutablePointer<FILE>
    private var block: [UInt8] = []
    private var blocks = 0
    private var isOpen = true

    init(_ path: String, seals: Seals, identifier: [UInt8]) throws {
        self.path = path
        self.seals = seals
        self.identifier = identifier
        guard access(path, F_OK) != 0 else {
            throw DoorRefusal(
                .badInput, "there is a file already", at: path,
                advice: "name a file that does not exist; a backup is never replaced")
        }
        let descriptor = open(path + ".part", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0, let file = fdopen(descriptor, "w") else { throw BackupFile.worldFailed(path) }
        self.file = file
        try put(BackupFile.mark + identifier)
    }

    deinit {
        guard isOpen else { return }
        fclose(file)
        unlink(path + ".part")
    }

    func write(_ bytes: [UInt8]) throws {
        block += bytes
        if block.count >= BackupFile.blockBytes { try flush(isLast: false) }
    }

    /// The number of bytes of the file.
    func finish() throws -> Int {
        try flush(isLast: true)
        let count = ftell(file)
        guard fflush(file) == 0, fsync(fileno(file)) == 0 else { throw BackupFile.worldFailed(path) }
        fclose(file)
        isOpen = false
        guard rename(path + ".part", path) == 0 else { throw BackupFile.worldFailed(path) }
        let folder = open(URL(fileURLWithPath: path).deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
        return count
    }

    private func flush(isLast: Bool) throws {
        let sealed = seals.seal(block, at: BackupFile.place(identifier, blocks, isLast: isLast))
        try put(withUnsafeBytes(of: UInt32(sealed.count).littleEndian, Array.init) + sealed)
        block.removeAll(keepingCapacity: true)
        blocks += 1
    }

    private func put(_ bytes: [UInt8]) throws {
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw BackupFile.worldFailed(path) }
    }
}

/// Reads a backup block by block; every block is verified before a byte of it is given out.
final class BackupReader {
    let identifier: [UInt8]
    private let path: String
    private let seals: Seals
    private let file: FileHandle
    private var blocks = 0
    private(set) var isAtEnd = false

    init(_ path: String, seals: Seals) throws {
        self.path = path
        self.seals = seals
        guard let file = FileHandle(forReadingAtPath: path) else { throw BackupFile.worldFailed(path) }
        self.file = file
        let head = [UInt8](try file.read(upToCount: BackupFile.mark.count + 16) ?? Data())
        guard head.count == BackupFile.mark.count + 16, head.starts(with: BackupFile.mark) else {
            throw BackupFile.damaged(path, "it does not begin as a backup does")
        }
        identifier = Array(head.suffix(16))
    }

    /// The next block; nil after the last.
    func block() throws -> [UInt8]? {
        guard !isAtEnd else { return nil }
        let length = [UInt8](try file.read(upToCount: 4) ?? Data())
        guard length.count == 4 else { throw BackupFile.damaged(path, "its end is missing after block \(blocks)") }
        let count = length.reversed().reduce(0) { $0 << 8 | Int($1) }
        guard count <= BackupFile.blockBytesMax else { throw BackupFile.damaged(path, "block \(blocks) has no length") }
        let sealed = [UInt8](try file.read(upToCount: count) ?? Data())
        guard sealed.count == count else { throw BackupFile.damaged(path, "block \(blocks) is cut off") }
        for isLast in [false, true] {
            let place = BackupFile.place(identifier, blocks, isLast: isLast)
            guard let plain = try seals.openIfWhole(sealed, at: place) else { continue }
            isAtEnd = isLast
            blocks += 1
            if isLast, try file.read(upToCount: 1)?.isEmpty == false {
                throw BackupFile.damaged(path, "something stands behind its last block")
            }
            return plain
        }
        throw BackupFile.damaged(path, "block \(blocks) was changed, or belongs to another backup")
    }
}
