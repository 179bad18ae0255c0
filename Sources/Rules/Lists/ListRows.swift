import Claims
import Columns
import Knowledge

/// Rows of a list under construction: cells come as bytes and leave as columns.
final class ListRows {
    /// What is wrong with a cell.
    struct CellProblem {
        let code: String
        let message: String
        let advice: String
    }

    private final class Column {
        let kind: KnowledgeList.ColumnKind
        let isKey: Bool
        let texts = ColumnBuffer(.utf8)
        var numbers: [Int64] = []
        var nulls: [Bool] = []
        var hasNull = false
        init(kind: KnowledgeList.ColumnKind, isKey: Bool) {
            self.kind = kind
            self.isKey = isKey
        }
    }

    static let cellBytesMax = 1_024
    static let rowsMax = 5_000_000

    let declaration: ListDeclaration
    private let columns: [Column]
    private(set) var count = 0
    private var from: [Int32] = []
    private var to: [Int32] = []
    private var areas: [String] = []
    private var isDated = false
    private var isBound = false
    private var lineNumbers: [Int32] = []
    private var extents: [KnowledgeList.Extent] = []
    // The reserved cells of the row at hand.
    private var rowFrom = Int32.min
    private var rowTo = Int32.max
    private var rowArea = ""

    init(_ declaration: ListDeclaration) {
        self.declaration = declaration
        columns = declaration.columns.enumerated().map { index, column in
            Column(kind: column.kind, isKey: declaration.keys.contains(index))
        }
    }

    /// The rows that follow come from this file; rows without an area belong to `area`.
    func begin(file: String) { extents.append(KnowledgeList.Extent(file: file, firstRow: count)) }

    func reserve(_ rows: Int) {
        lineNumbers.reserveCapacity(rows)
        for column in columns where column.kind.type != .text { column.numbers.reserveCapacity(rows) }
    }

    /// Takes the next cell of a declared column; every column gets exactly one cell a row.
    func take(_ cell: UnsafeBufferPointer<UInt8>, column index: Int) -> CellProblem? {
        let column = columns[index]
        guard cell.count > 0 else {
            if column.isKey {
                return CellProblem(
                    code: "LST012", message: "the key is empty", advice: "fill it in, or delete the row")
            }
            addNull(column)
            return nil
        }
        guard cell.count <= Self.cellBytesMax else {
            return CellProblem(
                code: "LST011", message: "the cell has \(cell.count) bytes, more than \(Self.cellBytesMax)",
                advice: "shorten it")
        }
        switch column.kind {
        case .code, .prefix, .text: column.texts.append(utf8: cell)
        case .integer, .decimal:
            let scale = column.kind.type.scale ?? 0
            guard let number = CellText.number(cell, scale: scale) else {
                return CellProblem(
                    code: "LST013", message: "`\(CellText.shown(cell))` is not \(column.kind.type.described)",
                    advice: scale == 0
                        ? "write digits only" : "write digits with at most \(scale) decimals and no separators")
            }
            column.numbers.append(number)
        case .day:
            guard let day = CellText.day(cell) else {
                return CellProblem(
                    code: "LST014", message: "`\(CellText.shown(cell))` is not a day", advice: "write yyyy-mm-dd")
            }
            column.numbers.append(Int64(day))
        case .flag:
            guard let flag = CellText.flag(cell) else {
                return CellProblem(
                    code: "LST015", message: "`\(CellText.shown(cell))` is neither true nor false",
                    advice: "write true or false")
            }
            column.numbers.append(flag ? 1 : 0)
        }
        if column.hasNull { column.nulls.append(false) }
        return nil
    }

    private func addNull(_ column: Column) {
        if !column.hasNull {
            column.hasNull = true
            column.nulls = [Bool](repeating: false, count: count)
        }
        column.nulls.append(true)
        if column.kind.type == .text {
            column.texts.append("")
        } else {
            column.numbers.append(0)
        }
    }

    func take(from cell: UnsafeBufferPointer<UInt8>) -> CellProblem? {
        guard cell.count > 0 else { return nil }
        guard let day = CellText.day(cell) else { return notADay(cell) }
        rowFrom = day
        return nil
    }

    func take(to cell: UnsafeBufferPointer<UInt8>) -> CellProblem? {
        guard cell.count > 0 else { return nil }
        guard let day = CellText.day(cell) else { return notADay(cell) }
        rowTo = day
        return nil
    }

    private func notADay(_ cell: UnsafeBufferPointer<UInt8>) -> CellProblem {
        CellProblem(code: "LST014", message: "`\(CellText.shown(cell))` is not a day", advice: "write yyyy-mm-dd")
    }

    func take(area cell: UnsafeBufferPointer<UInt8>) -> CellProblem? {
        guard cell.count > 0 else { return nil }
        guard cell.count <= 12, cell.allSatisfy(Lexer.isDigit) else {
            return CellProblem(
                code: "LST016", message: "`\(CellText.shown(cell))` is not the code of an area",
                advice: "write six digits")
        }
        rowArea = String(decoding: cell, as: UTF8.self)
        return nil
    }

    /// Ends the row at hand. `area` is that of the file it came from.
    func endRow(line: Int, area: String?) -> CellProblem? {
        if rowArea.isEmpty, let area { rowArea = area }
        let problem =
            rowFrom > rowTo
            ? CellProblem(
                code: "LST014", message: "the row ends before it begins", advice: "write `to` on or after `from`")
            : nil
        if rowFrom != .min || rowTo != .max, !isDated {
            isDated = true
            from = [Int32](repeating: .min, count: count)
            to = [Int32](repeating: .max, count: count)
        }
        if isDated {
            from.append(rowFrom)
            to.append(rowTo)
        }
        if !rowArea.isEmpty, !isBound {
            isBound = true
            areas = [String](repeating: "", count: count)
        }
        if isBound { areas.append(rowArea) }
        lineNumbers.append(Int32(clamping: line))
        count += 1
        rowFrom = .min
        rowTo = .max
        rowArea = ""
        return problem
    }

    /// The finished list. The rows must not be used afterwards.
    func finish(version: String) -> KnowledgeList {
        let finished = zip(declaration.columns, columns).map { declared, column in
            KnowledgeList.Column(
                name: declared.name, kind: declared.kind, texts: StringTable(column.texts), numbers: column.numbers,
                isNull: column.nulls)
        }
        return KnowledgeList(
            id: declaration.id, name: declaration.name, columns: finished, keys: declaration.keys,
            areaSelector: declaration.areaSelector, dateSelector: declaration.dateSelector, rowCount: count,
            from: from, to: to, areas: areas, lineNumbers: lineNumbers, version: version,
            file: extents.first?.file ?? declaration.file, extents: extents.count > 1 ? extents : [],
            basis: declaration.basis, source: declaration.source, isCatalogue: declaration.isCatalogue,
            awaitsAreas: declaration.awaitsAreas)
    }
}

/// Reads the text of one cell.
enum CellText {
    /// An exact decimal at the scale; nil when it is none, or has more decimals than the scale keeps.
    static func number(_ cell: UnsafeBufferPointer<UInt8>, scale: Int) -> Int64? {
        var index = 0
        let isNegative = cell[0] == UInt8(ascii: "-")
        if isNegative { index = 1 }
        var mantissa: Int64 = 0
        var decimals = -1
        var digits = 0
        while index < cell.count {
            let byte = cell[index]
            index &+= 1
            if byte == UInt8(ascii: "."), decimals < 0, digits > 0 {
                decimals = 0
                continue
            }
            let digit = byte &- 48
            guard digit < 10 else { return nil }
            digits &+= 1
            if decimals >= 0 {
                if decimals == scale {
                    guard digit == 0 else { return nil }
                    continue
                }
                decimals &+= 1
            }
            guard mantissa < 100_000_000_000_000_000 else { return nil }
            mantissa = mantissa &* 10 &+ Int64(digit)
        }
        guard digits > 0, decimals != 0 || scale == 0 || cell[cell.count - 1] != UInt8(ascii: ".") else { return nil }
        var missing = scale &- max(decimals, 0)
        while missing > 0 {
            guard mantissa < 100_000_000_000_000_000 else { return nil }
            mantissa = mantissa &* 10
            missing &-= 1
        }
        return isNegative ? -mantissa : mantissa
    }

    /// `yyyy-mm-dd`, also `yyyy/m/d` and `yyyymmdd` as spreadsheets write them.
    static func day(_ cell: UnsafeBufferPointer<UInt8>) -> Int32? {
        var parts = (0, 0, 0)
        var part = 0
        var digits = 0
        for byte in cell {
            if byte == UInt8(ascii: "-") || byte == UInt8(ascii: "/") {
                guard digits > 0, part < 2 else { return nil }
                part += 1
                digits = 0
                continue
            }
            let digit = Int(byte &- 48)
            guard digit < 10, digits < 8 else { return nil }
            digits += 1
            switch part {
            case 0: parts.0 = parts.0 * 10 + digit
            case 1: parts.1 = parts.1 * 10 + digit
            default: parts.2 = parts.2 * 10 + digit
            }
        }
        if part == 0, digits == 8 { parts = (parts.0 / 10_000, parts.0 / 100 % 100, parts.0 % 100) }
        guard part == 2 || (part == 0 && digits == 8) else { return nil }
        return Day(year: parts.0, month: parts.1, day: parts.2)?.number
    }

    static func flag(_ cell: UnsafeBufferPointer<UInt8>) -> Bool? {
        switch String(decoding: cell, as: UTF8.self).lowercased() {
        case "true", "1", "是": true
        case "false", "0", "否": false
        default: nil
        }
    }

    static func shown(_ cell: UnsafeBufferPointer<UInt8>) -> String {
        let text = String(decoding: cell.prefix(60), as: UTF8.self)
        return cell.count > 60 ? text + "…" : text
    }
}
