import Claims
import Rules

/// What a rule says about one unit under one combination of list rows.
struct Judgement {
    enum Answer { case yes, open, no }

    var scene: Scene
    var answer: Answer
    var filter: Bool?
    var test: Bool?
    var cause: String?
    var value: Value?
    var limit: Value?
    /// The whole test was true on what was seen; only coverage left it open.
    var isOpenByCoverage = false
}

/// Evaluates the filter and the test of a rule, again with opened windows where the history is partial.
struct Judge {
    let evaluator: Evaluator
    let evidenceMost: Int
    var rule: Rule { evaluator.rule }

    /// One judgement per combination of matching list rows, in list order, the merely possible match last.
    /// `presumed` is what is already known to be open about the unit (a group's key, a group without certain members).
    func judge(
        _ focus: RowReference, filter: (Scene) -> Value, members: (Scene) -> Scene.Members? = { _ in nil },
        presumed: (Scene) -> Value = { _ in .truth(true) }, ignoringTest: Bool = false
    ) -> [Judgement] {
        combinations(of: Scene(focus: focus)).compactMap { scene, match in
            var scene = scene
            scene.members = members(scene)
            if let members = scene.members, members.certain.isEmpty, members.possible.isEmpty { return nil }
            let conditions = [match, presumed(scene), filter(scene)]
            return judge(scene, conditions, filter: filter(scene), ignoringTest: ignoringTest)
        }
    }

    private func judge(_ scene: Scene, _ conditions: [Value], filter: Value, ignoringTest: Bool) -> Judgement {
        let test: Value = ignoringTest ? .truth(nil) : evaluator.evaluate(rule.test, in: scene)
        let whole = Kleene.and(conditions + [test])
        var judgement = Judgement(
            scene: scene, answer: .no, filter: filter.truth, test: test.truth, cause: whole.cause,
            value: rule.value.map { evaluator.evaluate($0, in: scene) },
            limit: rule.limit.map { evaluator.evaluate($0, in: scene) })
        switch whole.truth {
        case false?: judgement.answer = .no
        case nil: judgement.answer = .open
        case true?:
            judgement.answer = .yes
            var opened = scene
            opened.isOpened = true
            // The filter of a group rule chooses members and has been used for that already.
            let again = [rule.test] + (scene.members == nil ? rule.filter.map { [$0] } ?? [] : [])
            if Kleene.and(again.map { evaluator.evaluate($0, in: opened) }).truth != true {
                judgement.answer = .open
                judgement.cause = "coverage"
                judgement.isOpenByCoverage = true
            }
        }
        return judgement
    }

    private func combinations(of scene: Scene) -> [(scene: Scene, match: Value)] {
        var all: [(scene: Scene, match: Value)] = [(scene, .truth(true))]
        for join in rule.lists {
            all = all.flatMap { scene, match -> [(scene: Scene, match: Value)] in
                let rows = evaluator.matches(of: join, in: scene)
                var next = rows.certain.map { row -> (scene: Scene, match: Value) in
                    var extended = scene
                    extended.matches.append(.row(row))
                    return (extended, match)
                }
                if let why = rows.possible {
                    var extended = scene
                    extended.matches.append(.possible)
                    next.append((extended, Kleene.and([match, why])))
                }
                return next
            }
        }
        return all
    }

    // MARK: - Conditions on one row

    /// Whether the rule is in force on the row's day, and the row is one it looks at.
    func selects(_ row: RowReference, in scene: Scene) -> Value {
        var scene = scene
        scene.focus = row
        var conditions: [Value] = []
        if rule.validFrom != nil || rule.validTo != nil {
            let day = evaluator.day(of: row)
            func check(_ comparison: Comparison, _ bound: Day?) {
                guard let bound else { return }
                let limit = Interval(exactly: Int128(bound.number))
                conditions.append(.truth(Kleene.compare(comparison, day.interval, limit), cause: day.cause))
            }
            check(.greaterOrEqual, rule.validFrom)
            check(.lessOrEqual, rule.validTo)
        }
        if let filter = rule.filter { conditions.append(evaluator.evaluate(filter, in: scene)) }
        return Kleene.and(conditions)
    }

    // MARK: - Windows of the test

    /// The windows whose rows stand as evidence beside the violating ones.
    func decidingAggregates(_ judgement: Judgement) -> [Aggregate] {
        var conjuncts = [rule.test]
        if case .and(let operands) = rule.test.node { conjuncts = operands }
        if judgement.answer == .open, !judgement.isOpenByCoverage {
            let open = conjuncts.filter { evaluator.evaluate($0, in: judgement.scene).truth == nil }
            conjuncts = open
        }
        return conjuncts.flatMap(\.aggregates)
    }
}

extension Expression {
    /// The aggregates in the expression, in the order of its text.
    var aggregates: [Aggregate] {
        if case .aggregate(let aggregate) = node { return [aggregate] }
        return operands.flatMap(\.aggregates)
    }

    private var operands: [Expression] {
        switch node {
        case .number, .text, .boolean, .field, .listColumn, .aggregate: []
        case .not(let operand), .startsWith(let operand, _), .isKnown(let operand), .negate(let operand),
            .absolute(let operand), .dayOf(let operand), .period(_, let operand), .prefix(let operand, _):
            [operand]
        case .and(let operands), .or(let operands), .greatest(let operands), .least(let operands),
            .coalesce(let operands), .inList(_, _, let operands):
            operands
        case .compare(_, let left, let right), .arithmetic(_, let left, let right), .age(let left, let right),
            .covered(_, let left, let right):
            [left, right]
        case .round(let numerator, let denominator, _): [numerator] + (denominator.map { [$0] } ?? [])
        case .choose(let branches, let otherwise): branches.flatMap { [$0.condition, $0.result] } + [otherwise]
        }
    }
}
