import Casework
import Claims
import Database

/// A batch of findings with those that an institution can appeal against now (可申诉的疑点).
package struct Appealable: Sendable {
    package struct Finding: Sendable {
        package let key: String
        package let state: String
        package let stateName: String
        package let values: [ShownMatter.Value]
        /// The last minute for it; nil: no clock runs.
        package let due: Instant?
        package let lines: [ShownMatter.Item]
    }

    package let matter: String
    package let procedureName: String
    package let opened: Instant
    package let values: [ShownMatter.Value]
    package let findings: [Finding]
}

extension Casebook {
    /// How many matters of one institution are looked at for one query.
    static let appealMattersMax = 1_000

    /// The matters about an institution, opened on these days, in which it can take the stage's step on some finding.
    package func appealable(_ stage: AppealStage, of institution: Counterpart, from: Day, through: Day) throws
        -> [Appealable]
    {
        let names = library.procedures.filter { $0.step(stage.step)?.who.contains("institution") == true }.map(\.id)
        var filter = Filter()
        filter.isOpen = true
        filter.procedures = Set(names).sorted()
        let caller = institution.caller
        return try door.store.read { transaction in
            let (first, end) = (Int(Instant(from).minute), Int(Instant(Day(number: through.number + 1)).minute))
            let lists = try branches(filter, for: caller, in: transaction).map { branch -> SQL in
                "SELECT * FROM (" + branch + ") AS visible WHERE opened >= \(first) AND opened < \(end)"
            }
            let page = try transaction.page(anyOf: lists, by: ["due", "id"], size: Self.appealMattersMax)
            return try page.rows.compactMap { row in
                guard let matter = try shelf(transaction).matter(try row.text("id")),
                    let step = matter.procedure.step(stage.step)
                else { return nil }
                let decision = door.authority.decide("matter.read", caller, on: try place(of: row, transaction))
                guard decision.isAllowed else { return nil }
                let sight = MatterSight(
                    matter: matter, showing: decision.showing, authority: door.authority, library: library, now: now(),
                    names: [:], mayExport: false, next: [])
                let findings = findings(in: matter, where: step, seen: sight)
                guard !findings.isEmpty else { return nil }
                return Appealable(
                    matter: matter.id, procedureName: matter.procedure.name,
                    opened: Instant(minute: Int64(try row.integer("opened"))), values: sight.shown().values,
                    findings: findings)
            }
        }
    }

    private func findings(in matter: Matter, where step: Casework.Step, seen sight: MatterSight) -> [Appealable.Finding]
    {
        let states = sight.itemStates
        var lines: [String: [Matter.Item]] = [:]
        for item in matter.items { if let parent = item.parent { lines[parent, default: []].append(item) } }
        return matter.items.compactMap { item in
            guard let state = matter.state(step.track, item: item.key), step.from.contains(state),
                // A step that leaves the state as it is is asked for once.
                !step.targets.isEmpty || !wasTaken(step, on: item.key, in: matter)
            else { return nil }
            let shown = sight.item(item, states: states[item.key] ?? [])
            let due = matter.clocks.filter {
                $0.key.item == item.key && $0.value.standing == .running
                    && matter.procedure.clock($0.key.track)?.until.contains(step.id) == true
            }.compactMap { $0.value.due(in: library.calendar) }.min()
            return Appealable.Finding(
                key: item.key, state: state,
                stateName: matter.procedure.track(step.track)?.state(state)?.name ?? state, values: shown.values,
                due: due,
                lines: (lines[item.key] ?? []).map { sight.item($0, states: states[$0.key] ?? []) })
        }
    }

    /// Takes the stage's step on a finding as the institution's actor; or, without a statement, accepts the finding. The same again
    /// changes nothing: a sender that got no answer repeats.
    package func answer(
        _ stage: AppealStage, matter id: String, finding: String, statement: String?, amount: String? = nil,
        bundle: String?, by institution: Counterpart
    ) throws {
        let paper = try bundle.map { try self.digest(ofBundle: $0, of: institution) }
        try acting(as: institution, on: id) { transaction in
            guard
                let matter = try shelf(transaction).matter(id),
                let step = matter.procedure.step(statement == nil ? "accept" : stage.step)
            else { throw DoorRefusal.unknown("可办理的事项", id) }
            guard matter.items.contains(where: { $0.key == finding }) else {
                throw DoorRefusal.unknown("疑点", finding)
            }
            let fields = try fields(of: step, in: matter, statement, amount, finding)
            if isDone(step, on: finding, in: matter, fields) { return }
            var command = Command(.take(step.id))
            command.item = finding
            command.fields = fields
            if let paper { for kind in step.papers { command.papers[kind] = paper } }
            _ = try act(
                command, on: id, as: "institution", attested: Set([paper].compactMap(\.self)), institution.caller,
                transaction)
        }
    }

    /// What the step needs: the way it came, the statement in its first text, the amount where it takes one.
    private func fields(
        of step: Casework.Step, in matter: Matter, _ statement: String?, _ amount: String?, _ finding: String
    ) throws -> [String: FieldValue] {
        var fields: [String: FieldValue] = [:]
        var statement = statement
        for name in step.needs + step.takes {
            guard let field = matter.procedure.field(name) else { continue }
            switch field.kind {
            case .choice where field.value(of: "interface") != nil: fields[name] = field.value(of: "interface")
            case .text:
                if let text = statement { fields[name] = field.value(of: text) }
                statement = nil
            case .money:
                guard let amount else { continue }
                guard let value = field.value(of: amount) else {
                    throw DoorRefusal(.badInput, "“\(amount)”不是金额", at: finding, advice: "填写两位小数以内的金额")
                }
                fields[name] = value
            default: continue
            }
        }
        return fields
    }

    /// Whether this very step was taken on the finding before, with the same values.
    private func isDone(_ step: Casework.Step, on finding: String, in matter: Matter, _ fields: [String: FieldValue])
        -> Bool
    {
        wasTaken(step, on: finding, in: matter)
            && fields.allSatisfy { matter.fields[finding]?[$0.key] == $0.value }
    }

    private func wasTaken(_ step: Casework.Step, on item: String, in matter: Matter) -> Bool {
        matter.taken.keys.contains { $0.track == step.id && $0.item == item }
    }

    private func acting(as institution: Counterpart, on matter: String, _ body: (Transaction) throws -> Void) throws {
        do {
            try door.store.write(body)
        } catch let refusal as DoorRefusal {
            try door.store.write {
                try door.leaveTrail(
                    in: $0, institution.caller.account, "matter.act", matter, isAllowed: false, refusal.code)
            }
            throw refusal
        }
    }
}
