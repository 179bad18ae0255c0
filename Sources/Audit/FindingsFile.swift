import Claims
import Columns

/// A findings table on disk, read record by record in the order of the file.
///
/// Columns are checked by name and type when the file is opened, so a file of another origin is refused with a
/// reason and never read as something it is not.
package struct FindingsFile: Sendable {
    package let path: String
    private let file: ArrowFile
    private let place: [Int]
    private let dictionaries: [[String]]

    package init(path: String) throws(ColumnsError) {
        self.path = path
        file = try ArrowFile(path: path)
        var place: [Int] = []
        var dictionaries: [[String]] = []
        for column in FindingColumns.Column.allCases {
            guard let index = file.index(of: column.name) else {
                throw ColumnsError(
                    "YJ-311", "there is no column `\(column.name)`", at: path,
                    advice: "Give the folder of a run made by `yijian audit`")
            }
            guard file.fields[index].type == column.type else {
                throw ColumnsError(
                    "YJ-312", "column `\(column.name)` is \(file.fields[index].type), not \(column.type)", at: path,
                    advice: "Audit again with this version")
            }
            place.append(index)
            dictionaries.append(column.type == .dictionary ? try file.strings(index).strings : [])
        }
        self.place = place
        self.dictionaries = dictionaries
    }

    package var count: Int { file.totalRows }

    /// Calls `body` with each record until it returns false.
    package func visit(_ body: (FindingsRecord) throws -> Bool) throws {
        for batch in 0..<file.batchCount {
            let views = try place.map { try file.column($0, batch: batch) }
            let page = FindingsPage(views: views, dictionaries: dictionaries)
            for row in 0..<file.rowCount(ofBatch: batch) {
                guard try body(page.record(row)) else { return }
            }
            file.release(batch: batch)
        }
    }
}

/// One batch of findings, with its dictionaries at hand.
struct FindingsPage {
    let views: [ColumnView]
    let dictionaries: [[String]]

    func record(_ row: Int) -> FindingsRecord {
        var record = FindingsRecord()
        record.id = text(.id, row) ?? ""
        record.rule = text(.rule, row) ?? ""
        record.version = text(.version, row) ?? ""
        record.category = text(.category, row) ?? ""
        record.outcome = text(.outcome, row) ?? ""
        record.grade = integer(.grade, row) ?? 1
        record.unit = text(.unit, row) ?? ""
        record.key = text(.key, row) ?? ""
        record.person = text(.person, row)
        record.institution = text(.institution, row)
        record.encounter = text(.encounter, row)
        record.day = integer(.day, row).map(Day.init(number:))
        record.item = text(.item, row)
        record.list = text(.list, row)
        record.listRow = integer(.listRow, row)
        record.value = number(.value, row)
        record.limit = number(.limit, row)
        record.violating = strings(.violating, row)
        record.violatingTable = text(.violatingTable, row) ?? ""
        record.involved = strings(.involved, row)
        record.involvedTable = text(.involvedTable, row)
        record.stakes = strings(.stakes, row)
        record.gross = number(.gross, row)
        record.inScope = number(.inScope, row)
        record.loss = number(.loss, row)
        record.lossParts.basic = number(.lossBasic, row)
        record.lossParts.large = number(.lossLarge, row)
        record.lossParts.assistance = number(.lossAssistance, row)
        record.lossParts.civil = number(.lossCivil, row)
        record.lossParts.longTermCare = number(.lossLongTermCare, row)
        record.lossParts.other = number(.lossOther, row)
        record.pool = text(.pool, row)
        record.lossMethod = text(.lossMethod, row)
        record.cause = text(.cause, row)
        record.source = text(.source, row) ?? ""
        record.text = text(.text, row)
        record.stated = number(.stated, row)
        record.package = text(.package, row)
        record.packageHash = text(.packageHash, row)
        return record
    }

    private func text(_ column: FindingColumns.Column, _ row: Int) -> String? {
        let view = views[column.rawValue]
        guard view.isValid(row) else { return nil }
        guard column.type == .dictionary else { return view.string(row) }
        let code = Int(view.int32[row])
        let table = dictionaries[column.rawValue]
        return table.indices.contains(code) ? table[code] : nil
    }

    private func integer(_ column: FindingColumns.Column, _ row: Int) -> Int32? {
        let view = views[column.rawValue]
        return view.isValid(row) ? view.int32[row] : nil
    }

    private func number(_ column: FindingColumns.Column, _ row: Int) -> Int64? {
        let view = views[column.rawValue]
        return view.isValid(row) ? view.int64[row] : nil
    }

    private func strings(_ column: FindingColumns.Column, _ row: Int) -> [String] {
        let view = views[column.rawValue]
        return view.isValid(row) ? view.strings(row) : []
    }
}
