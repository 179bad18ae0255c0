import Claims
import Knowledge

/// What a rule does not report about a subject for a while (屏蔽): why, until when, by whose word.
///
/// It is a condition of the rule's filter, so that it means the same before, during and after; suppressed rows are not
/// evaluated. A reason and a last day are demanded: nothing is silent for ever.
package struct Suppression: Sendable {
    package let rule: String
    /// Field → text, such as `institution` → `H1`; all must hold.
    package let subject: [(field: String, text: String)]
    package let from: Day?
    package let to: Day
    package let reason: String
    package let by: String
    let node: YamlNode
    let file: String

    static let subjects = ["item", "institution", "practitioner", "department"]
    static let perRuleMax = 40

    /// The condition under which a row is looked at, in the language of rules.
    var condition: String {
        var terms = subject.map { "\($0.field) = '\($0.text.replacing("'", with: "''"))'" }
        terms.append("day <= DATE '\(to)'")
        if let from { terms.append("day >= DATE '\(from)'") }
        return "NOT (" + terms.joined(separator: " AND ") + ")"
    }

    static func read(_ file: KnowledgeFile, rules: [String]) -> (suppressions: [Suppression], diagnostics: [Diagnostic])
    {
        let (document, problems) = YamlDocument.read(file.bytes, file: file.path)
        guard let document else { return ([], problems) }
        guard let elements = document.root.elements else {
            let diagnostic = Diagnostic(
                file: file.path, line: document.root.line, column: document.root.column, code: "RUL039",
                message: "suppressions are a list",
                advice: "write `- { rule: P17-day, institution: H1, to: 2026-12-31, reason: …, by: … }`")
            return ([], problems + [diagnostic])
        }
        var found: [Suppression] = []
        var diagnostics = problems
        for element in elements {
            var keys = KeyReader(document, element)
            let rule = keys.text(keys.required("rule", advice: "name the rule"), "rule")
            let subject = subjects.compactMap { field in
                keys.text(keys.optional(field), field).map { (field: field, text: $0) }
            }
            let from = keys.day(keys.optional("from"), "from")
            let to = keys.day(keys.required("to", advice: "name the last day: nothing is silent for ever"), "to")
            let reason = keys.text(
                keys.required("reason", advice: "say why, in words that an auditor can check"), "reason")
            let by = keys.text(keys.required("by", advice: "name who decided"), "by")
            keys.finish()
            if let rule, !rules.contains(rule) {
                keys.report(
                    element, "RUL039", "there is no rule `\(rule)`",
                    advice: Suggestion.nearest(to: rule, among: rules).map { "did you mean `\($0)`?" }
                        ?? "name a rule of the package")
            }
            if subject.isEmpty {
                keys.report(
                    element, "RUL039", "the suppression names no subject",
                    advice: "name one of \(subjects.joined(separator: ", ")), or retire the rule")
            }
            if let from, let to, to < from {
                keys.report(element, "RUL039", "it ends before it begins", advice: "write `to` on or after `from`")
            }
            if let reason, reason.isEmpty {
                keys.report(element, "RUL039", "the reason is empty", advice: "say why")
            }
            diagnostics += keys.diagnostics
            if keys.diagnostics.isEmpty, let rule, let to, let reason, let by {
                found.append(
                    Suppression(
                        rule: rule, subject: subject, from: from, to: to, reason: reason, by: by, node: element,
                        file: file.path))
            }
        }
        return (found, diagnostics)
    }
}
