import Audit
import Claims
import Columns
import Foundation
import Reference
import Rules
import Testing

/// The engine against the interpreter: random rules over random claims, written as datasets cut in several ways.
///
/// `YIJIAN_SEED` and `YIJIAN_SEEDS` choose where to begin and how many random worlds to compare.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["YIJIAN_SEEDS"] != nil)) struct DifferentialTests {
    @Test func engineAgreesWithInterpreter() throws {
        let environment = ProcessInfo.processInfo.environment
        let seeds = environment["YIJIAN_SEEDS"].flatMap { Int($0) } ?? 6
        let base = environment["YIJIAN_SEED"].flatMap { UInt64($0) } ?? 1
        var compared = 0
        var disagreeing: [String: Int] = [:]
        for seed in base..<(base + UInt64(seeds)) {
            let files = RandomRules.package(seed: seed, rules: 30)
            let plan = try Scratch.plan(files)
            var settings = RandomClaims.Settings()
            settings.closedWorld = seed % 3 != 0
            settings.unknownPercent = seed % 2 == 0 ? 0 : 5
            let data = RandomClaims.make(seed: seed, settings)
            let expected = ReferenceInterpreter(plan: plan, data: data).findings()
            for (segments, isGeneral) in [(1, true), (1, false), (2, false)] {
                let (found, skipped) = try Scratch.withFolder { folder in
                    let dataset = try DatasetMaker.write(data, to: folder + "/dataset", segments: segments)
                    var options = AuditOptions()
                    options.undeterminedRows = true
                    options.generalPathOnly = isGeneral
                    let report = try AuditRun.run(dataset: dataset, plan: plan, into: folder + "/run", options: options)
                    let skipped = Set(report.rules.filter { $0.notRunnable != nil }.map(\.rule))
                    return (try FindingTable.read(folder + "/run/findings.arrow"), skipped)
                }
                let wanted = Set(expected.filter { !skipped.contains($0.rule) }.map(FindingTable.line))
                compared += wanted.count
                let got = Set(found)
                for line in wanted.symmetricDifference(got).sorted() {
                    let rule = String(line.prefix { $0 != " " })
                    let way = isGeneral ? "general" : "fast, \(segments) segments"
                    disagreeing["seed \(seed) \(rule)", default: 0] += 1
                    if disagreeing["seed \(seed) \(rule)"] ?? 0 < 4 {
                        print("seed \(seed), \(way), \(wanted.contains(line) ? "missing" : "surplus"): \(line)")
                    }
                }
            }
            for (name, count) in disagreeing.sorted(by: { $0.key < $1.key }) where name.hasPrefix("seed \(seed) ") {
                let rule = name.split(separator: " ").last.map(String.init) ?? ""
                let text = (files["rules/\(rule).yaml"] ?? "").split(separator: "\n")
                    .filter {
                        ["unit", "list", "where", "when", "amou", "from", "to: "].contains(String($0.prefix(4)))
                    }
                print("\(name): \(count) differences\n    " + text.joined(separator: "\n    "))
            }
        }
        print("differential: \(compared) findings compared, \(disagreeing.count) rules disagree")
        #expect(disagreeing.isEmpty)
        #expect(compared > 0)
    }
}

/// Findings as lines of text that compare: what every way of running a rule must agree on.
enum FindingTable {
    static func line(_ finding: ReferenceFinding) -> String {
        line(
            finding.rule, finding.outcome.rawValue, finding.key, finding.person, finding.violating, finding.involved,
            finding.value, finding.limit, finding.money.gross, finding.money.inScope, finding.money.loss)
    }

    private static func line(
        _ rule: String, _ outcome: String, _ key: String, _ person: String?, _ violating: [String],
        _ involved: [String], _ value: String?, _ limit: String?, _ gross: String?, _ inScope: String?, _ loss: String?
    ) -> String {
        var words = [rule, outcome, key, violating.sorted().joined(separator: ",")]
        guard outcome != "undetermined" else { return words.joined(separator: " ") }
        words.append("involved=" + involved.sorted().joined(separator: ","))
        // The file keeps six decimals and no days or moments.
        func number(_ text: String?) -> String {
            guard let text, text.allSatisfy({ $0.isNumber || $0 == "." || $0 == "-" }), !text.dropFirst().contains("-")
            else { return "?" }
            return (text.split(separator: ".").dropFirst().first?.count ?? 0) > 6 ? "?" : text
        }
        words += ["value=\(number(value))", "limit=\(number(limit))"]
        words += [("person", person), ("gross", gross), ("in_scope", inScope), ("loss", loss)].map {
            "\($0)=\($1 ?? "?")"
        }
        return words.joined(separator: " ")
    }

    static func read(_ path: String) throws -> [String] {
        let file = try ArrowFile(path: path)
        var lines: [String] = []
        for batch in 0..<file.batchCount {
            func column(_ name: String) throws -> (view: ColumnView, words: ColumnView?) {
                let index = try #require(file.index(of: name))
                let words = file.fields[index].type == .dictionary ? try file.dictionary(index) : nil
                return (try file.column(index, batch: batch), words)
            }
            var columns: [String: (view: ColumnView, words: ColumnView?)] = [:]
            let names = [
                "rule", "outcome", "key", "person", "violating", "involved", "value", "limit", "gross", "in_scope",
                "loss",
            ]
            for name in names { columns[name] = try column(name) }
            for row in 0..<file.rowCount(ofBatch: batch) {
                func text(_ name: String) -> String? {
                    guard let (view, words) = columns[name], view.isValid(row) else { return nil }
                    return words.map { $0.string(Int(view.int32[row])) } ?? view.string(row)
                }
                func list(_ name: String) -> [String] {
                    guard let (view, _) = columns[name], view.isValid(row) else { return [] }
                    return view.strings(row)
                }
                func number(_ name: String, scale: Int, fixed: Bool) -> String? {
                    guard let (view, _) = columns[name], view.isValid(row) else { return nil }
                    let mantissa = Int128(view.int64[row])
                    return fixed ? Exact.fixedText(mantissa, scale: scale) : Exact.text(mantissa, scale: scale)
                }
                lines.append(
                    line(
                        text("rule") ?? "", text("outcome") ?? "", text("key") ?? "", text("person"), list("violating"),
                        list("involved"), number("value", scale: 6, fixed: false),
                        number("limit", scale: 6, fixed: false),
                        number("gross", scale: 2, fixed: true), number("in_scope", scale: 2, fixed: true),
                        number("loss", scale: 2, fixed: true)))
            }
        }
        return lines
    }
}
