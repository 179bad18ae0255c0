/// The picture of a procedure (流程图): each track with its states as boxes and its steps as pills between them.
package enum ProcedureDiagram {
    private static let ink = "#1f2933"
    private static let quiet = "#52606d"

    private struct Pill {
        var names: [String]
        let who: String
        let isAutomatic: Bool
        let from: [String]
        let to: [String]
    }

    /// SVG with its own size; no script, no font but the reader's.
    package static func svg(_ procedure: Procedure, roles: Roles) -> String {
        var body = ""
        var top = 56.0
        var width = 360.0
        for track in procedure.tracks {
            let (drawing, size) = draw(track, of: procedure, roles)
            let title =
                track.per.flatMap { kind in procedure.items.first { $0.id == kind } }
                .map { "\(track.name)（每个\($0.name)一条）" } ?? track.name
            body += text(20, top, title, size: 15, weight: "bold", anchor: "start")
            body += "<g transform=\"translate(20 \(n(top + 14)))\">\n\(drawing)</g>\n"
            top += size.height + 58
            width = max(width, size.width + 40)
        }
        let legend = legend(at: top - 14)
        let height = top + 22
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(n(max(width, 640))) \(n(height))" \
            width="\(n(max(width, 640)))" height="\(n(height))" role="img" \
            font-family="'Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei','PingFang SC',sans-serif">
            <title>\(escaped(procedure.name))</title>
            <defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">\
            <path d="M0 0.8 L7.5 4 L0 7.2 Z" fill="\(quiet)"/></marker></defs>
            <rect width="100%" height="100%" fill="#ffffff"/>
            \(text(20, 28, "\(procedure.name)　第\(procedure.version)版，自\(procedure.from)起", size: 18, weight: "bold", anchor: "start"))\
            \(body)\(legend)</svg>

            """
    }

    private static func draw(_ track: Track, of procedure: Procedure, _ roles: Roles) -> (
        String, (width: Double, height: Double)
    ) {
        let steps = procedure.steps.filter { $0.track == track.id && ($0.power == nil || $0.power == .merge) }
        var pills: [Pill] = []
        var inside: [String: [String]] = [:]
        for step in steps {
            let to = step.targets.map(\.state).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
            let moves = to.filter { state in !step.from.allSatisfy { $0 == state } }
            guard !moves.isEmpty else {
                for state in step.from { inside[state, default: []].append(step.name) }
                continue
            }
            let from = step.from.filter { [$0] != to }
            let who = step.who.map { roles[$0]?.name ?? $0 }.joined(separator: "、")
            if let twin = pills.firstIndex(where: { $0.from == from && $0.to == moves && $0.who == who }) {
                pills[twin].names.append(step.name)
            } else {
                pills.append(
                    Pill(names: [step.name], who: who, isAutomatic: step.isAutomatic(roles), from: from, to: moves))
            }
        }
        // What may be done without moving is written into its box, unless it may be done nearly everywhere.
        let sizes = track.states.map { size(of: $0, inside[$0.id] ?? []) } + pills.map(size)
        var pairs: [(from: Int, to: Int)] = []
        let index = Dictionary(uniqueKeysWithValues: track.states.enumerated().map { ($0.element.id, $0.offset) })
        for (offset, pill) in pills.enumerated() {
            let node = track.states.count + offset
            for state in pill.from { if let from = index[state] { pairs.append((from, node)) } }
            for state in pill.to { if let to = index[state] { pairs.append((node, to)) } }
        }
        let layout = LayeredLayout(sizes: sizes, lines: pairs)
        var drawing = ""
        for line in layout.lines {
            let ends = line.to < track.states.count
            drawing +=
                "<path d=\"\(path(line.points))\" fill=\"none\" stroke=\"#9aa5b1\" stroke-width=\"1.3\""
                + (ends ? " marker-end=\"url(#tip)\"" : "") + "/>\n"
        }
        for (offset, state) in track.states.enumerated() {
            drawing += box(state, inside[state.id] ?? [], layout.boxes[offset], isFirst: offset == 0)
        }
        for (offset, pill) in pills.enumerated() {
            drawing += draw(pill, layout.boxes[track.states.count + offset])
        }
        return (drawing, (layout.width, layout.height))
    }

    // MARK: Boxes

    private static func size(of state: State, _ inside: [String]) -> (width: Double, height: Double) {
        let lines = inside.map { width($0, 11) + 12 }
        return (
            max(width(state.name, 14), lines.max() ?? 0) + 28, 34 + Double(inside.count) * 16 + (inside.isEmpty ? 0 : 6)
        )
    }

    private static func size(_ pill: Pill) -> (width: Double, height: Double) {
        let widest = (pill.names.map { width($0, 12) } + [width(pill.who, 10)]).max() ?? 0
        return (widest + 24, Double(pill.names.count) * 16 + 24)
    }

    private static func box(_ state: State, _ inside: [String], _ box: LayeredLayout.Box, isFirst: Bool) -> String {
        let (fill, stroke) =
            state.isDecision ? ("#fdf0d5", "#b26a00") : state.isEnd ? ("#eceff1", "#546e7a") : ("#e6f0f8", "#33658a")
        let (x, y) = (box.x - box.width / 2, box.y - box.height / 2)
        var drawing = rectangle(x, y, box.width, box.height, 6, fill, stroke, isFirst ? 2.4 : 1.4)
        if state.isEnd { drawing += rectangle(x + 3, y + 3, box.width - 6, box.height - 6, 4, "none", stroke, 0.9) }
        drawing += text(box.x, y + 22, state.name, size: 14, weight: "600", anchor: "middle")
        for (index, name) in inside.enumerated() {
            drawing += text(x + 12, y + 42 + Double(index) * 16, "· " + name, size: 11, color: quiet, anchor: "start")
        }
        return drawing
    }

    private static func draw(_ pill: Pill, _ box: LayeredLayout.Box) -> String {
        let (x, y) = (box.x - box.width / 2, box.y - box.height / 2)
        var drawing = rectangle(
            x, y, box.width, box.height, min(box.height / 2, 18), "#ffffff", pill.isAutomatic ? "#7b4bb3" : "#9aa5b1",
            1,
            dash: pill.isAutomatic ? "4 3" : nil)
        for (index, name) in pill.names.enumerated() {
            drawing += text(box.x, y + 17 + Double(index) * 16, name, size: 12, anchor: "middle")
        }
        return drawing + text(box.x, y + box.height - 7, pill.who, size: 10, color: quiet, anchor: "middle")
    }

    private static func legend(at top: Double) -> String {
        var x = 20.0
        var drawing = ""
        let entries = [
            ("#e6f0f8", "#33658a", "状态", false), ("#fdf0d5", "#b26a00", "作出认定", false),
            ("#eceff1", "#546e7a", "办结", false), ("#ffffff", "#9aa5b1", "步骤（办理人）", false),
            ("#ffffff", "#7b4bb3", "系统或时限自动", true),
        ]
        for (fill, stroke, name, isDashed) in entries {
            drawing += rectangle(x, top - 11, 18, 13, 3, fill, stroke, 1.2, dash: isDashed ? "4 3" : nil)
            drawing += text(x + 24, top, name, size: 11, color: quiet, anchor: "start")
            x += 44 + width(name, 11)
        }
        return drawing
    }

    // MARK: Strokes

    private static func path(_ points: [(x: Double, y: Double)]) -> String {
        guard let first = points.first else { return "" }
        var path = "M\(n(first.x)) \(n(first.y))"
        for (a, b) in zip(points, points.dropFirst()) {
            let middle = (a.y + b.y) / 2
            path += " C\(n(a.x)) \(n(middle)) \(n(b.x)) \(n(middle)) \(n(b.x)) \(n(b.y))"
        }
        return path
    }

    private static func rectangle(
        _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ round: Double, _ fill: String, _ stroke: String,
        _ line: Double, dash: String? = nil
    ) -> String {
        "<rect x=\"\(n(x))\" y=\"\(n(y))\" width=\"\(n(width))\" height=\"\(n(height))\" rx=\"\(n(round))\" fill=\"\(fill)\" "
            + "stroke=\"\(stroke)\" stroke-width=\"\(n(line))\"" + (dash.map { " stroke-dasharray=\"\($0)\"" } ?? "")
            + "/>\n"
    }

    private static func text(
        _ x: Double, _ y: Double, _ words: String, size: Double, weight: String = "normal", color: String = ink,
        anchor: String
    ) -> String {
        "<text x=\"\(n(x))\" y=\"\(n(y))\" font-size=\"\(n(size))\" font-weight=\"\(weight)\" fill=\"\(color)\" "
            + "text-anchor=\"\(anchor)\">\(escaped(words))</text>\n"
    }

    /// How wide a text is drawn, near enough: a Chinese character is as wide as it is high.
    private static func width(_ text: String, _ size: Double) -> Double {
        text.unicodeScalars.reduce(0) { $0 + ($1.value < 0x2000 ? size * 0.58 : size) }
    }

    /// One decimal, without a needless zero.
    private static func n(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0
            ? String(tenths / 10) : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
