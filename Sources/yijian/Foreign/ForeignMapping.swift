import Foundation
import Knowledge

/// How a foreign list of findings (外部疑点) is read: which column holds what. See `docs/findings.md`.
struct ForeignMapping {
    /// What a column can be.
    enum Part: String, CaseIterable {
        case key, rule
        case ruleName = "rule_name"
        case text, stated, person, institution, encounter, line, item, day
    }

    /// Short name of the source; names the file beside the run and marks every row.
    let source: String
    let name: String
    let isGB18030: Bool
    let delimiter: UInt8
    /// Several columns of one part are joined with `-`, as shipped mappings name lines.
    let columns: [Part: [String]]

    static func read(_ path: String) throws -> ForeignMapping {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError(
                code: "YJ-350", what: "the mapping cannot be read", place: path,
                advice: "check the path and its permissions")
        }
        let (document, diagnostics) = YamlDocument.read(Array(data), file: path)
        guard let document, !diagnostics.contains(where: { $0.severity == .error }) else {
            throw CommandError(
                code: "YJ-351", what: "the mapping is not YAML", place: path,
                why: diagnostics.map(\.description).joined(separator: "; "), advice: "mend the place named")
        }
        return try ForeignMapping(document.root, path: path)
    }

    private init(_ root: YamlNode, path: String) throws {
        func mistake(_ node: YamlNode, _ what: String, _ advice: String) -> CommandError {
            CommandError(code: "YJ-352", what: what, place: "\(path):\(node.line):\(node.column)", advice: advice)
        }
        let known = ["foreign", "name", "encoding", "delimiter", "columns"]
        for (key, _) in root.pairs ?? [] where !known.contains(key.string ?? "") {
            throw mistake(
                key, "there is no setting `\(key.string ?? "")`", "settings are \(known.joined(separator: ", "))")
        }
        guard let source = root["foreign"]?.string, !source.isEmpty, source.utf8.count <= 32,
            source.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 })
        else {
            throw mistake(
                root["foreign"] ?? root, "`foreign` must be a short name",
                "use small letters, digits and `-`, such as platform")
        }
        guard source != "yijian" else {
            throw mistake(root["foreign"] ?? root, "`yijian` names our own findings", "choose the source's own name")
        }
        self.source = source
        name = root["name"]?.string ?? source
        switch root["encoding"]?.string ?? "utf-8" {
        case "utf-8": isGB18030 = false
        case "gb18030", "gbk", "gb2312": isGB18030 = true
        default: throw mistake(root["encoding"] ?? root, "unknown encoding", "use utf-8 or gb18030")
        }
        let delimiter = root["delimiter"]?.string ?? ","
        guard delimiter.utf8.count == 1 || delimiter == "\\t", let byte = delimiter == "\\t" ? 9 : delimiter.utf8.first,
            byte != 0x22, byte != 0x0A
        else {
            throw mistake(root["delimiter"] ?? root, "the delimiter must be one character", "such as \",\" or \"|\"")
        }
        self.delimiter = byte
        var columns: [Part: [String]] = [:]
        for (key, value) in root["columns"]?.pairs ?? [] {
            guard let part = key.string.flatMap(Part.init(rawValue:)) else {
                throw mistake(
                    key, "a foreign finding has no `\(key.string ?? "")`",
                    "it has " + Part.allCases.map(\.rawValue).joined(separator: ", "))
            }
            let names = value.elements?.map(\.string) ?? [value.string]
            guard !names.isEmpty, names.allSatisfy({ $0?.isEmpty == false }) else {
                throw mistake(
                    value, "`\(part.rawValue)` names no column",
                    "write the column's name in the file's head, or a list of names")
            }
            columns[part] = names.compactMap(\.self)
        }
        guard columns[.key] != nil else {
            throw mistake(root["columns"] ?? root, "`key` is missing", "name the column with the source's own key")
        }
        self.columns = columns
    }
}
