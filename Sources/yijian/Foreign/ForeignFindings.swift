import Audit
import Claims

/// Turns the rows of a foreign list into findings marked as theirs (来源 and outcome `stated`).
///
/// Rows with the same key are one finding; its lines are gathered in the order of the file and its amount is the
/// source's own, taken once. Rows that cannot be read are named with line and reason and leave the others alone.
struct ForeignFindings {
    struct Refusal: Equatable {
        let line: Int
        let reason: String
        let raw: String
    }

    private let mapping: ForeignMapping
    private let places: [ForeignMapping.Part: [Int]]
    private let columnCount: Int
    private(set) var records: [FindingsRecord] = []
    private(set) var refusals: [Refusal] = []
    private(set) var rows = 0
    private var numbers: [String: Int] = [:]

    init(mapping: ForeignMapping, head: [String], path: String) throws {
        self.mapping = mapping
        columnCount = head.count
        var places: [ForeignMapping.Part: [Int]] = [:]
        for (part, columns) in mapping.columns {
            places[part] = try columns.map { column in
                guard let place = head.firstIndex(of: column) else {
                    throw CommandError(
                        code: "YJ-357", what: "the file has no column `\(column)`", place: "\(path):1",
                        why: "its columns are \(head.prefix(40).joined(separator: ", "))",
                        advice: "name another column for `\(part.rawValue)` in the mapping, or leave it out")
                }
                return place
            }
        }
        self.places = places
    }

    mutating func add(_ row: ForeignRows.Record) {
        rows += 1
        do throws(Unreadable) {
            try read(row)
        } catch {
            refusals.append(Refusal(line: row.line, reason: error.reason, raw: row.raw))
        }
    }

    private struct Unreadable: Error { let reason: String }

    private mutating func read(_ row: ForeignRows.Record) throws(Unreadable) {
        guard row.fields.count == columnCount else {
            throw Unreadable(reason: "\(row.fields.count) fields where the head has \(columnCount)")
        }
        func field(_ part: ForeignMapping.Part) -> String? {
            guard let places = places[part] else { return nil }
            let texts = places.map { row.fields[$0].drop { $0 == " " } }
            return texts.contains(where: \.isEmpty) ? nil : texts.joined(separator: "-")
        }
        guard let key = field(.key) else { throw Unreadable(reason: "the key is empty") }
        var stated: Int64?
        if let text = field(.stated) {
            guard let fen = DecimalText.parse(text, scale: Schema.moneyScale) else {
                throw Unreadable(reason: "the amount `\(text)` is not yuan with at most two decimals")
            }
            stated = fen
        }
        var day: Day?
        if let text = field(.day) {
            guard let read = Self.day(text) else { throw Unreadable(reason: "there is no day `\(text)`") }
            day = read
        }
        let rule = mapping.source + ":" + (field(.rule) ?? "unnamed")
        let isKnown = numbers[key] != nil
        let number = numbers[key] ?? records.count
        if !isKnown {
            numbers[key] = number
            var record = FindingsRecord()
            record.rule = rule
            record.version = ""
            record.category = "foreign"
            record.outcome = "stated"
            record.source = mapping.source
            record.key = "\(mapping.source):\(key)"
            record.id = FindingIdentifier.hex(rule: rule, key: record.key)
            record.person = field(.person)
            record.institution = field(.institution)
            record.encounter = field(.encounter)
            record.item = field(.item)
            record.day = day
            record.stated = stated
            record.text = [field(.ruleName), field(.text)].compactMap { $0 }.joined(separator: "：")
            records.append(record)
        }
        if records[number].rule != rule {
            throw Unreadable(reason: "the key \(key) stands for two rules")
        }
        if let before = records[number].stated, let stated, before != stated {
            throw Unreadable(reason: "the key \(key) has two amounts")
        }
        records[number].stated = records[number].stated ?? stated
        if let line = field(.line), !records[number].violating.contains(line) { records[number].violating.append(line) }
    }

    /// The findings with their unit settled: lines where the source names lines, else encounters.
    var finished: [FindingsRecord] {
        records.map { record in
            var record = record
            if record.violating.isEmpty, let encounter = record.encounter { record.violating = [encounter] }
            let isLine = record.violating != [record.encounter].compactMap { $0 }
            record.violatingTable = isLine ? Table.line.rawValue : Table.encounter.rawValue
            record.unit = record.violatingTable
            return record
        }
    }

    /// `2025-03-01`, `2025/3/1` or `20250301`, whatever follows.
    static func day(_ text: String) -> Day? {
        let digits = text.prefix(8)
        if digits.count == 8, digits.utf8.allSatisfy({ (48...57).contains($0) }),
            let number = Int(digits)
        {
            return Day(year: number / 10_000, month: number / 100 % 100, day: number % 100)
        }
        let parts = text.prefix { $0 != " " && $0 != "T" }.split { $0 == "-" || $0 == "/" }.compactMap { Int($0) }
        guard parts.count == 3 else { return nil }
        return Day(year: parts[0], month: parts[1], day: parts[2])
    }
}
