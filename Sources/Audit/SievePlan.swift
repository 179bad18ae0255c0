import Claims
import Rules

/// How the candidates of every timeline rule are found: which sieve a rule uses, and the tables the sieves share.
///
/// A sieve may only say "cannot be flagged". What passes it is evaluated exactly, so a sieve can cost time but not
/// change a result; a rule without a sieve sends every row of its table to the evaluator.
final class SievePlan: @unchecked Sendable {
    let rules: [CompiledRule]
    let binding: Binding
    /// What each rule (by its place in `rules`) uses; shown in the coverage report.
    private(set) var paths: [String]
    private(set) var contextColumns: [ContextColumn] = []
    private var contextNumbers: [ContextColumn: Int] = [:]
    /// By rule: a finding of it speaks of one encounter at most. Where a message is asked about, such rules are only asked about the
    /// encounters that it writes in. A shared table is narrow when all its rules are.
    private(set) var isNarrow: [Bool]
    /// By context column: only narrow rules read it.
    private(set) var isColumnNarrow: [Bool] = []
    /// The rule that is being planned.
    private var current = 0

    // Roles of item codes: which lists of lines an item's lines join.
    private(set) var roles: [UInt32] = []
    private(set) var roleCount = 0

    let guards: GuardTable
    private(set) var sums: [SumTable] = []
    private(set) var pairs: [PairTable] = []
    let direct: DirectTable
    private(set) var distincts: [DistinctTable] = []
    let diagnoses: DiagnosisTable
    private(set) var encounterSums: [EncounterSumTable] = []
    /// Operators that look at encounters, or at every line.
    ///
    /// Those of narrow rules stand after `wideCount` others.
    private(set) var others: [(rule: Int, make: () -> SieveOperator)] = []
    private(set) var wideCount = 0
    /// Rules whose lines of unknown item must always be evaluated.
    private(set) var itemRules: [Int] = []

    let codes: Int

    init(_ rules: [CompiledRule], _ binding: Binding, isGeneral: Bool) {
        self.rules = rules
        self.binding = binding
        codes = binding.vocabulary.itemCount
        paths = Array(repeating: "general", count: rules.count)
        isNarrow = rules.map { $0.breadth != .person }
        guards = GuardTable(codes: codes)
        direct = DirectTable(codes: codes)
        diagnoses = DiagnosisTable(codes: codes, binding)
        roles = Array(repeating: 0, count: codes + 1)
        let items = ItemFacts(binding)
        binding.windowGates = items.windowGates()
        for key in binding.program.windows.flatMap(\.keys) where key.itemField >= 0 {
            let field = Int(key.itemField)
            binding.itemAttributes[field] = items.attribute(
                FieldPath(start: .line, steps: [.item], field: .stored(field)))
        }
        for (number, rule) in rules.enumerated() {
            current = number
            if isGeneral {
                others.append((number, { EveryRow(number, rule.table) }))
            } else {
                choose(number, rule, items)
            }
        }
        guards.close()
        direct.close()
        diagnoses.close()
        for table in pairs { table.close() }
        for table in sums { table.close() }
        assignRoles()
        narrow()
    }

    private func narrow() {
        func areNarrow(_ path: String) -> Bool {
            paths.indices.allSatisfy { paths[$0] != path || isNarrow[$0] }
        }
        guards.isNarrow = areNarrow("guard")
        direct.isNarrow = direct.rules.allSatisfy { isNarrow[Int($0)] }
        diagnoses.isNarrow = areNarrow("diagnosis")
        for table in pairs { table.isNarrow = !table.isPersonal && areNarrow("pair") }
        for table in sums {
            table.isNarrow = !table.form.isPersonal && table.rules.allSatisfy { isNarrow[Int($0)] }
            table.keepsAttribute = table.rules.allSatisfy { keeps(table.form.attribute, rules[Int($0)]) }
        }
        let wide = others.filter { !isNarrow[$0.rule] }
        wideCount = wide.count
        others = wide + others.filter { isNarrow[$0.rule] }
    }

    /// Whether all rows of a finding are lines with the focus line's value of an attribute of their items.
    private func keeps(_ attribute: FieldPath?, _ rule: CompiledRule) -> Bool {
        guard let attribute, case .stored(let field) = attribute.field else { return false }
        return (rule.evidenceWindows + (rule.mergingWindow.map { [$0] } ?? [])).allSatisfy { number in
            let window = binding.program.windows[number]
            guard window.table == UInt8(binding.lineTable) else { return false }
            // The members of a group share its keys, of which the attribute is one.
            return window.scope == .members
                || window.keys.contains {
                    attribute == SieveForms.itemPath
                        ? Int($0.codeField) == binding.lineItemField : Int($0.itemField) == field
                }
        }
    }

    private func choose(_ number: Int, _ rule: CompiledRule, _ items: ItemFacts) {
        let path: String?
        switch rule.table {
        case binding.lineTable: path = chooseForLines(number, rule, items)
        case binding.encounterTable: path = EncounterSieves.choose(number, rule, self, items)
        default: path = chooseForOthers(number, rule)
        }
        if let path {
            paths[number] = path
        } else {
            others.append((number, { EveryRow(number, rule.table) }))
        }
    }

    /// Rules on diagnoses, operations, prescriptions and settlements.
    private func chooseForOthers(_ number: Int, _ rule: CompiledRule) -> String? {
        let unit = rule.rule.unit.table
        guard unit.role == .timeline, unit != .person, unit != .entitlement else { return nil }
        let forms = SieveForms(rule: rule, binding: binding)
        let conjuncts =
            rule.filterConjuncts.map(\.expression) + (rule.isGroup ? [] : rule.testConjuncts.map(\.expression))
        if unit == .diagnosis, !rule.isGroup, let set = DiagnosisSet(joined: rule, binding) {
            add(number) { DiagnosedSieve(number, set, nil) }
            return "diagnosed"
        }
        let focus = EncounterFilter(conjuncts, forms, self)
        if let total = PersonTotalForm(rule) {
            add(number) { PersonTotalSieve(number, unit: rule.table, total, focus) }
            return "person total"
        }
        if !rule.isGroup, let form = conjuncts.lazy.compactMap({ BesideForm($0, unit, self.binding) }).first {
            add(number) { BesideSieve(number, unit: rule.table, form, focus) }
            return "beside"
        }
        add(number) { FilteredRows(number, unit: rule.table, focus) }
        return "filtered"
    }

    // MARK: Rules on lines

    private func chooseForLines(_ number: Int, _ rule: CompiledRule, _ items: ItemFacts) -> String? {
        let forms = SieveForms(rule: rule, binding: binding)
        guard let gate = items.gate(rule, forms) else {
            if let path = LineSieves.choose(number, rule, forms, self) { return path }
            return nil
        }
        itemRules.append(number)
        let conjuncts = (rule.filterConjuncts + rule.testConjuncts).map(\.expression)
        for expression in conjuncts {
            if addPair(number, rule, forms, gate, expression) { return "pair" }
        }
        for expression in conjuncts {
            guard let form = ListedPairForm(expression, rule, forms) else { continue }
            let table = pairTable(isPersonal: form.isPersonal)
            form.forEachPair(gate, binding, codes) { own, other in table.add(b: own, a: other, rule: number) }
            return "pair"
        }
        for expression in conjuncts {
            if addDistinct(number, rule, forms, gate, expression, items) { return "distinct" }
        }
        for expression in conjuncts {
            if addSum(number, rule, forms, gate, expression, items) { return "sum" }
        }
        for expression in conjuncts {
            if addDiagnosis(number, rule, forms, gate, expression) { return "diagnosis" }
        }
        for expression in conjuncts {
            if let set = DiagnosisSet(existsIn: expression, binding) {
                diagnoses.add(number, set, gate)
                return "diagnosis"
            }
        }
        for expression in conjuncts {
            if addGuard(number, rule, forms, gate, expression) { return "guard" }
        }
        for expression in conjuncts {
            guard let form = ItemPairForm(expression, rule, forms, items), let found = form.partners(gate, items) else {
                continue
            }
            let table = pairTable(isPersonal: form.isPersonal)
            var places: [Int32: Int] = [:]
            for pair in found.pairs {
                let place = places[pair.other.number] ?? table.place(of: pair.other.items)
                places[pair.other.number] = place
                for own in pair.own { table.add(b: own, a: place, rule: number) }
            }
            // A line whose item may stand beside itself has a partner at once.
            direct.add(number, found.alone)
            return "pair"
        }
        if let needed = items.needed(rule, forms), rule.isWithinEncounter {
            add(number) { NeededItemSieve(number, gate, needed) }
            return "needed item"
        }
        direct.add(number, gate.codes)
        return "item"
    }

    func context(_ column: ContextColumn) -> Int {
        if let known = contextNumbers[column] {
            isColumnNarrow[known] = isColumnNarrow[known] && isNarrow[current]
            return known
        }
        contextNumbers[column] = contextColumns.count
        contextColumns.append(column)
        isColumnNarrow.append(isNarrow[current])
        return contextColumns.count - 1
    }

    func add(_ rule: Int, _ make: @escaping () -> SieveOperator) { others.append((rule, make)) }

    func add(encounterSum rule: Int, _ form: EncounterSumForm, _ gate: ItemGate, _ filter: EncounterFilter) {
        encounterSums.append(EncounterSumTable(rule: rule, form: form, gate: gate, filter: filter))
    }

    // MARK: Guards

    private func addGuard(
        _ number: Int, _ rule: CompiledRule, _ forms: SieveForms, _ gate: ItemGate, _ expression: Expression
    ) -> Bool {
        if let set = SetTest(expression, rule, forms) {
            let column = context(ContextColumn(source: .path(set.path)))
            for code in gate.codes {
                guards.add(code: code, rule: number, column: column, set: set.values(Int32(code)))
            }
            return true
        }
        guard let tests = forms.scalarTests(expression), !tests.contains(where: { $0.comparison == .equal }) else {
            return false
        }
        for test in tests {
            guard limitIsUsable(test.other, rule, forms) else { return false }
        }
        for test in tests {
            for source in sources(test.scalar, test.comparison) {
                for code in gate.codes {
                    guard let clear = clearInterval(test, rule, Int32(code)) else { continue }
                    guards.add(code: code, rule: number, source: source, low: clear.lowerBound, high: clear.upperBound)
                }
            }
        }
        return true
    }

    private func limitIsUsable(_ limit: Expression, _ rule: CompiledRule, _ forms: SieveForms) -> Bool {
        if case .listColumn(let match, _) = limit.node { return forms.itemMatch == match }
        return true
    }

    /// An age is known between the first and the last day of an encounter's lines: both ends are looked at.
    private func sources(_ scalar: SieveForms.Scalar, _ comparison: Comparison) -> [GuardTable.Source] {
        switch scalar {
        case .line(let field): [.line(field)]
        case .encounter(let path): [.context(context(ContextColumn(source: .path(path))))]
        case .age:
            [
                .context(context(ContextColumn(source: .age(onLastDay: false)))),
                .context(context(ContextColumn(source: .age(onLastDay: true)))),
            ]
        }
    }

    /// The values of the scalar for which the comparison is false whatever list row applies; empty: none.
    private func clearInterval(_ test: SieveForms.ScalarTest, _ rule: CompiledRule, _ code: Int32) -> ClosedRange<
        Int64
    >? {
        let own = scale(of: test.scalar)
        var low = Int64.min + 1
        var high = Int64.max
        var isEmpty = false
        forEachLimit(test.other, rule, code) { mantissa, scale in
            guard let mantissa else {
                isEmpty = true
                return
            }
            let limit = Int128(mantissa) * Int128(Int64.power(ofTen: max(0, own - scale)))
            let divisor = Int128(Int64.power(ofTen: max(0, scale - own)))
            let floor = Value.floorDivide(limit, divisor)
            let ceiling = -Value.floorDivide(-limit, divisor)
            switch test.comparison {
            case .greater: high = min(high, Int64(clamping: floor))
            case .greaterOrEqual: high = min(high, Int64(clamping: ceiling - 1))
            case .less: low = max(low, Int64(clamping: ceiling))
            case .lessOrEqual: low = max(low, Int64(clamping: floor + 1))
            case .notEqual where floor == ceiling:
                low = max(low, Int64(clamping: floor))
                high = min(high, Int64(clamping: floor))
            case .notEqual, .equal: isEmpty = true
            }
        }
        if isEmpty { return emptyRange }
        return low <= high ? low...high : emptyRange
    }

    /// No scalar lies here: nothing is clear.
    private var emptyRange: ClosedRange<Int64> { Int64.min...Int64.min }

    private func scale(of scalar: SieveForms.Scalar) -> Int {
        guard case .line(let field) = scalar, case .decimal(let scale) = Table.line.fields[field].kind else { return 0 }
        return scale
    }

    /// Calls the body with each limit that may apply to an item, and its scale; nil for an empty cell.
    private func forEachLimit(
        _ limit: Expression, _ rule: CompiledRule, _ code: Int32, _ body: (Int64?, Int) -> Void
    ) {
        switch limit.node {
        case .number(let mantissa): body(mantissa, limit.scale)
        case .text(let text): body(Int64(binding.vocabulary.intern(known: text)), 0)
        case .listColumn(let match, let column):
            let compiled = rule.matches[match]
            let cells = binding.knowledge.lists[compiled.list].columns[column]
            compiled.index.forEach(code) { row in
                body(cells.isKnown(Int(row)) ? cells.values[Int(row)] : nil, cells.scale)
                return true
            }
        default: body(nil, 0)
        }
    }

    // MARK: Sums, pairs, diagnoses, distinct items

    private func addSum(
        _ number: Int, _ rule: CompiledRule, _ forms: SieveForms, _ gate: ItemGate, _ expression: Expression,
        _ items: ItemFacts
    ) -> Bool {
        guard let form = SumForm(expression, rule, forms) else { return false }
        let table: SumTable
        if let known = sums.first(where: { $0.form == form.shape }) {
            table = known
        } else {
            guard sums.count < 20 else { return false }
            table = SumTable(form.shape, codes: codes, attributes: items.attribute(form.shape.attribute))
            sums.append(table)
        }
        for code in gate.codes {
            var smallest: Int64?
            forEachLimit(form.limit, rule, Int32(code)) { mantissa, scale in
                guard let mantissa else {
                    smallest = -1
                    return
                }
                let aligned = form.align(mantissa, scale)
                smallest = min(smallest ?? aligned, aligned)
            }
            if let smallest { table.add(code: code, rule: number, limit: smallest, reach: form.reach) }
        }
        if let counted = items.gate(of: form.window, rule, forms) {
            table.count(gate: counted)
        } else {
            // A window that names no items sums all lines of the attribute.
            table.count(gate: form.window == nil || form.shape.attribute == SieveForms.itemPath ? gate : items.all)
        }
        return true
    }

    private func addPair(
        _ number: Int, _ rule: CompiledRule, _ forms: SieveForms, _ gate: ItemGate, _ expression: Expression
    ) -> Bool {
        guard let form = PairForm(expression, rule, forms) else { return false }
        let table = pairTable(isPersonal: form.isPersonal)
        let list = binding.knowledge.lists[rule.matches[form.match].list]
        for code in gate.codes {
            for row in rule.matches[form.match].index.rows(Int32(code)) {
                let cells = list.columns[form.column]
                guard cells.isKnown(Int(row)) else { return false }
                // An item that no line has cannot be the other half.
                let other = Int(cells.values[Int(row)])
                if other < codes { table.add(b: code, a: other, rule: number) }
            }
        }
        return true
    }

    private func pairTable(isPersonal: Bool) -> PairTable {
        if let known = pairs.first(where: { $0.isPersonal == isPersonal }) { return known }
        let table = PairTable(isPersonal: isPersonal, codes: codes)
        pairs.append(table)
        return table
    }

    private func addDiagnosis(
        _ number: Int, _ rule: CompiledRule, _ forms: SieveForms, _ gate: ItemGate, _ expression: Expression
    ) -> Bool {
        guard let form = DiagnosisForm(expression, rule, forms) else { return false }
        diagnoses.add(number, form, gate, binding)
        return true
    }

    private func addDistinct(
        _ number: Int, _ rule: CompiledRule, _ forms: SieveForms, _ gate: ItemGate, _ expression: Expression,
        _ items: ItemFacts
    ) -> Bool {
        guard let form = DistinctForm(expression, rule, forms) else { return false }
        let counted = items.gate(of: form.window, rule, forms) ?? (form.window == nil ? gate : items.all)
        distincts.append(DistinctTable(number, form, gate: gate, counted: counted))
        return true
    }

    // MARK: Roles

    private func assignRoles() {
        var next = 0
        func role(_ codes: some Sequence<Int>) -> Int {
            precondition(next < 32, "at most 32 roles; forms beyond that are not given one")
            for code in codes { roles[code] |= 1 << UInt32(next) }
            next += 1
            return next - 1
        }
        guards.role = role(guards.codesInUse)
        direct.role = role(direct.codesInUse)
        for table in sums { table.role = role(table.codesInUse) }
        for table in pairs {
            table.roleA = role(table.codesA)
            table.roleB = role(table.codesB)
        }
        // Several tables may share a role: they look at their own gate again.
        diagnoses.role = role(diagnoses.codesInUse)
        let distinctCodes = Set(distincts.flatMap(\.codesInUse))
        let distinctRole = role(distinctCodes)
        for table in distincts { table.role = distinctRole }
        let summedRole = role(Set(encounterSums.flatMap(\.gate.codes)))
        for table in encounterSums { table.role = summedRole }
        roleCount = next
    }
}

extension Vocabulary {
    /// A literal of a rule was interned when the rule was compiled.
    func intern(known text: String) -> Int32 {
        var text = text
        return text.withUTF8 { known($0) } ?? -1
    }
}
