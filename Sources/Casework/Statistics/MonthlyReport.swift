import Claims
import Rules

/// What supervision did in a month (监管月报): the lines of the report, and how matters flowed, counted from acts and nothing else.
///
/// A line counts the steps that the procedures name for it, on the day on which they took effect; what was annulled does not
/// count, nor what was done on paper before a case was taken over. Matters come in one by one in any order; the report does
/// not grow with their number, only with the number of institutions.
package struct MonthlyReport: Sendable {
    package struct Entry: Sendable, Equatable {
        package let line: ReportLine
        /// Times, institutions, or fen.
        package let value: Int64
        /// Money by fund and pool, in fen; what belongs to none stands under the empty name when some does.
        package let parts: [String: Int64]
    }

    /// received = ended + on hand, for the matters of one procedure.
    package struct Flow: Sendable, Equatable {
        package let procedure: String
        package let name: String
        package fileprivate(set) var opened = 0
        package fileprivate(set) var ended = 0
        /// Open at the end of the month, or now when the month is not over.
        package fileprivate(set) var onHand = 0
    }

    package let month: String
    package private(set) var matters = 0
    package let first: Day
    package let last: Day
    private let common: Common
    private let calendar: WorkCalendar
    private var times: [String: Int64] = [:]
    private var institutions: [String: Set<String>] = [:]
    private var money: [String: [String: Int64]] = [:]
    private var flowing: [String: Flow] = [:]

    /// nil: not a month `yyyy-mm`.
    package init?(month: String, _ library: ProcedureLibrary) {
        guard month.utf8.count == 7, let first = Day(month + "-01") else { return nil }
        let (year, number, _) = first.parts
        guard let next = Day(year: number == 12 ? year + 1 : year, month: number == 12 ? 1 : number + 1, day: 1)
        else { return nil }
        self.month = month
        self.first = first
        last = Day(number: next.number - 1)
        common = library.common
        calendar = library.calendar
    }

    package var entries: [Entry] {
        common.report.map { line in
            switch line.counts {
            case .times: Entry(line: line, value: times[line.id] ?? 0, parts: [:])
            case .institutions: Entry(line: line, value: Int64(institutions[line.id]?.count ?? 0), parts: [:])
            case .money:
                entry(line, (money[line.id] ?? [:]).filter { $0.value != 0 })
            }
        }
    }

    private func entry(_ line: ReportLine, _ parts: [String: Int64]) -> Entry {
        Entry(line: line, value: parts.values.reduce(0, &+), parts: parts.keys.contains { !$0.isEmpty } ? parts : [:])
    }

    package var flows: [Flow] { flowing.values.sorted { $0.procedure < $1.procedure } }

    package mutating func add(_ matter: Matter) {
        guard let opening = matter.acts.first, opening.effective <= last, !matter.isVoid else { return }
        matters += 1
        flow(matter, opened: opening.effective)
        guard !matter.procedure.statistics.isEmpty,
            matter.acts.contains(where: { (first...last).contains($0.effective) })
        else { return }
        // Read again act by act, so that each step is judged by what was known when it was taken.
        var then = Matter(id: matter.id, procedure: matter.procedure)
        for act in matter.acts where !matter.annulled.contains(act.number) {
            then.fold(act, corrections: [:])
            guard (first...last).contains(act.effective) else { continue }
            for case .taken(let step, let item, _) in act.events {
                for statistic in matter.procedure.statistics where statistic.step == step {
                    count(statistic, then, item, act)
                }
            }
        }
    }

    /// Matters that nobody touched since the month began and that are open still.
    package mutating func add(waiting count: Int, of procedure: Procedure) {
        matters += count
        flowing[procedure.id, default: Flow(procedure: procedure.id, name: procedure.name)].onHand += count
    }

    private mutating func flow(_ matter: Matter, opened: Day) {
        let id = matter.procedure.id
        var flow = flowing[id] ?? Flow(procedure: id, name: matter.procedure.name)
        if opened >= first { flow.opened += 1 }
        // What is only noted later, such as the end of a child, does not move the day on which it ended.
        let end = matter.acts.last { act in !matter.annulled.contains(act.number) && act.ends(matter) }?.effective
        if let end, end <= last {
            if end >= first { flow.ended += 1 }
        } else {
            flow.onHand += 1
        }
        flowing[id] = flow
    }

    private mutating func count(_ statistic: Statistic, _ matter: Matter, _ item: String, _ act: Act) {
        let facts = Facts(
            matter: matter, item: item, overlay: [:], instant: act.recorded, day: act.effective, calendar: calendar)
        if let when = statistic.when, when.holds(facts.value) != true { return }
        switch common.report.first(where: { $0.id == statistic.line })?.counts {
        case .times: times[statistic.line, default: 0] += 1
        case .institutions:
            if let institution = matter.field("institution")?.description {
                institutions[statistic.line, default: []].insert(institution)
            }
        case .money:
            var parts: [String: Int64] = [:]
            if let field = statistic.field, case .split(let given) = matter.field(field, item: item) {
                parts = given
            } else if let fen =
                (statistic.field.flatMap { matter.field($0, item: item)?.scalar }
                ?? statistic.amount?.value(facts.value))?.mantissa(scale: 2)
            {
                parts = ["": fen]
            }
            for (part, fen) in parts { money[statistic.line, default: [:]][part, default: 0] &+= fen }
        case nil: break
        }
    }
}

extension Act {
    /// Whether it brought the matter to the end it is at.
    fileprivate func ends(_ matter: Matter) -> Bool {
        events.contains { event in
            switch event {
            case .moved(let track, "", _, let to): track == matter.procedure.mainTrack.id && to == matter.ended
            case .mergedInto: matter.mergedInto != nil
            default: false
            }
        }
    }
}
