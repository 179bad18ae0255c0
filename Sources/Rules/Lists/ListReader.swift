import Columns
import Knowledge

/// Reads the rows of a list from CSV: comma-separated UTF-8 with a header, cells quoted where needed.
///
/// One pass over the bytes; nothing is allocated per cell. Reserved columns `from`, `to` and `area` need no
/// declaration; columns whose name begins with `#` are remarks. Rows with a mistake are reported and left out.
struct ListReader {
    static let problemsMax = 50

    private let rows: ListRows
    private(set) var diagnostics: [Diagnostic] = []
    private var problems = 0

    /// Where the cells of a CSV column go.
    private enum Target {
        case column(Int)
        case from, to, area, remark
    }

    static func read(_ declaration: ListDeclaration, _ files: [KnowledgeFile], digest: String) -> (
        list: KnowledgeList?, diagnostics: [Diagnostic]
    ) {
        var reader = ListReader(ListRows(declaration))
        for file in files { reader.read(file) }
        guard !reader.diagnostics.contains(where: { $0.severity == .error }) else {
            return (nil, reader.diagnostics)
        }
        let pieces = ([digest] + files.map(\.digest)).joined(separator: "\n")
        let list = reader.rows.finish(version: String(SHA256.hex(of: pieces).prefix(12)))
        reader.diagnostics += ListTwins.find(in: list)
        let failed = reader.diagnostics.contains { $0.severity == .error }
        return (failed ? nil : list, reader.diagnostics)
    }

    private init(_ rows: ListRows) { self.rows = rows }

    private mutating func report(
        _ file: KnowledgeFile, _ line: Int, _ column: Int, _ code: String, _ message: String, _ advice: String
    ) {
        problems += 1
        if problems < Self.problemsMax {
            diagnostics.append(
                Diagnostic(file: file.path, line: line, column: column, code: code, message: message, advice: advice))
        } else if problems == Self.problemsMax {
            diagnostics.append(
                Diagnostic(
                    file: file.path, line: line, column: column, code: "LST019",
                    message: "this list has \(Self.problemsMax) mistakes or more", advice: "correct those above first"))
        }
    }

    private mutating func read(_ file: KnowledgeFile) {
        rows.begin(file: file.path)
        guard validate(file) else { return }
        file.bytes.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else { return }
            let skipped = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
            scan(UnsafeBufferPointer(start: start + skipped, count: bytes.count - skipped), file)
        }
    }

    private mutating func validate(_ file: KnowledgeFile) -> Bool {
        guard !file.bytes.isEmpty else {
            report(file, 1, 1, "LST005", "the file is empty", "write a header with the names of the columns")
            return false
        }
        guard String(validating: file.bytes, as: UTF8.self) != nil else {
            report(file, 0, 0, "LST006", "the file is not UTF-8", "save it as `CSV UTF-8`")
            return false
        }
        return true
    }

    private mutating func scan(_ bytes: UnsafeBufferPointer<UInt8>, _ file: KnowledgeFile) {
        var cursor = CellCursor(bytes)
        guard let targets = header(&cursor, file) else { return }
        rows.reserve(rows.count + bytes.count / 24)
        while !cursor.isAtEnd {
            if cursor.skipEmptyLine() { continue }
            guard rows.count < ListRows.rowsMax else {
                report(file, cursor.line, 1, "LST011", "the list has more than \(ListRows.rowsMax) rows", "split it")
                return
            }
            guard row(&cursor, targets, file) else { return }
            guard problems < Self.problemsMax else { return }
        }
    }

    private mutating func header(_ cursor: inout CellCursor, _ file: KnowledgeFile) -> [Target]? {
        var targets: [Target] = []
        var seen: Set<String> = []
        let before = problems
        let columns = rows.declaration.columns.map(\.name)
        repeat {
            guard let cell = cursor.next() else { break }
            let name = String(decoding: cell, as: UTF8.self)
            if !name.hasPrefix("#"), !name.isEmpty, !seen.insert(name).inserted {
                report(file, 1, targets.count + 1, "LST007", "the column `\(name)` stands twice", "remove one")
            }
            switch name {
            case "from": targets.append(.from)
            case "to": targets.append(.to)
            case "area": targets.append(.area)
            default:
                if let index = rows.declaration.columnIndex(name) {
                    targets.append(.column(index))
                } else {
                    targets.append(.remark)
                    guard !name.hasPrefix("#") else { break }
                    let guess = Suggestion.nearest(to: name, among: columns + ["from", "to", "area"])
                    report(
                        file, 1, targets.count, "LST007", "the column `\(name)` is not declared",
                        guess.map { "did you mean `\($0)`?" } ?? "declare it, or begin its name with # to skip it")
                }
            }
        } while !cursor.endsRow() && targets.count < 1_024
        for name in columns where !seen.contains(name) {
            report(
                file, 1, 1, "LST008", "the column `\(name)` is missing",
                "the header needs: \(columns.joined(separator: ","))")
        }
        return problems == before ? targets : nil
    }

    /// One row; false when the rest of the file cannot be read.
    private mutating func row(_ cursor: inout CellCursor, _ targets: [Target], _ file: KnowledgeFile) -> Bool {
        let line = cursor.line
        var index = 0
        repeat {
            guard let cell = cursor.next() else {
                report(
                    file, line, index + 1, "LST009", "a quoted cell does not end",
                    "close it with \"; write \"\" for a quote inside")
                return false
            }
            if index < targets.count {
                let problem: ListRows.CellProblem? =
                    switch targets[index] {
                    case .column(let column): rows.take(cell, column: column)
                    case .from: rows.take(from: cell)
                    case .to: rows.take(to: cell)
                    case .area: rows.take(area: cell)
                    case .remark: nil
                    }
                if let problem { report(file, line, index + 1, problem.code, problem.message, problem.advice) }
            }
            index += 1
        } while !cursor.endsRow()
        if index != targets.count {
            report(
                file, line, index, "LST010", "the row has \(index) cells, and the header \(targets.count)",
                "quote cells that hold a comma")
        }
        if let problem = rows.endRow(line: line, area: file.area) {
            report(file, line, 1, problem.code, problem.message, problem.advice)
        }
        return true
    }
}

/// Walks over the cells of a CSV text.
private struct CellCursor {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var at = 0
    /// The line at hand, from 1.
    private(set) var line = 1
    /// Room for a cell whose doubled quotes were halved.
    private let scratch: Scratch

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        scratch = Scratch()
    }

    private final class Scratch {
        private(set) var room = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 256)

        func grow(to count: Int) {
            guard room.count < count else { return }
            room.deallocate()
            room = .allocate(capacity: count)
        }

        deinit { room.deallocate() }
    }

    var isAtEnd: Bool { at >= bytes.count }

    /// Passes a line without any cell.
    mutating func skipEmptyLine() -> Bool {
        guard at < bytes.count, bytes[at] == 0x0A || bytes[at] == 0x0D else { return false }
        _ = endsRow()
        return true
    }

    /// After a cell: passes the comma (false), or the line's end (true).
    mutating func endsRow() -> Bool {
        guard at < bytes.count else { return true }
        if bytes[at] == UInt8(ascii: ",") {
            at &+= 1
            return false
        }
        if bytes[at] == 0x0D { at &+= 1 }
        if at < bytes.count, bytes[at] == 0x0A { at &+= 1 }
        line &+= 1
        return true
    }

    /// The next cell, without quotes and blanks around it; nil when a quote is never closed.
    mutating func next() -> UnsafeBufferPointer<UInt8>? {
        while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x09 { at &+= 1 }
        if at < bytes.count, bytes[at] == UInt8(ascii: "\"") { return quoted() }
        let start = at
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: ",") || byte == 0x0A || byte == 0x0D { break }
            at &+= 1
        }
        var end = at
        while end > start, bytes[end &- 1] == 0x20 || bytes[end &- 1] == 0x09 { end &-= 1 }
        return UnsafeBufferPointer(rebasing: bytes[start..<end])
    }

    private mutating func quoted() -> UnsafeBufferPointer<UInt8>? {
        at &+= 1
        let start = at
        var hasEscape = false
        while at < bytes.count {
            if bytes[at] == UInt8(ascii: "\"") {
                guard at &+ 1 < bytes.count, bytes[at &+ 1] == UInt8(ascii: "\"") else { break }
                hasEscape = true
                at &+= 1
            } else if bytes[at] == 0x0A {
                line &+= 1
            }
            at &+= 1
        }
        guard at < bytes.count else { return nil }
        let inside = UnsafeBufferPointer(rebasing: bytes[start..<at])
        at &+= 1
        // What follows a closing quote up to the comma is blank, or belongs to no cell.
        while at < bytes.count, bytes[at] != UInt8(ascii: ","), bytes[at] != 0x0A, bytes[at] != 0x0D { at &+= 1 }
        guard hasEscape else { return inside }
        return collapse(inside)
    }

    /// Halves doubled quotes, into memory that lives until the next such cell.
    private func collapse(_ cell: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        var index = 0
        var length = 0
        scratch.grow(to: cell.count)
        let room = scratch.room
        while index < cell.count {
            room[length] = cell[index]
            length &+= 1
            index &+= cell[index] == UInt8(ascii: "\"") ? 2 : 1
        }
        return UnsafeBufferPointer(rebasing: UnsafeBufferPointer(room)[0..<length])
    }
}
