import Audit
import Claims
import Rules
import Synchronization

/// The rules in force and the doors that ask them (当前规则): one door for each thread that reviews.
///
/// New rules are loaded beside the old ones and take their place whole; a package that cannot be used changes nothing.
package final class Rulebook: Sendable {
    /// Everything that belongs together: an answer is made of one edition.
    package struct Edition: Sendable {
        package let number: Int
        package let plan: Plan
        package let wording: FindingsWording
        package let rules: [String: Rule]
        /// Whether a rule about trace codes speaks at the point of care.
        let asksTraces: Bool
        fileprivate let traces: TraceDoor
    }

    /// The door for trace codes, made when it is first asked; one asks at a time, for that is rare and quick.
    fileprivate final class TraceDoor: Sendable {
        private struct Made: @unchecked Sendable { let audit: TraceAudit }
        private let made = Mutex<Made?>(nil)
        private let plan: Plan
        private let masters: [Table: [CaseRow]]

        init(_ plan: Plan, _ masters: [Table: [CaseRow]]) {
            self.plan = plan
            self.masters = masters
        }

        func ask(
            _ rows: [TimelineRow], _ written: Set<String>, _ coverage: CaseTables.Coverage
        ) -> [TimelineAudit.Finding] {
            made.withLock { made in
                let own = made ?? Made(audit: TraceAudit(plan: plan, masters: masters))
                made = own
                return own.audit.ask(rows, written: written, coverage: coverage)
            }
        }
    }

    /// A door goes from thread to thread, and one at a time has it.
    private struct Door: @unchecked Sendable {
        let edition: Int
        let audit: TimelineAudit
    }

    private struct State {
        var edition: Edition
        var doors: [Door]
        var familiar: FamiliarCodes
        var isLearning = false
    }

    private let masters: [Table: [CaseRow]]
    private let absent: Set<Table>
    private let state: Mutex<State>
    private let names: FindingsNames
    private let threads: Int
    /// Codes never met before, after which the sieves learn them.
    private static let strangersMax = 32

    package init(
        plan: Plan, names: FindingsNames, masters: [Table: [CaseRow]], absent: Set<Table>, familiar: FamiliarCodes,
        threads: Int
    ) {
        self.masters = masters
        self.absent = absent
        self.names = names
        self.threads = threads
        let edition = Self.edition(1, plan, names, masters)
        state = Mutex(State(edition: edition, doors: [], familiar: familiar))
        let doors = makeDoors(edition, familiar)
        state.withLock { $0.doors = doors }
    }

    private static func edition(
        _ number: Int, _ plan: Plan, _ names: FindingsNames, _ masters: [Table: [CaseRow]]
    ) -> Edition {
        Edition(
            number: number, plan: plan,
            wording: FindingsWording(plan: plan, names: names, mask: FindingsMask(isOn: false)),
            rules: Dictionary(plan.rules.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }),
            asksTraces: plan.rules.contains {
                $0.unit.table == .scan && ($0.disposition["before"] != nil || $0.disposition["during"] != nil)
            }, traces: TraceDoor(plan, masters))
    }

    /// Asks the rules about trace codes of the edition in force.
    func askTraces(
        _ rows: [TimelineRow], written: Set<String>, coverage: CaseTables.Coverage
    ) -> (findings: [TimelineAudit.Finding], edition: Edition) {
        let edition = edition
        return (edition.traces.ask(rows, written, coverage), edition)
    }

    package var edition: Edition { state.withLock { $0.edition } }

    private func makeDoors(_ edition: Edition, _ familiar: FamiliarCodes) -> [Door] {
        (0..<threads).map { _ in
            Door(
                edition: edition.number,
                audit: makeAudit(edition, familiar))
        }
    }

    private func makeAudit(_ edition: Edition, _ familiar: FamiliarCodes) -> TimelineAudit {
        TimelineAudit(
            plan: edition.plan, masters: masters, absent: absent, familiar: familiar,
            stages: Reviewer.Stage.allCases.map(\.rawValue))
    }

    /// Puts a new plan in force.
    package func replace(with plan: Plan) {
        let (number, familiar) = state.withLock { ($0.edition.number + 1, $0.familiar) }
        let edition = Self.edition(number, plan, names, masters)
        let doors = makeDoors(edition, familiar)
        state.withLock { state in
            state.edition = edition
            state.doors = doors
        }
    }

    /// Asks with a door of the edition in force. More askers than doors make one more for themselves.
    package func ask<Result>(_ body: (TimelineAudit, Edition) throws -> Result) rethrows -> Result {
        let (edition, taken, familiar) = state.withLock { ($0.edition, $0.doors.popLast(), $0.familiar) }
        let door =
            taken
            ?? Door(edition: edition.number, audit: makeAudit(edition, familiar))
        defer { giveBack(door) }
        return try body(door.audit, edition)
    }

    private func giveBack(_ door: Door) {
        let mustLearn = state.withLock { state -> Bool in
            guard door.edition == state.edition.number else { return false }
            if door.audit.strangerCount > 0 { state.familiar = state.familiar.union(door.audit.codesMet) }
            if state.doors.count < threads { state.doors.append(door) }
            guard door.audit.strangerCount >= Self.strangersMax, !state.isLearning else { return false }
            state.isLearning = true
            return true
        }
        if mustLearn { learn() }
    }

    /// Binds the rules with the codes that were met, beside the work.
    private func learn() {
        BackgroundWork.run {
            let (edition, familiar) = self.state.withLock { ($0.edition, $0.familiar) }
            let doors = self.makeDoors(edition, familiar)
            self.state.withLock { state in
                state.isLearning = false
                if state.edition.number == edition.number { state.doors = doors }
            }
        }
    }
}
