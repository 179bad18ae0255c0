import Audit
import Casework
import Claims
import Columns
import Foundation
import Rules

/// The findings of a run as triage takes them: with their institution, their place of care and of insurance, their rows in
/// words, their loss by fund and pool. Everything is copied by value, because datasets are made anew and matters stay.
///
/// All findings of the run are held in memory, as triage compares them with each other.
struct RunFindings {
    private(set) var findings: [Triage.Finding] = []
    /// Conclusions that no institution can be found for.
    private(set) var withoutInstitution = 0

    private struct Row {
        var encounter: String?
        var institution: String?
        var item: String?
        var day: Day?
        var home: String?
        var care: String?
    }

    init(_ run: FindingsRun, dataset: Dataset, plan: Plan, where selection: FindingsSelection = .init()) throws {
        let names = try FindingsNames(dataset: dataset)
        let wording = FindingsWording(plan: plan, names: names)
        var records: [FindingsRecord] = []
        try run.visit(where: selection) { record in
            if record.isConclusion, !Rule.isShadow(record.rule) { records.append(record) }
            return true
        }
        let rows = try Self.rows(of: records, FindingsEvidence(dataset: dataset))
        let institutions = try InstitutionTable(dataset: dataset)
        let rules = Dictionary(plan.rules.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for record in records {
            let flagged = record.violating.map { rows[record.violatingTable]?[$0] ?? Row() }
            guard let code = record.institution ?? flagged.compactMap(\.institution).first else {
                withoutInstitution += 1
                continue
            }
            let institution = institutions[code, names]
            let care = flagged.compactMap(\.care).first ?? institutions.area(code) ?? ""
            let day = record.day ?? flagged.compactMap(\.day).min()
            let rule = rules[record.rule]
            let pool = record.pool ?? care
            let lines = record.violating.enumerated().map { index, id in
                Triage.Line(
                    id: id, kind: record.table?.chinese ?? record.violatingTable,
                    content: flagged[index].item.map { names.nameAndCode($0, in: .item) } ?? "",
                    stake: record.stakes.indices.contains(index)
                        ? FieldValue.fen(record.stakes[index]) : record.violating.count == 1 ? record.gross : nil)
            }
            findings.append(
                Triage.Finding(
                    id: record.id, key: record.key, theme: rule?.place.theme ?? record.rule, rule: record.rule,
                    outcome: record.outcome, grade: Int(record.grade),
                    statement: wording.statement(of: wording.mask.apply(to: record)), institution: institution,
                    period: day.map { String("\($0)".prefix(7)) } ?? "0000-00", careArea: care,
                    homeArea: flagged.compactMap(\.home).first ?? care,
                    // Article 41 of the regulation is about insured persons.
                    isPersonsFault: rule?.behaviour.hasPrefix("T41") ?? false, lines: lines, gross: record.gross ?? 0,
                    loss: Self.loss(of: record, pool), evidence: Self.digest(of: record)))
        }
    }

    // MARK: Pieces

    private static func loss(of record: FindingsRecord, _ pool: String) -> [String: Int64] {
        let funds: [(String, Int64?)] = [
            ("统筹", record.lossParts.basic), ("大额", record.lossParts.large), ("救助", record.lossParts.assistance),
            ("公务员", record.lossParts.civil), ("长护", record.lossParts.longTermCare), ("其他", record.lossParts.other),
        ]
        var loss: [String: Int64] = [:]
        for (fund, fen) in funds { if let fen, fen > 0 { loss["\(fund)/\(pool)"] = fen } }
        return loss
    }

    /// What would have to differ for a dropped finding to come up again: rows, values, money; not the version of the rule.
    private static func digest(of record: FindingsRecord) -> String {
        var parts = record.violating + ["|"] + record.involved + ["|"] + record.stakes
        for number in [record.value, record.limit, record.gross, record.loss] {
            parts.append(number.map { String($0) } ?? "-")
        }
        return String(SHA256.hex(of: Array(parts.joined(separator: "\u{1F}").utf8)).prefix(32))
    }

    /// The flagged rows by table and identifier, with the encounter behind a line.
    private static func rows(of records: [FindingsRecord], _ evidence: FindingsEvidence) throws -> [String: [String:
        Row]]
    {
        var rows: [String: [String: Row]] = [:]
        for (name, wanted) in Dictionary(grouping: records, by: \.violatingTable) {
            guard let table = Table(rawValue: name) else { continue }
            var found: [String: Row] = [:]
            for (id, location) in try evidence.locate(Set(wanted.flatMap(\.violating)), in: table) {
                guard let read = try evidence.row(at: location) else { continue }
                var row = Row(
                    institution: read["institution"].text, item: read["item"].text,
                    day: Self.day(read["day"]) ?? Self.day(read["start_day"]))
                let encounter =
                    table == .encounter
                    ? read
                    : read.table.index(of: "encounter") == nil
                        ? nil : try evidence.row("encounter", of: read)
                if let encounter {
                    row.institution = row.institution ?? encounter["institution"].text
                    row.home = encounter["home_area"].text
                    row.care = encounter["care_area"].text
                }
                found[id] = row
            }
            rows[name] = found
        }
        return rows
    }

    private static func day(_ value: FindingsEvidence.Value) -> Day? {
        if case .day(let day) = value { day } else { nil }
    }
}

extension FieldValue {
    /// Yuan as findings write it, in fen.
    fileprivate static func fen(_ text: String) -> Int64? { Casework.Field.number(text, 2) }
}

/// What the dataset knows of institutions, in the words that matters are counted by.
private struct InstitutionTable {
    private struct Line {
        var kind: String?
        var level: String?
        var ownership: String?
        var area: String?
    }

    private var lines: [String: Line] = [:]

    init(dataset: Dataset) throws {
        guard let file = try dataset.master(Table.institution.rawValue) else { return }
        func column(_ name: String) throws -> (index: Int, strings: StringTable?)? {
            guard let index = file.index(of: name) else { return nil }
            return (index, file.fields[index].type == .dictionary ? try file.strings(index) : nil)
        }
        guard let code = try column("code") else { return }
        let (kind, level, ownership, area) = (
            try column("kind"), try column("level"), try column("ownership"), try column("area")
        )
        for batch in 0..<file.batchCount {
            func text(_ column: (index: Int, strings: StringTable?)?, _ row: Int) throws -> String? {
                guard let column else { return nil }
                let view = try file.column(column.index, batch: batch)
                guard view.isValid(row) else { return nil }
                if let strings = column.strings { return strings.string(Int(view.int32[row])) }
                return file.fields[column.index].type == .int32 ? String(view.int32[row]) : view.string(row)
            }
            for row in 0..<file.rowCount(ofBatch: batch) {
                guard let key = try text(code, row) else { continue }
                lines[key] = Line(
                    kind: try text(kind, row), level: try text(level, row), ownership: try text(ownership, row),
                    area: try text(area, row))
            }
        }
    }

    func area(_ code: String) -> String? { lines[code]?.area }

    subscript(code: String, names: FindingsNames) -> Triage.Institution {
        let line = lines[code] ?? Line()
        let kinds = [
            "hospital": "hospital", "clinic": "clinic", "pharmacy": "pharmacy", "care-assessor": "care",
            "care-provider": "care",
        ]
        let levels = ["0": "none", "1": "one", "2": "two", "3": "three"]
        return Triage.Institution(
            code: code, name: names.name(of: code, in: .institution) ?? code, kind: line.kind.flatMap { kinds[$0] },
            level: line.level.flatMap { levels[$0] },
            ownership: line.ownership.flatMap { ["public", "private"].contains($0) ? $0 : nil })
    }
}
