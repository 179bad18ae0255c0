import Glibc

/// A table as text: commas, tabs or semicolons, cells quoted where needed; UTF-8, UTF-16 with a mark, or GB18030.
package struct DelimitedText {
    private let bytes: [UInt8]
    private let separator: UInt8
    private let file: String
    private let limits: SheetLimits

    package init(_ bytes: [UInt8], file: String, limits: SheetLimits = SheetLimits()) throws(SheetError) {
        self.file = file
        self.limits = limits
        let text = try Self.utf8(bytes, file: file)
        self.bytes = text
        let head = text.prefix { $0 != 10 }
        let counts = [UInt8(ascii: ","), 9, UInt8(ascii: ";")].map { sign in (sign, head.count { $0 == sign }) }
        separator = counts.max { $0.1 < $1.1 }.flatMap { $0.1 > 0 ? $0.0 : nil } ?? UInt8(ascii: ",")
        guard !text.contains(0) else {
            throw SheetError(
                "SHT008", file: file, "it is neither a workbook nor text", advice: "save it as .xlsx or as CSV")
        }
    }

    package func rows(_ visit: (SheetRow) throws -> Bool) throws {
        var index = 0
        var line = 1
        var rows = 0
        while index < bytes.count {
            let start = line
            var cells: [SheetCell] = []
            var isRow = true
            while isRow {
                var cell: [UInt8] = []
                if index < bytes.count, bytes[index] == UInt8(ascii: "\"") {
                    index += 1
                    var isOpen = true
                    while isOpen {
                        guard index < bytes.count else { throw unclosed(start) }
                        let byte = bytes[index]
                        index += 1
                        if byte == UInt8(ascii: "\"") {
                            if index < bytes.count, bytes[index] == byte {
                                index += 1
                                cell.append(byte)
                            } else {
                                isOpen = false
                            }
                        } else {
                            if byte == 10 { line += 1 }
                            cell.append(byte)
                            guard cell.count <= limits.tokenBytesMax else { throw unclosed(start) }
                        }
                    }
                }
                while index < bytes.count, bytes[index] != separator, bytes[index] != 10, bytes[index] != 13 {
                    cell.append(bytes[index])
                    index += 1
                    guard cell.count <= limits.tokenBytesMax else { throw tooWide(start) }
                }
                let text = String(decoding: cell, as: UTF8.self)
                cells.append(text.isEmpty ? .empty : SheetCell(.text, text))
                guard cells.count <= limits.columnsMax else { throw tooWide(start) }
                if index < bytes.count, bytes[index] == separator {
                    index += 1
                } else {
                    isRow = false
                }
            }
            if index < bytes.count, bytes[index] == 13 { index += 1 }
            if index < bytes.count, bytes[index] == 10 { index += 1 }
            line += 1
            rows += 1
            guard rows <= limits.rowsMax else { throw tooWide(start) }
            if cells.contains(where: { $0.kind != .empty }) {
                guard try visit(SheetRow(number: start, cells: cells)) else { return }
            }
        }
    }

    private func unclosed(_ line: Int) -> SheetError {
        SheetError(
            "SHT009", file: file, place: "row \(line)", "a quote that begins in this row is not closed",
            advice: "close it, or save the sheet as .xlsx")
    }

    private func tooWide(_ line: Int) -> SheetError {
        SheetError(
            "SHT001", file: file, place: "row \(line)",
            "more than \(limits.rowsMax) rows, \(limits.columnsMax) columns, or \(limits.tokenBytesMax) bytes in a cell",
            advice: "split the file")
    }

    /// The bytes as UTF-8 without a mark.
    private static func utf8(_ bytes: [UInt8], file: String) throws(SheetError) -> [UInt8] {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return Array(bytes.dropFirst(3)) }
        if bytes.starts(with: [0xFF, 0xFE]) { return try converted(Array(bytes.dropFirst(2)), "UTF-16LE", file) }
        if bytes.starts(with: [0xFE, 0xFF]) { return try converted(Array(bytes.dropFirst(2)), "UTF-16BE", file) }
        if String(validating: bytes, as: UTF8.self) != nil { return bytes }
        return try converted(bytes, "GB18030", file)
    }

    private static func converted(_ bytes: [UInt8], _ encoding: String, _ file: String) throws(SheetError) -> [UInt8] {
        let failure = SheetError(
            "SHT008", file: file, "its characters are neither UTF-8 nor \(encoding)",
            advice: "save it as UTF-8, or as .xlsx")
        guard let handle = iconv_open("UTF-8", encoding), Int(bitPattern: handle) != -1 else { throw failure }
        defer { iconv_close(handle) }
        var input = bytes
        // Two bytes of any of these give at most three of UTF-8, four give four.
        var output = [UInt8](repeating: 0, count: bytes.count * 2 + 16)
        let made = input.withUnsafeMutableBytes { from in
            output.withUnsafeMutableBytes { to -> Int? in
                var source = from.baseAddress?.assumingMemoryBound(to: CChar.self)
                var target = to.baseAddress?.assumingMemoryBound(to: CChar.self)
                var left = from.count
                var room = to.count
                guard iconv(handle, &source, &left, &target, &room) != -1 else { return nil }
                return to.count - room
            }
        }
        guard let made else { throw failure }
        return Array(output[..<made])
    }
}
