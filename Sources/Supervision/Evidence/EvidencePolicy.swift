import Foundation
import Knowledge

/// Which files are taken as evidence (证据文件规则): `knowledge/access/evidence.yaml`. What is not named there is refused.
package struct EvidencePolicy: Equatable, Sendable {
    /// The largest file of each kind, in bytes.
    package let bytesMax: [EvidenceKind: Int]
    package let nameCharactersMax: Int
    package let filesPerMatterMax: Int

    package static func read(knowledge folder: String) throws -> EvidencePolicy {
        let file = "access/evidence.yaml"
        func mistake(_ what: String, _ node: YamlNode?) -> DoorRefusal {
            DoorRefusal(
                .setUp, what, at: node.map { "\(file):\($0.line):\($0.column)" } ?? file,
                advice: "compare the file with the one of the shipped package")
        }
        guard let data = FileManager.default.contents(atPath: folder + "/" + file) else {
            throw mistake("there are no rules for evidence", nil)
        }
        let (document, diagnostics) = YamlDocument.read([UInt8](data), file: file)
        guard let root = document?.root else { throw mistake(diagnostics.first?.message ?? "it is not YAML", nil) }
        func number(_ node: YamlNode?, _ what: String, _ range: ClosedRange<Int>) throws -> Int {
            guard let value = node?.string.flatMap({ Int($0) }), range.contains(value) else {
                throw mistake("`\(what)` is a number from \(range.lowerBound) to \(range.upperBound)", node ?? root)
            }
            return value
        }
        var bytesMax: [EvidenceKind: Int] = [:]
        for (name, node) in root["mebibytes_max"]?.pairs ?? [] {
            let key = name.string ?? ""
            guard let kind = EvidenceKind(rawValue: key) else {
                throw mistake("`\(key)` is no kind of file this program can tell by its content", node)
            }
            bytesMax[kind] = try number(node, key, 1...1_024) << 20
        }
        guard !bytesMax.isEmpty else {
            throw mistake("`mebibytes_max` names no kind of file", root["mebibytes_max"] ?? root)
        }
        return EvidencePolicy(
            bytesMax: bytesMax,
            nameCharactersMax: try number(root["name_characters_max"], "name_characters_max", 20...255),
            filesPerMatterMax: try number(root["files_per_matter_max"], "files_per_matter_max", 1...100_000))
    }

    /// The kind of a file that may be taken under this name; otherwise a refusal that says why not.
    package func kind(of bytes: [UInt8], named name: String) throws(DoorRefusal) -> EvidenceKind {
        func refuse(_ what: String, _ advice: String) -> DoorRefusal {
            DoorRefusal(.badFile, what, at: name, advice: advice)
        }
        if let why = Self.objection(toName: name, max: nameCharactersMax) { throw refuse(why, "改名后再上传") }
        let kind: EvidenceKind
        switch EvidenceKind.of(bytes) {
        case .success(let found): kind = found
        case .failure(let objection): throw refuse(objection.text, "可收：\(shown)")
        }
        guard let most = bytesMax[kind] else { throw refuse("不收\(kind.rawValue)文件", "可收：\(shown)") }
        guard bytes.count <= most else {
            throw refuse("文件有\(bytes.count >> 20)兆字节，\(kind.rawValue)文件至多\(most >> 20)兆字节", "分成几个文件，或降低分辨率")
        }
        let ending = name.split(separator: ".").last.map { $0.lowercased() } ?? ""
        guard kind.endings.contains(ending) else {
            throw refuse("文件名的后缀是“\(ending)”，内容却是\(kind.rawValue)", "核对是否取错了文件，再改成相符的后缀")
        }
        return kind
    }

    private var shown: String { bytesMax.keys.map(\.rawValue).sorted().joined(separator: "、") }

    /// Names are shown and written to disks of others: no paths, no invisible or turning characters, nothing hidden.
    static func objection(toName name: String, max: Int) -> String? {
        if name.isEmpty || name.count > max { return "文件名须有1至\(max)个字符" }
        if name.hasPrefix(".") || name.hasSuffix(".") || name.hasPrefix(" ") || name.hasSuffix(" ") {
            return "文件名不得以点或空格开头、结尾"
        }
        let refused = name.unicodeScalars.contains { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: true
            default: "/\\:*?\"<>|".unicodeScalars.contains(scalar)
            }
        }
        if refused { return "文件名含有不可用的字符" }
        let stem = name.prefix { $0 != "." }.uppercased()
        let devices = ["CON", "PRN", "AUX", "NUL"] + (1...9).flatMap { ["COM\($0)", "LPT\($0)"] }
        return devices.contains(stem) ? "文件名是系统保留的名称" : nil
    }
}
