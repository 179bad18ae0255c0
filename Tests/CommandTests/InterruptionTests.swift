import Foundation
import Testing

/// What a user meets who presses Ctrl-C, runs out of disk, or starts again.
@Suite(.serialized) struct InterruptionTests {
    private let folder: String

    init() throws {
        folder = temporaryPath("interrupted")
        try FileManager.default.createDirectory(atPath: folder + "/in", withIntermediateDirectories: true)
        var visits = "visit,person,begin\n"
        var lines = "no,visit,item,at,count,sum\n"
        for visit in 0..<80_000 {
            visits += "V\(visit),P\(visit % 9000),2024-01-\(10 + visit % 20)\n"
            for line in 0..<6 {
                lines += "L\(visit).\(line),V\(visit),I\(line % 40),2024-02-\(10 + line % 19),1,2.50\n"
            }
        }
        try visits.write(toFile: folder + "/in/visits.csv", atomically: false, encoding: .utf8)
        try lines.write(toFile: folder + "/in/lines.csv", atomically: false, encoding: .utf8)
        try """
        mapping: small
        coverage: {from: 2024-01-01, to: 2024-12-31, closedWorld: true}
        sources: {visits: visits.csv, lines: lines.csv}
        tables:
          - table: encounter
            from: visits
            fields: {id: visit, person: person, start: begin}
          - table: line
            from: lines
            fields: {id: no, encounter: visit, item: item, time: at, quantity: count, amount: sum}
        """.write(toFile: folder + "/small.yaml", atomically: false, encoding: .utf8)
    }

    private var program: String {
        URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("yijian").path
    }

    private func ingest(_ dataset: String) -> [String] {
        ["ingest", "--mapping", folder + "/small.yaml", "--into", dataset, folder + "/in"]
    }

    /// Runs the program by a shell that first limits or afterwards stops it.
    private func shell(_ script: String, _ arguments: [String]) throws -> Finished {
        try run("/bin/bash", ["-c", script, program, program] + arguments)
    }

    /// Runs the program and presses Ctrl-C some time after it began to listen: it catches signal 2 then.
    private static func interrupted(after delay: String) -> String {
        """
        "$@" & running=$!
        until grep -q 'SigCgt:.*[2367abef]$' /proc/$running/status 2>/dev/null; do
            kill -0 $running 2>/dev/null || break
        done
        sleep \(delay)
        kill -INT $running
        wait $running
        """
    }

    @Test func aStoppedImportLeavesNothingAndRunsAgain() throws {
        var stops = 0
        for delay in ["0", "0.05", "0.1", "0.2", "0.3", "0.5", "0.8"] {
            let dataset = folder + "/stopped-" + delay
            let stopped = try shell(Self.interrupted(after: delay), ingest(dataset) + ["--threads", "1"])
            #expect(stopped.status == 130 || stopped.status == 0, "\(stopped.error)")
            guard stopped.status == 130 else { continue }
            stops += 1
            #expect(stopped.error.contains("error YJ-130: interrupted"))
            #expect(try CommandLineTests.yijian("dataset", "show", dataset).status != 0)
            let again = try run(program, ingest(dataset))
            #expect(again.status == 0 && again.output.contains("480000       480000"), "\(again.output)")
            // A third time there is nothing to do.
            #expect(try run(program, ingest(dataset)).output.contains("Nothing to do"))
            #expect(try CommandLineTests.yijian("dataset", "verify", dataset).status == 0)
        }
        #expect(stops > 0)
    }

    @Test func aFullDiskIsNamedAndLosesNothing() throws {
        let dataset = folder + "/full"
        // No file may grow beyond two megabytes, as on a disk that is full.
        let full = try shell("ulimit -f 2048; exec \"$@\"", ingest(dataset))
        #expect(full.status == 4, "\(full.error)")
        #expect(full.error.contains("COL030") && full.error.contains(dataset) && full.error.contains("do:"))
        let staging = (try? FileManager.default.contentsOfDirectory(atPath: dataset + "/segments")) ?? []
        #expect(staging.isEmpty && !FileManager.default.fileExists(atPath: dataset + "/.staging"))
        #expect(try run(program, ingest(dataset)).status == 0)
        #expect(try CommandLineTests.yijian("dataset", "verify", dataset).status == 0)
    }

    @Test func aStoppedAuditLeavesTheRunAsItWas() throws {
        let dataset = folder + "/audited"
        #expect(try run(program, ingest(dataset)).status == 0)
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let audit = [
            "audit", dataset, "--knowledge", root + "/knowledge", "--into", folder + "/run", "--threads", "1",
            "--general",
        ]
        #expect(try run(program, audit).status == 0)
        let before = try Data(contentsOf: URL(fileURLWithPath: folder + "/run/findings.arrow"))
        // Signals at several moments: each run ends by itself before it, or stops; never is anything half written.
        var stops = 0
        for delay in ["0", "0.1", "0.3", "0.6", "1.0", "1.5"] {
            let stopped = try shell(Self.interrupted(after: delay), audit)
            #expect(stopped.status == 130 || stopped.status == 0, "\(stopped.error)")
            if stopped.status == 130 { stops += 1 }
            let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/run").sorted()
            #expect(names.filter { $0 != "unfinished" } == ["coverage.json", "findings.arrow", "run.json"])
            #expect(stopped.status == 130 || !names.contains("unfinished"))
            #expect(try Data(contentsOf: URL(fileURLWithPath: folder + "/run/findings.arrow")) == before)
        }
        #expect(stops > 0)
        // However often it was stopped, it ends with the same bytes.
        #expect(try run(program, audit).status == 0)
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder + "/run/findings.arrow")) == before)
        #expect(!FileManager.default.fileExists(atPath: folder + "/run/unfinished"))
    }

    /// What goes beyond the budget lies in files, which the limit of data does not count. Without the budget the same import does not fit.
    @Test func theImportKeepsToItsMemory() throws {
        var lines = "no,visit,item,at,count,sum\n"
        for visit in 0..<80_000 {
            for line in 0..<24 { lines += "L\(visit).\(line),V\(visit),I\(line),2024-02-1\(line % 10),1,2.50\n" }
        }
        try lines.write(toFile: folder + "/in/lines.csv", atomically: false, encoding: .utf8)
        func limited(_ dataset: String, megabytes: Int) throws -> Finished {
            try shell(
                "ulimit -d 100000; exec \"$@\"",
                ingest(folder + "/" + dataset) + ["--threads", "1", "--memory", "\(megabytes)"])
        }
        let little = try limited("little", megabytes: 8)
        #expect(little.status == 0, "\(little.error)")
        #expect(try limited("much", megabytes: 2000).status != 0)
        #expect(try run(program, ingest(folder + "/usual")).status == 0)
        let digests = try ["little", "usual"].map { name in
            try run("/bin/bash", ["-c", "cd \(folder)/\(name)/segments/* && sha256sum line.arrow encounter.arrow"])
                .output
        }
        #expect(digests[0] == digests[1] && digests[0].contains("line.arrow"))
    }
}
