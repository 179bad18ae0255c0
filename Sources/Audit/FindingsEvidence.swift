import Claims
import Columns

/// Finds the rows that findings refer to in the dataset they were found in (证据行).
///
/// One pass over a table's identifiers finds any number of rows; memory grows with the rows asked for, not with the
/// table. Rows are shown as they stand, before netting.
package final class FindingsEvidence {
    package struct Location: Sendable, Hashable {
        package let segment: Int
        package let table: Table
        package let row: Int
    }

    /// A row with its values in the order of the table's fields; references to other rows are their identifiers.
    package struct Row: Sendable {
        package let table: Table
        package let id: String
        package let values: [Value]
        package let location: Location

        package subscript(_ field: String) -> Value { table.index(of: field).map { values[$0] } ?? .unknown }
    }

    package enum Value: Sendable, Hashable {
        case unknown
        case text(String)
        case number(Int64, scale: Int)
        case day(Day)
        case second(Int32)
        case flag(Bool)
        case row(Location, id: String)

        package var text: String? {
            switch self {
            case .unknown: return nil
            case .text(let text): return text
            case .number(let mantissa, let scale): return DecimalText.format(mantissa, scale: scale)
            case .day(let day): return day.description
            case .second(let second):
                func two(_ n: Int32) -> String { n < 10 ? "0\(n)" : "\(n)" }
                return two(second / 3600) + ":" + two(second / 60 % 60) + ":" + two(second % 60)
            case .flag(let flag): return flag ? "true" : "false"
            case .row(_, let id): return id
            }
        }
    }

    private let dataset: Dataset
    /// Where batch i of a file begins, per segment and table.
    private var starts: [String: [Int]] = [:]
    private var dictionaries: [String: StringTable] = [:]

    package init(dataset: Dataset) { self.dataset = dataset }

    /// Where the rows with these identifiers are; what is not in the dataset is not in the result. Where several
    /// segments hold an identifier, the latest segment's row stands.
    package func locate(_ ids: some Sequence<String>, in table: Table) throws -> [String: Location] {
        let wanted = StringDictionary()
        for id in ids { _ = wanted.code(for: id) }
        guard wanted.count > 0, let name = table.identifier else { return [:] }
        var found: [String: Location] = [:]
        for (number, segment) in dataset.segments.enumerated() {
            guard let file = try file(table, in: segment), let column = file.index(of: name) else { continue }
            var start = 0
            for batch in 0..<file.batchCount {
                let view = try file.column(column, batch: batch)
                let rows = file.rowCount(ofBatch: batch)
                for row in 0..<rows {
                    guard let code = wanted.known(view.utf8(row)) else { continue }
                    found[wanted.string(code)] = Location(segment: number, table: table, row: start + row)
                }
                start += rows
            }
        }
        return found
    }

    /// The whole row at a place.
    package func row(at location: Location) throws -> Row? {
        let segment = dataset.segments[location.segment]
        guard let file = try file(location.table, in: segment),
            let (batch, row) = try place(location, in: file)
        else { return nil }
        var values: [Value] = []
        for field in location.table.fields {
            guard let column = file.index(of: field.name) else {
                values.append(.unknown)
                continue
            }
            let view = try file.column(column, batch: batch)
            values.append(
                view.isValid(row)
                    ? try value(of: field, in: view, row: row, file: file, column: column, location) : .unknown)
        }
        let id = location.table.identifier.flatMap { location.table.index(of: $0) }.flatMap { values[$0].text }
        return Row(table: location.table, id: id ?? "", values: values, location: location)
    }

    /// The row that a reference field leads to.
    package func row(_ field: String, of row: Row) throws -> Row? {
        guard case .row(let location, _) = row[field] else { return nil }
        return try self.row(at: location)
    }

    private func value(
        of field: Field, in view: ColumnView, row: Int, file: ArrowFile, column: Int, _ location: Location
    ) throws -> Value {
        switch field.kind {
        case .identifier, .text: return .text(view.string(row))
        case .code:
            guard view.type == .dictionary else { return .text(view.string(row)) }
            let key = "\(location.segment)/\(location.table)/\(column)"
            let table = try dictionaries[key] ?? file.strings(column)
            dictionaries[key] = table
            let code = Int(view.int32[row])
            return code >= 0 && code < table.count ? .text(table.string(code)) : .unknown
        case .row(let target):
            let place = Location(segment: location.segment, table: target, row: Int(view.int32[row]))
            return .row(place, id: try identifier(at: place) ?? "")
        case .day: return .day(Day(number: view.int32[row]))
        case .second: return .second(view.int32[row])
        case .decimal(let scale): return .number(view.int64[row], scale: scale)
        case .integer: return .number(Int64(view.int32[row]), scale: 0)
        case .flag: return .flag(view.bool(row))
        }
    }

    private func identifier(at location: Location) throws -> String? {
        guard let name = location.table.identifier,
            let file = try file(location.table, in: dataset.segments[location.segment]),
            let column = file.index(of: name), let (batch, row) = try place(location, in: file)
        else { return nil }
        return try file.column(column, batch: batch).string(row)
    }

    /// Batch and row in it; nil when the reference points outside the table.
    private func place(_ location: Location, in file: ArrowFile) throws -> (batch: Int, row: Int)? {
        let key = "\(location.segment)/\(location.table)"
        let starts = self.starts[key] ?? Self.starts(of: file)
        self.starts[key] = starts
        guard location.row >= 0, let total = starts.last, location.row < total else { return nil }
        var low = 0
        var high = starts.count - 1
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= location.row { low = middle } else { high = middle }
        }
        return (low, location.row - starts[low])
    }

    private static func starts(of file: ArrowFile) -> [Int] {
        var starts = [0]
        for batch in 0..<file.batchCount { starts.append(starts[batch] + file.rowCount(ofBatch: batch)) }
        return starts
    }

    private func file(_ table: Table, in segment: Segment) throws -> ArrowFile? { try segment.file(table.rawValue) }
}
