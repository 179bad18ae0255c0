import Claims
import Columns

/// What all files of an import share: the layout of each table's rows and the dictionaries of its codes.
final class TableSet: @unchecked Sendable {
    private(set) var layouts: [Table: RowLayout] = [:]
    private(set) var plans: [Table: StagingPlan] = [:]
    /// By table and field number.
    private(set) var dictionaries: [Table: [Int: CodeDictionary]] = [:]
    /// Tables whose rows with one identifier are parts of one thing.
    private(set) var merged: Set<Table> = []
    private(set) var withdrawn: Set<Table> = []
    private let strictCodes: Bool

    /// `earlier` are fields that earlier generations fill and that must not be lost in what is taken over from them.
    init(_ mapping: Mapping, earlier: [Table: Set<String>] = [:], strictCodes: Bool = false) {
        self.strictCodes = strictCodes
        var tables = Set(mapping.tables.map(\.table))
        for table in [Table.person, .encounter] where earlier[table] != nil { tables.insert(table) }
        if tables.contains(.encounter) { tables.insert(.person) }
        for table in tables {
            let mappings = mapping.tables.filter { $0.table == table && $0.action != .withdraw }
            var names: Set<String> = earlier[table] ?? []
            for field in mappings.flatMap(\.fields) {
                if let moment = TableMapping.momentFields(table)[field.field] {
                    names.insert(moment.day)
                    if table.index(of: moment.second) != nil { names.insert(moment.second) }
                } else {
                    names.insert(field.field)
                }
            }
            let isVersioned = mapping.tables.contains {
                $0.table == table && $0.fields.contains { $0.field == "version" }
            }
            add(
                table, names, isVersioned: isVersioned,
                hasGroup: mappings.contains { $0.fields.contains { $0.field == "group" } })
            if mappings.contains(where: { $0.action == .merge }) { merged.insert(table) }
            if mapping.tables.contains(where: { $0.table == table && $0.action == .withdraw }) {
                withdrawn.insert(table)
            }
        }
    }

    /// The tables and fields that stored segments have. Rows have versions: the later segment's holds.
    init(stored: [Table: Set<String>]) {
        strictCodes = false
        for (table, names) in stored { add(table, names, isVersioned: true, hasGroup: false) }
    }

    private func add(_ table: Table, _ names: Set<String>, isVersioned: Bool, hasGroup: Bool) {
        var names = names
        // A table known only by reference still has its identifier.
        if let identifier = table.identifier { names.insert(identifier) }
        if table == .encounter { names.insert("person") }
        let layout = RowLayout(table: table, fields: names, isVersioned: isVersioned, hasGroup: hasGroup)
        layouts[table] = layout
        plans[table] = StagingPlan(layout)
        var codes: [Int: CodeDictionary] = [:]
        for slot in layout.slots {
            if case .code(let system) = slot.kind {
                codes[slot.field] = CodeDictionary(
                    vocabulary: system.vocabulary, form: strictCodes ? CodeForm.check(system) : nil)
            }
        }
        dictionaries[table] = codes
    }
}

extension CodeSystem {
    /// The words of a closed vocabulary; nil when any code is allowed.
    var vocabulary: [String]? {
        switch self {
        case .sex: ["M", "F"]
        case .setting:
            ["outpatient", "emergency", "inpatient", "pharmacy", "internet", "chronic", "long-term-care"]
        case .institutionKind: ["hospital", "clinic", "pharmacy", "care-assessor", "care-provider"]
        case .ownership: ["public", "private"]
        case .itemKind: ["western-drug", "patent-drug", "herb", "service", "consumable"]
        case .stockKind: ["opening", "purchase", "purchase-return", "sale", "sale-return", "loss", "closing"]
        case .scanKind: ["sale", "return", "purchase"]
        default: nil
        }
    }
}

/// A file's columns bound to the table mappings that read it.
final class BoundFile: @unchecked Sendable {
    /// Names of the columns whose cells are needed, in the order of the cell columns.
    let columns: [String]
    let programs: [TableProgram]

    init(columns: [String], programs: [TableProgram]) {
        self.columns = columns
        self.programs = programs
    }
}

/// Binds table mappings to the columns that a file really has.
struct Binder {
    let file: String
    let tables: TableSet
    let lookups: [String: LookupTable]
    let pseudonym: PersonPseudonym?
    /// Nil when names cannot be checked, as for JSON paths.
    let available: [String]?
    private(set) var diagnostics: [MappingDiagnostic] = []
    private var columns: [String] = []
    private var columnNumbers: [String: Int] = [:]
    private var folded: [String: String] = [:]
    private var nulls: [[UInt8]] = []
    private var repetition = 0

    init(
        file: String, tables: TableSet, lookups: [String: LookupTable], pseudonym: PersonPseudonym?,
        available: [String]?
    ) {
        self.file = file
        self.tables = tables
        self.lookups = lookups
        self.pseudonym = pseudonym
        self.available = available
        for name in available ?? [] where folded[name.lowercased()] == nil { folded[name.lowercased()] = name }
    }

    /// Programs for the mappings numbered `chosen`; nil values are columns the file lacks.
    mutating func bind(_ mapping: Mapping, source: SourceMapping, chosen: [Int]) -> BoundFile {
        nulls = source.nulls.map { Array($0.utf8) }
        var programs: [TableProgram] = []
        for number in chosen {
            let table = mapping.tables[number]
            for n in 1...max(1, table.repetitions) {
                repetition = n
                if let program = bind(table, source, number) { programs.append(program) }
            }
        }
        return BoundFile(columns: columns, programs: programs)
    }

    private mutating func bind(_ mapping: TableMapping, _ source: SourceMapping, _ number: Int) -> TableProgram? {
        guard let layout = tables.layouts[mapping.table] else { return nil }
        var steps: [TableProgram.Step] = []
        var complete = true
        for field in mapping.fields {
            let isKey = isRequired(field.field, in: mapping.table, mapping.action)
            guard let expression = expression(field.value, isRequired: isKey) else {
                if isKey { complete = false }
                continue
            }
            guard let target = target(field, mapping.table, layout) else { continue }
            steps.append(
                TableProgram.Step(
                    field: field.field, expression: expression, target: target, isRequired: isKey,
                    onMalformed: field.value.onMalformed, onUnmapped: field.value.onUnmapped))
        }
        for key in requiredFields(mapping.table, mapping.action)
        where !mapping.fields.contains(where: { $0.field == key }) {
            report(
                true, "ING211", "Table \(mapping.table.rawValue) needs \(key)", mapping.place, "Map a column to \(key)")
            complete = false
        }
        guard complete, steps.count < 255 else { return nil }
        var conditions: [TableProgram.Condition] = []
        for condition in source.conditions + mapping.conditions {
            if let bound = bind(condition) { conditions.append(bound) }
        }
        let skips = mapping.skipWhenAbsent.compactMap { expression($0, isRequired: false) }
        var clears: UInt32 = 0
        for name in mapping.clears {
            if let slot = layout.slot(name) {
                clears |= 1 << UInt32(slot)
            } else if let moment = TableMapping.momentFields(mapping.table)[name] {
                for part in [moment.day, moment.second] {
                    if let slot = layout.slot(part) { clears |= 1 << UInt32(slot) }
                }
            } else {
                report(
                    true, "ING208", "There is no field \(name) to clear", mapping.place,
                    "Name fields of the table that some mapping fills")
            }
        }
        return TableProgram(
            layout: layout, action: mapping.action, steps: steps, conditions: conditions, skipWhenAbsent: skips,
            clears: clears, number: number)
    }

    private func requiredFields(_ table: Table, _ action: TableProgram.Action) -> [String] {
        if action == .withdraw { return [] }
        switch table {
        case .person, .stock, .scan: return ["id"]
        case .encounter: return action == .merge ? ["id"] : ["id", "person"]
        case .entitlement: return ["person"]
        case .diagnosis: return ["encounter", "code"]
        case .operation, .prescription, .line, .settlement: return ["id", "encounter"]
        case .institution, .department, .ward, .practitioner, .item: return ["code"]
        case .agreement: return ["institution"]
        case .eligibility: return ["practitioner"]
        }
    }

    private func isRequired(_ field: String, in table: Table, _ action: TableProgram.Action) -> Bool {
        requiredFields(table, action).contains(field)
    }

    private mutating func target(_ field: FieldMapping, _ table: Table, _ layout: RowLayout) -> TableProgram.Target? {
        if field.field == "version" { return .version }
        if field.field == "group" { return layout.slot(RowLayout.groupText).map { .text(slot: $0) } ?? .owner }
        if let moment = TableMapping.momentFields(table)[field.field] {
            guard let day = layout.slot(moment.day) else { return nil }
            return .moment(day: day, second: layout.slot(moment.second), pattern: field.value.format)
        }
        guard let index = table.index(of: field.field) else { return nil }
        let kind = table.fields[index].kind
        if case .row = kind {
            if table == .encounter { return layout.slot(RowLayout.personText).map { .text(slot: $0) } }
            return .owner
        }
        guard let slot = layout.slot(field.field) else { return nil }
        switch kind {
        case .identifier, .text: return .text(slot: slot)
        case .code: return tables.dictionaries[table]?[index].map { .code(slot: slot, $0) }
        case .day: return .day(slot: slot, pattern: field.value.format)
        case .second: return .second(slot: slot)
        case .decimal(let scale): return .decimal(slot: slot, scale: scale, shift: field.value.shift)
        case .integer: return .integer(slot: slot)
        case .flag: return .flag(slot: slot)
        case .row: return nil
        }
    }

    private mutating func bind(_ condition: ConditionMapping) -> TableProgram.Condition? {
        func index(_ words: [String]) -> ByteIndex {
            let index = ByteIndex()
            for word in words { index.insert(text: word) }
            return index
        }
        guard let expression = expression(condition.value, isRequired: false) else {
            // A column that is not there is absent in every record.
            let nothing = CellExpression(.constant([]))
            switch condition.test {
            case .isOneOf(let words): return .isOneOf(nothing, index(words), negated: false)
            case .isNoneOf(let words): return .isOneOf(nothing, index(words), negated: true)
            case .isAbsent: return .isAbsent(nothing, negated: false)
            case .isPresent: return .isAbsent(nothing, negated: true)
            }
        }
        switch condition.test {
        case .isOneOf(let words): return .isOneOf(expression, index(words), negated: false)
        case .isNoneOf(let words): return .isOneOf(expression, index(words), negated: true)
        case .isAbsent: return .isAbsent(expression, negated: false)
        case .isPresent: return .isAbsent(expression, negated: true)
        }
    }

    // MARK: Expressions

    /// Nil when a column is missing; that is an error for a required value and a warning for another.
    private mutating func expression(_ value: ValueMapping, isRequired: Bool) -> CellExpression? {
        let words = nulls + value.nulls.map { Array($0.utf8) }
        var result: CellExpression
        switch value.form {
        case .column(let name):
            let name = numbered(name)
            guard let column = column(name) else {
                report(
                    isRequired, "ING212", "The file has no column \(name)", value.place,
                    isRequired ? "Name a column of the file" : "The field stays unknown for these records")
                return nil
            }
            result = CellExpression(.column(column), nulls: words)
        case .constant(let text): result = CellExpression(.constant(Array(numbered(text).utf8)))
        case .joined(let parts, let separator):
            var bound: [CellExpression] = []
            for part in parts {
                guard let expression = expression(part, isRequired: isRequired) else { return nil }
                bound.append(expression)
            }
            result = CellExpression(.joined(bound, separator: Array(separator.utf8)))
        case .first(let parts):
            let before = diagnostics.count
            let bound = parts.compactMap { expression($0, isRequired: false) }
            if bound.isEmpty {
                if isRequired {
                    report(
                        true, "ING212", "The file has none of these columns", value.place, "Name a column of the file")
                }
                return nil
            }
            diagnostics.removeSubrange(before...)
            result = CellExpression(.first(bound))
        case .pseudonym(let kind, let number):
            guard let pseudonym else {
                report(true, "ING213", "Pseudonyms need a key", value.place, "Give a key file with --key")
                return nil
            }
            guard let number = expression(number, isRequired: isRequired) else { return nil }
            let kind = kind.flatMap { expression($0, isRequired: false) } ?? CellExpression(.constant([]))
            result = CellExpression(.pseudonym(kind: kind, number: number, pseudonym))
        case .lookup(let source, let key, let match, let take):
            guard let key = expression(key, isRequired: isRequired) else { return nil }
            guard let table = lookups[Binder.lookupName(source, match, take)] else {
                report(
                    true, "ING214", "Nothing can be looked up in \(source)", value.place,
                    "Name a csv source with these columns")
                return nil
            }
            result = CellExpression(.lookedUp(key, table))
        }
        if let split = value.split { result = CellExpression(.split(result, by: split.by, take: split.take)) }
        if let slice = value.slice { result = CellExpression(.slice(result, from: slice.from, count: slice.length)) }
        if value.letters == "upper" { result = CellExpression(.upper(result)) }
        if value.letters == "lower" { result = CellExpression(.lower(result)) }
        if value.stripZeros { result = CellExpression(.withoutLeadingZeros(result)) }
        let map = value.map.map { ValueMap($0, other: value.other) }
        if let mapFor = value.mapFor, let institution = column(numbered(mapFor.institution)) {
            result = CellExpression(
                .mappedByInstitution(
                    result, institution: CellExpression(.column(institution)),
                    maps: mapFor.maps.mapValues { ValueMap($0, other: value.other) }, other: map))
        } else if let map {
            result = CellExpression(.mapped(result, map))
        }
        return result
    }

    static func lookupName(_ source: String, _ match: String, _ take: String) -> String {
        "\(source)\u{1}\(match)\u{1}\(take)"
    }

    private func numbered(_ text: String) -> String {
        guard text.contains("{n}") else { return text }
        let parts = text.split(separator: "{n}", omittingEmptySubsequences: false)
        return parts.joined(separator: String(repetition))
    }

    private mutating func column(_ name: String) -> Int? {
        var known = name
        if let available, !available.contains(name) {
            guard let other = folded[name.lowercased()] else { return nil }
            known = other
        }
        if let number = columnNumbers[known] { return number }
        columnNumbers[known] = columns.count
        columns.append(known)
        return columns.count - 1
    }

    private mutating func report(
        _ isError: Bool, _ code: String, _ message: String, _ place: MappingPlace, _ advice: String
    ) {
        diagnostics.append(
            MappingDiagnostic(
                isError: isError, code: code, file: file, line: place.line, column: place.column, message: message,
                advice: advice))
    }
}
