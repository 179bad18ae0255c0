import Claims

/// `C12`: a column counted from 0, a row from 1.
struct CellReference: Sendable, Hashable {
    let column: Int
    let row: Int

    init?(_ text: String) {
        var column = 0
        var row = 0
        for byte in text.utf8 where byte != UInt8(ascii: "$") {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z") where row == 0 && column < 20_000:
                column = column * 26 + Int(byte - 64)
            case UInt8(ascii: "0")...UInt8(ascii: "9") where column > 0 && row < 10_000_000:
                row = row * 10 + Int(byte - 48)
            default: return nil
            }
        }
        guard column > 0, row > 0 else { return nil }
        self.column = column - 1
        self.row = row
    }
}

/// A number of a cell. Workbooks keep binary numbers with 17 digits; what people see is the shortest that means it.
struct CellNumber {
    private let value: Double

    init?(_ text: String) {
        guard let value = Double(text.trimmingBlanks), value.isFinite else { return nil }
        self.value = value
    }

    /// Plain digits without an exponent.
    var text: String {
        if value == value.rounded(), abs(value) < 9e15 { return String(Int64(value)) }
        let shortest = "\(value)"
        guard let mark = shortest.firstIndex(where: { $0 == "e" || $0 == "E" }),
            let exponent = Int(shortest[shortest.index(after: mark)...])
        else { return shortest.hasSuffix(".0") ? String(shortest.dropLast(2)) : shortest }
        var digits = shortest[..<mark].filter(\.isNumber)
        let isNegative = shortest.hasPrefix("-")
        var point =
            (shortest[..<mark].firstIndex(of: ".").map {
                shortest.distance(from: shortest.startIndex, to: $0) - (isNegative ? 1 : 0)
            } ?? digits.count) + exponent
        guard abs(point) < 400 else { return shortest }
        if point <= 0 {
            digits = String(repeating: "0", count: 1 - point) + digits
            point = 1
        }
        if point >= digits.count { digits += String(repeating: "0", count: point - digits.count) }
        let whole = digits.prefix(point)
        var fraction = digits.dropFirst(point)
        while fraction.last == "0" { fraction = fraction.dropLast() }
        return (isNegative ? "-" : "") + whole + (fraction.isEmpty ? "" : "." + fraction)
    }

    /// Days count from 1899-12-30 (from 1904-01-01 in some workbooks).
    func day(from1904: Bool) -> String? {
        guard value >= 1, value < 2_958_466 else { return nil }
        let serial = Int32(value) + (from1904 ? 1_462 : 0)
        return "\(Day(number: serial - 25_569))"
    }

    static func isBuiltInDayFormat(_ id: Int) -> Bool {
        (14...17).contains(id) || id == 22 || (27...31).contains(id) || id == 36 || (50...54).contains(id)
            || id == 57 || id == 58
    }

    /// A format of the workbook's own is one of days when it shows years or days outside of quotes and brackets.
    static func isDayFormat(_ code: String) -> Bool {
        var isQuoted = false
        var isBracketed = false
        var previous: Character = " "
        for character in code.lowercased() {
            if previous == "\\" {
                previous = " "
                continue
            }
            switch character {
            case "\"": isQuoted.toggle()
            case "[" where !isQuoted: isBracketed = true
            case "]" where !isQuoted: isBracketed = false
            case "y", "d", "年", "日":
                if !isQuoted, !isBracketed { return true }
            default: break
            }
            previous = character
        }
        return false
    }
}

/// Gives the value of a merged area's first cell to all its cells.
struct MergedCells {
    struct Area {
        let first: CellReference
        let last: CellReference
    }

    private let areas: [Area]
    private let file: String
    private let sheet: String
    private var next = 0
    private var active: [(area: Area, value: SheetCell)] = []

    init(_ areas: [Area], file: String, sheet: String) throws(SheetError) {
        self.areas = areas.sorted { ($0.first.row, $0.first.column) < ($1.first.row, $1.first.column) }
        self.file = file
        self.sheet = sheet
    }

    mutating func fill(_ cells: inout [SheetCell], row: Int) throws(SheetError) {
        active.removeAll { $0.area.last.row < row }
        while next < areas.count, areas[next].first.row <= row {
            let area = areas[next]
            next += 1
            guard area.last.row >= row else { continue }
            // An area whose first row is absent has no value.
            let value =
                area.first.row == row && cells.indices.contains(area.first.column) ? cells[area.first.column] : .empty
            active.append((area, value))
        }
        // Areas do not overlap, so a row meets at most one a column.
        guard active.count <= 1_024 else {
            throw SheetError(
                "SHT011", file: file, place: "\(sheet)!row \(row)", "merged areas overlap",
                advice: "open the file in a spreadsheet program and save it again as .xlsx")
        }
        for (area, value) in active where value.kind != .empty {
            for column in area.first.column...min(area.last.column, 1_023) {
                while cells.count <= column { cells.append(.empty) }
                if cells[column].kind == .empty { cells[column] = value }
            }
        }
    }
}

extension String {
    var trimmingBlanks: Substring {
        var text = self[...]
        while let first = text.first, first.isWhitespace { text = text.dropFirst() }
        while let last = text.last, last.isWhitespace { text = text.dropLast() }
        return text
    }
}
