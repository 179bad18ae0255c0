import Claims
import Knowledge
import Rules

/// What can be wrong within one list.
extension LawCheck {
    private static let ranges = [
        ("min", "max"), ("low", "high"), ("least", "most"), ("above", "below"), ("from_age", "to_age"),
        ("min_days", "max_days"), ("min_age", "max_age"),
    ]

    /// A least value above the greatest: no bill can be right.
    mutating func checkLimits(_ view: ListView) {
        for (low, high) in Self.ranges {
            guard let a = view.list.columnIndex(low), let b = view.list.columnIndex(high),
                let lower = scale(view.list.columns[a]), let upper = scale(view.list.columns[b])
            else { continue }
            for row in 0..<view.list.rowCount {
                guard view.cell(row, a) != nil, view.cell(row, b) != nil else { continue }
                let left = view.list.columns[a].numbers[row].multipliedReportingOverflow(by: Self.power(upper))
                let right = view.list.columns[b].numbers[row].multipliedReportingOverflow(by: Self.power(lower))
                guard !left.overflow, !right.overflow, left.partialValue > right.partialValue else { continue }
                note(
                    "LAW001", view.list.place(ofRow: row),
                    "`\(view.shownKey(row))` has \(low) \(view.cell(row, a) ?? "") above \(high) \(view.cell(row, b) ?? "")",
                    advice: "exchange them, or ask which is right")
            }
        }
    }

    private func scale(_ column: KnowledgeList.Column) -> Int? { column.kind.type.decimals }

    private static func power(_ scale: Int) -> Int64 { (0..<scale).reduce(1) { value, _ in value * 10 } }

    /// Days that no row of a code covers between two that do; neighbours that say the same.
    mutating func checkValidity(_ view: ListView) {
        guard !view.list.from.isEmpty else { return }
        var rows: [String: [Int]] = [:]
        for row in 0..<view.list.rowCount { rows[view.key(row) + "\u{1}" + view.area(row), default: []].append(row) }
        for (_, group) in rows where group.count > 1 {
            let sorted = group.sorted { view.span($0).lowerBound < view.span($1).lowerBound }
            for (former, latter) in zip(sorted, sorted.dropFirst()) {
                let (end, start) = (view.span(former).upperBound, view.span(latter).lowerBound)
                if end < Int32.max - 1, start > end + 1 {
                    note(
                        "LAW003", view.list.place(ofRow: latter),
                        "`\(view.shownKey(latter))` is not limited from \(Day(number: end + 1)) to \(Day(number: start - 1))",
                        advice: "let one row begin when the other ends, or say in a remark that the gap is meant")
                } else if start == end + 1, view.values(former) == view.values(latter) {
                    note(
                        "LAW002", view.list.place(ofRow: latter),
                        "`\(view.shownKey(latter))` goes on as it was before \(Day(number: start))",
                        advice: "make one row of both")
                }
            }
        }
    }

    /// Pairs of codes of one system: a code paired with itself, and pairs that exclude each other.
    mutating func checkPairs(_ view: ListView) {
        let codes = view.list.keys.filter { if case .code = view.list.columns[$0].kind { true } else { false } }
        guard codes.count == 2, view.list.keys.count == 2,
            view.list.columns[codes[0]].kind == view.list.columns[codes[1]].kind
        else { return }
        var rows: [String: Int] = [:]
        for row in 0..<view.list.rowCount {
            let (a, b) = (view.cell(row, codes[0]) ?? "", view.cell(row, codes[1]) ?? "")
            if a == b {
                note(
                    "LAW001", view.list.place(ofRow: row), "`\(a)` excludes itself",
                    advice: "a second charge of one item is a matter of frequency: use a list of limits")
            }
            if let other = rows[b + "\u{1}" + a], a != b, view.span(row).overlaps(view.span(other)) {
                note(
                    "LAW001", view.list.place(ofRow: row),
                    "`\(a) × \(b)` and `\(b) × \(a)` (line \(view.list.place(ofRow: other).line)) contain each other",
                    advice: "of two items that stand together one is right: keep one direction")
            }
            rows[a + "\u{1}" + b] = row
        }
    }

    /// A beginning of a code that a shorter one of the list covers.
    mutating func checkPrefixes(_ view: ListView) {
        guard
            let prefix = view.list.keys.first(where: { key in
                if case .prefix = view.list.columns[key].kind { true } else { false }
            })
        else { return }
        func others(_ row: Int) -> String {
            (view.list.keys.filter { $0 != prefix }.map { view.cell(row, $0) ?? "" } + [view.area(row)])
                .joined(separator: "\u{1}")
        }
        var rows: [String: Int] = [:]
        for row in 0..<view.list.rowCount { rows[others(row) + "\u{2}" + (view.cell(row, prefix) ?? "")] = row }
        for row in 0..<view.list.rowCount {
            let code = view.cell(row, prefix) ?? ""
            guard
                let shorter = code.indices.dropFirst().lazy
                    .compactMap({ rows[others(row) + "\u{2}" + code[..<$0]] }).first(where: {
                        view.span($0).overlaps(view.span(row))
                    })
            else { continue }
            let place = view.list.place(ofRow: shorter)
            if view.values(row) == view.values(shorter) {
                note(
                    "LAW002", view.list.place(ofRow: row),
                    "`\(view.shownKey(row))` is covered by `\(view.shownKey(shorter))` in line \(place.line)",
                    advice: "delete the longer one, or give it a limit of its own")
            } else {
                note(
                    "LAW001", view.list.place(ofRow: row),
                    "`\(view.shownKey(row))` is also limited by `\(view.shownKey(shorter))` in line \(place.line), otherwise",
                    advice: "rows of all beginnings apply: write the exceptions as beginnings of their own")
            }
        }
    }

    /// A row of an area that says what holds there anyway.
    mutating func checkAreas(_ view: ListView) {
        guard !view.list.areas.isEmpty, view.list.areaSelector != .none else {
            checkUnselectedAreas(view)
            return
        }
        var rows: [String: [Int]] = [:]
        for row in 0..<view.list.rowCount { rows[view.key(row), default: []].append(row) }
        for (_, group) in rows where group.count > 1 {
            for row in group {
                let wider = group.filter { other in
                    other != row && Self.contains(view.area(other), view.area(row))
                        && view.span(other).lowerBound <= view.span(row).lowerBound
                        && view.span(other).upperBound >= view.span(row).upperBound
                }
                // The nearest of the wider areas is what would hold without the row.
                guard let base = wider.max(by: { Self.depth(view.area($0)) < Self.depth(view.area($1)) }),
                    view.values(base) == view.values(row)
                else { continue }
                note(
                    "LAW006", view.list.place(ofRow: row),
                    "`\(view.shownKey(row))` is the same in \(view.area(row)) as in \(place(view.area(base)))",
                    advice: "delete the row, or write what the area wants")
            }
        }
    }

    /// Rows bound to areas in a list that looks at no area: the binding is without effect.
    private mutating func checkUnselectedAreas(_ view: ListView) {
        // A row that an area adds is read only where that area is asked for.
        let bound = view.list.areas.indices.first { row in
            !view.list.areas[row].isEmpty && !view.list.place(ofRow: row).file.hasPrefix("areas/")
        }
        guard let row = bound, view.list.areaSelector == .none else { return }
        note(
            "LAW006", view.list.place(ofRow: row),
            "the row is bound to \(view.area(row)), but the list `\(view.list.id)` looks at no area",
            advice: "declare `select: { area: care }`, or leave the area out")
    }

    private func place(_ area: String) -> String { area.isEmpty ? "the whole country" : area }

    private static func depth(_ area: String) -> Int { significant(area).count }

    private static func significant(_ area: String) -> Substring {
        var area = area[...]
        while area.hasSuffix("00") { area = area.dropLast(2) }
        return area
    }

    static func contains(_ wide: String, _ narrow: String) -> Bool {
        wide != narrow && narrow.hasPrefix(significant(wide)) && (wide.isEmpty || !narrow.isEmpty)
    }

    /// A limit that rests on nothing cannot be held against anybody.
    mutating func checkBasis(_ view: ListView) {
        guard view.list.basis.isEmpty, view.list.columnIndex("basis") == nil else { return }
        note(
            "LAW004", ("lists/\(view.list.id).yaml", 0), "the list \(view.list.name) names no basis",
            advice: "write `basis: 条例 第三十八条…` in its declaration, or give the rows a column `basis`")
    }

    /// Codes that do not exist: outside a small vocabulary, or outside the catalogue of the package.
    mutating func checkCodes(_ view: ListView) {
        for (index, column) in view.list.columns.enumerated() {
            let system: CodeSystem
            let isPrefix: Bool
            switch column.kind {
            case .code(let own): (system, isPrefix) = (own, false)
            case .prefix(let own): (system, isPrefix) = (own, true)
            default: continue
            }
            let words = Vocabulary.words(of: system).map { Set($0) }
            let catalogue = words == nil ? catalogue(of: system) : nil
            guard words != nil || catalogue != nil else { continue }
            for row in 0..<view.list.rowCount {
                guard let code = view.cell(row, index) else { continue }
                let isKnown = words?.contains(code) ?? catalogue?.knows(code, asPrefix: isPrefix) ?? true
                guard !isKnown else { continue }
                note(
                    "LAW005", view.list.place(ofRow: row),
                    "`\(code)` in \(column.name) is not a \(system.rawValue)"
                        + (catalogue.map { " of the catalogue \($0.id)" } ?? ""),
                    advice: words.flatMap { Suggestion.nearest(to: code, among: $0.sorted()) }.map {
                        "did you mean `\($0)`?"
                    }
                        ?? "look it up, or bring the catalogue up to date")
            }
        }
    }

    private func catalogue(of system: CodeSystem) -> Catalogue? {
        let lists = plan.lists.values.filter { list in
            list.isCatalogue && list.keys.count == 1 && list.columns[list.keys[0]].kind == .code(system)
        }.sorted { $0.id < $1.id }
        return lists.isEmpty ? nil : Catalogue(lists)
    }
}

/// The codes of a system that exist, sorted, so that beginnings are found too.
private struct Catalogue {
    let id: String
    private let codes: [String]

    init(_ lists: [KnowledgeList]) {
        id = lists.map(\.id).joined(separator: ", ")
        codes = lists.flatMap { list in list.columns[list.keys[0]].texts.strings }.sorted()
    }

    func knows(_ code: String, asPrefix: Bool) -> Bool {
        var low = 0
        var high = codes.count
        while low < high {
            let middle = (low + high) / 2
            if codes[middle] < code { low = middle + 1 } else { high = middle }
        }
        guard low < codes.count else { return false }
        return asPrefix ? codes[low].hasPrefix(code) : codes[low] == code
    }
}
