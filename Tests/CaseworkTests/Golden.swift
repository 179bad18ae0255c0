import Foundation
import Testing

@testable import Casework

/// Where the repository's expectations lie, and whether they are to be written anew (`make golden`).
enum Golden {
    static let root: String = {
        var url = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { url.deleteLastPathComponent() }
        return url.path
    }()
    static let folder = root + "/Tests/Golden"
    static let rewrites = ProcessInfo.processInfo.environment["YIJIAN_GOLDEN"] == "rewrite"

    /// The shipped procedures.
    static let shipped: ProcedureLibrary? = ProcedureLibrary.load(root + "/knowledge").library
    /// One small procedure for each primitive of the kernel.
    static let primitives: ProcedureLibrary? = ProcedureLibrary.load(folder + "/casework").library

    /// A folder with these files, gone afterwards.
    static func withFolder<Result>(
        _ files: [(path: String, text: String)], _ body: (String) throws -> Result
    ) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "yijian-casework-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for file in files {
            let url = folder.appendingPathComponent(file.path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try file.text.write(to: url, atomically: true, encoding: .utf8)
        }
        return try body(folder.path)
    }
}
