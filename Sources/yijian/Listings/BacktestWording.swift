import Audit
import Documents
import Workshop

/// A backtest for the terminal and for programs.
struct BacktestWording {
    let page: BacktestPage
    let report: AuditReport
    let fileDigest: String

    func lines(style: TerminalStyle) -> [String] {
        let backtest = page.backtest
        var lines = [
            style.bold("\(page.rule) \(page.name)") + "  version \(page.version), against \(page.against)",
            "\(report.lines) lines in \(Clock.text(report.seconds)) with \(report.threads) threads; undetermined "
                + "\(backtest.undetermined.now)"
                + (page.against == "无" ? "" : " (before \(backtest.undetermined.before))"),
            "",
        ]
        var table = TextTable([
            ColumnHead("change", "变化"), ColumnHead("findings", "疑点数", .integer),
            ColumnHead("gross", "涉及金额", .decimal(scale: 2)), ColumnHead("loss", "基金损失", .decimal(scale: 2)),
        ])
        for change in Backtest.Change.allCases {
            let sum = backtest.sums[change] ?? Backtest.Sum()
            table.append([
                .text(BacktestPage.title(change)), .integer(Int64(sum.findings)), .money(sum.gross), .money(sum.loss),
            ])
        }
        lines += table.lines(width: Terminal.width, style: style) + [""]
        var months = TextTable(
            [ColumnHead("month", "月份")]
                + Backtest.Change.allCases.map { ColumnHead($0.rawValue, BacktestPage.title($0), .integer) })
        for (month, sums) in backtest.months.sorted(by: { $0.key < $1.key }) {
            months.append([.text(month)] + Backtest.Change.allCases.map { .integer(Int64(sums[$0]?.findings ?? 0)) })
        }
        lines += months.lines(width: Terminal.width, style: style) + [""]
        var institutions = TextTable(
            [ColumnHead("institution", "定点机构")]
                + Backtest.Change.allCases.map { ColumnHead($0.rawValue, BacktestPage.title($0), .integer) }
                + [ColumnHead("gross", "涉及金额", .decimal(scale: 2))])
        let gross = { (sums: [Backtest.Change: Backtest.Sum]) in sums.values.reduce(Int64(0)) { $0 &+ $1.gross } }
        let largest = backtest.institutions.map { (name: $0.key, sums: $0.value, gross: gross($0.value)) }
            .sorted { ($1.gross, $0.name) < ($0.gross, $1.name) }
        for entry in largest.prefix(10) {
            institutions.append(
                [.text(entry.name)] + Backtest.Change.allCases.map { .integer(Int64(entry.sums[$0]?.findings ?? 0)) }
                    + [.money(entry.gross)])
        }
        lines += institutions.lines(width: Terminal.width, style: style)
        if largest.count > 10 { lines.append("… \(largest.count - 10) more institutions") }
        lines += ["", "\(backtest.drawn().count) hits are drawn for review; --json and --html name them."]
        if let quality = page.quality { lines += Self.lines(quality) }
        return lines
    }

    private static func lines(_ quality: Backtest.Quality) -> [String] {
        guard let precision = quality.precision else { return ["Nothing of the sample is reviewed yet: no estimate."] }
        var lines = [
            "precision \(share(precision.estimate)), \(Int(quality.confidence * 100)) % interval \(share(precision.low)) … "
                + "\(share(precision.high)) (\(precision.reviewed) reviewed, \(quality.waiting) waiting, \(quality.aside) "
                + "reviewed outside of the sample and not used)"
        ]
        if let most = quality.recallMost {
            lines.append("recall at most \(share(most)): \(quality.missed) right cases are missed")
        }
        return lines
    }

    private static func share(_ value: Double) -> String {
        let tenths = Int((value * 1_000).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
    }

    var object: JSONText {
        let backtest = page.backtest
        func object(_ sums: [Backtest.Change: Backtest.Sum]) -> JSONText {
            .object(
                Backtest.Change.allCases.map { change in
                    let sum = sums[change] ?? Backtest.Sum()
                    return .init(
                        name: change.rawValue,
                        value: .members([
                            "findings": .integer(Int64(sum.findings)), "gross": .decimal(sum.gross, scale: 2),
                            "loss": .decimal(sum.loss, scale: 2),
                        ]))
                })
        }
        func named(_ groups: [String: [Backtest.Change: Backtest.Sum]]) -> JSONText {
            .object(groups.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: object($0.value)) })
        }
        var quality = JSONText.null
        if let found = page.quality {
            let thousandth = { (value: Double) in JSONText.decimal(Int64((value * 10_000).rounded()), scale: 4) }
            quality = .members([
                "precision": found.precision.map { thousandth($0.estimate) } ?? .null,
                "low": found.precision.map { thousandth($0.low) } ?? .null,
                "high": found.precision.map { thousandth($0.high) } ?? .null,
                "confidence": thousandth(found.confidence), "reviewed": .integer(Int64(found.precision?.reviewed ?? 0)),
                "waiting": .integer(Int64(found.waiting)), "aside": .integer(Int64(found.aside)),
                "missed": .integer(Int64(found.missed)), "recall_at_most": found.recallMost.map(thousandth) ?? .null,
                "method": .text("stratified estimate; Korn-Graubard interval"),
            ])
        }
        return .members([
            "rule": .text(page.rule), "version": .text(page.version), "file_digest": .text(fileDigest),
            "against": .text(page.against), "package_hash": .text(report.packageHash),
            "generation": .integer(Int64(report.generation)), "lines": .integer(Int64(report.lines)),
            "undetermined": .integer(Int64(backtest.undetermined.now)), "totals": object(backtest.sums),
            "months": named(backtest.months), "institutions": named(backtest.institutions), "quality": quality,
            "sample": .array(
                backtest.drawn().map { drawn in
                    .members([
                        "key": .text(drawn.hit.key), "change": .text(drawn.change.rawValue),
                        "stratum": .text(drawn.stratum), "stratum_size": .integer(Int64(drawn.of)),
                        "outcome": .text(drawn.hit.outcome), "institution": .text(drawn.hit.institution),
                        "month": .text(drawn.hit.month), "gross": .decimal(drawn.hit.gross, scale: 2),
                    ])
                }),
        ])
    }
}
