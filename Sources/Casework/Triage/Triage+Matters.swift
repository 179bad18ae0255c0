import Claims
import Rules

extension Triage.Batch {
    /// The command that opens it as a matter of a procedure with findings and their lines: everything the reviewers rely on is
    /// in it by value. What the procedure does not ask for is left out.
    package func opening(of procedure: Procedure) -> Command {
        var command = Command(.take("open"))
        func text(_ name: String, _ value: String?) {
            guard let value, let field = procedure.field(name) else { return }
            command.fields[name] = field.value(of: value)
        }
        text("discovered", "monitoring")
        text("institution", institution.code)
        text("institution_kind", institution.kind)
        text("institution_level", institution.level)
        text("ownership", institution.ownership)
        text("area", area)
        text("period", period)
        text("paid", "true")
        var pools: Set<String> = []
        for part in findings.flatMap({ Array($0.loss.keys) }) {
            if let pool = part.split(separator: "/").last { pools.insert(String(pool)) }
        }
        if pools.count == 1 { text("pool", pools.first) }
        var keys: Set<String> = []
        for finding in findings {
            let key = Self.key(of: finding.id, notIn: &keys)
            command.adds.append(
                Command.Item(kind: "finding", key: key, parent: nil, fields: finding.fields(of: procedure)))
            let claimed = Self.share(finding.loss, by: finding.lines.map(\.stake))
            for (number, line) in finding.lines.enumerated() {
                var fields: [String: FieldValue] = [:]
                fields["row"] = .single(.text(line.id))
                fields["row_kind"] = .single(.text(line.kind))
                if !line.content.isEmpty { fields["content"] = .single(.text(line.content)) }
                if let claimed { fields["claimed"] = .split(claimed[number]) }
                command.adds.append(
                    Command.Item(
                        kind: "line", key: "\(key)-\(number + 1)", parent: key,
                        fields: fields.filter { procedure.field($0.key) != nil }))
            }
        }
        return command
    }

    /// The first twelve characters of the finding's identifier, more where two begin alike.
    private static func key(of id: String, notIn keys: inout Set<String>) -> String {
        var length = 12
        while length < id.count, keys.contains(String(id.prefix(length))) { length += 4 }
        let key = String(id.prefix(length))
        keys.insert(key)
        return key
    }

    /// The loss of a finding on its lines, by their stakes, to the fen, the largest remainders first; nil while the loss or a
    /// stake is not known.
    package static func share(_ loss: [String: Int64], by stakes: [Int64?]) -> [[String: Int64]]? {
        let known = stakes.compactMap { $0 }
        let total = known.reduce(0, &+)
        guard !loss.isEmpty, known.count == stakes.count, !known.isEmpty, known.allSatisfy({ $0 >= 0 }), total > 0
        else {
            return stakes.count == 1 && !loss.isEmpty ? [loss] : nil
        }
        var shares = [[String: Int64]](repeating: [:], count: stakes.count)
        for (part, fen) in loss.sorted(by: { $0.key < $1.key }) {
            var left = fen
            var remainders: [(index: Int, remainder: Int64)] = []
            for (index, stake) in known.enumerated() {
                let (high, low) = fen.multipliedFullWidth(by: stake)
                let (whole, remainder) = total.dividingFullWidth((high, low))
                shares[index][part] = whole
                left -= whole
                remainders.append((index, remainder))
            }
            for (index, _) in remainders.sorted(by: { ($1.remainder, $0.index) < ($0.remainder, $1.index) })
                .prefix(Int(left))
            {
                shares[index][part, default: 0] += 1
            }
        }
        return shares
    }
}

extension Triage.Finding {
    fileprivate func fields(of procedure: Procedure) -> [String: FieldValue] {
        var fields: [String: FieldValue] = [
            "key": .single(.text(key.isEmpty ? id : key)), "theme": .single(.text(theme)),
            "rule": .single(.text(rule)), "outcome": .single(.text(outcome)),
            "grade": .single(.number(Int64(grade), scale: 0)), "gross": .single(.money(fen: gross)),
            "evidence": .single(.text(evidence)),
        ]
        if !statement.isEmpty { fields["statement"] = .single(.text(statement)) }
        return fields.filter { name, value in procedure.field(name).map { $0.accepts(value) } ?? false }
    }
}

extension Triage {
    /// What became of the findings of matters, so that nothing is opened twice: being worked on, confirmed, or dropped.
    package static func fates(in matters: some Sequence<Matter>) -> [Identity: [Earlier]] {
        var fates: [Identity: [Earlier]] = [:]
        for matter in matters where !matter.isVoid {
            guard let track = matter.procedure.track("finding"), matter.procedure.field("evidence")?.item == "finding",
                let institution = matter.field("institution")?.description
            else { continue }
            var lines: [String: Set<String>] = [:]
            for item in matter.items where item.kind == "line" {
                guard let parent = item.parent, let row = matter.fields[item.key]?["row"]?.description else { continue }
                lines[parent, default: []].insert(row)
            }
            for item in matter.items where item.kind == "finding" {
                guard let fields = matter.fields[item.key], let theme = fields["theme"]?.description,
                    let state = matter.state(track.id, item: item.key).flatMap(track.state)
                else { continue }
                let fate: Earlier.Fate = state.isDecision ? .confirmed : state.isEnd ? .dropped : .open
                fates[
                    Identity(institution: institution, theme: theme, lines: lines[item.key] ?? []), default: []
                ].append(Earlier(matter: matter.id, fate: fate, evidence: fields["evidence"]?.description ?? ""))
            }
        }
        return fates
    }
}
