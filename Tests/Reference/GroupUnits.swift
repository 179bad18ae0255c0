import Claims
import Rules

/// Rules whose unit is a group of rows that share keys.
struct GroupUnits {
    let judge: Judge
    let table: Table
    let keys: [Rule.Key]

    private struct Candidate {
        let row: RowReference
        let keys: [Value]
        var isKeyed: Bool { keys.allSatisfy(\.isExact) }
        var contents: [Value.Content] { keys.map(\.content) }
    }

    func findings() -> [ReferenceFinding] {
        let partition = Partition.index(of: keys.map(\.expression.type)) ?? 0
        var groups: [[Value.Content]: [Candidate]] = [:]
        var strays: [Candidate] = []
        // Rows that may belong elsewhere: their partition key is known, another key is not.
        var floating: [Candidate] = []
        for index in judge.claims.participants[table] ?? [] {
            let row = RowReference(table: table, index: index)
            let scene = Scene(focus: row)
            let candidate = Candidate(row: row, keys: keys.map { judge.evaluator.evaluate($0.expression, in: scene) })
            if candidate.isKeyed {
                groups[candidate.contents, default: []].append(candidate)
            } else {
                strays.append(candidate)
                if candidate.keys[partition].isExact { floating.append(candidate) }
            }
        }
        let keyed = groups.values.flatMap { $0 }
        return groups.values.compactMap { group($0, floating: floating) }
            + strays.compactMap { stray($0, partition: partition, others: keyed + floating) }
    }

    // MARK: - Groups

    private func group(_ candidates: [Candidate], floating: [Candidate]) -> ReferenceFinding? {
        let own = candidates.sorted { $0.row.index < $1.row.index }
        guard let first = own.first(where: { selectsWithoutLists($0.row).truth != false }) else { return nil }
        let near = floating.compactMap { other in doubt(other, about: first).map { (other.row, $0) } }
        let judgements = judge.judge(
            first.row, filter: { _ in .truth(true) }, members: { members(own, near: near, in: $0) },
            presumed: { scene in
                guard let members = scene.members, members.certain.isEmpty else { return .truth(true) }
                return .truth(nil, cause: members.possible.first?.cause)
            })
        let key = zip(keys, first.keys).map { "\($0.name)=\(text(of: $1, as: $0.expression))" }.joined(separator: "|")
        return finding(judgements, key: key)
    }

    /// The first row stands for the group before list columns are known.
    private func selectsWithoutLists(_ row: RowReference) -> Value {
        var scene = Scene(focus: row)
        scene.matches = judge.rule.lists.map { _ in .possible }
        return judge.selects(row, in: scene)
    }

    /// Certain and possible members; `near` are rows of which a key is unknown.
    private func members(
        _ own: [Candidate], near: [(row: RowReference, doubt: Value)], in scene: Scene
    ) -> Scene.Members {
        var members = Scene.Members(certain: [], possible: [])
        for candidate in own {
            let answer = judge.selects(candidate.row, in: scene)
            if answer.truth == true { members.certain.append(candidate.row) }
            if answer.truth == nil { members.possible.append((candidate.row, answer.cause)) }
        }
        for (row, doubt) in near {
            let answer = Kleene.and([doubt, judge.selects(row, in: scene)])
            if answer.truth == nil { members.possible.append((row, answer.cause)) }
        }
        members.possible.sort { $0.row.index < $1.row.index }
        return members
    }

    /// Whether two rows share all keys; nil when they certainly do not.
    private func doubt(_ other: Candidate, about first: Candidate) -> Value? {
        var answers: [Value] = []
        for (key, (a, b)) in zip(keys, zip(other.keys, first.keys)) {
            let type = key.expression.type
            answers.append(judge.evaluator.areEqual(a, type, b, type))
        }
        let answer = Kleene.and(answers)
        return answer.truth == false ? nil : answer
    }

    // MARK: - Rows without a group

    /// A row of which a key is unknown is looked at by itself, with all rows it may share its group with.
    private func stray(_ candidate: Candidate, partition: Int, others: [Candidate]) -> ReferenceFinding? {
        let why = candidate.keys.compactMap(\.cause).first
        let key = "\(table.rawValue):\(judge.claims.identifier(of: candidate.row))"
        let isPlaceless = !candidate.keys[partition].isExact
        let near = others.filter { $0.row != candidate.row }
            .compactMap { other in doubt(other, about: candidate).map { (other.row, $0) } }
        let judgements = judge.judge(
            candidate.row, filter: { judge.selects(candidate.row, in: $0) },
            members: { scene in
                // Nothing can be said about the group of a row without partition key: it is left out of the test.
                isPlaceless
                    ? nil
                    : members([candidate], near: near.map { ($0.0, .truth(nil, cause: $0.1.cause ?? why)) }, in: scene)
            },
            presumed: { _ in .truth(nil, cause: why) }, ignoringTest: isPlaceless)
        return finding(judgements, key: key, stray: candidate.row)
    }

    // MARK: - Findings

    private func finding(_ judgements: [Judgement], key: String, stray: RowReference? = nil) -> ReferenceFinding? {
        guard let decisive = judge.decisive(judgements) else { return nil }
        let counted = judgements.filter { $0.answer == decisive.answer }
        let violating = stray.map { [$0] } ?? decisive.scene.members?.certain ?? []
        var involved: Set<RowReference> = []
        if decisive.scene.members != nil { involved = judge.involved(judgements, answer: decisive.answer) }
        for judgement in counted {
            involved.formUnion(judgement.scene.members?.possible.map(\.row) ?? [])
        }
        let outcome = decisive.answer == .yes ? judge.rule.outcome : .undetermined
        var finding = judge.finding(
            decisive, outcome: outcome, unit: "group of \(table.rawValue)", key: key, violating: violating,
            involved: involved)
        if outcome != .undetermined {
            let scenes = Dictionary(uniqueKeysWithValues: violating.map { ($0, with($0, in: decisive.scene)) })
            finding.money = Stakes(judge: judge, rows: violating, scenes: scenes, speaker: decisive).money()
        }
        return finding
    }

    private func with(_ row: RowReference, in scene: Scene) -> Scene {
        var scene = scene
        scene.focus = row
        return scene
    }

    private func text(of value: Value, as expression: Expression) -> String {
        if case .period(let period, _) = expression.node, let start = value.interval.exact {
            return KeyText.period(period, start) ?? "?"
        }
        return judge.text(value, as: expression.type) ?? "?"
    }
}

/// How days, periods and moments are written in keys and values.
enum KeyText {
    static func period(_ period: Period, _ start: Int128) -> String? {
        if period == .hour { return moment(start * 3600).map { String($0.prefix(13)) } }
        guard let number = Int32(exactly: start) else { return nil }
        let day = Day(number: number)
        let (year, month, _) = day.parts
        switch period {
        case .week, .hour: return day.description
        case .month: return String(day.description.prefix(7))
        case .quarter: return "\(day.description.prefix(4))-Q\((month + 2) / 3)"
        case .year: return year < 0 ? nil : String(day.description.prefix(4))
        }
    }

    static func moment(_ seconds: Int128) -> String? {
        let dayNumber = Exact.floorDivide(seconds, by: 86_400)
        guard let number = Int32(exactly: dayNumber) else { return nil }
        let second = Int(seconds - dayNumber * 86_400)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(Day(number: number))T\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
    }
}
