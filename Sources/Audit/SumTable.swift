import Claims
import Rules

/// How far around a line a window reaches, in whole days. Reaching too far is sound: sums only grow.
enum SumReach: Hashable {
    /// All lines of the encounter or person.
    case scope
    /// Lines of the calendar period (as `Calendar` numbers periods) that holds the day.
    case period(Int64)
    case day
    /// Days from the line's own, both ends included.
    case days(Int32, Int32)

    /// The reach of a window that shares these keys with the focus line.
    init(keys: [Expression], range: Window.Range?) {
        if keys.contains(where: { $0.isLineDay }) {
            self = .day
            return
        }
        for key in keys {
            guard case .period(let period, let operand) = key.node, operand.isLineDay else { continue }
            switch period {
            case .week: self = .period(0)
            case .month: self = .period(1)
            case .quarter: self = .period(2)
            case .year: self = .period(3)
            case .hour: self = .day
            }
            return
        }
        switch range {
        case .days(let low, let high): self = Self.days(low, high)
        case .seconds(let low, let high):
            self = Self.days(
                low.map { Int(Value.floorDivide(Int128($0), 86_400)) },
                high.map { Int(Value.floorDivide(Int128($0), 86_400)) + 1 })
        case .run, nil: self = .scope
        }
    }

    private static func days(_ low: Int?, _ high: Int?) -> SumReach {
        let far = 1 << 24
        return .days(Int32(max(-far, min(far, low ?? -far))), Int32(max(-far, min(far, high ?? far))))
    }
}

extension Expression {
    /// The day of a line: its own, or of its moment.
    fileprivate var isLineDay: Bool {
        switch node {
        case .field(let path, _): path.start == .line && path.steps.isEmpty && path.field == .day
        case .dayOf(let operand):
            if case .field(let path, _) = operand.node {
                path.start == .line && path.steps.isEmpty && path.field == .time
            } else {
                false
            }
        default: false
        }
    }
}

/// Bounded sums: what an encounter or a person has of an item (or of an attribute of it) against the limits of rules.
///
/// Attributes that have limits are numbered densely, so that the accumulators of a thread stay in the nearest cache.
final class SumTable: @unchecked Sendable {
    /// An item whose lines are not looked at, and one whose attribute is not known.
    static let ignored: Int32 = -1
    static let unknown: Int32 = -2
    /// Sums are cut off here: an unknown number counts as this much, and no limit is taken to be larger.
    static let ceiling: Int64 = 1 << 60

    struct Entry {
        let rule: Int32
        let reach: SumReach
        var limit: Int64
    }

    let form: SumForm.Shape
    /// Dense number of each item's attribute.
    private(set) var numbers: [Int32] = []
    /// Whether the lines of an item are added up; the others are only looked at.
    private(set) var isCounted: [Bool]
    private(set) var countsAll = true
    /// Smallest limit by dense number, and the rules with their limits: `entries[starts[n]..<starts[n + 1]]`, those of
    /// equal reach side by side.
    private(set) var smallest: [Int64] = []
    private(set) var starts: [Int32] = []
    private(set) var entries: [Entry] = []
    /// Rules of this table, for lines that may belong to anything.
    private(set) var rules: Set<Int32> = []
    var isNarrow = false
    /// All lines of which a finding of these rules speaks have one attribute: where a message is asked about, only what its own lines
    /// have need be looked at.
    var keepsAttribute = false
    var role = 0

    private let attributes: [Int32]
    private var building: [(attribute: Int32, entry: Entry)] = []
    private var isFocus: [Bool]

    init(_ form: SumForm.Shape, codes: Int, attributes: [Int32]) {
        self.form = form
        self.attributes = attributes
        isCounted = Array(repeating: false, count: codes)
        isFocus = Array(repeating: false, count: codes)
    }

    var codesInUse: [Int] { numbers.indices.filter { numbers[$0] != Self.ignored } }

    func add(code: Int, rule: Int, limit: Int64, reach: SumReach) {
        rules.insert(Int32(rule))
        isFocus[code] = true
        let attribute = attributes[code]
        guard attribute >= 0 else { return }
        building.append((attribute, Entry(rule: Int32(rule), reach: reach, limit: min(limit, Self.ceiling - 1))))
    }

    func count(gate: ItemGate) { for code in gate.codes { isCounted[code] = true } }

    func close() {
        var dense: [Int32: Int32] = [:]
        // By attribute, those of a rule side by side: its limit of several items of an attribute is the smallest.
        let order = building.indices.sorted {
            let (a, b) = (building[$0], building[$1])
            return (a.attribute, a.entry.rule, $0) < (b.attribute, b.entry.rule, $1)
        }
        var next = 0
        while next < order.count {
            let attribute = building[order[next]].attribute
            var list: [Entry] = []
            while next < order.count, building[order[next]].attribute == attribute {
                let entry = building[order[next]].entry
                next += 1
                var place = list.count - 1
                while place >= 0, list[place].rule == entry.rule, list[place].reach != entry.reach { place -= 1 }
                if place >= 0, list[place].rule == entry.rule {
                    list[place].limit = min(list[place].limit, entry.limit)
                } else {
                    list.append(entry)
                }
            }
            dense[attribute] = Int32(smallest.count)
            starts.append(Int32(entries.count))
            smallest.append(list.map(\.limit).min() ?? Self.ceiling)
            var reaches: [SumReach] = []
            for entry in list where reaches.last != entry.reach && !reaches.contains(entry.reach) {
                reaches.append(entry.reach)
            }
            for reach in reaches { entries += list.filter { $0.reach == reach } }
        }
        starts.append(Int32(entries.count))
        numbers = attributes.indices.map { code in
            guard isCounted[code] || isFocus[code] else { return Self.ignored }
            return attributes[code] < 0 ? Self.unknown : dense[attributes[code]] ?? Self.ignored
        }
        countsAll = numbers.indices.allSatisfy { numbers[$0] < 0 || isCounted[$0] }
        building = []
    }
}
