import Foundation
import Testing

/// `docs/tutorial.md`, run from top to bottom as its reader would: every command, and what it says is printed.
@Suite struct TutorialTests {
    private struct Step {
        var commands: [String] = []
        var fails = false
        var expected: [String] = []
    }

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    private static func steps(_ page: String) -> [Step] {
        var steps: [Step] = []
        var isOpen = false
        for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```sh") {
                isOpen = true
                steps.append(Step(fails: line.hasSuffix(" fails")))
            } else if line == "```" {
                isOpen = false
            } else if isOpen {
                steps[steps.count - 1].commands.append(String(line))
            } else if line.hasPrefix("    "), !steps.isEmpty {
                steps[steps.count - 1].expected.append(line.trimmingCharacters(in: .whitespaces))
            }
        }
        return steps
    }

    @Test func theTutorialDoesWhatItSays() throws {
        let page = try String(contentsOfFile: Self.root + "/docs/tutorial.md", encoding: .utf8)
        let steps = Self.steps(page)
        #expect(steps.count >= 12)
        let folder = temporaryPath("tutorial")
        defer { try? FileManager.default.removeItem(atPath: (folder as NSString).deletingLastPathComponent) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for name in ["knowledge", "mappings"] {
            try FileManager.default.copyItem(atPath: "\(Self.root)/\(name)", toPath: "\(folder)/\(name)")
        }
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent().path
        for step in steps {
            let script = "set -e; PATH='\(program)':$PATH; " + step.commands.joined(separator: "\n")
            let finished = try run("/bin/bash", ["-c", script], in: folder)
            #expect(
                (finished.status != 0) == step.fails,
                "\(step.commands.joined(separator: "; ")): \(finished.status) \(finished.output) \(finished.error)")
            for text in step.expected {
                #expect(
                    (finished.output + finished.error).contains(text),
                    "\(step.commands): \(finished.output)\(finished.error)")
            }
            if (finished.status != 0) != step.fails { return }
        }
        let html = try String(contentsOfFile: folder + "/backtest.html", encoding: .utf8)
        #expect(html.contains("<svg") && html.contains("T01-treatment"))
    }
}
