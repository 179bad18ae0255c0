import Columns
import Foundation

/// One file of a package, with its bytes and what its place says about it.
package struct KnowledgeFile: Sendable {
    package enum Kind: String, Sendable { case package, rule, listDeclaration, listRows, parameters, procedure, calendar }

    /// Relative to the package, with `/`.
    package let path: String
    package let kind: Kind
    /// The file's name without its ending: the name of a list, the identifier of a rule.
    package let stem: String
    /// The area package it comes from; nil: the package itself.
    package let area: String?
    package let bytes: [UInt8]
    /// SHA-256 of the bytes, hexadecimal.
    package let digest: String

    package init(path: String, kind: Kind, stem: String, area: String?, bytes: [UInt8], digest: String) {
        self.path = path
        self.kind = kind
        self.stem = stem
        self.area = area
        self.bytes = bytes
        self.digest = digest
    }
}

/// A package of experts' files (知识包): which files it has, from itself and from the chosen areas, and one hash of
/// all of them.
///
///     package.yaml                 name, version
///     rules/**.yaml                one rule a file
///     lists/NAME.yaml, NAME.csv    a list's declaration and its rows
///     procedures/*.yaml            one procedure a file, common.yaml for what all of them share
///     calendars/YEAR.yaml          the State Council's holidays of a year
///     areas/CODE/…                 rules/, lists/ and parameters.yaml of an area; later areas overlay earlier ones
///
/// What the files say is the readers' business.
package struct KnowledgePackage: Sendable {
    package let name: String
    package let version: String
    package let areas: [String]
    /// Files of the package first, then of each area in the order asked for; within each by path.
    package let files: [KnowledgeFile]
    /// SHA-256 over the sorted (path, digest) of all files and the order of the areas.
    package let hash: String

    package static let filesMax = 20_000
    package static let rowsBytesMax = 1 << 30

    package func files(_ kind: KnowledgeFile.Kind) -> [KnowledgeFile] { files.filter { $0.kind == kind } }

    package static func open(_ folder: String, areas: [String] = []) -> (
        package: KnowledgePackage?, diagnostics: [Diagnostic]
    ) {
        var finder = Finder(folder: folder)
        finder.require(folder: "", code: "KNO001", advice: "name the folder that holds package.yaml")
        guard finder.diagnostics.isEmpty else { return (nil, finder.diagnostics) }
        finder.take("package.yaml", kind: .package, area: nil, required: true)
        finder.takeLayer(under: "", area: nil)
        for area in areas {
            guard finder.isName(area) else {
                finder.note("KNO006", "areas/\(area)", "`\(area)` is not the code of an area", "write six digits")
                continue
            }
            let before = finder.diagnostics.count
            finder.require(
                folder: "areas/\(area)", code: "KNO002",
                advice: "areas here: \(finder.names(in: "areas").joined(separator: ", "))")
            guard finder.diagnostics.count == before else { continue }
            finder.takeLayer(under: "areas/\(area)/", area: area)
            finder.take("areas/\(area)/parameters.yaml", kind: .parameters, area: area, required: false)
        }
        var diagnostics = finder.diagnostics
        guard let description = finder.files.first(where: { $0.kind == .package }) else { return (nil, diagnostics) }
        let (document, problems) = YamlDocument.read(description.bytes, file: description.path)
        diagnostics += problems
        guard let root = document?.root else { return (nil, diagnostics) }
        for key in ["name", "version"] where root[key]?.string?.isEmpty ?? true {
            diagnostics.append(
                Diagnostic(
                    file: description.path, line: root.line, column: root.column, code: "KNO005",
                    message: "the key `\(key)` is missing", advice: "write `\(key): …`"))
        }
        guard !diagnostics.contains(where: { $0.severity == .error }) else { return (nil, diagnostics) }
        let package = KnowledgePackage(
            name: root["name"]?.string ?? "", version: root["version"]?.string ?? "", areas: areas,
            files: finder.files, hash: hash(of: finder.files, areas: areas))
        return (package, diagnostics)
    }

    private static func hash(of files: [KnowledgeFile], areas: [String]) -> String {
        let listed = files.map { "\($0.path)\u{0}\($0.digest)\n" }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return SHA256.hex(of: listed.joined() + "areas\u{0}" + areas.joined(separator: ",") + "\n")
    }
}

/// Collects files below a folder within limits; problems become diagnostics.
private struct Finder {
    let folder: String
    var files: [KnowledgeFile] = []
    var diagnostics: [Diagnostic] = []

    init(folder: String) { self.folder = folder }

    mutating func note(_ code: String, _ path: String, _ message: String, _ advice: String) {
        diagnostics.append(
            Diagnostic(file: path, line: 0, column: 0, code: code, message: message, advice: advice))
    }

    private func full(_ path: String) -> String { path.isEmpty ? folder : folder + "/" + path }

    private func isFolder(_ path: String) -> Bool {
        var directory: ObjCBool = false
        return FileManager.default.fileExists(atPath: full(path), isDirectory: &directory) && directory.boolValue
    }

    func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 64 && text != "." && text != ".."
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
            }
    }

    func names(in path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: full(path))) ?? [])
            .filter { !$0.hasPrefix(".") }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    mutating func require(folder path: String, code: String, advice: String) {
        if !isFolder(path) { note(code, path.isEmpty ? folder : path, "there is no such folder", advice) }
    }

    /// Takes the rules and lists of the package itself or of an area.
    mutating func takeLayer(under prefix: String, area: String?) {
        for (folder, kind) in [("procedures", KnowledgeFile.Kind.procedure), ("calendars", .calendar)] {
            for name in names(in: prefix + folder) where name.hasSuffix(".yaml") {
                take(prefix + folder + "/" + name, kind: kind, area: area, required: true)
            }
        }
        if isFolder(prefix + "rules") { takeRules(in: prefix + "rules", area: area, depth: 0) }
        guard isFolder(prefix + "lists") else { return }
        for name in names(in: prefix + "lists") {
            let path = prefix + "lists/" + name
            if name.hasSuffix(".csv") {
                take(path, kind: .listRows, area: area, required: true)
            } else if name.hasSuffix(".yaml") {
                take(path, kind: .listDeclaration, area: area, required: true)
            }
        }
    }

    private mutating func takeRules(in path: String, area: String?, depth: Int) {
        guard depth < 8 else {
            note("KNO004", path, "folders are nested deeper than 8", "lay rules flatter")
            return
        }
        for name in names(in: path) {
            let inner = path + "/" + name
            if isFolder(inner) {
                takeRules(in: inner, area: area, depth: depth + 1)
            } else if name.hasSuffix(".yaml") {
                take(inner, kind: .rule, area: area, required: true)
            } else if name.hasSuffix(".yml") {
                note("KNO007", inner, "rule files end with .yaml", "rename it")
            }
        }
    }

    mutating func take(_ path: String, kind: KnowledgeFile.Kind, area: String?, required: Bool) {
        let attributes = try? FileManager.default.attributesOfItem(atPath: full(path))
        guard let size = (attributes?[.size] as? NSNumber)?.intValue else {
            if required { note("KNO003", path, "the file is missing", "a package begins with package.yaml") }
            return
        }
        guard files.count < KnowledgePackage.filesMax else {
            if files.count == KnowledgePackage.filesMax, diagnostics.last?.code != "KNO004" {
                note("KNO004", path, "more than \(KnowledgePackage.filesMax) files", "split the package")
            }
            return
        }
        let sizeMax = kind == .listRows ? KnowledgePackage.rowsBytesMax : YamlDocument.bytesMax
        guard size <= sizeMax else {
            note("KNO004", path, "the file has \(size) bytes, more than \(sizeMax)", "split it")
            return
        }
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: full(path))) else {
            note("KNO003", path, "the file cannot be read", "check its permissions")
            return
        }
        let bytes = [UInt8](data)
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let stem = name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
        files.append(
            KnowledgeFile(
                path: path, kind: kind, stem: stem, area: area, bytes: bytes, digest: SHA256.hex(of: bytes)))
    }
}
