import Claims

/// A backtest as a page that prints on A4, with charts drawn here and nothing from elsewhere (回测报告).
package struct BacktestPage {
    package let rule: String
    package let name: String
    package let version: String
    package let against: String
    package let dataset: String
    package let backtest: Backtest
    package let quality: Backtest.Quality?

    package init(
        rule: String, name: String, version: String, against: String, dataset: String, backtest: Backtest,
        quality: Backtest.Quality?
    ) {
        self.rule = rule
        self.name = name
        self.version = version
        self.against = against
        self.dataset = dataset
        self.backtest = backtest
        self.quality = quality
    }

    package static func title(_ change: Backtest.Change) -> String {
        switch change {
        case .gained: "新增"
        case .lost: "消失"
        case .kept: "不变"
        case .changed: "内容变更"
        }
    }

    private static let order: [Backtest.Change] = [.kept, .changed, .gained, .lost]

    private static func colour(_ change: Backtest.Change) -> String {
        switch change {
        case .kept: "#8fa3b0"
        case .changed: "#c9a227"
        case .gained: "#1f6f8b"
        case .lost: "#b5483a"
        }
    }

    package var html: String {
        var body = "<h1>规则回测：\(escaped(name))（\(escaped(rule))）</h1>"
        body += "<p>版本 \(escaped(version))；对照 \(escaped(against))；数据集 \(escaped(dataset))。</p>"
        body +=
            "<h2>总量</h2>"
            + table(
                ["变化", "疑点数", "涉及金额（元）", "基金损失（元）"],
                Self.order.map { change in
                    let sum = backtest.sums[change] ?? Backtest.Sum()
                    return [Self.title(change), "\(sum.findings)", yuan(sum.gross), yuan(sum.loss)]
                })
        if let quality { body += "<h2>复核</h2>" + self.quality(quality) }
        let months = backtest.months.keys.sorted()
        body +=
            "<h2>按月（疑点数）</h2>"
            + bars(months.map { ($0, backtest.months[$0] ?? [:]) }) {
                Double($0.findings)
            } label: {
                "\($0.findings)"
            }
        let largest = backtest.institutions.sorted {
            weight($0.value) != weight($1.value) ? weight($0.value) > weight($1.value) : $0.key < $1.key
        }
        .prefix(15)
        body += "<h2>按定点机构（涉及金额，前 \(largest.count) 家，共 \(backtest.institutions.count) 家）</h2>"
        body += bars(largest.map { ($0.key.isEmpty ? "（不属一家）" : $0.key, $0.value) }) {
            Double($0.gross)
        } label: {
            yuan($0.gross)
        }
        let drawn = backtest.drawn()
        body +=
            "<h2>复核样本（\(drawn.count) 条，按变化与金额分层随机抽取）</h2>"
            + table(
                ["疑点", "分层", "层内数", "机构", "月份", "金额（元）", "是否属实"],
                drawn.map {
                    [
                        $0.hit.key, Self.title($0.change) + $0.stratum.drop { $0 != " " }, "\($0.drawn)/\($0.of)",
                        $0.hit.institution, $0.hit.month,
                        yuan($0.hit.gross), "□是　□否",
                    ]
                })
        return """
            <!DOCTYPE html>
            <html lang="zh-CN"><head><meta charset="utf-8"><title>规则回测 \(escaped(rule))</title><style>
            @page { size: A4; margin: 15mm } body { font: 10.5pt/1.5 "Noto Serif CJK SC", "Songti SC", SimSun, serif; max-width: 180mm; margin: 8mm auto; color: #1a1a1a }
            h1 { font-size: 16pt } h2 { font-size: 12pt; margin: 6mm 0 2mm; break-after: avoid } table { border-collapse: collapse; width: 100%; font-size: 9pt }
            th, td { border-bottom: .3mm solid #ccc; padding: 1mm 1.5mm; text-align: left; overflow-wrap: anywhere } td:nth-child(n+2) { font-variant-numeric: tabular-nums } tr { break-inside: avoid }
            svg { width: 100%; height: auto } .note { color: #555; font-size: 9pt }
            </style></head><body>
            \(body)
            </body></html>

            """
    }

    private func quality(_ quality: Backtest.Quality) -> String {
        guard let precision = quality.precision else {
            return "<p>样本尚无复核结论（\(quality.waiting) 条待复核），不作估计。</p>"
        }
        var text =
            "<p>准确率估计 \(percent(precision.estimate))，\(Int(quality.confidence * 100))% 置信区间 "
            + "\(percent(precision.low)) 至 \(percent(precision.high))；已复核 \(precision.reviewed) 条，待复核 \(quality.waiting) 条。"
        if let recall = quality.recallMost {
            text += "已知漏掉属实 \(quality.missed) 条，召回率不高于 \(percent(recall))。"
        }
        text += "</p><p class=\"note\">分层加权估计；区间为 Korn–Graubard 法（按有效样本量的 Clopper–Pearson 区间）。"
        return text + "未复核的疑点不计入；样本外的复核 \(quality.aside) 条不用于估计。</p>"
    }

    private func weight(_ sums: [Backtest.Change: Backtest.Sum]) -> Int64 {
        sums.values.reduce(0) { $0 &+ $1.gross }
    }

    private func percent(_ share: Double) -> String {
        let tenths = Int((share * 1_000).rounded())
        return "\(tenths / 10).\(tenths % 10)%"
    }

    private func yuan(_ fen: Int64) -> String { DecimalText.format(fen, scale: 2) }

    private func table(_ heads: [String], _ rows: [[String]]) -> String {
        "<table><thead><tr>" + heads.map { "<th>\(escaped($0))</th>" }.joined() + "</tr></thead><tbody>"
            + rows.map { "<tr>" + $0.map { "<td>\(escaped($0))</td>" }.joined() + "</tr>" }.joined()
            + "</tbody></table>"
    }

    /// Stacked bars, one a row, with a legend.
    private func bars(
        _ rows: [(name: String, sums: [Backtest.Change: Backtest.Sum])], value: (Backtest.Sum) -> Double,
        label: (Backtest.Sum) -> String
    ) -> String {
        guard !rows.isEmpty else { return "<p class=\"note\">没有疑点。</p>" }
        let (left, width, step) = (150.0, 430.0, 20.0)
        let most = rows.map { row in row.sums.values.reduce(0) { $0 + value($1) } }.max() ?? 0
        let height = Double(rows.count) * step + 28
        var svg = "<svg viewBox=\"0 0 720 \(Int(height))\" role=\"img\" font-size=\"11\" font-family=\"sans-serif\">"
        var x = left
        for change in Self.order {
            svg += "<rect x=\"\(x)\" y=\"2\" width=\"10\" height=\"10\" fill=\"\(Self.colour(change))\"/>"
            svg += "<text x=\"\(x + 14)\" y=\"11\">\(Self.title(change))</text>"
            x += 80
        }
        for (index, row) in rows.enumerated() {
            let y = 24 + Double(index) * step
            svg +=
                "<text x=\"\(left - 6)\" y=\"\(y + 11)\" text-anchor=\"end\">\(escaped(String(row.name.prefix(22))))</text>"
            var start = left
            var total = Backtest.Sum()
            for change in Self.order {
                guard let sum = row.sums[change] else { continue }
                let length = most > 0 ? value(sum) / most * width : 0
                svg +=
                    "<rect x=\"\(rounded(start))\" y=\"\(y)\" width=\"\(rounded(length))\" height=\"14\" fill=\"\(Self.colour(change))\"><title>\(Self.title(change)) \(label(sum))</title></rect>"
                start += length
                total.findings += sum.findings
                total.gross &+= sum.gross
            }
            svg += "<text x=\"\(rounded(start + 5))\" y=\"\(y + 11)\">\(label(total))</text>"
        }
        return svg + "</svg>"
    }

    private func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing(
            "\"", with: "&quot;")
    }
}
