import Foundation

/// A path in a fresh folder of its own, which is gone when the tests end.
func temporaryPath(_ name: String) -> String {
    let folder = temporaryFolder + "/" + UUID().uuidString
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return folder + "/" + name
}

private let temporaryFolder: String = {
    atexit { try? FileManager.default.removeItem(atPath: temporaryFolder) }
    return NSTemporaryDirectory() + "yijian-tests-\(getpid())"
}()

/// What a Python script prints; nil, with a note, where Python or one of its modules is not installed.
///
/// The interpreter comes from `YIJIAN_PYTHON`, else `.venv/bin/python` of the repository, else `python3`.
func runPython(_ script: String, _ arguments: String..., needs module: String) throws -> String? {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    let named = ProcessInfo.processInfo.environment["YIJIAN_PYTHON"]
    let candidates = [named, root + "/.venv/bin/python", "/usr/bin/python3"].compactMap { $0 }
    guard let python = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) }),
        try run(python, ["-c", "import \(module)"]).status == 0
    else {
        print("skipped: no Python with \(module) (set YIJIAN_PYTHON, or make .venv)")
        return nil
    }
    let result = try run(python, ["-c", script] + arguments)
    return result.status == 0 ? result.output : "failed: " + result.error
}

struct Finished {
    let status: Int32
    let output: String
    let error: String
}

func run(_ program: String, _ arguments: [String], input: Data? = nil, in folder: String? = nil) throws -> Finished {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    // Files, not pipes: neither side can block the other.
    let base = temporaryPath("io")
    try (input ?? Data()).write(to: URL(fileURLWithPath: base + ".in"))
    try Data().write(to: URL(fileURLWithPath: base + ".out"))
    try Data().write(to: URL(fileURLWithPath: base + ".err"))
    process.standardInput = FileHandle(forReadingAtPath: base + ".in")
    process.standardOutput = FileHandle(forWritingAtPath: base + ".out")
    process.standardError = FileHandle(forWritingAtPath: base + ".err")
    try process.run()
    process.waitUntilExit()
    func text(_ suffix: String) -> String {
        String(decoding: FileManager.default.contents(atPath: base + suffix) ?? Data(), as: UTF8.self)
    }
    return Finished(status: process.terminationStatus, output: text(".out"), error: text(".err"))
}
