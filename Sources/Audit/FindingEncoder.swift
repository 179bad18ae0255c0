import Claims
import Columns
import Rules

/// Turns drafts into rows of `findings.arrow`: identifiers in place of row numbers.
final class FindingEncoder {
    private let binding: Binding
    private let dictionaries: FindingDictionaries
    private let losses: Losses
    private var columns: [ColumnBuffer] = []
    /// What drafts that several rules have come to, once each.
    private lazy var shared = FindingColumns.fields.map { ColumnBuffer($0.type) }
    private let buffers: UnsafeMutablePointer<Unmanaged<ColumnBuffer>>
    /// By number of rule.
    private let names: [FindingDictionaries.RuleName]
    private(set) var rows = 0
    private var key: [UInt8] = []
    private let scanPerson = Table.scan.index(of: "person") ?? 0
    private let encounterInstitution = Table.encounter.index(of: "institution") ?? 0
    private let institutionFields = Table.allCases.map { $0.index(of: "institution") }
    private let itemFields = Table.allCases.map { $0.index(of: "item") }

    init(_ binding: Binding, _ dictionaries: FindingDictionaries) {
        self.binding = binding
        self.dictionaries = dictionaries
        losses = Losses(binding, dictionaries)
        buffers = .allocate(capacity: FindingColumns.fields.count)
        names = dictionaries.rules
    }

    deinit { buffers.deallocate() }

    func take() -> (columns: [ColumnBuffer], rows: Int) {
        if columns.isEmpty { begin() }
        // What is the same for every finding of a run.
        for column in FindingColumns.Column.ofRun {
            columns[column.rawValue].reserve(rows)
            for _ in 0..<rows { self[column].append(Int32(0)) }
        }
        for column in FindingColumns.Column.ofOthers { columns[column.rawValue].appendNulls(rows) }
        defer {
            columns = []
            rows = 0
        }
        return (columns, rows)
    }

    private func begin() {
        columns = FindingColumns.fields.map { ColumnBuffer($0.type) }
        write(into: columns)
        rows = 0
    }

    private func write(into columns: [ColumnBuffer]) {
        for (index, column) in columns.enumerated() { (buffers + index).initialize(to: .passUnretained(column)) }
    }

    /// Encodes drafts in the order of the places given.
    func encode(_ drafts: [Draft], _ order: [Int], in chunk: Chunk, evaluator: Evaluator) {
        drafts.withUnsafeBufferPointer { drafts in
            guard let first = drafts.baseAddress else { return }
            // By their places: a draft that is handed over is copied, and each of its arrays counted.
            for place in order { encode(first + place, in: chunk, evaluator: evaluator) }
        }
    }

    /// Encodes the findings in their order, drafts that several rules have once.
    func encode(_ drafts: [Draft], as findings: [RuleTwins.Finding], in chunk: Chunk, evaluator: Evaluator) {
        if columns.isEmpty { begin() }
        for column in shared { column.reset() }
        write(into: shared)
        for draft in drafts.indices {
            drafts.withUnsafeBufferPointer { describe($0.baseAddress.unsafelyUnwrapped + draft, chunk, evaluator) }
        }
        write(into: columns)
        let places = findings.map(\.draft)
        let keys = shared[FindingColumns.Column.key.rawValue].view
        for finding in findings {
            name(Int(finding.rule), keys.utf8(Int(finding.draft)), listRow: finding.listRow)
        }
        places.withUnsafeBufferPointer { places in
            for column in FindingColumns.Column.described {
                columns[column.rawValue].append(rows: places, of: shared[column.rawValue].view)
            }
        }
        rows += findings.count
    }

    private func encode(_ draft: UnsafePointer<Draft>, in chunk: Chunk, evaluator: Evaluator) {
        if columns.isEmpty { begin() }
        rows += 1
        describe(draft, chunk, evaluator)
        key.withUnsafeBufferPointer { name(Int(draft.pointee.rule), $0, listRow: draft.pointee.listRow) }
    }

    /// What a finding has of its rule: all rules that say the same differ in it.
    private func name(_ rule: Int, _ key: UnsafeBufferPointer<UInt8>, listRow: Int32) {
        names.withUnsafeBufferPointer { names in
            let own = names.baseAddress.unsafelyUnwrapped + rule
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { id in
                FindingIdentifier.write(rule: own.pointee.id, key: key, into: id)
                self[.id].append(utf8: UnsafeBufferPointer(id))
            }
            self[.rule].append(own.pointee.number)
            self[.version].append(own.pointee.number)
            self[.category].append(own.pointee.category)
            self[.grade].append(own.pointee.grade)
            if listRow >= 0, own.pointee.list >= 0 {
                self[.list].append(own.pointee.list)
                self[.listRow].append(own.pointee.lines[Int(listRow)])
            } else {
                self[.list].appendNull()
                self[.listRow].appendNull()
            }
        }
    }

    /// What a finding has of its rows.
    private func describe(_ draft: UnsafePointer<Draft>, _ chunk: Chunk, _ evaluator: Evaluator) {
        let rule = binding.rules[Int(draft.pointee.rule)]
        let table = rule.table
        evaluator.focusTable = table
        makeKey(draft, rule, chunk, evaluator)
        key.withUnsafeBufferPointer { self[.key].append(utf8: $0) }
        self[.outcome].append(dictionaries.outcome(draft.pointee.outcome))
        self[.unit].append(Int32(table + (rule.isGroup ? Chunk.tableCount : 0)))
        place(draft, rule, chunk, evaluator)
        evidence(.value, draft.pointee.value, rule.valueScale)
        evidence(.limit, draft.pointee.limit, rule.limitScale)
        for row in draft.pointee.violating {
            RowNames.with(table, Int(row), chunk) { self[.violating].appendItem(utf8: $0) }
        }
        self[.violating].closeList()
        self[.violatingTable].append(Int32(table))
        involved(draft, chunk)
        for stake in draft.pointee.stakes {
            // An unknown stake is an empty text, never zero.
            guard let stake else {
                self[.stakes].appendItem(utf8: UnsafeBufferPointer(start: nil, count: 0))
                continue
            }
            Self.withYuan(stake) { self[.stakes].appendItem(utf8: $0) }
        }
        self[.stakes].closeList()
        optional(.gross, draft.pointee.gross)
        optional(.inScope, draft.pointee.inScope)
        losses.append(draft, rule, chunk, to: self)
        optional(.cause, draft.pointee.outcome == .undetermined ? dictionaries.cause(draft.pointee.cause) : nil)
    }

    @inline(__always) subscript(_ column: FindingColumns.Column) -> Cells { Cells(buffer: buffers[column.rawValue]) }

    /// A column that is written without counting references to it: the encoder keeps it.
    struct Cells {
        fileprivate let buffer: Unmanaged<ColumnBuffer>

        @inline(__always) func append(_ value: Int32) { buffer._withUnsafeGuaranteedRef { $0.append(value) } }

        @inline(__always) func append(_ value: Int64) { buffer._withUnsafeGuaranteedRef { $0.append(value) } }

        @inline(__always) func append(utf8 bytes: UnsafeBufferPointer<UInt8>) {
            buffer._withUnsafeGuaranteedRef { $0.append(utf8: bytes) }
        }

        @inline(__always) func appendNull() { buffer._withUnsafeGuaranteedRef { $0.appendNull() } }

        @inline(__always) func appendItem(utf8 bytes: UnsafeBufferPointer<UInt8>) {
            buffer._withUnsafeGuaranteedRef { $0.appendItem(utf8: bytes) }
        }

        @inline(__always) func closeList() { buffer._withUnsafeGuaranteedRef { $0.closeList() } }
    }

    func optional(_ column: FindingColumns.Column, _ value: Int32?) {
        if let value, value >= 0 { self[column].append(value) } else { self[column].appendNull() }
    }

    func optional(_ column: FindingColumns.Column, _ value: Int64?) {
        if let value { self[column].append(value) } else { self[column].appendNull() }
    }

    /// Person, institution, encounter, day and item of the first violating row.
    private func place(_ draft: UnsafePointer<Draft>, _ rule: CompiledRule, _ chunk: Chunk, _ evaluator: Evaluator) {
        let table = rule.table
        let row = Int(draft.pointee.firstRow)
        let encounter = table == binding.encounterTable ? row : evaluator.encounter(of: row)
        let named = table == Table.scan.position ? chunk[.scan].slots[scanPerson] : Slot()
        if named.isValid(row), draft.pointee.hasOnePerson {
            self[.person].append(utf8: named.utf8(row))
        } else if draft.pointee.hasOnePerson, encounter >= 0, let parent = chunk[.encounter].parent {
            self[.person].append(utf8: chunk[.person].slots[0].utf8(Int(parent[encounter])))
        } else {
            self[.person].appendNull()
        }
        let own = institutionFields[table].map { chunk.tables[table].slots[$0].code(row) }
        let institution = own ?? (encounter >= 0 ? chunk[.encounter].slots[encounterInstitution].code(encounter) : -1)
        optional(.institution, institution >= 0 ? dictionaries.institutionOf[Int(institution)] : nil)
        if encounter >= 0, !rule.isGroup || rule.isMemberBounded || table == binding.lineTable {
            self[.encounter].append(utf8: chunk[.encounter].slots[0].utf8(encounter))
        } else {
            self[.encounter].appendNull()
        }
        let day = evaluator.evaluate(rule.day, row)
        optional(.day, day.isKnown ? Int32(truncatingIfNeeded: day.lo) : nil)
        let item = itemFields[table].map { chunk.tables[table].slots[$0].code(row) } ?? -1
        optional(.item, item >= 0 ? dictionaries.itemOf[Int(item)] : nil)
    }

    private func evidence(_ column: FindingColumns.Column, _ value: Int128?, _ scale: Int) {
        guard let value else { return self[column].appendNull() }
        if scale <= FindingColumns.evidenceScale, let narrow = Int64(exactly: value) {
            let factor = Int64.power(ofTen: FindingColumns.evidenceScale - scale)
            let (scaled, overflow) = narrow.multipliedReportingOverflow(by: factor)
            if !overflow { return self[column].append(scaled) }
        }
        let scaled =
            scale <= FindingColumns.evidenceScale
            ? value.multipliedReportingOverflow(by: Int128(Int64.power(ofTen: FindingColumns.evidenceScale - scale)))
            : (Value.roundedHalfUp(value, Int128(Int64.power(ofTen: scale - FindingColumns.evidenceScale))), false)
        if let narrow = Int64(exactly: scaled.0), !scaled.1 {
            self[column].append(narrow)
        } else {
            self[column].appendNull()
        }
    }

    /// Rows of another table than the first row's carry its name: `diagnosis:E1#2`.
    private func involved(_ draft: UnsafePointer<Draft>, _ chunk: Chunk) {
        let buffer = self[.involved]
        let lead = draft.pointee.involved.first?.table ?? -1
        for entry in draft.pointee.involved {
            RowNames.with(Int(entry.table), Int(entry.row), chunk) { name in
                guard entry.table != lead else { return buffer.appendItem(utf8: name) }
                let text = RowNames.prefixes[Int(entry.table)] + name
                text.withUnsafeBufferPointer { buffer.appendItem(utf8: $0) }
            }
        }
        buffer.closeList()
        optional(.involvedTable, lead >= 0 ? lead : nil)
    }

    private func makeKey(_ draft: UnsafePointer<Draft>, _ rule: CompiledRule, _ chunk: Chunk, _ evaluator: Evaluator) {
        key.removeAll(keepingCapacity: true)
        guard rule.isGroup, !draft.pointee.keys.isEmpty, case .group(_, let keys) = rule.rule.unit else {
            key.append(contentsOf: RowNames.prefixes[rule.table])
            RowNames.with(rule.table, Int(draft.pointee.firstRow), chunk) { key.append(contentsOf: $0) }
            return
        }
        for (index, part) in keys.enumerated() {
            if index > 0 { key.append(124) }
            key.append(contentsOf: part.name.utf8)
            key.append(61)
            let value = draft.pointee.keys[index]
            if case .identity(let table) = part.expression.type {
                let row =
                    table == .person
                    ? evaluator.person(of: Int(draft.pointee.firstRow))
                    : evaluator.encounter(of: Int(draft.pointee.firstRow))
                RowNames.with(table.position, row, chunk) { key.append(contentsOf: $0) }
            } else {
                key.append(contentsOf: KeyText.text(value, part.expression, binding.vocabulary).utf8)
            }
        }
    }

    /// Fen as yuan with two decimals.
    static func withYuan(_ fen: Int64, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { buffer in
            var at = 32
            var rest = fen.magnitude
            var digits = 0
            repeat {
                at -= 1
                buffer[at] = 48 + UInt8(rest % 10)
                rest /= 10
                digits += 1
                if digits == 2 {
                    at -= 1
                    buffer[at] = 46
                }
            } while rest > 0 || digits < 3
            if fen < 0 {
                at -= 1
                buffer[at] = 45
            }
            body(UnsafeBufferPointer(rebasing: buffer[at..<32]))
        }
    }
}

/// What a row is called in evidence: its identifier; a diagnosis by its encounter and sequence.
enum RowNames {
    /// By position of the table: its name and a colon; whether its rows have identifiers.
    static let prefixes: [[UInt8]] = Table.allCases.map { Array($0.rawValue.utf8) + [58] }
    private static let isNamed: [Bool] = Table.allCases.map { $0.identifier == "id" }

    static func with(_ table: Int, _ row: Int, _ chunk: Chunk, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        let rows = chunk.tables[table]
        if isNamed[table] { return body(rows.slots[0].utf8(row)) }
        var name = ""
        if let parent = rows.parent, table == Table.diagnosis.position {
            name = String(decoding: chunk[.encounter].slots[0].utf8(Int(parent[row])), as: UTF8.self)
            let sequence = rows.slots[Table.diagnosis.index(of: "sequence") ?? 0]
            name +=
                "#"
                + (sequence.isValid(row)
                    ? "\(sequence.int32s[row])" : "\(row - Int(rows.starts?[Int(parent[row])] ?? 0) + 1)")
        }
        name.withUTF8 { body($0) }
    }
}

/// Group keys as text.
enum KeyText {
    static func text(_ value: Value, _ expression: Expression, _ vocabulary: Vocabulary) -> String {
        guard value.isKnown else { return "" }
        let number = Int32(truncatingIfNeeded: value.lo)
        if case .period(.hour, _) = expression.node { return period(.hour, number) }
        switch expression.type {
        case .text: return vocabulary.string(number)
        case .boolean: return value.isTrue ? "true" : "false"
        case .number(let scale): return Decimals.text(value.lo, scale: scale)
        case .moment: return "\(Day(number: Int32(truncatingIfNeeded: Value.floorDivide(value.lo, 86_400))))"
        case .identity: return "\(value.lo)"
        case .day:
            if case .period(let period, _) = expression.node { return self.period(period, number) }
            return "\(Day(number: number))"
        }
    }

    static func period(_ period: Period, _ number: Int32) -> String {
        if period == .hour { return "\(Day(number: number / 24))T" + (number % 24 < 10 ? "0" : "") + "\(number % 24)" }
        let day = "\(Day(number: number))"
        switch period {
        case .month: return String(day.prefix(7))
        case .year: return String(day.prefix(4))
        case .quarter: return day.prefix(4) + "-Q\((Day(number: number).parts.month - 1) / 3 + 1)"
        default: return day
        }
    }
}

package enum Decimals {
    /// An exact decimal without trailing zeros.
    package static func text(_ mantissa: Int128, scale: Int) -> String {
        guard scale > 0 else { return "\(mantissa)" }
        let digits = String(mantissa.magnitude)
        let padded = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
        let whole = padded.dropLast(scale)
        var part = padded.suffix(scale)
        while part.last == "0" { part.removeLast() }
        return (mantissa < 0 ? "-" : "") + whole + (part.isEmpty ? "" : "." + part)
    }
}
