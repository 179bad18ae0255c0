import Claims
import Knowledge

/// An example beside a rule, ready to run: a small world and what must be found in it (规则用例).
package struct CaseScript: Sendable {
    package let tables: CaseTables
    /// Empty: nothing must be found.
    package let expected: [ExpectedFinding]

    package static let bytesMax = 65_536
    package static let rowsMax = 500

    /// Reads `given` and `expect`; places in diagnostics count within the two texts, named `given` and `expect`.
    package static func parse(
        given: String, expect: String, lists: [String: ListDeclaration]
    ) -> (script: CaseScript?, diagnostics: [Diagnostic]) {
        parse(given: SourceText(given, file: "given"), expect: SourceText(expect, file: "expect"), lists: lists)
    }

    /// Reads the example of a rule whose plan is at hand.
    package static func parse(
        _ example: RuleCase, plan: Plan
    ) -> (script: CaseScript?, diagnostics: [Diagnostic]) {
        parse(given: example.given, expect: example.expect, lists: plan.lists.mapValues(ListDeclaration.init))
    }

    static func parse(given: SourceText, expect: SourceText, lists: [String: ListDeclaration]) -> (
        script: CaseScript?, diagnostics: [Diagnostic]
    ) {
        var world = GivenReader(source: given, lists: lists)
        world.read()
        var wanted = ExpectReader(source: expect)
        wanted.read()
        let diagnostics = world.diagnostics + wanted.diagnostics
        guard !diagnostics.contains(where: { $0.severity == .error }) else { return (nil, diagnostics) }
        return (CaseScript(tables: world.tables, expected: wanted.findings), diagnostics)
    }

    /// Compares what was found with what must be; empty when they agree. Which finding answers which expectation is
    /// chosen so that as many as possible agree.
    package func mismatches(_ found: [FindingSummary]) -> [String] {
        var left = found
        var open: [ExpectedFinding] = []
        for finding in expected {
            if let index = left.firstIndex(where: { $0.mismatch(with: finding) == nil }) {
                left.remove(at: index)
            } else {
                open.append(finding)
            }
        }
        var texts: [String] = []
        for finding in open {
            if left.isEmpty {
                texts.append("a \(finding.outcome.rawValue) was expected, but nothing more was found")
            } else {
                let nearest = left.indices.min { rank(left[$0], finding) < rank(left[$1], finding) } ?? 0
                texts.append(left.remove(at: nearest).mismatch(with: finding) ?? "")
            }
        }
        texts += left.map { "a \($0.outcome.rawValue) was found that nothing expects: \($0.key)" }
        return texts
    }

    private func rank(_ found: FindingSummary, _ wanted: ExpectedFinding) -> Int {
        (found.outcome == wanted.outcome ? 0 : 1_000) + (found.mismatch(with: wanted)?.count ?? 0)
    }
}

extension ListDeclaration {
    /// The declaration that a loaded list was made by.
    package init(_ list: KnowledgeList) {
        self.init(
            id: list.id, name: list.name, columns: list.columns.map { Column(name: $0.name, kind: $0.kind) },
            keys: list.keys, areaSelector: list.areaSelector, dateSelector: list.dateSelector, source: "", basis: "",
            file: list.file)
    }
}

/// A line of an example cut into words: `line l1 item="A B" day=2025-03-01`.
struct CaseLine {
    struct Pair {
        let key: String
        let value: String
        let keyOffset: Int
        let valueOffset: Int
    }

    let offset: Int
    let words: [(text: String, offset: Int)]
    let pairs: [Pair]

    /// Lines with content; blank ones and those that begin with `#` are passed over.
    static func lines(of source: SourceText, report: (Diagnostic) -> Void) -> [CaseLine] {
        let bytes = source.bytes
        guard bytes.count <= CaseScript.bytesMax else {
            report(
                source.diagnostic(
                    at: 0, "CAS001", "the example has more than \(CaseScript.bytesMax) bytes", advice: "make it small"))
            return []
        }
        var lines: [CaseLine] = []
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
            if let line = line(source, start, end, report), !line.words.isEmpty || !line.pairs.isEmpty {
                lines.append(line)
            }
            start = end + 1
        }
        return lines
    }

    private static func line(
        _ source: SourceText, _ start: Int, _ end: Int, _ report: (Diagnostic) -> Void
    ) -> CaseLine? {
        let bytes = source.bytes
        var at = start
        var words: [(text: String, offset: Int)] = []
        var pairs: [Pair] = []
        while at < end {
            if isBlank(bytes[at]) {
                at += 1
                continue
            }
            if bytes[at] == UInt8(ascii: "#") { break }
            let begin = at
            while at < end, !isBlank(bytes[at]), bytes[at] != UInt8(ascii: "=") { at += 1 }
            let key = String(decoding: bytes[begin..<at], as: UTF8.self)
            guard at < end, bytes[at] == UInt8(ascii: "=") else {
                words.append((key, begin))
                continue
            }
            at += 1
            let valueStart = at
            var value: [UInt8] = []
            if at < end, bytes[at] == UInt8(ascii: "\"") {
                at += 1
                while at < end, bytes[at] != UInt8(ascii: "\"") {
                    value.append(bytes[at])
                    at += 1
                }
                guard at < end else {
                    report(
                        source.diagnostic(
                            at: valueStart, "CAS002", "this quote is not closed", advice: "end it with \""))
                    return nil
                }
                at += 1
            } else {
                while at < end, !isBlank(bytes[at]) {
                    value.append(bytes[at])
                    at += 1
                }
            }
            pairs.append(
                Pair(
                    key: key, value: String(decoding: value, as: UTF8.self), keyOffset: begin, valueOffset: valueStart))
        }
        return CaseLine(offset: words.first?.offset ?? pairs.first?.keyOffset ?? start, words: words, pairs: pairs)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
}
