import Columns
import Rules

extension KnowledgeList {
    func isEmpty(column: Int, row: Int) -> Bool {
        columns[column].isNull.indices.contains(row) && columns[column].isNull[row]
    }

    /// The text of a cell of a code, prefix or text column; nil when it is empty.
    func text(column: Int, row: Int) -> String? {
        guard !isEmpty(column: column, row: row) else { return nil }
        let texts = columns[column].texts
        return row < texts.count ? texts.string(row) : nil
    }

    /// The mantissa, day number or flag of a cell of the other columns; nil when it is empty.
    func number(column: Int, row: Int) -> Int64? {
        isEmpty(column: column, row: row) ? nil : columns[column].numbers[row]
    }

    var scaleOfColumns: [Int] {
        columns.map { column in
            if case .decimal(let scale) = column.kind { return scale }
            return 0
        }
    }
}
