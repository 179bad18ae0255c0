import Claims
import Rules

/// An access as the evaluator reads it: no references inside, so that copying it costs nothing.
struct AccessPlan {
    var start: UInt8
    var hopCount: UInt8
    /// One byte a hop: position of the table reached.
    var hopTables: UInt32 = 0
    /// One byte a hop: the code field of the table left; 255 through the parent row.
    var hopFields: UInt32 = 0
    var table: UInt8
    var leaf: Access.Leaf
    var field: UInt8
    var isNonNegative: Bool
    var dayCause: Int32
    var secondCause: Int32

    init(_ access: Access) {
        dayCause = access.dayCause
        secondCause = access.secondCause
        start = access.start
        hopCount = UInt8(access.hops.count)
        table = access.table
        leaf = access.leaf
        field = access.field
        isNonNegative = access.leaf == .stored && access.path.table.isNonNegative(Int(access.field))
        precondition(access.hops.count <= 4, "a path of \(access.hops.count) steps")
        for (index, hop) in access.hops.enumerated() {
            hopTables |= UInt32(hop.table) << UInt32(8 * index)
            hopFields |= UInt32(hop.codeField ?? 255) << UInt32(8 * index)
        }
    }
}

/// A list as membership is asked of it: no references inside.
struct MembershipPlan {
    let index: ListIndex
    let lead: Int
    let compared: UnsafeMutablePointer<ComparedColumn>
    /// Of the list, which outlives the plan.
    let columns: UnsafeBufferPointer<BoundList.Column>
    /// Rows apply everywhere and always, a code finds them, and cells are compared as numbers.
    let isShort: Bool

    init(_ membership: BoundKnowledge.Membership) {
        index = membership.index
        lead = membership.lead
        columns = membership.bound.columns
        compared = .allocate(capacity: max(1, membership.columns.count))
        compared.initialize(from: membership.columns, count: membership.columns.count)
        let columns = columns
        isShort =
            membership.bound.isPlain && index.isExact
            && membership.columns.allSatisfy { !columns[$0.column].isPrefix }
    }

    func free() { compared.deallocate() }
}

/// A window as the evaluator reads it: no references inside.
struct WindowPlan {
    let number: Int
    /// The first window that says the same, ranges apart.
    let twin: Int32
    /// A sum or a number of rows whose members depend on nothing but its keys, asked by the short way.
    let isGathered: Bool
    /// Whether its related rows are evidence where the rule convicts.
    var isEvidence = false
    /// How many of its related rows are evidence: the first ones where they lie.
    var evidenceMost = Int.max
    let function: Aggregate.Function
    let argument: Int32
    let table: Int
    let scope: CompiledWindow.Scope
    let keys: UnsafeMutablePointer<CompiledWindow.Key>
    let keyCount: Int
    /// The first key that is a code column of the table, and the first that is its reference day; -1: none.
    let lead: Int
    let dayKey: Int
    let range: Window.Range?
    let relatedTime: Int32
    /// The column of the related row's own day, when the range is measured from that; -1: otherwise.
    let rangeDayField: Int
    let focusTime: Int32
    let filter: Int32
    let isStatic: Bool
    let sameCount: Int
    let tableCause: Int32
    let excludesFocus: Bool
    let isBounded: Bool
    let calendarKeys: UnsafeMutablePointer<CalendarKey>
    let calendarKeyCount: Int
    let argumentIsNonNegative: Bool
    let inputs: UnsafeMutablePointer<Int32>
    let inputCount: Int
    /// Truth of the filter by item code, as far as it depends on that; `isGateWhole`: it depends on nothing else.
    let gate: UnsafeMutablePointer<UInt8>?
    let gateCount: Int
    let isGateWhole: Bool
    /// A key that is an attribute of the line's item, with that attribute by item code.
    let attributeKey: Int
    let attributeField: Int
    let attributes: UnsafeMutablePointer<Int32>?
    let attributeCount: Int

    init(
        _ window: CompiledWindow, twin: Int32, _ program: Program, _ nodes: UnsafeMutablePointer<Node>,
        gate truth: WindowGate?, itemAttributes: [Int: [Int32]]
    ) {
        self.twin = twin
        isGathered = Self.isGathered(window, nodes)
        rangeDayField = Self.dayField(window, program)
        let attributeKey = window.keys.firstIndex { $0.itemField >= 0 } ?? -1
        if attributeKey >= 0, let values = itemAttributes[Int(window.keys[attributeKey].itemField)] {
            let copy = UnsafeMutablePointer<Int32>.allocate(capacity: max(1, values.count))
            copy.initialize(from: values, count: values.count)
            self.attributeKey = attributeKey
            attributeField = Int(window.keys[attributeKey].itemField)
            attributes = copy
            attributeCount = values.count
        } else {
            self.attributeKey = -1
            attributeField = 0
            attributes = nil
            attributeCount = 0
        }
        number = window.number
        function = window.function
        argument = window.argument
        table = Int(window.table)
        scope = window.scope
        keys = .allocate(capacity: max(1, window.keys.count))
        keys.initialize(from: window.keys, count: window.keys.count)
        keyCount = window.keys.count
        lead = window.keys.firstIndex { $0.codeField >= 0 } ?? -1
        dayKey = window.keys.firstIndex { $0.dayField >= 0 } ?? -1
        range = window.range
        relatedTime = window.relatedTime
        focusTime = window.focusTime
        filter = window.filter
        isStatic = window.isStatic
        sameCount = window.sameCount
        tableCause = window.tableCause
        excludesFocus = window.excludesFocus
        isBounded = window.isBounded
        calendarKeys = .allocate(capacity: max(1, window.calendarKeys.count))
        calendarKeys.initialize(from: window.calendarKeys, count: window.calendarKeys.count)
        calendarKeyCount = window.calendarKeys.count
        argumentIsNonNegative = window.argumentIsNonNegative
        inputs = .allocate(capacity: max(1, window.focusInputs.count))
        inputs.initialize(from: window.focusInputs, count: window.focusInputs.count)
        inputCount = window.focusInputs.count
        if let truth {
            let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, truth.truth.count))
            copy.initialize(from: truth.truth, count: truth.truth.count)
            gate = copy
            gateCount = truth.truth.count
            isGateWhole = truth.isWhole
        } else {
            gate = nil
            gateCount = 0
            isGateWhole = false
        }
    }

    /// Whether related rows are passed in the order in which they lie, so that the first ones are known before the rest.
    var isAscending: Bool {
        switch range {
        case nil: true
        case .days, .seconds: lead >= 0
        case .run: false
        }
    }

    private static func isGathered(_ window: CompiledWindow, _ nodes: UnsafeMutablePointer<Node>) -> Bool {
        func isShort(_ node: Int32) -> Bool { node >= 0 && nodes[Int(node)].isSimple }
        guard window.isStatic, !window.excludesFocus, window.scope == .person || window.scope == .encounter else {
            return false
        }
        switch window.function {
        case .count: break
        case .sum: guard isShort(window.argument) else { return false }
        case .exists, .countDistinct, .min, .max: return false
        }
        switch window.range {
        case nil: return true
        case .days: return isShort(window.relatedTime) && isShort(window.focusTime)
        case .seconds, .run: return false
        }
    }

    private static func dayField(_ window: CompiledWindow, _ program: Program) -> Int {
        guard window.relatedTime >= 0 else { return -1 }
        let node = program.nodes[Int(window.relatedTime)]
        guard node.operation == .access else { return -1 }
        let access = program.accesses[Int(node.a)]
        guard access.hops.isEmpty, access.start == window.table else { return -1 }
        let table = Table.allCases[Int(window.table)]
        switch access.leaf {
        case .day, .time: return table.referenceTime.flatMap { table.index(of: $0.day) } ?? -1
        case .start: return table.index(of: "start_day") ?? -1
        default: return -1
        }
    }

    func free() {
        keys.deallocate()
        calendarKeys.deallocate()
        inputs.deallocate()
        gate?.deallocate()
        attributes?.deallocate()
    }
}
