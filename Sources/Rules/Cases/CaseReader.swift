import Claims
import Knowledge

/// Reads the examples of a rule: at least one that hits, one that nearly does, one that cannot be decided.
struct CaseReader {
    let declarations: [String: ListDeclaration]
    let demanding: Bool
    let unit: Table?

    static let casesMax = 200

    func read(_ node: YamlNode?, _ keys: inout KeyReader) -> [RuleCase] {
        var cases: [RuleCase] = []
        if let node, let elements = node.elements, elements.count <= Self.casesMax {
            for element in elements {
                if let example = example(element, &keys) { cases.append(example) }
            }
        } else if let node {
            keys.report(
                node, "RUL025", "`cases` is a list of at most \(Self.casesMax) examples",
                advice: "begin each with `- hit: …`")
            return []
        }
        for kind in [RuleCase.Kind.hit, .nearMiss, .undetermined] where !cases.contains(where: { $0.kind == kind }) {
            if node != nil, keys.diagnostics.contains(where: { $0.severity == .error && $0.code.hasPrefix("CAS") }) {
                break
            }
            keys.report(
                node ?? keys.node, "RUL027", severity: demanding ? .error : .warning,
                "there is no example of the kind `\(kind.rawValue)`",
                advice: advice(kind))
        }
        return cases
    }

    private func advice(_ kind: RuleCase.Kind) -> String {
        switch kind {
        case .hit: "add `- hit: …` with rows that the rule must find"
        case .nearMiss: "add `- near miss: …` with rows that it must only just let pass"
        case .undetermined: "add `- undetermined: …` with a field left out that the rule needs"
        }
    }

    private func example(_ node: YamlNode, _ keys: inout KeyReader) -> RuleCase? {
        guard node.pairs != nil else {
            keys.report(
                node, "RUL025", "an example is a mapping", advice: "write `- hit: TITLE`, `given: |`, `expect: |`")
            return nil
        }
        var reader = KeyReader(keys.document, node)
        defer {
            reader.finish()
            keys.add(reader.diagnostics)
        }
        var found: [(kind: RuleCase.Kind, title: YamlNode)] = []
        for kind in [RuleCase.Kind.hit, .nearMiss, .undetermined] {
            if let title = reader.optional(kind.rawValue) { found.append((kind, title)) }
        }
        let givenNode = reader.required("given", advice: "write the example's rows after `given: |`")
        let expectNode = reader.required("expect", advice: "write `expect: none`, or the findings after `expect: |`")
        guard let (kind, titleNode) = found.first, found.count == 1 else {
            reader.report(
                node, "RUL025", "an example is one of `hit`, `near miss` and `undetermined`",
                advice: "begin with `- hit: TITLE`")
            return nil
        }
        guard let title = reader.text(titleNode, kind.rawValue), let given = reader.source(givenNode, "given"),
            let expect = reader.source(expectNode, "expect")
        else { return nil }
        let (script, problems) = CaseScript.parse(given: given, expect: expect, lists: declarations)
        reader.add(problems)
        if let script, let expectNode { check(script, kind, expectNode, &reader) }
        return RuleCase(
            kind: kind, title: title, given: given.text, expect: expect.text,
            position: SourcePosition(file: keys.document.file, line: node.line, column: node.column))
    }

    /// The kind of an example and what it expects must agree.
    private func check(_ script: CaseScript, _ kind: RuleCase.Kind, _ place: YamlNode, _ reader: inout KeyReader) {
        let outcomes = script.expected.map(\.outcome)
        switch kind {
        case .hit where !outcomes.contains(where: { $0 == .violation || $0 == .suspicion }):
            reader.report(
                place, "CAS010", "a hit expects a violation or a suspicion", advice: "write one, or call it a near miss"
            )
        case .nearMiss where !outcomes.isEmpty:
            reader.report(
                place, "CAS010", "a near miss expects nothing", advice: "write `expect: none`, or call it a hit")
        case .undetermined where !outcomes.contains(.undetermined):
            reader.report(
                place, "CAS010", "this example expects nothing undetermined", advice: "write `undetermined cause=…`")
        default: break
        }
    }
}
