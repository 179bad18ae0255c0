import Foundation
import Knowledge
import Rules
import Testing

/// Wrong rules, lists and examples, and exactly what their authors are told.
///
/// Each file of `Golden/rules-diagnostics` holds a small package and, after `=== expected`, the report on it. `make
/// golden` rewrites the reports.
struct GoldenDiagnosticsTests {
    static let names: [String] = {
        let folder = Golden.folder + "/rules-diagnostics"
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return files.filter { $0.hasSuffix(".txt") }.sorted()
    }()

    @Test func packagesAreThere() { #expect(Self.names.count >= 11) }

    @Test(arguments: names) func reportIsAsExpected(name: String) throws {
        let path = Golden.folder + "/rules-diagnostics/" + name
        let content = try String(contentsOfFile: path, encoding: .utf8)
        let script = Script(content)
        let report = try Golden.withFolder(script.files) { folder in
            let (plan, diagnostics) = PlanLoader.load(
                package: folder, areas: script.areas, demand: script.demand)
            #expect(plan == nil || !diagnostics.contains { $0.severity == .error })
            for diagnostic in diagnostics where diagnostic.line > 0 {
                #expect(diagnostic.column > 0, "\(diagnostic)")
            }
            var text = DiagnosticText(folder: folder)
            let shown = diagnostics.filter { script.demand == .full || $0.code != "RUL027" }
            return text.text(shown).replacingOccurrences(of: folder, with: "PACKAGE")
        }
        if Golden.rewrites {
            try (script.head + "=== expected\n" + report).write(toFile: path, atomically: true, encoding: .utf8)
        } else {
            #expect(report == script.expected, "run make golden and read the difference")
        }
    }

    private struct Script {
        var files: [(path: String, text: String)] = []
        var areas: [String] = []
        var demand = PlanLoader.Demand.runnable
        var head = ""
        var expected = ""

        init(_ content: String) {
            let halves = content.components(separatedBy: "=== expected\n")
            head = halves[0]
            expected = halves.count > 1 ? halves[1] : ""
            for line in head.components(separatedBy: "\n").dropLast() {
                if line.hasPrefix("--- ") {
                    files.append((String(line.dropFirst(4)), ""))
                } else if !files.isEmpty {
                    files[files.count - 1].text += line + "\n"
                } else if line.hasPrefix("areas: ") {
                    areas = line.dropFirst(7).split(separator: ",").map(String.init)
                } else if line == "demand: full" {
                    demand = .full
                }
            }
            for file in [Sample.package, Sample.capDeclaration, Sample.capRows]
            where !files.contains(where: { $0.path == file.path }) {
                files.append(file)
            }
        }
    }
}
