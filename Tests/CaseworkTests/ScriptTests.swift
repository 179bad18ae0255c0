import Foundation
import Knowledge
import Testing

@testable import Casework

/// Case scripts: those of the shipped procedures, and those of the kernel's primitives.
struct ScriptTests {
    @Test func shippedProceduresAreSound() throws {
        let (library, diagnostics) = ProcedureLibrary.load(Golden.root + "/knowledge")
        #expect(diagnostics.map(\.description) == [])
        let loaded = try #require(library)
        #expect(loaded.procedures.count >= 12)
        for procedure in loaded.procedures { #expect(!procedure.cases.isEmpty, "\(procedure.id) has no script") }
    }

    @Test(arguments: ["knowledge", "Tests/Golden/casework"]) func scriptsPass(package: String) throws {
        let library = try #require(ProcedureLibrary.load(Golden.root + "/" + package).library)
        var played = 0
        for procedure in library.procedures {
            for example in procedure.cases {
                let run = ScriptRun.play(example.script, of: procedure, in: library)
                played += 1
                #expect(
                    run.mismatches.map { "\(procedure.file):\(example.line + $0.line): \($0.text)" } == [],
                    "\(procedure.id): \(example.title)")
                #expect(Invariants.broken(in: run.docket) == [], "\(procedure.id): \(example.title)")
            }
        }
        #expect(played >= 18)
    }

    /// A script that expects the wrong thing fails: every kind of expectation, turned into something else.
    @Test func scriptsCanFail() throws {
        let library = try #require(Golden.primitives)
        var turned = 0
        for procedure in library.procedures {
            for example in procedure.cases {
                let lines = example.script.components(separatedBy: "\n")
                for (index, line) in lines.enumerated() where line.hasPrefix("  ") && !line.hasPrefix("  refused") {
                    var altered = lines
                    altered[index] = line + "x"
                    let run = ScriptRun.play(altered.joined(separator: "\n"), of: procedure, in: library)
                    #expect(!run.mismatches.isEmpty, "\(procedure.id) line \(index + 1) says nothing: \(line)")
                    turned += 1
                }
                // Without its expectation a refusal is a mismatch.
                for (index, line) in lines.enumerated() where line.hasPrefix("  refused") {
                    var altered = lines
                    altered.remove(at: index)
                    let run = ScriptRun.play(altered.joined(separator: "\n"), of: procedure, in: library)
                    #expect(!run.mismatches.isEmpty, "\(procedure.id): a refusal passed unnoticed: \(lines[index - 1])")
                    turned += 1
                }
            }
        }
        #expect(turned > 100)
    }
}
