import Claims
import Rules

/// `EXISTS (line SAME person, day, … WHERE encounter.x <> this.encounter.x)`: the same thing charged twice on one day
/// by encounters that differ in something, usually the institution.
struct DuplicateForm {
    /// The text field of the encounter that must differ.
    let differing: Int
    /// Stored fields of the line that must be equal, the day apart.
    let equal: [Int]

    init?(_ expression: Expression) {
        guard case .aggregate(let aggregate) = expression.node, aggregate.function == .exists,
            let window = aggregate.window, window.table == .line,
            window.same.contains(where: { $0.related.isIdentity(of: .person) })
        else { return nil }
        var hasDay = false
        var equal: [Int] = []
        for same in window.same where same.focus.isMirror(of: same.related) {
            guard case .field(let path, .related) = same.related.node, path.start == .line, path.steps.isEmpty else {
                continue
            }
            if path.field == .day { hasDay = true }
            if case .stored(let field) = path.field { equal.append(field) }
        }
        var differing: Int?
        for part in window.filter?.conjuncts ?? [] {
            guard case .compare(let comparison, let left, let right) = part.node, left.isMirror(of: right),
                case .field(let a, let x) = left.node, case .field(_, let y) = right.node, x != y,
                a.start == .line, case .stored(let field) = a.field
            else { continue }
            if comparison == .equal, a.steps.isEmpty { equal.append(field) }
            if comparison == .notEqual, a.steps == [.encounter], Table.encounter.isNumbered(field) { differing = field }
        }
        guard hasDay, let differing else { return nil }
        self.differing = differing
        self.equal = equal.filter {
            switch Table.line.fields[$0].kind {
            case .code: Table.line.isNumbered($0)
            case .decimal, .integer, .day: true
            default: false
            }
        }
    }
}

/// Lines on days that encounters of the same person share, when an equal line lies in an encounter that differs.
///
/// Equal lines find each other through a hash of the fields that must be equal: two that merely have the same hash
/// are looked at once too often.
final class DuplicateSieve: SieveOperator {
    private struct Cell {
        var hash: UInt64
        /// Code of the differing field; `several` once two were seen.
        var code: Int32
        var person: UInt32
    }

    private static let several: Int32 = -2
    /// Beyond so many encounters of one person, all their days are taken to be shared.
    private static let manyEncounters = 256

    private let rule: Int
    private let form: DuplicateForm
    private var cells: UnsafeMutablePointer<Cell>
    private var capacity = 1 << 10
    private var persons: UInt32 = 0
    private var ranges: [(encounter: Int, lines: Range<Int>)] = []
    private let following = Scratch<Int32>()

    init(_ rule: Int, _ form: DuplicateForm) {
        self.rule = rule
        self.form = form
        cells = .allocate(capacity: capacity)
        cells.initialize(repeating: Cell(hash: 0, code: 0, person: 0), count: capacity)
    }

    deinit { cells.deallocate() }

    override func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let slot = context.rows(.encounter).slots[form.differing]
        let lines = context.rows(.line).slots
        let days = lines[context.lineDay]
        let isPlain =
            days.kind == .int32 && days.validity == nil && slot.kind == .code && slot.validity == nil
            && form.equal.allSatisfy { lines[$0].kind != .absent && lines[$0].validity == nil }
        for person in 0..<context.persons {
            let start = Int(context.personStarts[person])
            let end = Int(context.personStarts[person &+ 1])
            if end &- start < 2 || !meet(start..<end, context) { continue }
            ranges.removeAll(keepingCapacity: true)
            collect(start..<end, context, slot, days)
            if ranges.isEmpty { continue }
            if isPlain {
                offer(context, slot, lines, days, lists)
            } else {
                for range in ranges { lists[rule].append(all: range.lines) }
            }
        }
    }

    /// Whether the days of two encounters may touch: one begins before all earlier ones have ended.
    private func meet(_ encounters: Range<Int>, _ context: SieveContext) -> Bool {
        let (firstDay, lastDay) = (context.firstDay.base, context.lastDay.base)
        var reached = Int32.min
        for encounter in encounters {
            // Encounters without lines begin after all days, and end before them.
            if firstDay[encounter] <= reached { return true }
            reached = max(reached, lastDay[encounter])
        }
        return false
    }

    /// The lines of each encounter on days that another one, which differs, has too.
    private func collect(_ encounters: Range<Int>, _ context: SieveContext, _ slot: Slot, _ days: Slot) {
        let firstDay = context.firstDay.base
        let lastDay = context.lastDay.base
        let isLarge = encounters.count > Self.manyEncounters
        // The first day of all later encounters: nothing that ends before it touches one of them.
        let following = following.pointer(encounters.count)
        var next = Int32.max
        for encounter in encounters.reversed() {
            following[encounter &- encounters.lowerBound] = next
            next = min(next, firstDay[encounter])
        }
        var reached = Int32.min
        for encounter in encounters {
            let first = firstDay[encounter]
            let last = lastDay[encounter]
            let touches = first <= reached || following[encounter &- encounters.lowerBound] <= last
            reached = max(reached, last)
            if first > last || !touches { continue }
            let own = slot.code(encounter)
            var low = isLarge ? first : Int32.max
            var high = isLarge ? last : Int32.min
            var other = encounters.lowerBound
            while other < encounters.upperBound && !isLarge {
                if firstDay[other] <= last && lastDay[other] >= first && other != encounter {
                    let code = slot.code(other)
                    if code != own || code < 0 {
                        low = min(low, max(first, firstDay[other]))
                        high = max(high, min(last, lastDay[other]))
                    }
                }
                other &+= 1
            }
            guard low <= high else { continue }
            var lines = Int(context.lineStarts[encounter])..<Int(context.lineStarts[encounter &+ 1])
            if low > first || high < last, days.validity == nil, days.kind == .int32 {
                // Lines of an encounter are in day order.
                let values = days.int32s
                var from = lines.lowerBound
                while from < lines.upperBound, values[from] < low { from &+= 1 }
                var to = from
                while to < lines.upperBound, values[to] <= high { to &+= 1 }
                lines = from..<to
            }
            if !lines.isEmpty { ranges.append((encounter, lines)) }
        }
    }

    private func offer(
        _ context: SieveContext, _ slot: Slot, _ lines: UnsafeMutablePointer<Slot>, _ days: Slot,
        _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        var count = 0
        for range in ranges { count &+= range.lines.count }
        reserve(count &* 2)
        persons &+= 1
        if persons == UInt32.max {
            persons = 1
            for index in 0..<capacity { cells[index].person = 0 }
        }
        for range in ranges {
            let code = slot.code(range.encounter)
            for line in range.lines {
                let cell = place(hash(line, lines, days))
                if cell.pointee.code < 0 && cell.pointee.code != Self.several {
                    cell.pointee.code = code
                } else if cell.pointee.code != code {
                    cell.pointee.code = Self.several
                }
            }
        }
        for range in ranges {
            for line in range.lines where place(hash(line, lines, days)).pointee.code == Self.several {
                lists[rule].append(Int32(truncatingIfNeeded: line))
            }
        }
    }

    /// The cell of a hash, taken for this person when it was free: its code is then -1.
    @inline(__always) private func place(_ hash: UInt64) -> UnsafeMutablePointer<Cell> {
        let mask = capacity &- 1
        var at = Int(truncatingIfNeeded: hash &>> 20) & mask
        while cells[at].person == persons {
            if cells[at].hash == hash { return cells + at }
            at = (at &+ 1) & mask
        }
        cells[at] = Cell(hash: hash, code: -1, person: persons)
        return cells + at
    }

    @inline(__always) private func hash(_ line: Int, _ slots: UnsafeMutablePointer<Slot>, _ days: Slot) -> UInt64 {
        var hash = UInt64(UInt32(bitPattern: days.int32s[line])) &* 0x9E37_79B9_7F4A_7C15
        for field in form.equal {
            let slot = slots + field
            let value: Int64
            switch slot.pointee.kind {
            case .int64: value = slot.pointee.int64s[line]
            case .int32: value = Int64(slot.pointee.int32s[line])
            default: value = Int64(slot.pointee.code(line))
            }
            hash = (hash ^ (hash &>> 29) ^ UInt64(bitPattern: value)) &* 0xBF58_476D_1CE4_E5B9
        }
        return hash ^ (hash &>> 31)
    }

    private func reserve(_ needed: Int) {
        guard needed > capacity else { return }
        cells.deallocate()
        while capacity < needed { capacity *= 2 }
        cells = .allocate(capacity: capacity)
        cells.initialize(repeating: Cell(hash: 0, code: 0, person: 0), count: capacity)
        persons = 0
    }
}
