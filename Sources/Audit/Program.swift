import Claims
import Rules

/// A field reached from a row, resolved to table positions and columns.
struct Access {
    struct Hop {
        /// Position of the table reached.
        var table: UInt8
        /// Through the code in this field of the table left, or through its parent row (`nil`).
        var codeField: UInt8?
    }

    enum Leaf: UInt8 { case stored, identity, time, start, end, day }

    var start: UInt8
    var hops: [Hop]
    var table: UInt8
    var leaf: Leaf
    var field: UInt8
    let path: FieldPath
    /// The stored fields that are to blame when a day or a second of this reference time is not known.
    var dayCause: Int32 = -1
    var secondCause: Int32 = -1

    /// `table.field`, as it is named when it is the cause of an undetermined outcome.
    var name: String {
        let table = path.table
        switch path.field {
        case .stored(let field): return "\(table.rawValue).\(table.fields[field].name)"
        case .identity: return table.rawValue
        case .time: return "\(table.rawValue).time"
        case .start: return "\(table.rawValue).start"
        case .end: return "\(table.rawValue).end"
        case .day: return "\(table.rawValue).day"
        }
    }
}

/// One node of a compiled expression. Operands are node numbers; `k` is a constant or a packed pair of counts.
struct Node {
    enum Operation: UInt8 {
        case constant, unknown, access, listColumn, not, and, or
        case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
        case startsWith, inList, isKnown, add, subtract, multiply, scale, negate, absolute, greatest, least, coalesce
        case divide, round, age, dayOf, period, prefix, choose, covered, aggregate, settlementDay
    }

    var operation: Operation
    /// Whether the access, list column … is read from the related row.
    var isRelated = false
    /// Whether `Evaluator.known` understands it and everything below it.
    var isSimple = false
    /// Whether it, or anything below it, reads a row of a list that the rule is joined with.
    var readsList = false
    var a: Int32 = -1
    var b: Int32 = -1
    var k: Int64 = 0
    /// Operands of variadic nodes: `operands[first..<first + count]`. Of a list's column: the list whose rows it reads.
    var first: Int32 = 0
    var count: Int32 = 0
}

/// A window as it is evaluated: where its rows lie, which keys they share, what they must fulfil.
struct CompiledWindow {
    enum Scope: UInt8 {
        /// Rows of the focus row's encounter, or of its person; all rows of the partition; the members of the group.
        case encounter, person, partition, members
    }

    struct Key {
        var related: Int32
        var focus: Int32
        /// The related side is this code column of the table itself: compared before anything else.
        var codeField: Int32 = -1
        /// The related side is the reference day in this column of the table itself.
        var dayField: Int32 = -1
        /// The related side is this code field of the item of the line.
        var itemField: Int32 = -1
    }

    /// Position among the windows of the program.
    var number = 0
    var function: Aggregate.Function
    var argument: Int32 = -1
    var table: UInt8
    var scope: Scope
    var keys: [Key] = []
    var range: Window.Range?
    /// Day or moment of the related and of the focus row, when a range needs them.
    var relatedTime: Int32 = -1
    var focusTime: Int32 = -1
    var filter: Int32 = -1
    /// The conditions of the filter that are not keys.
    var filterRest: [Expression] = []
    /// Condition and argument read neither the focus row nor a list row.
    var isStatic = true
    /// The access that names the table, should it be absent.
    var tableCause: Int32 = -1
    var excludesFocus = false
    /// How many of the keys stand in `SAME`; the others are equalities of the condition.
    var sameCount = 0
    /// Complete whatever the coverage, because an encounter, prescription or operation bounds it.
    var isBounded = false
    /// Keys that are days or calendar periods of the related row's reference time: they bound the window in time.
    var calendarKeys: [CalendarKey] = []
    var argumentIsNonNegative = false
    /// Nodes of everything that the window reads of the focus row.
    var focusInputs: [Int32] = []
}

/// A key that is a day or a calendar period of a row's reference time (日、周、月 …).
struct CalendarKey {
    /// The value on the focus row: a day number, the first day of a period, or hours since 1970.
    let node: Int32
    /// nil: a day.
    let period: Period?
}

/// The compiled expressions of all rules of a run: flat arrays, so that evaluation touches no object.
struct Program {
    var accesses: [Access] = []
    var nodes: [Node] = []
    var operands: [Int32] = []
    var windows: [CompiledWindow] = []
    /// Causes that are no field of the claims: cells of lists, as `alias.column`. Numbered by `otherCause`.
    private(set) var otherCauses: [String] = []
    private var accessNumbers: [FieldPath: Int32] = [:]

    mutating func access(_ path: FieldPath) -> Int32 {
        if let number = accessNumbers[path] { return number }
        var hops: [Access.Hop] = []
        var table = path.start
        for step in path.steps {
            let isParent = step == .person || step == .encounter
            let field = isParent ? nil : table.index(of: step.rawValue).map { UInt8($0) }
            precondition(isParent || field != nil, "the rule checker lets no path from \(table) to \(step) pass")
            hops.append(Access.Hop(table: UInt8(step.position), codeField: field))
            table = step
        }
        let leaf: Access.Leaf
        var field = 0
        switch path.field {
        case .stored(let index):
            leaf = .stored
            field = index
        case .identity: leaf = .identity
        case .time: leaf = .time
        case .start: leaf = .start
        case .end: leaf = .end
        case .day: leaf = .day
        }
        let number = Int32(accesses.count)
        accesses.append(
            Access(
                start: UInt8(path.start.position), hops: hops, table: UInt8(table.position), leaf: leaf,
                field: UInt8(field), path: path))
        accessNumbers[path] = number
        if leaf != .stored && leaf != .identity {
            let names: (day: String, second: String?)
            switch leaf {
            case .start: names = ("start_day", "start_second")
            case .end: names = ("end_day", "end_second")
            default: names = table.referenceTime ?? ("day", nil)
            }
            if let day = table.index(of: names.day) {
                accesses[Int(number)].dayCause = access(
                    FieldPath(start: path.start, steps: path.steps, field: .stored(day)))
            }
            if leaf != .day, let second = names.second.flatMap({ table.index(of: $0) }) {
                accesses[Int(number)].secondCause = access(
                    FieldPath(start: path.start, steps: path.steps, field: .stored(second)))
            }
        }
        return number
    }

    /// The number of a cause that is no field of the claims.
    mutating func otherCause(_ name: String) -> Int32 {
        let index = otherCauses.firstIndex(of: name) ?? otherCauses.count
        if index == otherCauses.count { otherCauses.append(name) }
        return Draft.firstOtherCause - Int32(index)
    }

    /// The name of a cause of an undetermined outcome.
    /// Whether `causeName` knows the number.
    func hasCause(_ number: Int32) -> Bool {
        number >= 0
            ? accesses.indices.contains(Int(number))
            : number > Draft.firstOtherCause || otherCauses.indices.contains(Int(Draft.firstOtherCause - number))
    }

    func causeName(_ number: Int32) -> String {
        switch number {
        case 0...: accesses[Int(number)].name
        case Draft.causeCoverage: "coverage"
        case Draft.causeDivision: "division"
        case Draft.causeOverflow: "overflow"
        case let number where number > Draft.firstOtherCause: "unknown"
        default: otherCauses[Int(Draft.firstOtherCause - number)]
        }
    }

    mutating func append(_ node: Node) -> Int32 {
        nodes.append(node)
        return Int32(nodes.count - 1)
    }

    mutating func append(_ operation: Node.Operation, list: [Int32], k: Int64 = 0) -> Int32 {
        let first = Int32(operands.count)
        operands.append(contentsOf: list)
        return append(Node(operation: operation, k: k, first: first, count: Int32(list.count)))
    }
}

extension Table {
    /// Position in the arrays of a chunk, in the order of `allCases`.
    var position: Int {
        switch self {
        case .person: 0
        case .entitlement: 1
        case .encounter: 2
        case .diagnosis: 3
        case .operation: 4
        case .prescription: 5
        case .line: 6
        case .settlement: 7
        case .stock: 8
        case .scan: 9
        case .institution: 10
        case .agreement: 11
        case .department: 12
        case .ward: 13
        case .practitioner: 14
        case .eligibility: 15
        case .item: 16
        }
    }

    /// The fields of the reference time (日期与时刻): day and second, by name.
    var referenceTime: (day: String, second: String?)? {
        switch self {
        case .line, .operation, .prescription, .settlement, .scan: ("day", "second")
        case .stock: ("day", nil)
        case .encounter: ("start_day", "start_second")
        default: nil
        }
    }
}
