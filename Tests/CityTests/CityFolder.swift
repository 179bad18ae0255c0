import City
import Foundation

/// A city in a temporary folder, removed with the value.
final class CityFolder {
    let path: String
    let summary: CitySummary

    init(seed: UInt64 = 1, persons: Int = 600, year: Int = 2025) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("city-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        path = folder.path
        summary = try City.generate(try CityPlan(seed: seed, persons: persons, year: year), into: path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path + "/" + name)) }

    /// The rows of a file, by column name.
    func rows(_ name: String) throws -> [[String: String]] {
        var rows: [[String: String]] = []
        var header: [String] = []
        for line in String(decoding: try bytes(name), as: UTF8.self).split(separator: "\n") {
            let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            if header.isEmpty {
                header = cells
                continue
            }
            guard cells.count == header.count else { throw Ragged(file: name, line: String(line)) }
            rows.append(Dictionary(uniqueKeysWithValues: zip(header, cells)))
        }
        return rows
    }

    struct Ragged: Error {
        let file: String
        let line: String
    }
}

extension String {
    /// A decimal as a whole number of its smallest parts; nil for anything else.
    func scaled(_ places: Int) -> Int? {
        let parts = split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let whole = parts.first else { return nil }
        let fraction = parts.count == 2 ? parts[1] : ""
        guard fraction.utf8.count <= places else { return nil }
        return Int(whole + fraction + String(repeating: "0", count: places - fraction.utf8.count))
    }
}
