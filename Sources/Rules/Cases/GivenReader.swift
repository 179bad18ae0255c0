import Claims
import Knowledge

/// Reads the tables of an example.
struct GivenReader {
    let source: SourceText
    let lists: [String: ListDeclaration]
    private(set) var tables = CaseTables()
    private(set) var diagnostics: [Diagnostic] = []
    private var rowCount = 0
    private var overrides: [String: ListRows] = [:]
    private var references: [(table: Table, id: String, offset: Int)] = []
    private var names: [Table: Set<String>] = [:]

    init(source: SourceText, lists: [String: ListDeclaration]) {
        self.source = source
        self.lists = lists
    }

    private mutating func report(_ offset: Int, _ code: String, _ message: String, advice: String) {
        guard diagnostics.count < 50 else { return }
        diagnostics.append(source.diagnostic(at: offset, code, message, advice: advice))
    }

    mutating func read() {
        var problems: [Diagnostic] = []
        let lines = CaseLine.lines(of: source) { problems.append($0) }
        diagnostics += problems
        for line in lines {
            guard rowCount < CaseScript.rowsMax else {
                report(
                    line.offset, "CAS001", "the example has more than \(CaseScript.rowsMax) rows",
                    advice: "make it small")
                return
            }
            switch line.words.first?.text {
            case "list": list(line)
            case "coverage": coverage(line)
            case "table": absence(line)
            default: row(line)
            }
        }
        for (table, id, offset) in references where names[table]?.contains(id) != true {
            report(
                offset, "CAS005", "there is no \(table.rawValue) `\(id)` in this example",
                advice: Suggestion.nearest(to: id, among: (names[table] ?? []).sorted()).map { "did you mean `\($0)`?" }
                    ?? "add a line `\(table.rawValue) \(id) …`")
        }
        tables.lists = overrides.mapValues { $0.finish(version: "example") }
    }

    // MARK: Rows

    private mutating func row(_ line: CaseLine) {
        let names = Table.allCases.map(\.rawValue)
        guard let word = line.words.first, let table = Table(rawValue: word.text) else {
            let text = line.words.first?.text ?? line.pairs.first?.key ?? ""
            report(
                line.offset, "CAS003", "`\(text)` is not a table",
                advice: Suggestion.nearest(to: text, among: names).map { "did you mean `\($0)`?" }
                    ?? "tables: \(names.joined(separator: ", ")); or list, coverage, table")
            return
        }
        guard line.words.count == 2 else {
            report(
                line.words.count > 2 ? line.words[2].offset : line.offset, "CAS003",
                "a row is `\(table.rawValue) ID field=value …`",
                advice: line.words.count > 2 ? "put a value with blanks into \"…\"" : "give the row an identifier")
            return
        }
        let id = line.words[1].text
        if self.names[table, default: []].insert(id).inserted == false {
            report(
                line.words[1].offset, "CAS004", "there are two rows `\(table.rawValue) \(id)`",
                advice: "give each row its own")
        }
        var values: [Int: CaseValue] = [:]
        if let identifier = table.identifier, let index = table.index(of: identifier) { values[index] = .text(id) }
        for pair in line.pairs { field(pair, of: table, into: &values) }
        tables.rows[table, default: []].append(CaseRow(id: id, values: values))
        rowCount += 1
    }

    private mutating func field(_ pair: CaseLine.Pair, of table: Table, into values: inout [Int: CaseValue]) {
        if let (day, second) = momentFields(pair.key, of: table) {
            moment(pair, day, second, into: &values)
            return
        }
        guard let index = table.index(of: pair.key) else {
            let known = table.fields.map(\.name) + (table == .encounter ? ["start", "end"] : ["time"])
            report(
                pair.keyOffset, "CAS006", "\(table.rawValue) has no field `\(pair.key)`",
                advice: Suggestion.nearest(to: pair.key, among: known).map { "did you mean `\($0)`?" }
                    ?? "it has: \(known.joined(separator: ", "))")
            return
        }
        guard values[index] == nil else {
            report(pair.keyOffset, "CAS006", "`\(pair.key)` stands twice", advice: "remove one")
            return
        }
        let kind = table.fields[index].kind
        guard let value = value(pair, kind) else {
            report(
                pair.valueOffset, "CAS007", "`\(pair.value)` is not \(described(kind))", advice: advice(kind))
            return
        }
        if case .row(let target) = kind { references.append((target, pair.value, pair.valueOffset)) }
        values[index] = value
    }

    private func momentFields(_ name: String, of table: Table) -> (day: Int, second: Int)? {
        switch name {
        case "start" where table == .encounter, "end" where table == .encounter:
            guard let day = table.index(of: name + "_day"), let second = table.index(of: name + "_second") else {
                return nil
            }
            return (day, second)
        case "time":
            guard let day = table.index(of: "day"), let second = table.index(of: "second") else { return nil }
            return (day, second)
        default: return nil
        }
    }

    private mutating func moment(_ pair: CaseLine.Pair, _ day: Int, _ second: Int, into values: inout [Int: CaseValue])
    {
        let parts = pair.value.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let date = Day(first), values[day] == nil else {
            report(
                pair.valueOffset, "CAS007", "`\(pair.value)` is not a moment",
                advice: "write yyyy-mm-dd, or yyyy-mm-ddThh:mm[:ss]")
            return
        }
        values[day] = .day(date.number)
        guard parts.count == 2 else { return }
        guard let time = Self.second(parts[1]) else {
            report(pair.valueOffset, "CAS007", "`\(parts[1])` is not a time of day", advice: "write hh:mm or hh:mm:ss")
            return
        }
        values[second] = .second(time)
    }

    /// The second of the day.
    static func second(_ text: Substring) -> Int32? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3,
            parts.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy(Lexer.isDigit) })
        else { return nil }
        let numbers = parts.compactMap { Int32($0) }
        guard numbers.count == parts.count, numbers[0] < 24, numbers[1] < 60, numbers.count == 2 || numbers[2] < 60
        else { return nil }
        return numbers[0] * 3_600 + numbers[1] * 60 + (numbers.count == 3 ? numbers[2] : 0)
    }

    private func value(_ pair: CaseLine.Pair, _ kind: FieldKind) -> CaseValue? {
        let text = pair.value
        guard !text.isEmpty else { return nil }
        switch kind {
        case .identifier, .text, .code: return .text(text)
        case .row: return .row(text)
        case .day: return Day(text).map { .day($0.number) }
        case .second:
            if let second = Int32(text), (0..<86_400).contains(second) { return .second(second) }
            return Self.second(Substring(text)).map { .second($0) }
        case .flag: return text == "true" ? .flag(true) : text == "false" ? .flag(false) : nil
        case .integer:
            return text.utf8.count <= 10 ? Int32(text).map { .number(Int64($0)) } : nil
        case .decimal(let scale):
            var copy = text
            return copy.withUTF8 { CellText.number($0, scale: scale) }.map { .number($0) }
        }
    }

    private func described(_ kind: FieldKind) -> String {
        switch kind {
        case .identifier, .text, .code, .row: "a value"
        case .day: "a day"
        case .second: "a time of day"
        case .flag: "true or false"
        case .integer: "a whole number"
        case .decimal(let scale): "a number with at most \(scale) decimals"
        }
    }

    private func advice(_ kind: FieldKind) -> String {
        switch kind {
        case .identifier, .text, .code, .row: "leave the field out when it is unknown"
        case .day: "write yyyy-mm-dd"
        case .second: "write hh:mm:ss"
        case .flag: "write true or false"
        case .integer, .decimal: "write digits"
        }
    }

    // MARK: Lists, coverage, absence

    private mutating func list(_ line: CaseLine) {
        guard line.words.count == 2 else {
            report(line.offset, "CAS003", "a row of a list is `list NAME column=value …`", advice: "name the list")
            return
        }
        let id = line.words[1].text
        guard let declaration = lists[id] else {
            report(
                line.words[1].offset, "CAS008", "there is no list `\(id)`",
                advice: Suggestion.nearest(to: id, among: lists.keys.sorted()).map { "did you mean `\($0)`?" }
                    ?? "declare it in lists/\(id).yaml")
            return
        }
        let rows = overrides[id] ?? ListRows(declaration)
        var filled: [Int: CaseLine.Pair] = [:]
        var isRight = true
        for pair in line.pairs {
            if let problem = reserved(pair, rows) {
                if let problem = problem.found {
                    report(pair.valueOffset, "CAS007", problem.message, advice: problem.advice)
                    isRight = false
                }
                continue
            }
            guard let index = declaration.columnIndex(pair.key), filled[index] == nil else {
                report(
                    pair.keyOffset, "CAS006", "the list `\(id)` has no column `\(pair.key)`, or it stands twice",
                    advice: "columns: \(declaration.columns.map(\.name).joined(separator: ", "))")
                isRight = false
                continue
            }
            filled[index] = pair
        }
        guard isRight else { return }
        for index in declaration.columns.indices {
            var text = filled[index]?.value ?? ""
            if let problem = text.withUTF8({ rows.take($0, column: index) }) {
                report(filled[index]?.valueOffset ?? line.offset, "CAS007", problem.message, advice: problem.advice)
                isRight = false
            }
        }
        guard isRight else { return }
        _ = rows.endRow(line: (overrides[id]?.count ?? 0) + 1, area: nil)
        overrides[id] = rows
        rowCount += 1
    }

    private func reserved(_ pair: CaseLine.Pair, _ rows: ListRows) -> (found: ListRows.CellProblem?, Void)? {
        var text = pair.value
        switch pair.key {
        case "from": return (text.withUTF8 { rows.take(from: $0) }, ())
        case "to": return (text.withUTF8 { rows.take(to: $0) }, ())
        case "area": return (text.withUTF8 { rows.take(area: $0) }, ())
        default: return nil
        }
    }

    private mutating func coverage(_ line: CaseLine) {
        var from: Day?
        var to: Day?
        var closed = true
        for pair in line.pairs {
            switch pair.key {
            case "from", "to":
                guard let day = Day(pair.value) else {
                    report(pair.valueOffset, "CAS007", "`\(pair.value)` is not a day", advice: "write yyyy-mm-dd")
                    continue
                }
                if pair.key == "from" { from = day } else { to = day }
            case "closed":
                guard pair.value == "true" || pair.value == "false" else {
                    report(
                        pair.valueOffset, "CAS007", "`\(pair.value)` is not true or false",
                        advice: "write true or false")
                    continue
                }
                closed = pair.value == "true"
            default:
                report(pair.keyOffset, "CAS006", "coverage has no `\(pair.key)`", advice: "it has: from, to, closed")
            }
        }
        tables.coverage = CaseTables.Coverage(from: from, to: to, closed: closed)
    }

    private mutating func absence(_ line: CaseLine) {
        guard line.words.count == 3, line.words[2].text == "absent", let table = Table(rawValue: line.words[1].text)
        else {
            report(line.offset, "CAS003", "expected `table NAME absent`", advice: "name a table of the schema")
            return
        }
        tables.absent.insert(table)
    }
}
