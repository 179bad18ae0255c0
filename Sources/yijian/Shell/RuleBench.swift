import Foundation
import Knowledge
import Rules

/// A package with one rule in it and the lists of another: where a rule is tried without touching what is in force.
struct RuleBench {
    let package: String
    let areas: [String]
    let scratch: String

    func load(_ path: String, into name: String) throws -> (rule: Rule, lists: [String: KnowledgeList]) {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError(
                code: "YJ-361", what: "the file cannot be read", place: path, advice: "check its name and permissions")
        }
        let stem = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
        return try load(bytes: [UInt8](data), name: stem, into: name)
    }

    func load(bytes: [UInt8], name: String, into folder: String) throws -> (rule: Rule, lists: [String: KnowledgeList])
    {
        let place = "\(scratch)/\(folder)"
        let files = FileManager.default
        try files.createDirectory(atPath: place + "/rules", withIntermediateDirectories: true)
        let absolute = URL(fileURLWithPath: package).standardizedFileURL.path
        try files.copyItem(atPath: absolute + "/package.yaml", toPath: place + "/package.yaml")
        if files.fileExists(atPath: absolute + "/lists") {
            try files.createSymbolicLink(atPath: place + "/lists", withDestinationPath: absolute + "/lists")
        }
        // An area's lists count, its rules and changes of other rules do not.
        for area in areas {
            let from = "\(absolute)/areas/\(area)"
            guard files.fileExists(atPath: from) else { continue }
            try files.createDirectory(atPath: "\(place)/areas/\(area)", withIntermediateDirectories: true)
            for part in ["lists", "package.yaml"] where files.fileExists(atPath: "\(from)/\(part)") {
                try files.createSymbolicLink(
                    atPath: "\(place)/areas/\(area)/\(part)", withDestinationPath: "\(from)/\(part)")
            }
        }
        try Data(bytes).write(to: URL(fileURLWithPath: "\(place)/rules/\(name).yaml"))
        let (plan, diagnostics) = PlanLoader.load(
            package: place, areas: areas, demand: .runnable, version: .workingCopy)
        guard let plan, let rule = plan.rules.first else {
            throw CommandError(
                code: "YJ-320", what: "the rule cannot be used", place: "\(name).yaml",
                why: diagnostics.filter { $0.severity == .error }.prefix(5).map(\.description)
                    .joined(separator: "\n         "),
                advice: "mend what is named there")
        }
        return (rule, plan.lists)
    }
}
