import Foundation
import Knowledge
import Testing

@testable import Casework

/// Wrong procedures, calendars and figures of areas, and exactly what their authors are told.
///
/// Each file of `Golden/procedures-diagnostics` holds a small package and, after `=== expected`, the report on it. `make
/// golden` rewrites the reports.
struct DiagnosticsTests {
    static let names: [String] = {
        let files =
            (try? FileManager.default.contentsOfDirectory(atPath: Golden.folder + "/procedures-diagnostics")) ?? []
        return files.filter { $0.hasSuffix(".txt") }.sorted()
    }()

    @Test func packagesAreThere() { #expect(Self.names.count >= 12) }

    @Test(arguments: names) func reportIsAsExpected(name: String) throws {
        let path = Golden.folder + "/procedures-diagnostics/" + name
        let halves = try String(contentsOfFile: path, encoding: .utf8).components(separatedBy: "=== expected\n")
        var files: [(path: String, text: String)] = [
            ("package.yaml", "name: test\nversion: 1\n"),
            (
                "procedures/common.yaml",
                "roles:\n  officer: { name: 承办人, side: body }\n  machine: { name: 系统, kind: machine, side: machine }\n"
                    + "  clock: { name: 时限, kind: clock, side: clock }\nfields:\n"
                    + "  institution: { name: 机构, type: organisation, counting: yes }\n"
            ),
        ]
        var areas: [String] = []
        for line in halves[0].components(separatedBy: "\n").dropLast() {
            if line.hasPrefix("--- ") {
                files.append((String(line.dropFirst(4)), ""))
            } else if line.hasPrefix("areas: ") {
                areas = [String(line.dropFirst(7))]
            } else {
                files[files.count - 1].text += line + "\n"
            }
        }
        let report = try Golden.withFolder(files) { folder in
            let (library, diagnostics) = ProcedureLibrary.load(folder, areas: areas)
            #expect(library == nil || !diagnostics.contains { $0.severity == .error })
            #expect(!diagnostics.isEmpty)
            var text = DiagnosticText(folder: folder)
            return text.text(diagnostics.sorted())
        }
        if Golden.rewrites {
            try (halves[0] + "=== expected\n" + report).write(toFile: path, atomically: true, encoding: .utf8)
        } else {
            #expect(report == halves.dropFirst().joined(), "run make golden and read the difference")
        }
    }

    /// Damage anywhere in a procedure file gives a value, never a trap; what still loads still plays.
    @Test func damagedFilesNeverTrap() throws {
        let path = Golden.root + "/knowledge/procedures/"
        let common = try String(contentsOfFile: path + "common.yaml", encoding: .utf8)
        let text = try String(contentsOfFile: Golden.folder + "/casework/procedures/money.yaml", encoding: .utf8)
        let lines = text.components(separatedBy: "\n")
        var sound = 0
        for index in lines.indices {
            for damage in 0..<3 {
                var damaged = lines
                switch damage {
                case 0: damaged.remove(at: index)
                case 1: damaged[index] = String(damaged[index].dropLast(max(1, damaged[index].count / 3)))
                default: damaged.insert(lines[(index * 7 + 3) % lines.count], at: index)
                }
                let files = [
                    ("package.yaml", "name: t\nversion: 1\n"), ("procedures/common.yaml", common),
                    ("procedures/money.yaml", damaged.joined(separator: "\n")),
                ]
                let library = try Golden.withFolder(files) { ProcedureLibrary.load($0).library }
                guard let library, let procedure = library.procedures.first else { continue }
                sound += 1
                for example in procedure.cases { _ = ScriptRun.play(example.script, of: procedure, in: library) }
                _ = ProcedureDiagram.svg(procedure, roles: library.roles)
            }
        }
        #expect(sound > 0)
    }
}
