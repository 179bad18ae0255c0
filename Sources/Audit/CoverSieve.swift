import Claims
import Rules

/// `NOT covered(table, key, day)`: something done by a practitioner without eligibility, for a person without
/// entitlement, under no agreement.
struct CoverForm {
    enum Key {
        /// Entitlement of the line's person.
        case person
        /// A code of the line, or of its encounter.
        case line(Int)
        case encounter(Int)
    }

    let table: Table
    let key: Key
    /// Lines without the code are clear, because the rule asks for it to be known.
    let skipsUnknown: Bool

    init?(_ expression: Expression, _ conjuncts: [Expression]) {
        guard case .not(let operand) = expression.node, case .covered(let table, let key, let day) = operand.node,
            case .field(let path, .focus) = day.node, path.start == .line, path.steps.isEmpty, path.field == .day
        else { return nil }
        self.table = table
        if table == .entitlement {
            guard key.isIdentity(of: .person) else { return nil }
            self.key = .person
            skipsUnknown = false
            return
        }
        guard case .field(let path, .focus) = key.node, path.start == .line, case .stored(let field) = path.field,
            path.table.isNumbered(field)
        else { return nil }
        switch path.steps {
        case []: self.key = .line(field)
        case [.encounter]: self.key = .encounter(field)
        default: return nil
        }
        skipsUnknown = conjuncts.contains {
            if case .isKnown(let operand) = $0.node { operand.isSame(as: key) } else { false }
        }
    }
}

/// Lines whose day no span is known to cover.
final class CoverSieve: SieveOperator {
    private typealias Spans = UnsafeBufferPointer<Masters.Span>
    private static var none: Spans { Spans(start: nil, count: 0) }

    private let rule: Int
    private let form: CoverForm
    private let table: Int

    init(_ rule: Int, _ form: CoverForm) {
        self.rule = rule
        self.form = form
        table = form.table.position
    }

    override func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let days = context.rows(.line).slots[context.lineDay]
        switch form.key {
        case .person:
            for person in 0..<context.persons {
                let own = Int(context.personStarts[person])..<Int(context.personStarts[person &+ 1])
                let asked = own.clamped(to: context.asked)
                if asked.isEmpty { continue }
                let spans = context.chunk.entitlements(person: person) ?? Self.none
                for encounter in asked where !isCovered(encounter, spans, context) {
                    offer(context.lines(of: encounter), spans, days, lists)
                }
            }
        case .encounter(let field):
            let slot = context.rows(.encounter).slots[field]
            for encounter in context.asked {
                let code = slot.code(encounter)
                if code < 0 && form.skipsUnknown { continue }
                let spans = spans(code, context)
                if !isCovered(encounter, spans, context) { offer(context.lines(of: encounter), spans, days, lists) }
            }
        case .line(let field):
            let slot = context.rows(.line).slots[field]
            for encounter in context.asked {
                var last: Int32 = -2
                var known = Self.none
                var isCovered = false
                for line in context.lines(of: encounter) {
                    let code = slot.code(line)
                    if code < 0 && form.skipsUnknown { continue }
                    if code != last {
                        last = code
                        known = spans(code, context)
                        isCovered = self.isCovered(encounter, known, context)
                    }
                    if !isCovered { offer(line..<line + 1, known, days, lists) }
                }
            }
        }
    }

    /// Whether one span covers every line of the encounter.
    private func isCovered(_ encounter: Int, _ spans: Spans, _ context: SieveContext) -> Bool {
        let (first, last) = (context.firstDay.base[encounter], context.lastDay.base[encounter])
        return first <= last && spans.contains { $0.surelyCovers(first) && $0.surelyCovers(last) }
    }

    private func spans(_ code: Int32, _ context: SieveContext) -> Spans {
        context.masters.spans(table, code: code) ?? Self.none
    }

    private func offer(
        _ lines: Range<Int>, _ spans: Spans, _ days: Slot, _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        for line in lines {
            guard days.isValid(line), spans.contains(where: { $0.surelyCovers(days.int32s[line]) }) else {
                lists[rule].append(Int32(truncatingIfNeeded: line))
                continue
            }
        }
    }
}

extension Masters.Span {
    fileprivate func surelyCovers(_ day: Int32) -> Bool {
        guard let from else { return false }
        return from <= day && day <= to
    }
}
