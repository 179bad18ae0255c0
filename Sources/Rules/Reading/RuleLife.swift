import Claims
import Knowledge

/// How far a version of a rule has come (规则生命周期). The order is that of the cases.
package enum RuleState: String, Sendable, CaseIterable {
    case draft, checked, backtested
    /// Evaluated and recorded, shown to nobody at the point of care (影子运行).
    case shadow
    /// In force, by the signature of a second person (双人发布).
    case released
    /// In force, with its precision followed (跟踪).
    case watched
    case retired

    package var isInForce: Bool { self == .released || self == .watched }
}

/// The signed history of a rule, `ID.life` beside `ID.yaml`: who brought which version how far, and when.
///
///     rule: P17-day
///     history:
///       - { state: draft, version: 1a2b3c4d5e6f, by: 张三, on: 2026-03-01, note: 初稿 }
///
/// `version` is the beginning of the SHA-256 of the rule's file: a signature holds for those bytes and no others. A
/// rule without a history is in force as a part of its package.
package struct RuleLife: Sendable {
    package struct Signature: Sendable {
        package let state: RuleState
        package let version: String
        package let by: String
        package let on: Day
        package let note: String
    }

    package let rule: String
    package let history: [Signature]

    package static let versionDigits = 12

    /// The state of the bytes with this digest; bytes that nobody signed are a draft.
    package func state(of digest: String) -> RuleState {
        history.last { $0.version == digest.prefix(Self.versionDigits) }?.state ?? .draft
    }

    /// The version in force before the one at hand, when that one is not yet.
    package var lastReleased: String? {
        var released: String?
        for signature in history {
            if signature.state == .released { released = signature.version }
            if signature.state == .retired, signature.version == released { released = nil }
        }
        return released
    }

    /// Why the next signature may not be given; nil when it may.
    package func refusal(of state: RuleState, version: String, by person: String, on day: Day) -> String? {
        if let last = history.last, day < last.on {
            return "the day lies before \(last.on), the day of the last signature"
        }
        let former = history.filter { $0.version == version }
        let reached = former.last?.state
        switch state {
        case .draft: return reached.map { "this version is \($0.rawValue) already" }
        case .checked where reached == .draft, .backtested where reached == .checked,
            .shadow where reached == .backtested, .watched where reached == .released:
            return nil
        case .released where reached == .shadow:
            let authors = former.filter { $0.state < .released }.map(\.by)
            return authors.contains(person)
                ? "\(person) has signed this version before; a second person releases it" : nil
        case .retired where reached?.isInForce == true: return nil
        default: return "\(state.rawValue) cannot follow \(reached?.rawValue ?? "an unsigned version")"
        }
    }
}

extension RuleState: Comparable {
    package static func < (a: RuleState, b: RuleState) -> Bool {
        (allCases.firstIndex(of: a) ?? 0) < (allCases.firstIndex(of: b) ?? 0)
    }
}

extension RuleLife {
    /// Reads a history; signatures that do not follow each other are errors.
    package static func read(_ file: KnowledgeFile) -> (life: RuleLife?, diagnostics: [Diagnostic]) {
        let (document, problems) = YamlDocument.read(file.bytes, file: file.path)
        guard let document, document.root.pairs != nil else { return (nil, problems) }
        var keys = KeyReader(document, document.root)
        let rule = keys.text(keys.required("rule", advice: "begin with `rule: \(file.stem)`"), "rule") ?? ""
        if rule != file.stem {
            keys.report(
                document.root, "RUL040", "the history of `\(rule)` lies beside `\(file.stem)`",
                advice: "call the file \(rule).life")
        }
        var history: [Signature] = []
        for element in keys.required("history", advice: "write a list of signatures")?.elements ?? [] {
            guard element.pairs != nil else {
                keys.report(element, "RUL040", "a signature is a mapping", advice: "write { state: draft, … }")
                continue
            }
            var inner = KeyReader(document, element)
            let state: RuleState? = inner.word(inner.required("state", advice: "write draft"), "state")
            let version = inner.text(inner.required("version", advice: "`rules sign` writes it"), "version")
            let by = inner.text(inner.required("by", advice: "name the person who signs"), "by")
            let on = inner.day(inner.required("on", advice: "write the day"), "on")
            let note = inner.text(inner.optional("note"), "note") ?? ""
            inner.finish()
            keys.add(inner.diagnostics)
            guard let state, let version, let by, let on else { continue }
            let life = RuleLife(rule: rule, history: history)
            if let refusal = life.refusal(of: state, version: version, by: by, on: on) {
                keys.report(element, "RUL040", refusal, advice: "sign with `yijian rules sign`")
            }
            history.append(Signature(state: state, version: version, by: by, on: on, note: note))
        }
        keys.finish()
        let hasErrors = keys.diagnostics.contains { $0.severity == .error }
        return (hasErrors ? nil : RuleLife(rule: rule, history: history), problems + keys.diagnostics)
    }

    /// The history with one more signature, as text.
    package func text(adding signature: Signature) -> String {
        var text = "rule: \(rule)\nhistory:\n"
        for entry in history + [signature] {
            text +=
                "  - { state: \(entry.state.rawValue), version: '\(entry.version)', by: \(Self.quoted(entry.by)), on: \(entry.on)"
            text += entry.note.isEmpty ? " }\n" : ", note: \(Self.quoted(entry.note)) }\n"
        }
        return text
    }

    package init(unsigned rule: String) { self.init(rule: rule, history: []) }

    private static func quoted(_ text: String) -> String {
        "'" + text.replacing("'", with: "''").filter { !$0.isNewline } + "'"
    }
}

extension RuleLife.Signature {
    package init(state: RuleState, digest: String, by: String, on: Day, note: String) {
        self.init(
            state: state, version: String(digest.prefix(RuleLife.versionDigits)), by: by, on: on, note: note)
    }
}
