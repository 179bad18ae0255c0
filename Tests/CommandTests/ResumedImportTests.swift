import Foundation
import Testing

/// An import that is killed goes on where it was (断点续传): the same command, the same bytes in the end.
@Suite(.serialized) struct ResumedImportTests {
    private let folder: String

    init() throws {
        folder = temporaryPath("resumed")
        try FileManager.default.createDirectory(atPath: folder + "/in", withIntermediateDirectories: true)
        var number = 0
        for part in 0..<3 {
            var visits = "visit,person,house,begin\n"
            for visit in part * 8_000..<(part + 1) * 8_000 {
                visits += "V\(visit),P\(visit % 5000),H\(visit % 7),2024-01-\(10 + visit % 20)\n"
            }
            try visits.write(toFile: folder + "/in/visits-\(part).csv", atomically: false, encoding: .utf8)
        }
        for part in 0..<12 {
            var lines = "no,visit,item,at,count,sum,changed\n"
            for _ in 0..<20_000 {
                number += 1
                // Repeats, corrections and rows that are refused, across files.
                let line = number % 97 == 0 ? number - 30_000 : number
                let visit = number % 501 == 0 ? 999_999 : number * 31 % 24_000
                let sum = number % 333 == 0 ? "2.505" : "2.5\(number % 10)"
                lines +=
                    "L\(line),V\(visit),I\(part)-\(number % 53),2024-02-\(10 + number % 19),1,\(sum),2024-03-\(10 + part)\n"
            }
            try lines.write(
                toFile: folder + "/in/lines-\(part < 10 ? "0" : "")\(part).csv", atomically: false, encoding: .utf8)
        }
        try """
        mapping: pieces
        coverage: {from: 2024-01-01, to: 2024-12-31, closedWorld: true}
        sources: {visits: "visits-*.csv", lines: "lines-*.csv"}
        tables:
          - table: encounter
            from: visits
            fields: {id: visit, person: {pseudonym: {number: person}}, institution: house, start: begin}
          - table: line
            from: lines
            fields: {id: no, encounter: visit, item: item, time: at, quantity: count, amount: sum, version: changed}
        """.write(toFile: folder + "/pieces.yaml", atomically: false, encoding: .utf8)
        try "0123456789abcdef".write(toFile: folder + "/key", atomically: false, encoding: .utf8)
    }

    private var program: String {
        URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("yijian").path
    }

    private func ingest(_ dataset: String, _ more: [String] = []) -> [String] {
        [
            "ingest", "--mapping", folder + "/pieces.yaml", "--key", folder + "/key", "--into", "\(folder)/\(dataset)",
            folder + "/in", "--keep-every", "0", "--json",
        ] + more
    }

    /// Digests of everything that an import leaves.
    private func bytes(_ dataset: String) throws -> String {
        try run(
            "/bin/bash",
            [
                "-c",
                "cd \(folder) && (cd \(dataset)/segments && sha256sum */*.arrow) && (cd \(dataset).rejects && sha256sum *.csv)",
            ]
        ).output
    }

    private struct Told: Equatable {
        let balances: String
        let reasons: String
        let fields: String
        let takenOver: Int
        /// It was finished, and killed before it said so.
        let isKnown: Bool
    }

    private func told(_ finished: Finished) throws -> Told {
        let report = try #require(
            try JSONSerialization.jsonObject(with: Data(finished.output.utf8)) as? [String: Any], "\(finished.error)")
        func text(_ name: String) throws -> String {
            String(
                decoding: try JSONSerialization.data(withJSONObject: report[name] ?? [], options: [.sortedKeys]),
                as: UTF8.self)
        }
        return Told(
            balances: try text("balances"), reasons: try text("reasons"),
            fields: "\(try text("fields")) \(report["identityNumbers"] ?? "") \(report["wrongIdentityNumbers"] ?? "")",
            takenOver: report["filesTakenOver"] as? Int ?? -1, isKnown: report["alreadyImported"] as? Bool ?? false)
    }

    /// Kills the import again and again, a little later each time, until it ends by itself.
    private func killed(
        _ dataset: String, _ more: [String], step: Double
    ) throws -> (kills: Int, resumed: Int, last: Finished) {
        var resumed = 0
        for attempt in 1...60 {
            let seconds = step * Double(attempt)
            let done = try run(
                "/bin/bash",
                ["-c", "exec timeout -s KILL \(seconds) \"$@\"", "timeout", program] + ingest(dataset, more))
            if done.status == 0 { return (attempt - 1, resumed, done) }
            let kept = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(dataset).work/parts")) ?? []
            if kept.contains(where: { !$0.hasSuffix(".new") }) { resumed += 1 }
        }
        Issue.record("it never ended")
        return (60, resumed, Finished(status: 1, output: "{}", error: ""))
    }

    @Test func aKilledImportGoesOnWithTheSameBytes() throws {
        let whole = try run(program, ingest("whole", ["--keep-every", "1000"]))
        #expect(whole.status == 0, "\(whole.error)")
        let expected = try told(whole)
        let digests = try bytes("whole")
        #expect(expected.takenOver == 0 && digests.contains("line.arrow") && digests.contains(".csv"))
        var kills = 0
        var resumed = 0
        for (name, more) in [("usual", []), ("little", ["--memory", "1", "--threads", "1"])] {
            let (count, kept, last) = try killed(name, more, step: 0.06)
            kills += count
            resumed += kept
            let said = try told(last)
            #expect(
                said.isKnown
                    || said.balances == expected.balances && said.reasons == expected.reasons
                        && said.fields == expected.fields
            )
            #expect(try bytes(name) == digests, "\(name) after \(count) kills")
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/\(name).work"))
        }
        print("resumed import: \(kills) kills, \(resumed) left parts to go on from")
        #expect(kills > 2 && resumed > 2)
    }

    /// A part that was damaged, and sources, key or mapping that changed: nothing of what was kept is believed.
    @Test func whatDoesNotFitIsNotTakenOver() throws {
        let whole = try run(program, ingest("whole"))
        let digests = try bytes("whole")
        let expected = try told(whole)
        func stopped(_ name: String) throws -> [String] {
            for tenth in 3...40 {
                _ = try run(
                    "/bin/bash",
                    ["-c", "exec timeout -s KILL \(Double(tenth) / 20) \"$@\"", "timeout", program] + ingest(name))
                let parts = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(name).work/parts")) ?? []
                let isDone = FileManager.default.fileExists(atPath: "\(folder)/\(name)/CURRENT")
                if parts.filter({ !$0.hasSuffix(".new") }).count > 2 { return parts.sorted() }
                if isDone { try FileManager.default.removeItem(atPath: "\(folder)/\(name)") }
            }
            Issue.record("no part was kept")
            return []
        }
        _ = try stopped("damaged")
        let part = folder + "/damaged.work/parts/part-1"
        var data = try Data(contentsOf: URL(fileURLWithPath: part))
        data[data.count / 2] ^= 1
        try data.write(to: URL(fileURLWithPath: part))
        let damaged = try told(try run(program, ingest("damaged")))
        #expect(damaged.takenOver == 1 && damaged.balances == expected.balances)
        #expect(try bytes("damaged") == digests)
        // Another mapping is another import.
        _ = try stopped("other")
        let mapping = try String(contentsOfFile: folder + "/pieces.yaml", encoding: .utf8)
        try (mapping + "\n# another\n").write(toFile: folder + "/pieces.yaml", atomically: false, encoding: .utf8)
        #expect(try told(try run(program, ingest("other"))).takenOver == 0)
        // A file that was touched may say something else.
        _ = try stopped("touched")
        let file = folder + "/in/lines-05.csv"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        let touched = try told(try run(program, ingest("touched")))
        #expect(touched.takenOver == 0 && touched.balances == expected.balances)
    }
}
