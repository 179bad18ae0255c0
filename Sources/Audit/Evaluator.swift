import Claims
import Rules

/// Evaluates compiled expressions exactly, one row at a time, over a chunk.
///
/// This is the only place that decides an outcome: batch, online and worker runs, and every fast path, end here.
/// An evaluator belongs to one thread.
final class Evaluator {
    let binding: Binding
    let nodes: UnsafeMutablePointer<Node>
    let operands: UnsafeMutablePointer<Int32>
    let accesses: UnsafeMutablePointer<AccessPlan>
    let windows: [CompiledWindow]
    let plans: UnsafeMutablePointer<WindowPlan>
    /// The index and the leading column of each list that is asked for membership.
    let memberships: UnsafeMutablePointer<MembershipPlan>
    /// The folds of the judgement at hand, by window: a test and its value often ask for the same one.
    let folds: UnsafeMutablePointer<FoldMemory>
    /// Grows with every row that is judged; nil while none is.
    var judgement: UInt64?
    private var judgements: UInt64 = 0

    /// What a window came to for a row, under the list rows of one judgement.
    struct FoldMemory {
        var judgement: UInt64 = 0
        var focus = 0
        var value = Value.unknown
    }

    /// The related rows of the window that was asked last whether there are any, in a judgement.
    struct FoundRows {
        let judgement: UInt64
        let window: Int
        let focus: Int
        let rows: [Int32]
    }

    var found: FoundRows?

    /// Values of window keys while folds are nested.
    let keyStack = UnsafeMutablePointer<Value>.allocate(capacity: 256)
    var keyTop = 0
    let referenceDay: UnsafeMutablePointer<Int>
    let referenceSecond: UnsafeMutablePointer<Int>
    let masters: Masters
    let masterTables: UnsafeMutablePointer<TableRows>
    let vocabulary: Vocabulary

    /// The chunk at hand.
    private(set) var chunk: Chunk
    private(set) var tables: UnsafeMutablePointer<TableRows>
    /// Rows of the partition, for rules that are not partitioned by person: the part of each table to look at.
    var partition: [Range<Int>]?

    /// The columns of the rule's lists, which the binding keeps, and the row matched in each.
    var matchColumns: [UnsafeBufferPointer<BoundList.Column>] = []
    var matchRows = MatchedRows()
    /// Rows of the group at hand, and whether each surely belongs to it.
    var members: [Member] = [] {
        didSet { if !certainty.isEmpty { certainty.removeAll(keepingCapacity: true) } }
    }
    /// Of a large group, once asked for: its rows, and whether each surely belongs to it.
    var certainty: [Int32: Bool] = [:]
    /// Whether the group's period lies inside the coverage.
    var areMembersComplete = true
    /// Incomplete windows are opened upward (what could still be out there).
    var isOpen = false
    /// The access that was first found unknown since this was last set to -1.
    var firstUnknown: Int32 = -1

    var memory = ScopeMemory()
    var runs = MemberRuns()
    private var prefixes: [UInt64: Int32] = [:]
    var chains: [RowChains.Key: RowChains] = [:]
    private var distinct: [Int128] = []
    private var possible: [Int128] = []
    var focusTable = 0
    /// The partition key of the row at hand is not known: nothing is known of the windows that it divides.
    var isPlaceless = false
    var placelessCause: Int32 = -1
    /// The rows of a run that is being folded.
    var foldedRun: (rows: [Int32], isKnown: Bool)?

    struct Member {
        let row: Int32
        let isSure: Bool
    }

    init(_ binding: Binding) {
        self.binding = binding
        let program = binding.program
        nodes = .allocate(capacity: max(1, program.nodes.count))
        nodes.initialize(from: program.nodes, count: program.nodes.count)
        operands = .allocate(capacity: max(1, program.operands.count))
        operands.initialize(from: program.operands, count: program.operands.count)
        // Operands stand before the nodes that use them.
        for index in program.nodes.indices {
            nodes[index].isSimple = program.isSimple(index, nodes)
            nodes[index].readsList = program.readsList(index, nodes)
        }
        accesses = .allocate(capacity: max(1, program.accesses.count))
        accesses.initialize(from: program.accesses.map { AccessPlan($0) }, count: program.accesses.count)
        let lists = binding.knowledge.memberships
        memberships = .allocate(capacity: max(1, lists.count))
        for (index, list) in lists.enumerated() {
            (memberships + index).initialize(to: MembershipPlan(list))
        }
        plans = .allocate(capacity: max(1, program.windows.count))
        for (index, window) in program.windows.enumerated() {
            let gate = index < binding.windowGates.count ? binding.windowGates[index] : nil
            (plans + index).initialize(
                to: WindowPlan(
                    window, twin: binding.sayings.windows[index], program, nodes, gate: gate,
                    itemAttributes: binding.itemAttributes))
        }
        for window in binding.rules.flatMap(\.gatheredEvidence) { plans[window].isEvidence = true }
        for window in binding.rules.flatMap(\.boundedEvidence) { plans[window].evidenceMost = binding.evidenceMost }
        folds = .allocate(capacity: max(1, program.windows.count))
        folds.initialize(repeating: FoldMemory(), count: program.windows.count)
        referenceDay = .allocate(capacity: Chunk.tableCount)
        referenceDay.initialize(from: binding.referenceDay, count: Chunk.tableCount)
        referenceSecond = .allocate(capacity: Chunk.tableCount)
        referenceSecond.initialize(from: binding.referenceSecond, count: Chunk.tableCount)
        masters = binding.masters
        masterTables = binding.masters.chunk.tables
        windows = program.windows
        vocabulary = binding.knowledge.vocabulary
        chunk = binding.masters.chunk
        tables = chunk.tables
    }

    deinit {
        nodes.deallocate()
        operands.deallocate()
        accesses.deallocate()
        for index in windows.indices { plans[index].free() }
        plans.deallocate()
        folds.deallocate()
        for index in binding.knowledge.memberships.indices { memberships[index].free() }
        memberships.deallocate()
        keyStack.deallocate()
        referenceDay.deallocate()
        referenceSecond.deallocate()
    }

    func enter(_ chunk: Chunk) {
        self.chunk = chunk
        tables = chunk.tables
        for index in chains.values { index.forget() }
        memory.forget()
        runs.forget()
    }

    /// From here until `judgement` is nil, the row, the list rows and the members at hand stay what they are.
    func beginJudgement() {
        judgements &+= 1
        judgement = judgements
    }

    @inline(__always) func operand(_ node: Node, _ index: Int) -> Int32 { operands[Int(node.first) + index] }

    /// The access that a node reads, and whether of the related row.
    func source(of node: Int32) -> (access: Int32, isRelated: Bool)? {
        let node = nodes[Int(node)]
        return node.operation == .access ? (node.a, node.isRelated) : nil
    }

    /// The access that a node reads.
    func access(_ node: Int32) -> Int32 { nodes[Int(node)].operation == .access ? nodes[Int(node)].a : -1 }

    // MARK: Reading fields

    func load(_ number: Int, _ start: Int) -> Value {
        let access = accesses[number]
        var table = Int(access.start)
        var row = start
        var base = tables
        var hop: UInt32 = 0
        while hop < UInt32(access.hopCount) {
            let target = Int(access.hopTables >> (8 &* hop) & 0xFF)
            let field = Int(access.hopFields >> (8 &* hop) & 0xFF)
            if field != 255 {
                let master = masters.row(target, code: base[table].slots[field].code(row))
                guard master >= 0 else { return unknown(number, access) }
                row = Int(master)
                base = masterTables
            } else {
                guard let parent = base[table].parent else { return unknown(number, access) }
                row = Int(parent[row])
                guard row >= 0 else { return unknown(number, access) }
            }
            table = target
            hop &+= 1
        }
        switch access.leaf {
        case .stored: return stored(base[table].slots + Int(access.field), row, number, access)
        case .identity: return Value(chunk.identity(table, row))
        case .day:
            let slot = base[table].slots + referenceDay[table]
            guard slot.pointee.isValid(row) else {
                if firstUnknown == -1 { firstUnknown = access.dayCause }
                return .unknown
            }
            return Value(Int64(slot.pointee.int32s[row]))
        case .time:
            return moment(base[table], binding.referenceDay[table], binding.referenceSecond[table], row, number)
        case .start: return moment(base[table], binding.startDay, binding.startSecond, row, number)
        case .end:
            if base[table].slots[binding.endDay].isValid(row) {
                return moment(base[table], binding.endDay, binding.endSecond, row, number)
            }
            return Value(Int64(binding.horizonDay) * 86_400 + 86_399)
        }
    }

    private func unknown(_ number: Int, _ access: AccessPlan) -> Value {
        if firstUnknown == -1 { firstUnknown = Int32(number) }
        return access.isNonNegative ? .unknownCount : .unknown
    }

    @inline(__always) private func stored(
        _ slot: UnsafeMutablePointer<Slot>, _ row: Int, _ number: Int, _ access: AccessPlan
    ) -> Value {
        guard slot.pointee.isValid(row) else { return unknown(number, access) }
        switch slot.pointee.kind {
        case .code: return Value(Int64(slot.pointee.code(row)))
        case .int32: return Value(Int64(slot.pointee.int32s[row]))
        case .int64: return Value(slot.pointee.int64s[row])
        case .flag:
            let bits = slot.pointee.base.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
            return Value(Int64((bits[row &>> 3] &>> UInt8(truncatingIfNeeded: row & 7)) & 1))
        case .text, .word: return Value(Int64(vocabulary.lateCode(slot.pointee.utf8(row))))
        case .absent: return .unknown
        }
    }

    private func moment(_ rows: TableRows, _ day: Int, _ second: Int, _ row: Int, _ number: Int) -> Value {
        guard rows.slots[day].isValid(row) else {
            if firstUnknown == -1 { firstUnknown = accesses[number].dayCause }
            return .unknown
        }
        let midnight = Int64(rows.slots[day].int32s[row]) * 86_400
        if second >= 0, rows.slots[second].isValid(row) {
            return Value(midnight + Int64(rows.slots[second].int32s[row]))
        }
        if firstUnknown == -1 { firstUnknown = accesses[number].secondCause }
        return Value(lo: Int128(midnight), hi: Int128(midnight + 86_399))
    }

    // MARK: Expressions

    /// The value of a node for a focus row and, inside a window, a related row.
    func evaluate(_ number: Int32, _ focus: Int, _ related: Int = -1) -> Value {
        let place = nodes + Int(number)
        if place.pointee.isSimple {
            var result: Int64 = 0
            if known(place, focus, related, &result) { return Value(result) }
        }
        let node = place.pointee
        switch node.operation {
        case .constant: return Value(node.k)
        case .unknown: return .unknown
        case .access: return load(Int(node.a), node.isRelated ? related : focus)
        case .listColumn:
            let row = Int(matchRows[Int(node.a)])
            // A list row that is only possible: none of its columns is known.
            if row >= 0 {
                let column = matchColumns[Int(node.a)][Int(node.b)]
                if column.isKnown(row) { return Value(column.values[row]) }
            }
            if firstUnknown == -1 { firstUnknown = Int32(truncatingIfNeeded: node.k) }
            return .unknown
        case .not: return .not(evaluate(node.a, focus, related))
        case .and:
            var result = Value.yes
            let before = firstUnknown
            for index in 0..<Int(node.count) {
                let cause = firstUnknown
                let value = evaluate(operands[Int(node.first) + index], focus, related)
                if value.isFalse {
                    firstUnknown = before
                    return .no
                }
                if value.isTrue { firstUnknown = cause } else { result = .maybe }
            }
            return result
        case .or:
            var result = Value.no
            let before = firstUnknown
            for index in 0..<Int(node.count) {
                let cause = firstUnknown
                let value = evaluate(operands[Int(node.first) + index], focus, related)
                if value.isTrue {
                    firstUnknown = before
                    return .yes
                }
                if value.isFalse { firstUnknown = cause } else { result = .maybe }
            }
            return result
        case .equal: return .equal(evaluate(node.a, focus, related), evaluate(node.b, focus, related))
        case .notEqual: return .not(.equal(evaluate(node.a, focus, related), evaluate(node.b, focus, related)))
        case .less: return .less(evaluate(node.a, focus, related), evaluate(node.b, focus, related))
        case .lessOrEqual: return .lessOrEqual(evaluate(node.a, focus, related), evaluate(node.b, focus, related))
        case .greater:
            // The left side first, as it is read: the first unknown is the one that is named.
            let left = evaluate(node.a, focus, related)
            return .less(evaluate(node.b, focus, related), left)
        case .greaterOrEqual:
            let left = evaluate(node.a, focus, related)
            return .lessOrEqual(evaluate(node.b, focus, related), left)
        case .isKnown:
            let cause = firstUnknown
            defer { firstUnknown = cause }
            return .truth(evaluate(node.a, focus, related).isKnown)
        case .add: return .add(evaluate(node.a, focus, related), evaluate(node.b, focus, related))
        case .subtract: return .add(evaluate(node.a, focus, related), .negate(evaluate(node.b, focus, related)))
        case .multiply: return .multiply(evaluate(node.a, focus, related), evaluate(node.b, focus, related))
        case .scale: return .multiply(evaluate(node.a, focus, related), Value(node.k))
        case .negate: return .negate(evaluate(node.a, focus, related))
        case .absolute: return .absolute(evaluate(node.a, focus, related))
        case .divide, .round:
            let divisor = evaluate(node.b, focus, related)
            let value = Value.divide(evaluate(node.a, focus, related), divisor, factor: Int128(node.k))
            if firstUnknown == -1, !value.isKnown, divisor.lo <= 0, divisor.hi >= 0 {
                firstUnknown = Draft.causeDivision
            }
            return value
        case .dayOf: return evaluate(node.a, focus, related).mapMonotone { Value.floorDivide($0, 86_400) }
        case .period: return period(evaluate(node.a, focus, related), node.k)
        case .age: return Calendar.age(birth: evaluate(node.a, focus, related), day: evaluate(node.b, focus, related))
        case .startsWith: return startsWith(evaluate(node.a, focus, related), node.b)
        case .prefix: return prefix(evaluate(node.a, focus, related), Int(node.k))
        case .inList: return isListed(node, focus, related)
        case .covered:
            return covered(node, focus, related)
        case .settlementDay: return settlementDay(focus, orElse: node.a)
        case .greatest, .least, .coalesce, .choose: return choice(node, focus, related)
        case .aggregate: return fold(Int(node.a), focus)
        }
    }

    private func choice(_ node: Node, _ focus: Int, _ related: Int) -> Value {
        let list = (0..<Int(node.count)).map { operands[Int(node.first) + $0] }
        switch node.operation {
        case .greatest, .least:
            var result = evaluate(list[0], focus, related)
            for operand in list.dropFirst() {
                let value = evaluate(operand, focus, related)
                result =
                    node.operation == .greatest
                    ? Value(lo: max(result.lo, value.lo), hi: max(result.hi, value.hi))
                    : Value(lo: min(result.lo, value.lo), hi: min(result.hi, value.hi))
            }
            return result
        case .coalesce:
            let before = firstUnknown
            for operand in list {
                let value = evaluate(operand, focus, related)
                if value.isKnown {
                    firstUnknown = before
                    return value
                }
                if operand == list.last { return value }
            }
            return .unknown
        default:
            // Of texts only one that all branches agree on is known.
            func joined(_ a: Value?, _ b: Value) -> Value {
                guard let a else { return b }
                return node.k == 0 || a == b ? .hull(a, b) : .unknown
            }
            var result: Value?
            var index = 0
            while index + 1 < list.count {
                let condition = evaluate(list[index], focus, related)
                if !condition.isFalse {
                    result = joined(result, evaluate(list[index + 1], focus, related))
                    if condition.isTrue, let result { return result }
                }
                index += 2
            }
            return joined(result, evaluate(list[index], focus, related))
        }
    }

    /// The code of a node; nil when it is not known.
    func knownCode(_ number: Int32, _ focus: Int) -> Int32? {
        let value = evaluate(number, focus)
        return value.isKnown ? Int32(truncatingIfNeeded: value.lo) : nil
    }

    private func startsWith(_ value: Value, _ prefix: Int32) -> Value {
        guard value.isKnown else { return .maybe }
        return .truth(vocabulary.bytes(of: Int32(truncatingIfNeeded: value.lo)).starts(with: vocabulary.view(prefix)))
    }

    private func prefix(_ value: Value, _ count: Int) -> Value {
        guard value.isKnown else { return .unknown }
        let code = Int32(truncatingIfNeeded: value.lo)
        let key = UInt64(UInt32(bitPattern: code)) << 32 | UInt64(count)
        if let known = prefixes[key] { return Value(Int64(known)) }
        let bytes = vocabulary.bytes(of: code)
        // Of plain text a byte is a character; only a line's two ends are two in one.
        let isPlain = bytes.prefix(count + 1).allSatisfy { $0 < 0x80 && $0 != 0x0D }
        let head = isPlain ? bytes.prefix(count) : Array(String(decoding: bytes, as: UTF8.self).prefix(count).utf8)[...]
        let result = head.withUnsafeBufferPointer { vocabulary.lateCode($0) }
        // Codes that were met late may be another text's in the next question.
        if Int(max(code, result)) < vocabulary.count { prefixes[key] = result }
        return Value(Int64(result))
    }

    private func period(_ value: Value, _ period: Int64) -> Value {
        period == 4
            ? value.mapMonotone { Value.floorDivide($0, 3600) }
            : value.mapMonotone { Int128(Calendar.periodStart(Int32(truncatingIfNeeded: $0), period)) }
    }

    func takeDistinct() -> (sure: [Int128], possible: [Int128]) {
        var sure = distinct
        var maybe = possible
        distinct.removeAll(keepingCapacity: true)
        possible.removeAll(keepingCapacity: true)
        sure.sort()
        maybe.sort()
        return (sure, maybe)
    }

    func noteDistinct(_ value: Int128, isSure: Bool) {
        if isSure { distinct.append(value) } else { possible.append(value) }
    }
}
