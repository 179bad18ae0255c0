import Claims
import Rules

/// Conditions on text fields of an encounter, as columns and admitted codes.
final class EncounterFilter: @unchecked Sendable {
    /// A text field of the encounter and the codes of the dataset for which a condition is false.
    struct Condition: Hashable {
        let field: Int
        let refused: Set<Int32>
    }

    private struct Part {
        let field: Int
        let admitted: UnsafeMutablePointer<Bool>
        let count: Int

        @inline(__always) func admits(_ code: Int32) -> UInt8 {
            code >= 0 && Int(code) < count && !admitted[Int(code)] ? 0 : 1
        }

        func narrow(
            _ rows: Int, _ target: UnsafeMutablePointer<UInt8>, _ codes: UnsafePointer<Int32>,
            _ remap: UnsafePointer<Int32>?
        ) {
            if let remap {
                for row in 0..<rows { target[row] &= admits(remap[Int(codes[row])]) }
            } else {
                for row in 0..<rows { target[row] &= admits(codes[row]) }
            }
        }
    }

    private let parts: UnsafeMutablePointer<Part>
    private let partCount: Int

    convenience init(_ conjuncts: [Expression], _ forms: SieveForms, _ plan: SievePlan, scope: RowScope = .focus) {
        self.init(conjuncts, forms, plan.binding, scope: scope)
    }

    convenience init(_ conjuncts: [Expression], _ forms: SieveForms, _ binding: Binding, scope: RowScope) {
        self.init(Self.conditions(conjuncts, forms, scope: scope), binding)
    }

    init(_ conditions: [Condition], _ binding: Binding) {
        let count = binding.vocabulary.count
        let found = conditions.map { condition in
            let admitted = UnsafeMutablePointer<Bool>.allocate(capacity: max(1, count))
            admitted.initialize(repeating: true, count: count)
            for code in condition.refused { admitted[Int(code)] = false }
            return Part(field: condition.field, admitted: admitted, count: count)
        }
        partCount = found.count
        parts = .allocate(capacity: max(1, found.count))
        parts.initialize(from: found, count: found.count)
    }

    deinit {
        for index in 0..<partCount { parts[index].admitted.deallocate() }
        parts.deallocate()
    }

    /// What conditions say of the encounter alone, one text field each.
    static func conditions(_ conjuncts: [Expression], _ forms: SieveForms, scope: RowScope) -> [Condition] {
        conjuncts.compactMap { conjunct in
            guard let path = forms.encounterField(conjunct, scope), path.table == .encounter, path.steps.count <= 1,
                case .stored(let field) = path.field
            else { return nil }
            let vocabulary = forms.binding.vocabulary
            let refused = (forms.binding.encounterCodes[field] ?? []).filter { code in
                SieveForms.truth(of: conjunct, field: path, scope: scope, is: vocabulary.string(code))?.isFalse == true
            }
            return Condition(field: field, refused: Set(refused))
        }
    }

    /// No conditions: every encounter is admitted.
    var isEmpty: Bool { partCount == 0 }

    /// Whether no condition is false for the encounter.
    @inline(__always) func admits(_ encounter: Int, _ rows: TableRows) -> Bool {
        var index = 0
        while index < partCount {
            let part = parts[index]
            let code = rows.slots[part.field].code(encounter)
            if code >= 0, Int(code) < part.count, !part.admitted[Int(code)] { return false }
            index &+= 1
        }
        return true
    }

    /// Puts down for every encounter whether no condition is false: 1, else 0.
    func admitAll(_ rows: TableRows, into target: UnsafeMutablePointer<UInt8>) {
        target.update(repeating: 1, count: rows.rows)
        for index in 0..<partCount {
            let part = parts[index]
            let slot = rows.slots[part.field]
            if slot.kind == .code, slot.validity == nil {
                part.narrow(rows.rows, target, slot.int32s, slot.remap)
            } else {
                for row in 0..<rows.rows { target[row] &= part.admits(slot.code(row)) }
            }
        }
    }

    /// Calls the body for every person of whom an encounter is admitted, with the admitted ones and all encounters.
    func forEachPerson(_ context: SieveContext, _ body: (UnsafeBufferPointer<Int32>, Range<Int>) -> Void) {
        let count = context.encounters
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count + 1) { isAdmitted in
            withUnsafeTemporaryAllocation(of: Int32.self, capacity: count + 1) { admitted in
                guard let flags = isAdmitted.baseAddress, let places = admitted.baseAddress else { return }
                admitAll(context.rows(.encounter), into: flags)
                var kept = 0
                for encounter in 0..<count {
                    places[kept] = Int32(truncatingIfNeeded: encounter)
                    kept &+= Int(flags[encounter])
                }
                var first = 0
                while first < kept {
                    let person = Int(context.personOf[Int(places[first])])
                    let end = context.personStarts[person &+ 1]
                    var next = first &+ 1
                    while next < kept, places[next] < end { next &+= 1 }
                    body(
                        UnsafeBufferPointer(start: places + first, count: next &- first),
                        Int(context.personStarts[person])..<Int(end))
                    first = next
                }
            }
        }
    }
}
