import Columns
import Foundation

/// One file of a package, with its bytes and what its place says about it.
package struct KnowledgeFile: Sendable {
    package enum Kind: String, Sendable {
        case package, area, rule, life, listDeclaration, listRows, parameters, suppressions, procedure, calendar
    }

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

extension KnowledgeFile {
    /// The name that a package.yaml gives.
    fileprivate var packageName: String? { YamlDocument.read(bytes, file: path).document?.root["name"]?.string }
}

/// A package of experts' files (知识包): which files it has, from itself and from the chosen areas, and one hash of
/// all of them.
///
///     package.yaml                 name, version
///     rules/**.yaml                one rule a file; ID.life beside it says how far it has come
///     lists/NAME.yaml, NAME.csv    a list's declaration and its rows
///     suppressions.yaml            what is not reported, why and until when
///     releases/                    what was in force since when, see `PackageRelease`
///     procedures/*.yaml            one procedure a file, common.yaml for what all of them share
///     calendars/YEAR.yaml          the State Council's holidays of a year
///     areas/CODE/…                 rules/, lists/ and parameters.yaml of an area; later areas overlay earlier ones
///     areas/CODE/package.yaml      its name, version and the area that it `extends`, which is laid under it
///
/// What the files say is the readers' business.
package struct KnowledgePackage: Sendable {
    package let name: String
    /// Its own, and after `+` those of its areas: `1.2.0+370000-3.1`.
    package let version: String
    /// The areas laid over it, lowest first, those that an area extends among them.
    package let areas: [String]
    /// Files of the package first, then of each area in the order asked for; within each by path.
    package let files: [KnowledgeFile]
    /// SHA-256 over the sorted (path, digest) of all files and the order of the areas.
    package let hash: String
    /// Where former versions lie.
    private let folder: String

    package static let filesMax = 20_000
    package static let rowsBytesMax = 1 << 30

    package func files(_ kind: KnowledgeFile.Kind) -> [KnowledgeFile] { files.filter { $0.kind == kind } }

    /// Opens the package as it lies in the folder, or as it was released for `day`.
    package static func open(_ folder: String, areas: [String] = [], asOf day: String? = nil) -> (
        package: KnowledgePackage?, diagnostics: [Diagnostic]
    ) {
        var finder = Finder(folder: folder)
        finder.require(folder: "", code: "KNO001", advice: "name the folder that holds package.yaml")
        guard finder.diagnostics.isEmpty else { return (nil, finder.diagnostics) }
        if let day {
            let (release, problems) = PackageRelease.inForce(on: day, folder: folder)
            guard let release else { return (nil, problems) }
            finder.release = release
        }
        finder.take("package.yaml", kind: .package, area: nil, required: true)
        finder.takeLayer(under: "", area: nil)
        for area in areas { finder.takeArea(area, extending: []) }
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
        let version = ([root["version"]?.string ?? ""] + finder.areaVersions).joined(separator: "+")
        let package = KnowledgePackage(
            name: root["name"]?.string ?? "", version: version, areas: finder.areas,
            files: finder.files, hash: hash(of: finder.files, areas: finder.areas), folder: folder)
        return (package, diagnostics)
    }

    /// A former version of a file, by the first digits of its digest; nil when it was never released.
    package func former(_ digest: String, of file: KnowledgeFile) -> KnowledgeFile? {
        guard let (bytes, whole) = PackageRelease.object(beginning: digest, folder: folder) else { return nil }
        return KnowledgeFile(
            path: file.path, kind: file.kind, stem: file.stem, area: file.area, bytes: bytes, digest: whole)
    }

    private static func hash(of files: [KnowledgeFile], areas: [String]) -> String {
        let listed = files.map { "\($0.path)\u{0}\($0.digest)\n" }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return SHA256.hex(of: listed.joined() + "areas\u{0}" + areas.joined(separator: ",") + "\n")
    }
}

/// Collects files below a folder within limits; problems become diagnostics.
private struct Finder {
    let folder: String
    /// When set, the files are those of the release.
    var release: PackageRelease?
    var files: [KnowledgeFile] = []
    /// Those taken, lowest first, and `CODE-VERSION` of each that names a version.
    var areas: [String] = []
    var areaVersions: [String] = []
    var diagnostics: [Diagnostic] = []

    init(folder: String) { self.folder = folder }

    mutating func note(_ code: String, _ path: String, _ message: String, _ advice: String) {
        diagnostics.append(
            Diagnostic(file: path, line: 0, column: 0, code: code, message: message, advice: advice))
    }

    private func full(_ path: String) -> String { path.isEmpty ? folder : folder + "/" + path }

    private func isFolder(_ path: String) -> Bool {
        if let release { return path.isEmpty || release.files.keys.contains { $0.hasPrefix(path + "/") } }
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
        if let release { return release.names(in: path) }
        return namesOfFolder(path)
    }

    private func namesOfFolder(_ path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: full(path))) ?? [])
            .filter { !$0.hasPrefix(".") }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    mutating func require(folder path: String, code: String, advice: String) {
        if !isFolder(path) { note(code, path.isEmpty ? folder : path, "there is no such folder", advice) }
    }

    /// Takes an area once, after the area that it extends.
    mutating func takeArea(_ area: String, extending: [String]) {
        guard isName(area) else {
            note("KNO006", "areas/\(area)", "`\(area)` is not the code of an area", "write six digits")
            return
        }
        guard !extending.contains(area), extending.count < 8 else {
            let circle = (extending + [area]).joined(separator: " extends ")
            note("KNO008", "areas/\(area)/package.yaml", "the areas go round: \(circle)", "let one of them extend none")
            return
        }
        guard !areas.contains(area) else { return }
        let before = diagnostics.count
        require(
            folder: "areas/\(area)", code: "KNO002",
            advice: "areas here: \(names(in: "areas").joined(separator: ", "))")
        guard diagnostics.count == before else { return }
        let position = files.count
        take("areas/\(area)/package.yaml", kind: .area, area: area, required: false)
        if files.count > position {
            let own = files.removeLast()
            let description = describe(own)
            if let base = description.extends, base != files.first?.packageName {
                takeArea(base, extending: extending + [area])
            }
            if let version = description.version { areaVersions.append("\(area)-\(version)") }
            files.append(own)
        }
        areas.append(area)
        takeLayer(under: "areas/\(area)/", area: area)
        take("areas/\(area)/parameters.yaml", kind: .parameters, area: area, required: false)
    }

    /// What an area says of itself.
    private mutating func describe(_ file: KnowledgeFile) -> (extends: String?, version: String?) {
        let (document, problems) = YamlDocument.read(file.bytes, file: file.path)
        diagnostics += problems
        guard let root = document?.root else { return (nil, nil) }
        let known = ["name", "version", "extends", "area", "note"]
        for (key, _) in root.pairs ?? [] where !known.contains(key.string ?? "") {
            diagnostics.append(
                Diagnostic(
                    file: file.path, line: key.line, column: key.column, code: "KNO005",
                    message: "there is no key `\(key.string ?? "")` here",
                    advice: "keys: \(known.joined(separator: ", "))"))
        }
        return (root["extends"]?.string, root["version"]?.string)
    }

    /// Takes the rules and lists of the package itself or of an area.
    mutating func takeLayer(under prefix: String, area: String?) {
        take(prefix + "suppressions.yaml", kind: .suppressions, area: area, required: false)
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
            } else if name.hasSuffix(".life") {
                take(inner, kind: .life, area: area, required: true)
            } else if name.hasSuffix(".yml") {
                note("KNO007", inner, "rule files end with .yaml", "rename it")
            }
        }
    }

    private func size(of path: String) -> Int? {
        if let release { return release.files[path] == nil ? nil : 0 }
        let attributes = try? FileManager.default.attributesOfItem(atPath: full(path))
        return (attributes?[.size] as? NSNumber)?.intValue
    }

    private func bytes(of path: String) -> [UInt8]? {
        let present = FileManager.default.contents(atPath: full(path)).map { [UInt8]($0) }
        guard let digest = release?.files[path] else { return present }
        if let present, SHA256.hex(of: present) == digest { return present }
        return PackageRelease.object(beginning: digest, folder: folder)?.bytes
    }

    mutating func take(_ path: String, kind: KnowledgeFile.Kind, area: String?, required: Bool) {
        guard let size = size(of: path) else {
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
        guard let bytes = bytes(of: path) else {
            note(
                "KNO003", path, release == nil ? "the file cannot be read" : "the released version of the file is lost",
                release == nil ? "check its permissions" : "bring releases/objects back from the archive")
            return
        }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let stem = name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
        files.append(
            KnowledgeFile(
                path: path, kind: kind, stem: stem, area: area, bytes: bytes, digest: SHA256.hex(of: bytes)))
    }
}
