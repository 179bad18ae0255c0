import Claims
import Knowledge

/// Reads what an example expects: `none`, or one line a finding.
struct ExpectReader {
    let source: SourceText
    private(set) var findings: [ExpectedFinding] = []
    private(set) var diagnostics: [Diagnostic] = []

    init(source: SourceText) { self.source = source }

    private mutating func report(_ offset: Int, _ code: String, _ message: String, advice: String) {
        diagnostics.append(source.diagnostic(at: offset, code, message, advice: advice))
    }

    mutating func read() {
        var problems: [Diagnostic] = []
        let lines = CaseLine.lines(of: source) { problems.append($0) }
        diagnostics += problems
        guard let first = lines.first else {
            if problems.isEmpty { report(0, "CAS009", "nothing is expected", advice: "write `none`, or a finding") }
            return
        }
        if first.words.first?.text == "none", first.words.count == 1, first.pairs.isEmpty {
            if lines.count > 1 {
                report(
                    lines[1].offset, "CAS009", "after `none` nothing may follow", advice: "remove `none`, or the rest")
            }
            return
        }
        for line in lines.prefix(CaseScript.rowsMax) { finding(line) }
    }

    private mutating func finding(_ line: CaseLine) {
        let outcomes = ["violation", "suspicion", "undetermined"]
        guard let word = line.words.first, line.words.count == 1, outcomes.contains(word.text),
            let outcome = Outcome(rawValue: word.text)
        else {
            let text = line.words.first?.text ?? ""
            report(
                line.offset, "CAS009", "a finding begins with its outcome, not with `\(text)`",
                advice: Suggestion.nearest(to: text, among: outcomes + ["none"]).map { "did you mean `\($0)`?" }
                    ?? "write violation, suspicion or undetermined")
            return
        }
        var finding = ExpectedFinding(outcome)
        for pair in line.pairs {
            let values = pair.value.isEmpty ? [] : pair.value.split(separator: ",").map(String.init)
            switch pair.key {
            case "unit": finding.unit = pair.value
            case "key": finding.key = pair.value
            case "person": finding.person = pair.value
            case "violating": finding.violating = values
            case "involved": finding.involved = values
            case "value": finding.value = pair.value
            case "limit": finding.limit = pair.value
            case "amount": finding.gross = pair.value
            case "loss": finding.loss = pair.value
            case "cause": finding.cause = pair.value
            default:
                let known = [
                    "unit", "key", "person", "violating", "involved", "value", "limit", "amount", "loss", "cause",
                ]
                report(
                    pair.keyOffset, "CAS009", "a finding has no `\(pair.key)`",
                    advice: Suggestion.nearest(to: pair.key, among: known).map { "did you mean `\($0)`?" }
                        ?? "it has: \(known.joined(separator: ", "))")
            }
        }
        findings.append(finding)
    }
}
