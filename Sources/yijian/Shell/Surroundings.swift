import ArgumentParser
import Audit
import Columns
import Foundation
import Rules

/// Where a command finds what it needs beside its run: the dataset, the experts' package, and whether persons may be
/// shown.
struct Surroundings: ParsableArguments {
    @Option(name: .long, help: "The dataset that was audited; without it rows and names are left out.")
    var dataset: String?

    @Option(name: .long, help: "The experts' package with rules and lists (知识包).")
    var knowledge: String?

    @Flag(name: .long, help: "Show persons' pseudonyms in full; needs --reason.")
    var unmask = false

    @Option(name: .long, help: "Why persons are shown; it is printed with the result.")
    var reason: String?

    func validate() throws {
        if unmask, (reason ?? "").allSatisfy(\.isWhitespace) {
            throw ValidationError("--unmask needs --reason TEXT: say why persons must be seen")
        }
    }

    /// The mask to print with; showing persons is said aloud on standard error.
    func mask() -> FindingsMask {
        if unmask { Terminal.say("note: persons are shown in full (脱敏已解除); reason: \(reason ?? "")") }
        return FindingsMask(isOn: !unmask)
    }

    /// The dataset named, else `dataset` beside the run's folder when there is one.
    func openDataset(beside run: String, generation: Int? = nil) throws -> Dataset? {
        if let dataset { return try Dataset.open(dataset, generation: generation) }
        let neighbour = URL(fileURLWithPath: run).deletingLastPathComponent().appendingPathComponent("dataset").path
        guard FileManager.default.fileExists(atPath: neighbour + "/CURRENT") else { return nil }
        return try Dataset.open(neighbour, generation: generation)
    }

    /// The package named, else `knowledge` in this folder or beside the program.
    var knowledgeFolder: String? { knowledge ?? Shipped.folder("knowledge", holding: "package.yaml") }
}

/// Content that ships with the program: experts' packages, mappings.
enum Shipped {
    /// The folder in the current one, or beside the program, that holds the file named.
    static func folder(_ name: String, holding file: String) -> String? {
        // How it was called says nothing where it was found along PATH.
        let called = CommandLine.arguments.first ?? ""
        let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let program = URL(fileURLWithPath: own ?? called).resolvingSymlinksInPath()
        var folders = [name]
        var parent = program.deletingLastPathComponent()
        for _ in 0..<5 {
            folders.append(parent.appendingPathComponent(name).path)
            folders.append(parent.appendingPathComponent("share/yijian/\(name)").path)
            parent = parent.deletingLastPathComponent()
        }
        return folders.first { FileManager.default.fileExists(atPath: $0 + "/" + file) }
    }
}
