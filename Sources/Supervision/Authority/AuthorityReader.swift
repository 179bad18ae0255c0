import Columns
import Foundation
import Knowledge

/// Reads the matrix file, as strictly as rules are read: what is misspelt is a diagnostic with its place, and no matrix.
struct AuthorityReader {
    private let file: String
    private var diagnostics: [Diagnostic] = []

    static func read(_ bytes: [UInt8], file: String) -> (authority: Authority?, diagnostics: [Diagnostic]) {
        let (document, diagnostics) = YamlDocument.read(bytes, file: file)
        guard let document else { return (nil, diagnostics) }
        var reader = AuthorityReader(file: file)
        let authority = reader.read(document.root, digest: SHA256.hex(of: bytes))
        return (reader.diagnostics.isEmpty ? authority : nil, reader.diagnostics.sorted())
    }

    private init(file: String) { self.file = file }

    private mutating func note(_ node: YamlNode?, _ code: String, _ message: String, _ advice: String) {
        diagnostics.append(
            Diagnostic(
                file: file, line: node?.line ?? 0, column: node?.column ?? 0, code: code, message: message,
                advice: advice))
    }

    /// The pairs of a mapping, without unknown or repeated keys.
    private mutating func pairs(_ node: YamlNode?, known: Set<String>? = nil) -> [(
        key: String, at: YamlNode, value: YamlNode
    )] {
        guard let node, let pairs = node.pairs else {
            note(node, "AUT001", "a mapping is expected here", "write `name: …` lines")
            return []
        }
        var seen: Set<String> = []
        return pairs.compactMap { key, value in
            guard let name = key.string, known?.contains(name) ?? true else {
                note(
                    key, "AUT002", "`\(key.string ?? "")` is not known here",
                    "known: \((known ?? []).sorted().joined(separator: ", "))")
                return nil
            }
            guard seen.insert(name).inserted else {
                note(key, "AUT002", "`\(name)` stands here twice", "keep one")
                return nil
            }
            return (name, key, value)
        }
    }

    /// The names in a list, each of them known.
    private mutating func names(_ node: YamlNode?, of known: Set<String>, _ what: String, in grant: YamlNode)
        -> [String]
    {
        guard let node, let elements = node.elements, !elements.isEmpty else {
            note(node ?? grant, "AUT003", "a grant names its \(what)", "write `\(what): [ … ]`")
            return []
        }
        return elements.compactMap { element in
            guard let name = element.string, known.contains(name) else {
                note(
                    element, "AUT004", "`\(element.string ?? "")` is not among the \(what)",
                    "known: \(known.sorted().joined(separator: ", "))")
                return nil
            }
            return name
        }
    }

    private mutating func read(_ root: YamlNode, digest: String) -> Authority? {
        let sections = pairs(root, known: ["roles", "fields", "features", "grants"])
        guard Set(sections.map(\.key)).count == 4 else {
            note(root, "AUT001", "the file has roles, fields, features and grants", "write all four")
            return nil
        }
        let roles = pairs(root["roles"]).map { id, _, value in
            _ = pairs(value, known: ["name", "administrator"])
            return Authority.Role(
                id: id, name: value["name"]?.string ?? id, isAdministrator: value["administrator"]?.string == "yes")
        }
        let fields = pairs(root["fields"]).map {
            Authority.FieldClass(id: $0.key, name: $0.value["name"]?.string ?? $0.value.string ?? $0.key)
        }
        let listed = listed(root["fields"])
        if fields.count > Authority.fieldClassesMax {
            note(
                root["fields"], "AUT005", "there are \(fields.count) classes of fields",
                "at most \(Authority.fieldClassesMax)")
            return nil
        }
        var features: [Authority.Feature] = []
        for (id, at, value) in pairs(root["features"]) {
            _ = pairs(value, known: ["name", "about"])
            let about = value["about"]?.string
            if about != "matter", about != "system" {
                note(
                    at, "AUT006", "a feature is about a matter or about the system",
                    "write `about: matter` or `about: system`")
            }
            features.append(.init(id: id, name: value["name"]?.string ?? id, isAboutMatter: about == "matter"))
        }
        guard diagnostics.isEmpty else { return nil }
        var authority = Authority(
            roles: roles, features: features, fieldClasses: fields, listed: listed, digest: digest)
        for grant in root["grants"]?.elements ?? [] { read(grant, into: &authority) }
        // What follows from a mistake above is not a mistake of its own.
        if diagnostics.isEmpty { check(authority, root) }
        return authority
    }

    /// The fields that each class names: a list, or `field: form` where they have a form of their own when masked.
    private mutating func listed(_ classes: YamlNode?) -> [String: FieldPlace] {
        var listed: [String: FieldPlace] = [:]
        for (name, _, value) in pairs(classes) where value.pairs != nil {
            _ = pairs(value, known: ["name", "of"])
            guard let members = value["of"] else { continue }
            let entries: [(id: YamlNode, form: YamlNode?)] =
                members.elements?.map { ($0, nil) } ?? pairs(members).map { ($0.at, $0.value) }
            for (node, word) in entries {
                let id = node.string ?? ""
                let form = word.map { Mask.Form(rawValue: $0.string ?? "") } ?? .whole
                guard let form, !id.isEmpty else {
                    let forms = Mask.Form.allCases.map(\.rawValue).joined(separator: ", ")
                    note(word ?? node, "AUT014", "a masked field has no such form", "forms: \(forms)")
                    continue
                }
                guard listed.updateValue(FieldPlace(fieldClass: name, form: form), forKey: id) == nil else {
                    note(node, "AUT015", "the field `\(id)` is in two classes", "keep it in one")
                    continue
                }
            }
        }
        return listed
    }

    private mutating func read(_ grant: YamlNode, into authority: inout Authority) {
        _ = pairs(grant, known: ["features", "roles", "area", "department", "state", "fields"])
        let features = names(grant["features"], of: Set(authority.features.map(\.id)), "features", in: grant)
        let roles = names(grant["roles"], of: Set(authority.roles.map(\.id)), "roles", in: grant)
        let abouts = Set(authority.features.filter { features.contains($0.id) }.map(\.isAboutMatter))
        guard abouts.count == 1, let isAboutMatter = abouts.first else {
            if abouts.count > 1 {
                note(grant, "AUT007", "the grant mixes features about matters and about the system", "write two grants")
            }
            return
        }
        guard isAboutMatter else {
            for key in ["area", "department", "state", "fields"] where grant[key] != nil {
                note(grant[key], "AUT008", "a feature about the system has no `\(key)`", "delete it")
            }
            for feature in features { for role in roles { authority.grant(feature, to: role, at: nil, showing: [:]) } }
            return
        }
        let areas = names(grant["area"], of: Set(Authority.Area.allCases.map(\.rawValue)), "area", in: grant)
        let departments = names(
            grant["department"], of: Set(Authority.Department.allCases.map(\.rawValue)), "department", in: grant)
        let states = names(grant["state"], of: Set(Authority.State.allCases.map(\.rawValue)), "state", in: grant)
        var showing: [String: Authority.Showing] = [:]
        for (name, at, value) in pairs(grant["fields"], known: Set(authority.fieldClasses.map(\.id))) {
            switch value.string {
            case "plain": showing[name] = .plain
            case "masked": showing[name] = .masked
            default: note(at, "AUT009", "a field is plain or masked", "leave it out where it is not shown")
            }
        }
        for place in Authority.Place.all
        where areas.contains(place.area.rawValue) && departments.contains(place.department.rawValue)
            && states.contains(place.state.rawValue)
        {
            for feature in features {
                for role in roles { authority.grant(feature, to: role, at: place, showing: showing) }
            }
        }
    }

    /// What the file as a whole must keep.
    private mutating func check(_ authority: Authority, _ root: YamlNode) {
        for feature in authority.features {
            let holders = authority.roles.filter { holds(authority, feature, $0) }
            if holders.isEmpty {
                note(root["features"], "AUT010", "no role has the feature `\(feature.id)`", "grant it, or delete it")
            }
            for role in holders where role.isAdministrator && feature.isAboutMatter {
                note(
                    root["grants"], "AUT011",
                    "`\(role.id)` is an administrator and may not see matters (`\(feature.id)`)",
                    "the three administrators see no business data")
            }
        }
        for role in authority.roles where !authority.features.contains(where: { holds(authority, $0, role) }) {
            note(root["roles"], "AUT012", "the role `\(role.id)` may do nothing", "grant it something, or delete it")
        }
        let administrators = authority.roles.filter(\.isAdministrator)
        for feature in authority.features {
            let both = administrators.filter { holds(authority, feature, $0) }
            if both.count > 1 {
                note(
                    root["grants"], "AUT013",
                    "\(both.map(\.id).joined(separator: " and ")) share the feature `\(feature.id)`",
                    "what one administrator does another may not")
            }
        }
    }

    private func holds(_ authority: Authority, _ feature: Authority.Feature, _ role: Authority.Role) -> Bool {
        feature.isAboutMatter
            ? !authority.places(of: feature.id, roles: [role.id]).isEmpty
            : authority.decide(feature.id, roles: [role.id]).isAllowed
    }
}

extension Authority {
    /// The matrix of a knowledge package: `access/authority.yaml`.
    package static func read(knowledge folder: String) -> (authority: Authority?, diagnostics: [Diagnostic]) {
        let file = "access/authority.yaml"
        guard let data = FileManager.default.contents(atPath: folder + "/" + file) else {
            return (
                nil,
                [
                    Diagnostic(
                        file: file, line: 0, column: 0, code: "AUT000",
                        message: "the matrix of who may do what is missing",
                        advice: "without it everything is denied; copy it from the shipped package")
                ]
            )
        }
        return AuthorityReader.read([UInt8](data), file: file)
    }
}
