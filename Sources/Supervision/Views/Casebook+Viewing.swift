import Casework
import Claims
import Database

/// A page of a list with the text that asks for what follows; nil at the end.
package struct Listed<Element: Sendable>: Sendable {
    package let rows: [Element]
    package let next: String?

    package init(rows: [Element], next: String?) {
        self.rows = rows
        self.next = next
    }
}

/// One row of a list of matters.
package struct MatterSummary: Sendable, Equatable {
    package let id: String
    package let procedure: String
    package let procedureName: String
    package let state: String
    package let stateName: String
    package let standing: String
    package let organisation: String
    package let department: String
    package let ended: String?
    package let parent: String?
    package let opened: Instant
    package let changed: Instant
    /// The last minute of its next limit of time; nil: none is running.
    package let due: Instant?
    package let isOverdue: Bool
}

extension Casebook {
    /// The matters that the caller may list, or may export, by their next limit of time.
    package func summaries(
        _ filter: Filter = Filter(), after: String? = nil, size: Int = 50, by token: SessionToken
    ) throws -> Listed<MatterSummary> {
        let page = try matters(filter, after: try after.map { try Continuation($0) }, size: size, by: token)
        return Listed(rows: try page.rows.map(summary), next: page.next?.text)
    }

    /// The same rows for a file that leaves the house: only what the caller may export, and the trail says so (导出).
    package func exported(
        _ filter: Filter, after: String?, size: Int, by token: SessionToken
    ) throws -> Listed<MatterSummary> {
        let caller = try door.caller(of: token)
        let after = try after.map { try Continuation($0) }
        let listed = try door.store.read { transaction in
            let page = try transaction.page(
                anyOf: branches(filter, for: caller, in: transaction), by: ["due", "id"], after: after, size: size)
            let rows = try page.rows.filter {
                door.authority.decide("matter.export", caller, on: try place(of: $0, transaction)).isAllowed
            }
            return Listed(rows: try rows.map(summary), next: page.next?.text)
        }
        let ids = listed.rows.map(\.id).joined(separator: " ")
        try door.store.write {
            try door.leaveTrail(
                in: $0, caller.account, "matter.export", String(ids.prefix(2_000)), isAllowed: true,
                "\(listed.rows.count) matters")
        }
        return listed
    }

    func summary(_ row: Row) throws -> MatterSummary {
        let (id, version) = (try row.text("procedure"), try row.integer("version"))
        let procedure = library.procedures.first { $0.id == id && $0.version == version }
        let state = try row.text("state")
        let due = try row.integer("due")
        return MatterSummary(
            id: try row.text("id"), procedure: id, procedureName: procedure?.name ?? id, state: state,
            stateName: procedure?.mainTrack.state(state)?.name ?? state, standing: try row.text("standing"),
            organisation: try row.text("organisation"), department: try row.text("department"),
            ended: try row.textIfAny("ended"), parent: try row.textIfAny("parent"),
            opened: Instant(minute: Int64(try row.integer("opened"))),
            changed: Instant(minute: Int64(try row.integer("changed"))),
            due: due == MatterShelf.never ? nil : Instant(minute: Int64(due)), isOverdue: due < now().minute)
    }

    /// Open matters in which the caller can do something now, the most urgent first (我的待办). A page may be short, or empty, and
    /// still have a next one: at most `examinedMax` matters are looked at for one page.
    package func tasks(after: String? = nil, size: Int = 20, by token: SessionToken) throws -> Listed<
        (matter: MatterSummary, next: [NextStep])
    > {
        let caller = try door.caller(of: token)
        let mark = try after.map { try Continuation($0) }
        return try door.store.read { try tasks(of: caller, after: mark, size: size, in: $0) }
    }

    func tasks(of caller: Caller, after: Continuation?, size: Int, in transaction: Transaction) throws -> Listed<
        (matter: MatterSummary, next: [NextStep])
    > {
        var mark = after
        var rows: [(matter: MatterSummary, next: [NextStep])] = []
        var examined = 0
        let chunk = min(size, 50)
        repeat {
            let page = try transaction.page(anyOf: turns(of: caller), by: ["due", "id"], after: mark, size: chunk)
            for row in page.rows {
                examined += 1
                let next = try duties(in: row, of: caller, transaction)
                if !next.isEmpty { rows.append((try summary(row), next)) }
            }
            mark = page.next
        } while mark != nil && rows.count + chunk <= size && examined < Self.examinedMax
        return Listed(rows: rows, next: mark?.text)
    }

    /// What is the caller's to do in a matter that he may list: without the powers that may be used at any time.
    func duties(in row: Row, of caller: Caller, _ transaction: Transaction) throws -> [NextStep] {
        let place = try place(of: row, transaction)
        guard door.authority.decide("matter.list", caller, on: place).isAllowed,
            let matter = try shelf(transaction).matter(try row.text("id"))
        else { return [] }
        return try nextSteps(in: matter, for: caller, lying: place, transaction)
            .filter { $0.verb != .take || matter.procedure.step($0.step)?.power == nil }
    }

    static let examinedMax = 100

    /// A matter as the caller may see it. What one may not know of is refused like what does not exist.
    package func shown(_ id: String, by token: SessionToken) throws -> ShownMatter {
        try seeing(id, by: token) { sight in sight.shown() }
    }

    /// The acts of a matter after a number, oldest first (办理过程).
    package func timeline(_ id: String, after number: Int = 0, size: Int = 50, by token: SessionToken) throws -> Listed<
        ShownMatter.Line
    > {
        try seeing(id, by: token) { sight in
            let rest = sight.matter.acts.filter { $0.number > number && sight.isVisible($0) }
            let rows = rest.prefix(size).map(sight.line)
            return Listed(rows: Array(rows), next: rest.count > size ? rows.last.map { "\($0.number)" } : nil)
        }
    }

    /// Items of a kind with their states and values, in the order in which they came (明细).
    package func items(
        _ id: String, kind: String? = nil, state: String? = nil, after key: String? = nil, size: Int = 100,
        exporting isExport: Bool = false, by token: SessionToken
    ) throws -> (procedure: Procedure, listed: Listed<ShownMatter.Item>) {
        let result = try seeing(id, by: token) { sight in
            if isExport, !sight.mayExport {
                throw DoorRefusal.notGranted("matter.export", door.authority)
            }
            let all = sight.matter.items.filter { kind == nil || $0.kind == kind }
            var start = 0
            if let key {
                guard let place = all.firstIndex(where: { $0.key == key }) else {
                    throw DoorRefusal.unknown("明细", key)
                }
                start = place + 1
            }
            let states = sight.itemStates
            var rows: [ShownMatter.Item] = []
            var last: String?
            for item in all[start...] {
                let own = states[item.key] ?? []
                guard state == nil || own.contains(where: { $0.state == state }) else { continue }
                if rows.count == size {
                    last = rows.last?.key
                    break
                }
                rows.append(sight.item(item, states: own))
            }
            return (procedure: sight.matter.procedure, listed: Listed(rows: rows, next: last))
        }
        if isExport {
            let account = try door.caller(of: token).account
            try door.store.write {
                try door.leaveTrail(
                    in: $0, account, "matter.export", id, isAllowed: true, "\(result.listed.rows.count) rows")
            }
        }
        return result
    }

    private func seeing<T>(_ id: String, by token: SessionToken, _ body: (MatterSight) throws -> T) throws -> T {
        let caller = try door.caller(of: token)
        return try door.store.read { transaction in
            let (matter, place, decision) = try readable(id, by: caller, transaction)
            var showing = decision.showing
            if try isUnmasked(id, for: caller, in: transaction) {
                let whole = door.authority.decide("matter.unmask", caller, on: place)
                for (field, shown) in whole.showing where whole.isAllowed && showing[field] == .masked {
                    showing[field] = shown
                }
            }
            var names: [String: String] = [:]
            let persons = Set(matter.acts.map(\.actor.person)).union(matter.named).sorted()
            for person in try transaction.rows(
                "SELECT id, name FROM account WHERE id IN (\(list: persons))", max: 10_000)
            {
                names[try person.text("id")] = try person.text("name")
            }
            return try body(
                MatterSight(
                    matter: matter, showing: showing, authority: door.authority, library: library, now: now(),
                    names: names, mayExport: door.authority.decide("matter.export", caller, on: place).isAllowed,
                    next: try nextSteps(in: matter, for: caller, lying: place, transaction)))
        }
    }
}
