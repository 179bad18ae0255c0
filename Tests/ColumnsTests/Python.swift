import Foundation

/// A Python with pyarrow, polars and duckdb, if there is one: the other programs that read what we write.
///
/// `YIJIAN_PYTHON` names it; else `.venv/bin/python` in the current folder is tried.
enum Python {
    static let path: String? = {
        let candidates = [ProcessInfo.processInfo.environment["YIJIAN_PYTHON"], ".venv/bin/python"].compactMap { $0 }
        for candidate in candidates where FileManager.default.isExecutableFile(atPath: candidate) {
            if (try? run("import pyarrow, polars, duckdb", [], with: candidate))?.status == 0 { return candidate }
        }
        print("skipped: no Python with pyarrow, polars and duckdb (set YIJIAN_PYTHON or make .venv)")
        return nil
    }()

    static func run(_ script: String, _ arguments: [String]) throws -> (status: Int32, output: Data) {
        try run(script, arguments, with: path ?? "python3")
    }

    private static func run(
        _ script: String, _ arguments: [String], with path: String
    ) throws -> (status: Int32, output: Data) {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = ["-c", script] + arguments
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, data)
    }
}
