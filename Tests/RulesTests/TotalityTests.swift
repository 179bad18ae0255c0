import Foundation
import Knowledge
import Rules
import Testing

/// No input crashes a reader: random bytes, and good files with random changes.
struct TotalityTests {
    private struct Random {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
        mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(bound, 1))) }
    }

    /// Replaces, removes, repeats and moves pieces.
    private func mutated(_ bytes: [UInt8], _ random: inout Random) -> [UInt8] {
        var result = bytes
        let pieces = ["(", ")", "'", "\"", "&a ", "*a", "[", "{", "\n", "  ", ": ", "- ", "|\n", ">-\n", "SAME", "OVER (", "..", "$", "-", "99999999999999999999", "AND", "NOT ", "CASE WHEN", "\u{4E2D}", "\u{2028}", "\t", ",", "EXISTS (", "this.", "ROUND(", "/", "#", "\\x", "\r"]
        for _ in 0...random.below(4) where !result.isEmpty {
            let at = random.below(result.count)
            switch random.below(5) {
            case 0: result[at] = UInt8(truncatingIfNeeded: random.next())
            case 1: result.removeSubrange(at..<min(result.count, at + 1 + random.below(12)))
            case 2: result.insert(contentsOf: pieces[random.below(pieces.count)].utf8, at: at)
            case 3:
                let end = min(result.count, at + 1 + random.below(40))
                result.insert(contentsOf: result[at..<end], at: random.below(result.count))
            default:
                let end = min(result.count, at + 1 + random.below(20))
                let piece = Array(result[at..<end])
                result.removeSubrange(at..<end)
                result.insert(contentsOf: piece, at: random.below(result.count + 1))
            }
        }
        return result
    }

    private static let sample: [UInt8] = {
        var text = Sample.rule(
            unit: "group of line by person, item, day", filter: "encounter.setting = 'inpatient' AND (item, quantity) IN LIST cap(item, limit)",
            when: "SUM(quantity) > cap.limit OR ROUND(amount / quantity, 2) > $most AND EXISTS (encounter SAME person DAYS -3..0 WHERE NOT start > this.day)",
            more: "parameters: { most: 3 }\n"
        ).text
        text += "cases:\n  - hit: 一\n    given: &g |\n      list cap item=A limit=2\n      person p1 sex=F\n      encounter e1 person=p1 start=2025-03-01T08:00\n"
        text += "      line l1 encounter=e1 quantity=2.5 note=\"x y\"\n    expect: |\n      violation violating=l1 value=3\n  - near miss: 二\n    given: *g\n    expect: none\n"
        return Array(text.utf8)
    }()

    @Test func changedRulesNeverCrash() {
        var random = Random(state: 7)
        var loaded = 0
        for _ in 0..<20_000 {
            let bytes = mutated(Self.sample, &random)
            let (document, _) = YamlDocument.read(bytes, file: "x.yaml")
            guard let document else { continue }
            loaded += 1
            _ = PlanLoader.check(document, bytes: bytes)
        }
        print("\(loaded) of 20000 changed rule files were still YAML")
        #expect(loaded > 1_000)
    }

    @Test func randomBytesNeverCrash() {
        var random = Random(state: 11)
        let alphabet = Array("aA1'\"()[]{}<>=.,:-+*/$#&|!%\n \tSAMEOVERäß中\u{FF}".utf8)
        for round in 0..<20_000 {
            let bytes = (0..<random.below(200)).map { _ in
                round % 2 == 0 ? UInt8(truncatingIfNeeded: random.next()) : alphabet[random.below(alphabet.count)]
            }
            if let document = YamlDocument.read(bytes, file: "x.yaml").document {
                _ = PlanLoader.check(document, bytes: bytes)
            }
            _ = CaseScript.parse(
                given: String(decoding: bytes, as: UTF8.self), expect: String(decoding: bytes, as: UTF8.self), lists: [:])
        }
    }

    /// Expressions are also tried without the YAML around them, which rejects most changes.
    @Test func changedExpressionsNeverCrash() {
        var random = Random(state: 13)
        let expression = Array(
            "CASE WHEN quantity * price > 1.50 THEN SUM(quantity) OVER (line SAME person, item = this.item DAYS -6..0 WHERE day <> DATE '2025-01-01') ELSE -3 END > cap.limit AND (item, cap.limit) NOT IN LIST cap(item, limit) OR item NOT IN ('A', 'B') AND AGE(person.birth, day) BETWEEN 3 AND $most"
                .utf8)
        var texts = 0
        for _ in 0..<20_000 {
            let changed = mutated(expression, &random).filter { $0 != 0x0A && $0 != 0x0D }
            let quoted = String(decoding: changed, as: UTF8.self).replacingOccurrences(of: "'", with: "''")
            var text = Sample.rule(when: "TRUE").text
            text = text.replacingOccurrences(of: "when: |\n  TRUE\n", with: "when: '\(quoted)'\n")
            let bytes = Array(text.utf8)
            guard let document = YamlDocument.read(bytes, file: "x.yaml").document else { continue }
            texts += 1
            for diagnostic in PlanLoader.check(document, bytes: bytes) {
                #expect(diagnostic.line > 0 && diagnostic.column > 0)
            }
        }
        print("\(texts) of 20000 changed expressions were read")
        #expect(texts > 15_000)
    }

    @Test func changedListsNeverCrash() throws {
        var random = Random(state: 17)
        let rows = Array("item,limit,from,to,area\nA,1,2025-01-01,,370000\n\"B, \"\"x\"\"\",2.5,,2025-01-01,\nC,3,,,\n".utf8)
        let declaration = Array(Sample.capDeclaration.text.utf8)
        for round in 0..<20_000 {
            let changedRows = round % 2 == 0 ? mutated(rows, &random) : rows
            let changedDeclaration = round % 2 == 1 ? mutated(declaration, &random) : declaration
            _ = PlanLoader.check(declaration: changedDeclaration, rows: changedRows)
        }
    }

    @Test func deepNestingIsRefused() {
        for (open, close) in [("(", ")"), ("NOT ", ""), ("-", ""), ("ABS(", ")"), ("CASE WHEN TRUE THEN ", " ELSE 1 END"), ("1+(", ")")] {
            for count in [60, 400, 3_000] {
                let text = String(repeating: open, count: count) + "quantity" + String(repeating: close, count: count)
                let bytes = Array(Sample.rule(when: text).text.utf8)
                guard let document = YamlDocument.read(bytes, file: "x.yaml").document else { continue }
                #expect(PlanLoader.check(document, bytes: bytes).contains { $0.severity == .error })
            }
        }
    }
}
