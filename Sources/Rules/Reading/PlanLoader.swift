import Claims
import Columns
import Knowledge

/// Makes a plan of a package of experts' files: every rule parsed, checked and bound to its lists.
///
/// Any input gives a plan or diagnostics that say why there is none; warnings may come with a plan. The same package
/// and areas give the same plan, wherever they lie.
package struct PlanLoader {
    /// What a package must have to be used.
    package enum Demand: Sendable {
        /// Everything: examples of each kind and a legal basis too.
        case full
        /// Enough to run: missing examples and bases are warnings. For drafts and experiments.
        case runnable
    }

    /// Which version of a rule with a history is taken.
    package enum Version: Sendable {
        /// The last released one, and one in shadow beside it: what an audit runs.
        case inForce
        /// The file as it lies there, whatever its state: what an author works on.
        case workingCopy
    }

    /// Loads the rules named (all when nil) with the lists that they use; `asOf` is a day of a release.
    package static func load(
        package folder: String, areas: [String] = [], rules ids: [String]? = nil, demand: Demand = .full,
        version: Version = .inForce, asOf day: Day? = nil
    ) -> (plan: Plan?, diagnostics: [Diagnostic]) {
        let (package, problems) = KnowledgePackage.open(folder, areas: areas, asOf: day.map { "\($0)" })
        guard let package else { return (nil, problems.sorted()) }
        var loader = PlanLoader(package: package, demand: demand, version: version)
        loader.diagnostics = problems
        let plan = loader.load(ids)
        return (plan, loader.diagnostics.sorted())
    }

    private let package: KnowledgePackage
    private let demand: Demand
    private let version: Version
    private var diagnostics: [Diagnostic] = []
    private var declarations: [String: ListDeclaration] = [:]
    private var rowFiles: [String: [KnowledgeFile]] = [:]
    private var digests: [String: String] = [:]

    private init(package: KnowledgePackage, demand: Demand, version: Version) {
        self.package = package
        self.demand = demand
        self.version = version
    }

    private var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }

    private mutating func report(
        _ file: String, _ node: YamlNode?, _ code: String, severity: Diagnostic.Severity = .error, _ message: String,
        advice: String
    ) {
        diagnostics.append(
            Diagnostic(
                file: file, line: node?.line ?? 0, column: node?.column ?? 0, code: code, severity: severity,
                message: message, advice: advice))
    }

    private mutating func load(_ ids: [String]?) -> Plan? {
        declareLists()
        let drafts = drafts()
        let overrides = overrides(of: drafts)
        let suppressions = suppressions(of: drafts)
        let wanted = choose(ids, among: drafts).flatMap { versions(of: $0) }
        var rules: [Rule] = []
        for draft in wanted {
            let reader = RuleReader(
                file: draft.file, declarations: declarations, overrides: overrides[draft.id] ?? [],
                suppressions: suppressions[draft.id] ?? [], demanding: demand == .full)
            let (rule, problems) = reader.read(draft.document)
            diagnostics += problems
            if var rule {
                rule.state = draft.state
                rules.append(version == .inForce && draft.state == .shadow ? rule.inShadow : rule)
            }
        }
        let names = ids == nil ? declarations.keys.sorted() : used(by: rules)
        var lists: [String: KnowledgeList] = [:]
        for name in names {
            guard let declaration = declarations[name] else { continue }
            let (list, problems) = ListReader.read(
                declaration, rowFiles[name] ?? [], digest: digests[name] ?? "")
            diagnostics += problems
            lists[name] = list
        }
        guard !hasErrors else { return nil }
        return Plan(
            rules: rules.sorted { $0.id.utf8.lexicographicallyPrecedes($1.id.utf8) }, lists: lists,
            packageName: package.name, packageVersion: package.version, packageHash: package.hash)
    }

    // MARK: Lists

    /// An area's CSV adds rows to a list of the package; with a declaration of its own it is a list of the area.
    private mutating func declareLists() {
        for file in package.files(.listDeclaration) {
            let (declaration, problems) = ListDeclarationReader.read(file)
            diagnostics += problems
            if declarations[file.stem] != nil {
                report(
                    file.path, nil, "LST018", "the list `\(file.stem)` is declared already",
                    advice: "an area adds rows by a CSV alone; for another shape choose another name")
            } else if let declaration {
                declarations[file.stem] = declaration
                digests[file.stem] = file.digest
            }
        }
        let declared = Set(package.files(.listDeclaration).map(\.stem))
        for file in package.files(.listRows) {
            if !declared.contains(file.stem) {
                report(
                    file.path, nil, "LST018", "the list `\(file.stem)` is not declared",
                    advice: Suggestion.nearest(to: file.stem, among: declared.sorted()).map {
                        "did you mean `\($0).csv`?"
                    }
                        ?? "add \(file.stem).yaml beside it")
            }
            rowFiles[file.stem, default: []].append(file)
        }
        for (name, declaration) in declarations.sorted(by: { $0.key < $1.key }) where rowFiles[name] == nil {
            report(
                declaration.file, nil, "LST018", "the list `\(name)` has no rows",
                advice: "add \(name).csv beside it; a header alone is an empty list")
        }
    }

    private func used(by rules: [Rule]) -> [String] {
        var names: Set<String> = []
        func note(_ expression: Expression) {
            Derivation.walk(expression) { part in
                if case .inList(let list, _, _) = part.node { names.insert(list) }
                return true
            }
        }
        for rule in rules {
            names.formUnion(rule.lists.map(\.list))
            var expressions = [rule.test] + rule.lists.flatMap { $0.on.map(\.expression) }
            expressions += [rule.filter, rule.value, rule.limit].compactMap { $0 }
            if case .expression(let amount) = rule.amount { expressions.append(amount) }
            if case .group(_, let keys) = rule.unit { expressions += keys.map(\.expression) }
            for expression in expressions { note(expression) }
        }
        return names.sorted()
    }

    // MARK: Rules

    private struct Draft {
        let id: String
        let file: KnowledgeFile
        let document: YamlDocument
        var state = RuleState.released
    }

    /// The versions of a rule that run: its file, its last released version, or both, as its history says.
    private mutating func versions(of draft: Draft) -> [Draft] {
        let path = draft.file.path.hasSuffix(".yaml") ? String(draft.file.path.dropLast(5)) + ".life" : ""
        guard let lifeFile = package.files(.life).first(where: { $0.path == path }) else { return [draft] }
        let (life, problems) = RuleLife.read(lifeFile)
        diagnostics += problems
        guard let life else { return [] }
        var own = draft
        own.state = life.state(of: draft.file.digest)
        if version == .workingCopy || own.state.isInForce { return [own] }
        var found = own.state == .shadow ? [own] : []
        guard own.state != .retired, let released = life.lastReleased else { return found }
        guard let former = package.former(released, of: draft.file) else {
            report(
                lifeFile.path, nil, "RUL040", "the released version \(released) is not in releases/objects",
                advice: "bring it back from the archive; `rules sign` keeps each released version there")
            return found
        }
        let (document, more) = YamlDocument.read(former.bytes, file: former.path)
        diagnostics += more
        if let document { found.append(Draft(id: draft.id, file: former, document: document)) }
        return found
    }

    private mutating func suppressions(of drafts: [Draft]) -> [String: [Suppression]] {
        var found: [String: [Suppression]] = [:]
        for file in package.files(.suppressions) {
            let (suppressions, problems) = Suppression.read(file, rules: drafts.map(\.id))
            diagnostics += problems
            for suppression in suppressions {
                found[suppression.rule, default: []].append(suppression)
                if found[suppression.rule]?.count == Suppression.perRuleMax + 1 {
                    report(
                        file.path, suppression.node, "RUL039",
                        "more than \(Suppression.perRuleMax) suppressions of one rule",
                        advice: "an exception that common belongs into the rule")
                }
            }
        }
        return found
    }

    /// One draft an identifier: an area's rule takes the place of the package's.
    private mutating func drafts() -> [Draft] {
        var drafts: [String: Draft] = [:]
        for file in package.files(.rule) {
            let (document, problems) = YamlDocument.read(file.bytes, file: file.path)
            diagnostics += problems
            guard let document else { continue }
            // A file without an identifier is read all the same, to say so.
            let id = RuleReader.identifier(document) ?? file.path
            if let other = drafts[id], other.file.area == file.area {
                report(
                    file.path, document.root["rule"], "RUL036", "the rule `\(id)` is already in \(other.file.path)",
                    advice: "give each rule its own identifier")
                continue
            }
            drafts[id] = Draft(id: id, file: file, document: document)
        }
        return drafts.values.sorted { $0.id.utf8.lexicographicallyPrecedes($1.id.utf8) }
    }

    private mutating func choose(_ ids: [String]?, among drafts: [Draft]) -> [Draft] {
        // The rule in shadow and the released one are two versions of one file.
        guard let ids = ids?.map({ Rule.isShadow($0) ? String($0.dropLast(Rule.shadowMark.count)) : $0 }) else {
            return drafts
        }
        let known = drafts.map(\.id)
        for id in ids where !known.contains(id) {
            report(
                package.name, nil, "RUL032", "there is no rule `\(id)`",
                advice: Suggestion.nearest(to: id, among: known).map { "did you mean `\($0)`?" }
                    ?? "`rules check` lists the package's rules")
        }
        let wanted = Set(ids)
        return drafts.filter { wanted.contains($0.id) }
    }

    private mutating func overrides(of drafts: [Draft]) -> [String: [RuleOverride]] {
        var overrides: [String: [RuleOverride]] = [:]
        let known = drafts.map(\.id)
        for file in package.files(.parameters) {
            let (document, problems) = YamlDocument.read(file.bytes, file: file.path)
            diagnostics += problems
            guard let document else { continue }
            guard let pairs = document.root.pairs else {
                report(
                    file.path, document.root, "RUL033", "parameters are a mapping of rules",
                    advice: "write `P17-day: { parameters: { hours: 12 } }`")
                continue
            }
            for (key, value) in pairs {
                let id = key.string ?? ""
                guard known.contains(id) else {
                    report(
                        file.path, key, "RUL033", "there is no rule `\(id)`",
                        advice: Suggestion.nearest(to: id, among: known).map { "did you mean `\($0)`?" }
                            ?? "name a rule of the package")
                    continue
                }
                guard value.pairs != nil else {
                    report(
                        file.path, value, "RUL033", "what an area changes in a rule is a mapping",
                        advice: "write { parameters: …, grade: …, disposition: … }")
                    continue
                }
                overrides[id, default: []].append(
                    RuleOverride(area: file.area ?? "", document: document, node: value))
            }
        }
        return overrides
    }
}

// MARK: - Single files

extension PlanLoader {
    /// Checks one rule file by itself, against a list `cap` of items and limits: what an editor, or a fuzzer, needs.
    package static func check(
        _ document: YamlDocument, bytes: [UInt8], lists: [String: ListDeclaration] = PlanLoader.exampleLists
    ) -> [Diagnostic] {
        let file = KnowledgeFile(path: document.file, kind: .rule, stem: "rule", area: nil, bytes: bytes, digest: "")
        return RuleReader(file: file, declarations: lists, overrides: [], demanding: true).read(document).diagnostics
    }

    /// Checks a declaration and its rows by themselves.
    package static func check(declaration: [UInt8], rows: [UInt8], name: String = "cap") -> [Diagnostic] {
        let declared = KnowledgeFile(
            path: "lists/\(name).yaml", kind: .listDeclaration, stem: name, area: nil, bytes: declaration, digest: "")
        let (list, problems) = ListDeclarationReader.read(declared)
        guard let list else { return problems }
        let file = KnowledgeFile(
            path: "lists/\(name).csv", kind: .listRows, stem: name, area: nil, bytes: rows, digest: "")
        return problems + ListReader.read(list, [file], digest: "").diagnostics
    }

    /// A list for examples: an item and its limit.
    package static let exampleLists: [String: ListDeclaration] = [
        "cap": ListDeclaration(
            id: "cap", name: "cap",
            columns: [
                ListDeclaration.Column(name: "item", kind: .code(.item)),
                ListDeclaration.Column(name: "limit", kind: .decimal(scale: 4)),
            ], keys: [0], areaSelector: .none, dateSelector: .fee, source: "", basis: "", file: "lists/cap.yaml")
    ]
}
