extension Paper {
    /// A page of its own for screen and A4 print: no scripts, nothing fetched, every text escaped.
    package var html: String {
        var body = "<h1>\(Self.escaped(title))</h1>\n"
        if !subtitle.isEmpty { body += "<p class=\"subtitle\">\(Self.escaped(subtitle))</p>\n" }
        for block in blocks { body += Self.html(of: block) }
        if !foot.isEmpty { body += "<footer>\(Self.escaped(foot))</footer>\n" }
        return """
            <!DOCTYPE html>
            <html lang="zh-CN">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <title>\(Self.escaped(title))</title>
            <style>
            \(Self.sheet)
            </style>
            </head>
            <body>
            \(body)</body>
            </html>

            """
    }

    private static func html(of block: Block) -> String {
        switch block {
        case .heading(let text): return "<h2>\(escaped(text))</h2>\n"
        case .paragraph(let text): return "<p>\(escaped(text))</p>\n"
        case .statement(let text): return "<p class=\"statement\">\(escaped(text))</p>\n"
        case .note(let text): return "<p class=\"note\">\(escaped(text))</p>\n"
        case .entries(let entries):
            let rows = entries.filter { !$0.text.isEmpty }
                .map { "<div><dt>\(escaped($0.label))</dt><dd>\(escaped($0.text))</dd></div>\n" }
            return "<dl>\n\(rows.joined())</dl>\n"
        case .table(let heads, let rows):
            func tag(_ name: String, _ index: Int, _ text: String) -> String {
                let isNumber = index < heads.count && heads[index].isNumber
                return "<\(name)\(isNumber ? " class=\"number\"" : "")>\(escaped(text))</\(name)>"
            }
            var text = "<table>\n<thead><tr>"
            for (index, head) in heads.enumerated() { text += tag("th", index, head.title) }
            text += "</tr></thead>\n<tbody>\n"
            for row in rows {
                text += "<tr>"
                for (index, cell) in row.enumerated() { text += tag("td", index, cell.text) }
                text += "</tr>\n"
            }
            return text + "</tbody>\n</table>\n"
        }
    }

    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case _ where scalar.value < 0x20 && scalar != "\n" && scalar != "\t": continue
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Papers of the administration: Song type for text, Hei for heads, margins as for A4, tables that break between
    /// rows and repeat their head.
    private static let sheet = """
        @page { size: A4; margin: 22mm 20mm 20mm 22mm; }
        html { background: #eef0f2; }
        body { box-sizing: border-box; max-width: 210mm; margin: 8mm auto; padding: 22mm 20mm 20mm 22mm; background: #fff;
          color: #1b1f23; font: 10.5pt/1.75 "Songti SC", SimSun, "Noto Serif CJK SC", "Source Han Serif SC", serif; }
        h1, h2, th, dt { font-family: "Heiti SC", SimHei, "Noto Sans CJK SC", "Source Han Sans SC", sans-serif; font-weight: 600; }
        h1 { font-size: 18pt; line-height: 1.4; margin: 0 0 2mm; text-align: center; }
        h2 { font-size: 12pt; margin: 7mm 0 2mm; border-bottom: 0.4pt solid #9aa4ad; break-after: avoid; }
        .subtitle { text-align: center; color: #57606a; margin: 0 0 5mm; }
        .statement { border-left: 1.2mm solid #a8421f; background: #faf4f0; padding: 2mm 4mm; margin: 3mm 0; text-align: justify; }
        .note, footer { color: #57606a; font-size: 9pt; }
        footer { margin-top: 8mm; border-top: 0.4pt solid #9aa4ad; padding-top: 2mm; overflow-wrap: anywhere; }
        dl { margin: 0; }
        dl div { display: grid; grid-template-columns: 9em 1fr; break-inside: avoid; }
        dt { font-size: 9.5pt; color: #57606a; }
        dd { margin: 0; overflow-wrap: anywhere; }
        table { border-collapse: collapse; width: 100%; font-size: 9pt; line-height: 1.45; margin: 2mm 0; }
        thead { display: table-header-group; }
        tr { break-inside: avoid; }
        th, td { border: 0.4pt solid #9aa4ad; padding: 1mm 1.6mm; text-align: left; overflow-wrap: anywhere; }
        th { background: #eef2f4; white-space: nowrap; }
        .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        @media print { html { background: none; } body { margin: 0; padding: 0; max-width: none; } }
        """
}
