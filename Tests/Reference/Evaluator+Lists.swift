import Claims
import Rules

extension Evaluator {
    // MARK: - Columns

    func listColumn(_ column: Int, ofMatch match: Int, in scene: Scene) -> Value {
        let join = rule.lists[match]
        let cause = "\(join.alias).\(lists[join.list]?.columns[column].name ?? "?")"
        guard let list = lists[join.list], scene.matches.indices.contains(match) else {
            return .truth(nil, cause: join.alias)
        }
        guard case .row(let row) = scene.matches[match] else { return emptyCell(list, column, cause: cause) }
        switch list.columns[column].kind {
        case .code, .prefix, .text: return .text(list.text(column: column, row: row), cause: cause)
        case .integer, .decimal, .day:
            guard let number = list.number(column: column, row: row) else {
                return emptyCell(list, column, cause: cause)
            }
            return .number(Interval(exactly: Int128(number)))
        case .flag: return .truth(list.number(column: column, row: row).map { $0 != 0 }, cause: cause)
        }
    }

    private func emptyCell(_ list: KnowledgeList, _ column: Int, cause: String) -> Value {
        switch list.columns[column].kind {
        case .code, .prefix, .text: .text(nil, cause: cause)
        case .integer, .decimal, .day: .number(.unknown, cause: cause)
        case .flag: .truth(nil, cause: cause)
        }
    }

    // MARK: - Matching

    /// The list rows that belong to a focus row.
    struct ListRows {
        /// In list order; among rows of equal keys the most specific area, then the latest start.
        var certain: [Int] = []
        /// Why rows may match that are not known to; nil when none may.
        var possible: Value?
    }

    func matches(of join: Rule.ListMatch, in scene: Scene) -> ListRows {
        guard let list = lists[join.list] else { return ListRows(possible: .truth(nil, cause: join.list)) }
        let arguments = join.on.map { ($0.column, $0.expression) }
        var certain: [Int] = []
        var possible: [(row: Int, why: Value)] = []
        for row in candidates(list, arguments, in: scene) {
            let answer = doesMatch(list, row: row, arguments, in: scene)
            if answer.truth == true { certain.append(row) }
            if answer.truth == nil { possible.append((row, answer)) }
        }
        let kept = certain.filter { row in
            !(certain + possible.map(\.row)).contains { other in
                other != row && haveEqualKeys(list, row, other) && isPreferred(list, other, to: row)
            }
        }
        return ListRows(certain: kept, possible: possible.first?.why)
    }

    func isListed(_ arguments: [Expression], in name: String, columns: [Int], scene: Scene) -> Value {
        guard let list = lists[name] else { return .truth(nil, cause: name) }
        let pairs = Array(zip(columns, arguments))
        return Kleene.or(candidates(list, pairs, in: scene).map { doesMatch(list, row: $0, pairs, in: scene) })
    }

    /// All rows, or those that agree in the first column compared by equality with a known text.
    private func candidates(_ list: KnowledgeList, _ arguments: [(Int, Expression)], in scene: Scene) -> [Int] {
        for (column, argument) in arguments {
            switch list.columns[column].kind {
            case .code, .text:
                if let text = name(of: evaluate(argument, in: scene)) {
                    return rows(of: list, column: column, equal: text)
                }
            default: continue
            }
        }
        return Array(0..<list.rowCount)
    }

    private func doesMatch(
        _ list: KnowledgeList, row: Int, _ arguments: [(Int, Expression)], in scene: Scene
    ) -> Value {
        var answers = arguments.map { agrees(list, row: row, column: $0, with: $1, in: scene) }
        if answers.contains(where: { $0.truth == false }) { return .truth(false) }
        answers.append(isInForce(list, row: row, for: scene.focus))
        answers.append(appliesInArea(list, row: row, for: scene.focus))
        return Kleene.and(answers)
    }

    /// An empty cell in a joined column agrees with nothing.
    private func agrees(
        _ list: KnowledgeList, row: Int, column: Int, with argument: Expression, in scene: Scene
    ) -> Value {
        let value = evaluate(argument, in: scene)
        switch list.columns[column].kind {
        case .code, .text:
            guard let cell = list.text(column: column, row: row) else { return .truth(false) }
            return .truth(name(of: value).map { $0 == cell }, cause: value.cause)
        case .prefix:
            guard let cell = list.text(column: column, row: row) else { return .truth(false) }
            return .truth(name(of: value).map { Array($0.utf8).starts(with: Array(cell.utf8)) }, cause: value.cause)
        case .integer, .decimal, .day:
            guard let cell = list.number(column: column, row: row) else { return .truth(false) }
            let scale = max(list.scaleOfColumns[column], Evaluator.scale(of: argument.type))
            let scaled = evaluate(argument, atScale: scale, in: scene)
            guard let number = Exact.rescale(Int128(cell), from: list.scaleOfColumns[column], to: scale) else {
                return .truth(nil, cause: "overflow")
            }
            return .truth(Kleene.compare(.equal, scaled.interval, Interval(exactly: number)), cause: scaled.cause)
        case .flag:
            guard let cell = list.number(column: column, row: row) else { return .truth(false) }
            return .truth(value.truth.map { $0 == (cell != 0) }, cause: value.cause)
        }
    }

    private func haveEqualKeys(_ list: KnowledgeList, _ a: Int, _ b: Int) -> Bool {
        list.keys.allSatisfy { column in
            switch list.columns[column].kind {
            case .code, .prefix, .text: list.text(column: column, row: a) == list.text(column: column, row: b)
            default: list.number(column: column, row: a) == list.number(column: column, row: b)
            }
        }
    }

    private func isPreferred(_ list: KnowledgeList, _ a: Int, to b: Int) -> Bool {
        let specificity = (Area.stem(list.area(a)).count, Area.stem(list.area(b)).count)
        if specificity.0 != specificity.1 { return specificity.0 > specificity.1 }
        let start = (list.start(a) ?? Int32.min, list.start(b) ?? Int32.min)
        return start.0 == start.1 ? a < b : start.0 > start.1
    }

    // MARK: - Dates and areas

    private func isInForce(_ list: KnowledgeList, row: Int, for focus: RowReference) -> Value {
        let from = list.start(row)
        let to = list.end(row)
        guard from != nil || to != nil else { return .truth(true) }
        let day = date(list.dateSelector, of: focus)
        let begun = from.map { Kleene.compare(.greaterOrEqual, day.interval, Interval(exactly: Int128($0))) } ?? true
        let lasting = to.map { Kleene.compare(.lessOrEqual, day.interval, Interval(exactly: Int128($0))) } ?? true
        return Kleene.and([.truth(begun, cause: day.cause), .truth(lasting, cause: day.cause)])
    }

    /// The date of the focus row that selects rows of a dated list.
    private func date(_ selector: KnowledgeList.DateSelector, of focus: RowReference) -> Value {
        switch selector {
        case .fee: return day(of: focus)
        case .discharge:
            guard let encounter = encounter(of: focus) else {
                // Movements have no encounter; a line without its encounter has an unknown one.
                return focus.table.index(of: "encounter") == nil
                    ? day(of: focus) : .number(.unknown, cause: "\(focus.table.rawValue).encounter")
            }
            let end = read(FieldPath(start: .encounter, steps: [], field: .end), from: encounter)
            return .number(fitting: end.interval.mapped { Exact.floorDivide($0, by: 86_400) }, cause: end.cause)
        case .settlement:
            return day(of: focus.table == .settlement ? focus : settlement(of: focus) ?? focus)
        }
    }

    private func appliesInArea(_ list: KnowledgeList, row: Int, for focus: RowReference) -> Value {
        let stem = Area.stem(list.area(row))
        guard !stem.isEmpty else { return .truth(true) }
        let area: (code: String?, cause: String)
        switch list.areaSelector {
        case .none: return .truth(true)
        case .care: area = (careArea(of: focus), "encounter.care_area")
        case .home: area = (homeArea(of: focus), "encounter.home_area")
        }
        return .truth(area.code.map { Array($0.utf8).starts(with: stem) }, cause: area.cause)
    }

    private func careArea(of focus: RowReference) -> String? {
        let encounter = encounter(of: focus)
        if let area = encounter.flatMap({ claims.text("care_area", of: $0) }) { return area }
        guard let code = claims.text("institution", of: encounter ?? focus),
            let index = claims.byIdentifier[.institution]?[code]
        else { return nil }
        return claims.text("area", of: RowReference(table: .institution, index: index))
    }

    private func homeArea(of focus: RowReference) -> String? {
        if let area = encounter(of: focus).flatMap({ claims.text("home_area", of: $0) }) { return area }
        return claims.person(of: focus).flatMap { claims.text("home_area", of: $0) }
    }

    func encounter(of row: RowReference) -> RowReference? {
        row.table == .encounter ? row : claims.reference(.encounter, of: row)
    }

    /// The settlement that paid a row: the one the line names, else the only one of its encounter.
    func settlement(of row: RowReference) -> RowReference? {
        guard let encounter = encounter(of: row) else { return nil }
        let all = (claims.participants[.settlement] ?? []).map { RowReference(table: .settlement, index: $0) }
        if row.table == .line, let named = claims.text("settlement", of: row) {
            let person = claims.person(of: row)
            if let found = all.first(where: {
                claims.identifier(of: $0) == named && person != nil && claims.person(of: $0) == person
            }) {
                return found
            }
        }
        let own = all.filter { claims.reference(.encounter, of: $0) == encounter }
        return own.count == 1 ? own.first : nil
    }
}

/// Divisions (行政区划): six digits in pairs of province, city and county; trailing `00` pairs stand for all below.
enum Area {
    static func stem(_ code: String) -> [UInt8] {
        var digits = Array(code.utf8)
        while digits.count >= 2, digits.suffix(2).elementsEqual("00".utf8) { digits.removeLast(2) }
        return digits
    }
}

extension KnowledgeList {
    func area(_ row: Int) -> String { areas.indices.contains(row) ? areas[row] : "" }

    /// First day of validity; nil when the row has no beginning.
    func start(_ row: Int) -> Int32? {
        from.indices.contains(row) && from[row] != Int32.min ? from[row] : nil
    }

    /// Last day of validity; nil when the row has no end.
    func end(_ row: Int) -> Int32? {
        to.indices.contains(row) && to[row] != Int32.max ? to[row] : nil
    }
}
