import Claims
import Rules

/// The short way for what most rows are: everything known, in whole numbers of 64 bits.
///
/// It says the same as the evaluation with intervals or it says nothing: whatever is unknown, too large or not
/// understood here is evaluated the long way, from the start.
extension Evaluator {
    /// Puts the value of a simple node into `result`; false when it is not known to be one number of 64 bits.
    func known(
        _ node: UnsafeMutablePointer<Node>, _ focus: Int, _ related: Int, _ result: inout Int64
    ) -> Bool {
        switch node.pointee.operation {
        case .constant:
            result = node.pointee.k
            return true
        case .access: return known(access: node, focus, related, &result)
        case .listColumn: return known(listColumn: node, &result)
        case .and, .or:
            // An operand of this truth decides.
            let deciding: Int64 = node.pointee.operation == .and ? 0 : 1
            var index = 0
            while index < Int(node.pointee.count) {
                let operand = nodes + Int(operands[Int(node.pointee.first) &+ index])
                guard known(operand, focus, related, &result) else { return false }
                if result == deciding { return true }
                index &+= 1
            }
            result = 1 &- deciding
            return true
        case .not:
            guard known(nodes + Int(node.pointee.a), focus, related, &result) else { return false }
            result = 1 &- result
            return true
        case .isKnown: return isKnown(nodes + Int(node.pointee.a), focus, related, &result)
        case .dayOf:
            let operand = nodes + Int(node.pointee.a)
            if operand.pointee.operation == .access { return known(dayOf: operand, focus, related, &result) }
            guard known(operand, focus, related, &result) else { return false }
            let (quotient, remainder) = result.quotientAndRemainder(dividingBy: 86_400)
            result = remainder < 0 ? quotient &- 1 : quotient
            return true
        case .negate, .absolute:
            guard known(nodes + Int(node.pointee.a), focus, related, &result), result != Int64.min else { return false }
            if node.pointee.operation == .negate || result < 0 { result = 0 &- result }
            return true
        case .scale:
            guard known(nodes + Int(node.pointee.a), focus, related, &result) else { return false }
            let (product, overflow) = result.multipliedReportingOverflow(by: node.pointee.k)
            result = product
            return !overflow
        default: return known(pair: node, focus, related, &result)
        }
    }

    @inline(__always) private func known(
        pair node: UnsafeMutablePointer<Node>, _ focus: Int, _ related: Int, _ result: inout Int64
    ) -> Bool {
        var right: Int64 = 0
        guard known(nodes + Int(node.pointee.a), focus, related, &result),
            known(nodes + Int(node.pointee.b), focus, related, &right)
        else { return false }
        let left = result
        var overflow = false
        switch node.pointee.operation {
        case .equal: result = left == right ? 1 : 0
        case .notEqual: result = left != right ? 1 : 0
        case .less: result = left < right ? 1 : 0
        case .lessOrEqual: result = left <= right ? 1 : 0
        case .greater: result = left > right ? 1 : 0
        case .greaterOrEqual: result = left >= right ? 1 : 0
        case .add: (result, overflow) = left.addingReportingOverflow(right)
        case .subtract: (result, overflow) = left.subtractingReportingOverflow(right)
        case .multiply: (result, overflow) = left.multipliedReportingOverflow(by: right)
        default: return false
        }
        return !overflow
    }

    private func isKnown(
        _ operand: UnsafeMutablePointer<Node>, _ focus: Int, _ related: Int, _ result: inout Int64
    ) -> Bool {
        guard operand.pointee.operation == .access else {
            guard known(operand, focus, related, &result) else { return false }
            result = 1
            return true
        }
        let access = accesses + Int(operand.pointee.a)
        guard access.pointee.leaf == .stored else { return false }
        guard let (table, row) = place(access, operand.pointee.isRelated ? related : focus) else { return false }
        result = table.pointee.slots[Int(access.pointee.field)].isValid(row) ? 1 : 0
        return true
    }

    @inline(__always) private func known(listColumn node: UnsafeMutablePointer<Node>, _ result: inout Int64) -> Bool {
        let row = Int(matchRows[Int(node.pointee.a)])
        guard row >= 0 else { return false }
        let column = matchColumns[Int(node.pointee.a)][Int(node.pointee.b)]
        guard column.isKnown(row) else { return false }
        result = column.values[row]
        return true
    }

    @inline(__always) private func known(
        access node: UnsafeMutablePointer<Node>, _ focus: Int, _ related: Int, _ result: inout Int64
    ) -> Bool {
        let access = accesses + Int(node.pointee.a)
        guard let (table, row) = place(access, node.pointee.isRelated ? related : focus) else { return false }
        switch access.pointee.leaf {
        case .stored:
            let slot = table.pointee.slots + Int(access.pointee.field)
            guard slot.pointee.isValid(row) else { return false }
            switch slot.pointee.kind {
            case .code: result = Int64(slot.pointee.code(row))
            case .int32: result = Int64(slot.pointee.int32s[row])
            case .int64: result = slot.pointee.int64s[row]
            default: return false
            }
            return true
        case .day:
            let slot = table.pointee.slots + referenceDay[Int(access.pointee.table)]
            guard slot.pointee.isValid(row) else { return false }
            result = Int64(slot.pointee.int32s[row])
            return true
        case .identity:
            result = chunk.identity(Int(access.pointee.table), row)
            return true
        case .time, .start, .end:
            guard let moment = moment(access, table, row) else { return false }
            guard let second = moment.second else { return false }
            result = Int64(moment.day) &* 86_400 &+ Int64(second)
            return true
        }
    }

    /// The day of a moment whose second need not be known.
    private func known(
        dayOf node: UnsafeMutablePointer<Node>, _ focus: Int, _ related: Int, _ result: inout Int64
    ) -> Bool {
        let access = accesses + Int(node.pointee.a)
        switch access.pointee.leaf {
        case .time, .start, .end: break
        default: return false
        }
        guard let (table, row) = place(access, node.pointee.isRelated ? related : focus),
            let moment = moment(access, table, row)
        else { return false }
        result = Int64(moment.day)
        return true
    }

    @inline(__always) private func moment(
        _ access: UnsafeMutablePointer<AccessPlan>, _ table: UnsafeMutablePointer<TableRows>, _ row: Int
    ) -> (day: Int32, second: Int32?)? {
        let day: Int
        let second: Int
        switch access.pointee.leaf {
        case .start: (day, second) = (binding.startDay, binding.startSecond)
        case .end: (day, second) = (binding.endDay, binding.endSecond)
        default:
            (day, second) = (referenceDay[Int(access.pointee.table)], referenceSecond[Int(access.pointee.table)])
        }
        let slots = table.pointee.slots
        guard slots[day].isValid(row) else {
            // An open stay ends with the horizon.
            return access.pointee.leaf == .end ? (binding.horizonDay, 86_399) : nil
        }
        let isTimed = second >= 0 && slots[second].isValid(row)
        return (slots[day].int32s[row], isTimed ? slots[second].int32s[row] : nil)
    }

    /// The table and row that an access ends at; nil when the way there is not known.
    @inline(__always) private func place(
        _ access: UnsafeMutablePointer<AccessPlan>, _ start: Int
    ) -> (UnsafeMutablePointer<TableRows>, Int)? {
        guard start >= 0 else { return nil }
        var base = tables
        var table = Int(access.pointee.start)
        var row = start
        var hop: UInt32 = 0
        while hop < UInt32(access.pointee.hopCount) {
            let target = Int(access.pointee.hopTables >> (8 &* hop) & 0xFF)
            let field = Int(access.pointee.hopFields >> (8 &* hop) & 0xFF)
            if field != 255 {
                row = Int(masters.row(target, code: base[table].slots[field].code(row)))
                base = masterTables
            } else {
                guard let parent = base[table].parent else { return nil }
                row = Int(parent[row])
            }
            guard row >= 0 else { return nil }
            table = target
            hop &+= 1
        }
        return (base + table, row)
    }
}

/// Truth as far as the short way can tell it.
enum ShortTruth {
    case no, yes
    /// To be evaluated the long way.
    case open
}

extension Evaluator {
    /// The truth of a condition by the short way, membership in lists included.
    func shortTruth(_ number: Int32, _ focus: Int, _ related: Int) -> ShortTruth {
        let node = nodes + Int(number)
        if node.pointee.isSimple {
            var result: Int64 = 0
            guard known(node, focus, related, &result) else { return .open }
            return result == 0 ? .no : .yes
        }
        switch node.pointee.operation {
        case .and:
            var index = 0
            while index < Int(node.pointee.count) {
                let truth = shortTruth(operands[Int(node.pointee.first) &+ index], focus, related)
                if truth != .yes { return truth }
                index &+= 1
            }
            return .yes
        case .not:
            switch shortTruth(node.pointee.a, focus, related) {
            case .no: return .yes
            case .yes: return .no
            case .open: return .open
            }
        case .inList: return shortMembership(node, focus, related)
        default: return .open
        }
    }

    /// Membership in a list that applies everywhere and always, found through a code.
    private func shortMembership(_ node: UnsafeMutablePointer<Node>, _ focus: Int, _ related: Int) -> ShortTruth {
        let plan = memberships + Int(node.pointee.k)
        guard plan.pointee.isShort else { return .open }
        let first = Int(node.pointee.first)
        let lead = nodes + Int(operands[first &+ plan.pointee.lead])
        var code: Int64 = 0
        guard lead.pointee.isSimple, known(lead, focus, related, &code) else { return .open }
        if plan.pointee.index.surelyLacks(Int32(truncatingIfNeeded: code)) { return .no }
        let count = Int(node.pointee.count)
        if count == 1 { return .yes }
        var truth = ShortTruth.no
        plan.pointee.index.forEach(Int32(truncatingIfNeeded: code)) { row in
            var index = 0
            while index < count {
                defer { index &+= 1 }
                if index == plan.pointee.lead { continue }
                let operand = nodes + Int(operands[first &+ index])
                var value: Int64 = 0
                guard operand.pointee.isSimple, known(operand, focus, related, &value) else {
                    truth = .open
                    return false
                }
                let compared = plan.pointee.compared[index]
                let cell = plan.pointee.columns[compared.column]
                guard cell.isKnown(Int(row)) else { return true }
                let (number, overflow) = cell.values[Int(row)].multipliedReportingOverflow(by: compared.factor)
                if overflow {
                    truth = .open
                    return false
                }
                if number != value { return true }
            }
            truth = .yes
            return false
        }
        return truth
    }
}

extension Program {
    /// Whether a node reads a matched row of a list.
    func readsList(_ number: Int, _ done: UnsafeMutablePointer<Node>) -> Bool {
        let node = nodes[number]
        if node.operation == .listColumn { return true }
        return node.a >= 0 && Int(node.a) < number && done[Int(node.a)].readsList
            || node.b >= 0 && Int(node.b) < number && done[Int(node.b)].readsList
            || (0..<Int(node.count)).contains { done[Int(operands[Int(node.first) + $0])].readsList }
    }

    /// Whether a node and all nodes below it are of the kinds that `Evaluator.known` understands.
    func isSimple(_ number: Int, _ done: UnsafeMutablePointer<Node>) -> Bool {
        let node = nodes[number]
        func isDone(_ operand: Int32) -> Bool { operand >= 0 && done[Int(operand)].isSimple }
        switch node.operation {
        case .constant, .access, .listColumn: return true
        case .and, .or: return (0..<Int(node.count)).allSatisfy { isDone(operands[Int(node.first) + $0]) }
        case .not, .isKnown, .dayOf, .negate, .absolute, .scale: return isDone(node.a)
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .add, .subtract, .multiply:
            return isDone(node.a) && isDone(node.b)
        default: return false
        }
    }
}
