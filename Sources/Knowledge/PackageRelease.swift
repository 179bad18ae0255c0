import Columns
import Foundation

/// What a package was from a day on (发布): every file with its digest, signed by the person who released it.
///
///     releases/2026-03-01.yaml     release, version, by, and files: path → SHA-256
///     releases/objects/SHA-256     bytes of released files; those that still lie in their place are taken from there
///
/// Releases are only added. With them, and nothing but text files, any day's package can be laid out again: equal
/// digests give an equal package hash, and an equal hash equal findings.
package struct PackageRelease: Sendable {
    /// The first day on which it is in force, `yyyy-mm-dd`.
    package let day: String
    package let version: String
    package let by: String
    /// Path → SHA-256, hexadecimal.
    package let files: [String: String]

    package static let folder = "releases"

    /// The days of all releases, first to last.
    package static func days(folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(Self.folder)")) ?? [])
            .filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
    }

    /// The last release that begins on or before the day.
    package static func inForce(on day: String, folder: String) -> (release: PackageRelease?, problems: [Diagnostic]) {
        let days = days(folder: folder)
        guard let found = days.last(where: { $0 <= day }) else {
            let problem = Diagnostic(
                file: Self.folder, line: 0, column: 0, code: "KNO009", message: "nothing was released by \(day)",
                advice: days.first.map { "the first release is of \($0)" } ?? "make one with `yijian rules release`")
            return (nil, [problem])
        }
        return read("\(Self.folder)/\(found).yaml", day: found, folder: folder)
    }

    private static func read(
        _ path: String, day: String, folder: String
    ) -> (release: PackageRelease?, problems: [Diagnostic]) {
        let bytes = FileManager.default.contents(atPath: "\(folder)/\(path)").map { [UInt8]($0) } ?? []
        let (document, problems) = YamlDocument.read(bytes, file: path)
        guard let root = document?.root else { return (nil, problems) }
        var files: [String: String] = [:]
        for (key, value) in root["files"]?.pairs ?? [] {
            guard let name = key.string, let digest = value.string, digest.utf8.count == 64, !name.hasPrefix("/"),
                !name.contains("..")
            else {
                let problem = Diagnostic(
                    file: path, line: key.line, column: key.column, code: "KNO009",
                    message: "this is not a path and a digest", advice: "bring the release back from the archive")
                return (nil, problems + [problem])
            }
            files[name] = digest
        }
        return (
            PackageRelease(
                day: day, version: root["version"]?.string ?? "", by: root["by"]?.string ?? "", files: files), problems
        )
    }

    /// Names directly below a folder of the release.
    func names(in path: String) -> [String] {
        let prefix = path.isEmpty ? "" : path + "/"
        let below = files.keys.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.utf8.count) }
        return Set(below.compactMap { $0.split(separator: "/").first.map(String.init) })
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Released bytes whose digest begins so; nil when there are none, several, or when they were changed since.
    static func object(beginning digest: String, folder: String) -> (bytes: [UInt8], digest: String)? {
        let place = "\(folder)/\(Self.folder)/objects"
        guard digest.utf8.count >= 12, digest.allSatisfy({ $0.isHexDigit }) else { return nil }
        let names =
            digest.utf8.count == 64
            ? [digest]
            : ((try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []).filter { $0.hasPrefix(digest) }
        guard names.count == 1, let data = FileManager.default.contents(atPath: "\(place)/\(names[0])") else {
            return nil
        }
        let bytes = [UInt8](data)
        return SHA256.hex(of: bytes) == names[0] ? (bytes, names[0]) : nil
    }

    /// The text of a release of these files.
    package static func text(day: String, version: String, by: String, hash: String, files: [KnowledgeFile]) -> String {
        var text =
            "release: \(day)\nversion: '\(version)'\nby: '\(by.replacing("'", with: "''"))'\npackage: \(hash)\nfiles:\n"
        for file in files.sorted(by: { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }) {
            text += "  '\(file.path)': \(file.digest)\n"
        }
        return text
    }
}
