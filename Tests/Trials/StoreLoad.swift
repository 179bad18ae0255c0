import Casework
import Claims
import Foundation
import Ledger

@testable import Database
@testable import Supervision

/// A store of a hundred thousand matters of twenty acts, and how long lists and steps take in it (办案响应时间).
///
/// Every act is a real one of the kernel's, sealed, chained and in the tree; histories are made once for each county and many
/// days, then given to many matters.
package struct StoreLoad {
    package let office: TrialOffice
    package static let counties = 20
    static let acts = 20

    /// Counties below the bureau, a hospital below each of the first ten; an officer of the city, of a county, its head, a hospital.
    package static func make(_ address: StoreAddress, knowledge: String, folder: String) throws -> StoreLoad {
        StoreLoad(
            office: try TrialOffice.make(
                address, knowledge: knowledge, folder: folder, officers: 1,
                below: Array(repeating: 0, count: counties) + Array(1...10),
                others: [
                    .init("section_head", in: 0), .init("officer", in: 1), .init("head", in: 1),
                    .init("institution", in: counties + 1), .init("police", in: 2),
                ]))
    }

    // MARK: Filling

    private struct History {
        let acts: [Act]
        let rows: MatterRows
    }

    /// Fills the store; says seconds and acts.
    package func fill(matters: Int, report: (String) -> Void) throws {
        let start = Date()
        let histories = try makeHistories()
        var tree = TreeInMemory(.sha256)
        var place = 0
        let batch = 250
        for first in stride(from: 0, to: matters, by: batch) {
            var tables = Tables()
            for number in first..<min(first + batch, matters) {
                try add(number, histories[number % histories.count], &tree, &place, &tables)
            }
            let size = place
            try office.book.door.store.write { transaction in
                try tables.write(transaction)
                try transaction.change("UPDATE ledger_head SET size = \(size)")
            }
            if (first / batch) % 40 == 39 {
                // Filling may take longer than a session may rest.
                for token in office.tokens { _ = try office.book.door.caller(of: token) }
                report("\(first + batch) matters after \(Int(Date().timeIntervalSince(start))) s")
            }
        }
        report("filled: \(matters) matters, \(place) acts in \(Int(Date().timeIntervalSince(start))) s")
    }

    private func makeHistories() throws -> [History] {
        let book = office.book
        guard let clue = book.library.procedure("clue") else { preconditionFailure("the package has clues") }
        let today = book.now().minute
        var histories: [History] = []
        for county in 1...Self.counties {
            let organisation = office.organisations[county]
            let path = try book.door.store.read {
                try $0.row("SELECT path FROM organisation WHERE id = \(organisation)")?.text("path") ?? ""
            }
            for day in 0..<25 {
                // The newest today, the oldest seven weeks ago: limits of time from long past to far ahead.
                var instant = Instant(minute: today - Int64(day * 2 * 1_440 + 60))
                let actor = Actor(person: "person\(county)", role: "officer", organisation: organisation)
                var command = Command(.take("open"))
                command.fields = [
                    "discovered": .single(.text(["report", "audit", "inspection"][day % 3])),
                    "content": .single(.text("虚构诊疗服务\(day)")), "named": .single(.flag(day % 2 == 0)),
                    "suspect": .single(.text("机构\(county)")),
                ]
                command.parties = ["subject": office.organisations[Self.counties + 1 + (county + day) % 10]]
                if day % 12 == 5 { command.parties["police"] = office.organisations[2] }
                var view = book.library.view
                view.directory = [:]
                var (matter, _) = try Matter.open(clue, id: "x", command, by: actor, at: instant, seeing: view)
                // Most of what an office keeps is done with.
                var rest = day % 5 == 2 ? day % 3 == 0 ? Self.verified(actor) : [] : Self.ended(actor)
                while matter.acts.count < Self.acts {
                    instant = Instant(minute: instant.minute + 2)
                    let isNext = matter.acts.count + rest.count == Self.acts
                    let (step, by) = isNext ? rest.removeFirst() : (TrialOffice.score(matter.acts.count), actor)
                    let response = try matter.handle(step, by: by, at: instant, seeing: view)
                    if let act = response.act, matter.acts.last != act { matter.append(act) }
                }
                matter = try MatterShelf.matter("x", acts: matter.acts, book.library)
                histories.append(
                    History(
                        acts: matter.acts,
                        rows: MatterRows(matter, book.library, department: "监管科", pathOf: { _ in path })))
            }
        }
        return histories
    }

    private static func verified(_ officer: Actor) -> [(Command, Actor)] {
        var verify = Command(.take("verify"))
        verify.fields = ["handler": .single(.text(officer.person))]
        return [(verify, officer)]
    }

    private static func ended(_ officer: Actor) -> [(Command, Actor)] {
        var refuse = Command(.take("refuse"))
        refuse.fields = ["facts": .single(.text("查无实据")), "reason": .single(.text("证据不足"))]
        refuse.papers = ["record": String(repeating: "0", count: 64)]
        let signers = ["section_head", "head"].map {
            Actor(person: $0 + officer.person, role: $0, organisation: officer.organisation)
        }
        return verified(officer) + [(refuse, officer)] + signers.map { (Command(.approve), $0) }
    }

    /// What a store does by itself in quiet hours: statistics for its planner.
    package func vacuum() throws {
        try office.book.door.store.write { try $0.change(SQL(stringLiteral: "ANALYZE")) }
    }

    private struct Tables {
        var acts: [[StoreValue]] = []
        var leaves: [[StoreValue]] = []
        var nodes: [[StoreValue]] = []
        var matters: [MatterRows] = []

        func write(_ transaction: Transaction) throws {
            try transaction.insert(into: "act", columns: "matter, number, leaf, sealed, instant", acts)
            try transaction.insert(into: "leaf", columns: "place, matter, act, hash", leaves)
            try transaction.insert(into: "tree_node", columns: "level, place, hash", nodes)
            for rows in matters { try MatterShelf.write(rows, transaction) }
        }
    }

    private func add(
        _ number: Int, _ history: History, _ tree: inout TreeInMemory, _ place: inout Int, _ tables: inout Tables
    ) throws {
        let id = "clue-" + String(UInt64(number) &* 0x9E37_79B9_7F4A_7C15, radix: 36)
        var previous = ChainedAct.noLeaf
        for act in history.acts {
            let chained = ChainedAct(
                matter: id, number: UInt64(act.number), previous: previous,
                instant: (act.recorded.minute - 480) * 60_000, body: try ActText.bytes(act))
            let salt = ChainedAct.newSalt()
            previous = chained.leaf(salt: salt, .sha256)
            let sealed = office.book.door.seals.seal(salt + chained.canonical, at: MatterShelf.place(id, act.number))
            tables.acts.append([
                .text(id), .integer(Int64(act.number)), .bytes(previous), .bytes(sealed), .integer(act.recorded.minute),
            ])
            tables.leaves.append([
                .integer(Int64(place)), .text(id), .integer(Int64(act.number)), .bytes(previous),
            ])
            tree.append(previous)
            var (level, index) = (0, place)
            while index & 1 == 1 {
                (level, index) = (level + 1, index >> 1)
                tables.nodes.append([
                    .integer(Int64(level)), .integer(Int64(index)),
                    .bytes(try tree.node(level: level, index: UInt64(index))),
                ])
            }
            place += 1
        }
        tables.matters.append(history.rows.named(id))
    }

    // MARK: Measuring

    package struct Figure: Sendable {
        package let name: String
        package let microseconds: [Int]

        package func at(_ share: Double) -> Double {
            let sorted = microseconds.sorted()
            return Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]) / 1_000
        }

        package var text: String {
            func shown(_ value: Double) -> String { String(format: "%8.1f", value) }
            let name = name.padding(toLength: 46, withPad: " ", startingAt: 0)
            return "\(name)\(shown(at(0.5)))\(shown(at(0.95)))\(shown(at(1)))  n \(microseconds.count)"
        }
    }

    /// Every list of every kind of caller at its beginning, further on and with filters; a matter; a step. Milliseconds.
    package func measure(rounds: Int, seed: UInt64, report: (Figure) -> Void) throws {
        let book = office.book
        var dice = Dice(seed)
        let callers = ["city officer", "city section head", "county officer", "county head", "hospital", "police"]
        var seen: [String] = []
        for (caller, token) in zip(callers, office.tokens) {
            for (name, filter) in Self.filters(office) {
                var pages: [Int] = []
                var after: Continuation?
                for _ in 0..<rounds {
                    let start = DispatchTime.now().uptimeNanoseconds
                    let page = try book.matters(filter, after: after, size: 50, by: token)
                    pages.append(Int((DispatchTime.now().uptimeNanoseconds - start) / 1_000))
                    if caller == "county officer", seen.count < 5_000 {
                        seen += try page.rows.filter { try $0.text("state") == "registered" }.map { try $0.text("id") }
                    }
                    // On from page to page, now and then far ahead: a place in the list that nobody walked to.
                    after = page.next
                    if dice.below(4) == 0, let row = page.rows.last {
                        let due = try row.integer("due") + dice.below(30 * 1_440)
                        after = Continuation(key: [.integer(Int64(due)), .text("")])
                    }
                }
                report(Figure(name: "list, \(caller), \(name)", microseconds: pages))
            }
        }
        for (caller, token) in zip(callers, office.tokens) {
            var pages: [Int] = []
            var after: String?
            for _ in 0..<rounds {
                let start = DispatchTime.now().uptimeNanoseconds
                after = try book.tasks(after: after, by: token).next
                pages.append(Int((DispatchTime.now().uptimeNanoseconds - start) / 1_000))
            }
            report(Figure(name: "tasks, \(caller)", microseconds: pages))
        }
        let officer = office.tokens[2]
        var times: [Int] = []
        for _ in 0..<rounds {
            let id = seen[dice.below(seen.count)]
            let start = DispatchTime.now().uptimeNanoseconds
            _ = try book.matter(id, by: officer)
            times.append(Int((DispatchTime.now().uptimeNanoseconds - start) / 1_000))
        }
        report(Figure(name: "a matter with its acts and next steps", microseconds: times))
        times = []
        for round in 0..<rounds {
            let id = seen[dice.below(seen.count)]
            let start = DispatchTime.now().uptimeNanoseconds
            do {
                _ = try book.act(TrialOffice.score(round), on: id, by: officer)
                times.append(Int((DispatchTime.now().uptimeNanoseconds - start) / 1_000))
            } catch is Refusal {
                // One that is being verified takes no score.
            }
        }
        report(Figure(name: "a step, made final", microseconds: times))
        times = []
        for _ in 0..<max(3, rounds / 50) {
            let start = DispatchTime.now().uptimeNanoseconds
            _ = try book.count(by: "discovered", by: office.tokens[1])
            times.append(Int((DispatchTime.now().uptimeNanoseconds - start) / 1_000))
        }
        report(Figure(name: "a count over all matters (no list; no bar)", microseconds: times))
    }

    private static func filters(_ office: TrialOffice) -> [(String, Casebook.Filter)] {
        var open = Casebook.Filter()
        open.isOpen = true
        var state = Casebook.Filter()
        state.procedure = "clue"
        state.state = "verifying"
        var attribute = Casebook.Filter()
        attribute.attributes = ["discovered": "audit"]
        var both = state
        both.attributes = attribute.attributes
        var over = Casebook.Filter()
        over.isOpen = false
        var none = Casebook.Filter()
        none.procedure = "penalty"
        return [
            ("all", .init()), ("open", open), ("ended", over), ("being verified", state), ("found by audit", attribute),
            ("being verified, found by audit", both), ("penalties (there are none)", none),
        ]
    }
}

extension MatterRows {
    /// The same rows for another matter with the same acts.
    fileprivate func named(_ id: String) -> MatterRows {
        MatterRows(
            id: id, procedure: procedure, version: version, acts: acts, organisation: organisation, path: path,
            department: department, standing: standing, state: state, ended: ended, parent: parent, opened: opened,
            changed: changed, due: due, parties: parties, attributes: attributes, persons: persons, turns: turns)
    }
}
