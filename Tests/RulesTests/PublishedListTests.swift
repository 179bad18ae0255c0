import Foundation
import Rules
import Testing

/// The published knowledge points (国家医保局“两库”知识点) are complete: as many names and codes as the sheets have.
/// Lines with totals and remarks are no points. Each row says in `batch` which sheet it comes from; rows of our own
/// leave it empty.
struct PublishedListTests {
    private static let root = URL(fileURLWithPath: Golden.folder).deletingLastPathComponent()
        .deletingLastPathComponent()

    /// What the sheets hold, counted from them; `names` are generic names where the sheet has one line a name.
    struct Sheet: CustomStringConvertible, Sendable {
        let batch: String
        let lists: [String]
        let codes: Int
        let names: Int?
        /// The sheets with one line a code, and their columns that make the key of a row.
        let files: [(file: String, columns: [String])]
        var description: String { lists.joined(separator: " + ") }
    }

    static let sheets = [
        Sheet(
            batch: "1", lists: ["drug-sex"], codes: 6472, names: 481, files: [("b1-drug-sex-codes.csv", ["药品代码"])]),
        Sheet(
            batch: "1", lists: ["drug-child", "drug-child-label"], codes: 4398, names: 282,
            files: [("b1-drug-children-codes.csv", ["国标代码"])]),
        Sheet(batch: "1", lists: ["service-sex"], codes: 390, names: nil, files: [("b1-service-sex.csv", ["国标代码"])]),
        Sheet(
            batch: "1", lists: ["service-child"], codes: 30, names: nil,
            files: [("b1-service-children.csv", ["国标代码"])]),
        Sheet(
            batch: "3", lists: ["drug-insurance"], codes: 112, names: 12,
            files: [("b3-drug-insurance-codes.csv", ["国标代码"])]),
        Sheet(
            batch: "4", lists: ["drug-setting"], codes: 736, names: 35,
            files: [("b4-drug-care-setting-codes.csv", ["国标代码"])]),
        Sheet(
            batch: "5", lists: ["drug-level"], codes: 962, names: 61, files: [("b5-drug-level-codes.csv", ["国标代码"])]),
        Sheet(
            batch: "7", lists: ["duplicate-day", "duplicate-visit", "duplicate-six-hours", "duplicate-hour"],
            codes: 900, names: nil, files: [("b7-service-duplicate-charge.csv", ["从项编码", "主项编码"])]),
        Sheet(
            batch: "8-1", lists: ["daily-cap", "hourly-item"], codes: 67, names: nil,
            files: [("b8-1-service-frequency.csv", ["项目编码"])]),
        Sheet(batch: "8-2", lists: ["service-age"], codes: 1, names: nil, files: [("b8-2-service-age.csv", ["项目代码"])]),
        Sheet(
            batch: "8-3", lists: ["service-course"], codes: 11, names: nil,
            files: [("b8-3-service-course.csv", ["项目代码"])]),
    ]

    @Test(arguments: sheets)
    func aListHasEveryPointOfItsSheet(sheet: Sheet) throws {
        let rows = try Self.rows(of: sheet)
        #expect(rows.count == sheet.codes)
        #expect(Set(rows.map(\.key)).count == sheet.codes, "two rows of one key")
        if let names = sheet.names { #expect(Set(rows.map(\.name)).count == names) }
        #expect(rows.allSatisfy { !$0.name.isEmpty })
    }

    /// Code by code against the sheets themselves, where they are at hand.
    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["YIJIAN_SHARED_DATA"] != nil,
            "skipped: YIJIAN_SHARED_DATA is not set"), arguments: sheets)
    func theCodesAreThoseOfTheSheet(sheet: Sheet) throws {
        let folder = try #require(ProcessInfo.processInfo.environment["YIJIAN_SHARED_DATA"])
        var published: Set<String> = []
        for (file, columns) in sheet.files {
            let text = try String(contentsOfFile: folder + "/liangku/" + file, encoding: .utf8)
            let table = CommaSeparated.rows(text)
            let header = try #require(table.first)
            let places = try columns.map { try #require(header.firstIndex(of: $0)) }
            for row in table.dropFirst() where row.count > (places.max() ?? 0) {
                let key = places.map { row[$0] }
                // Totals and remarks have no code.
                if key.allSatisfy({ !$0.isEmpty }) { published.insert(key.joined(separator: "|")) }
            }
        }
        #expect(published.count == sheet.codes)
        #expect(Set(try Self.rows(of: sheet).map(\.key)) == published)
    }

    private static func rows(of sheet: Sheet) throws -> [(key: String, name: String)] {
        try sheet.lists.flatMap { name -> [(key: String, name: String)] in
            let file = root.appendingPathComponent("knowledge/lists/\(name).csv")
            let table = CommaSeparated.rows(try String(contentsOf: file, encoding: .utf8))
            let header = try #require(table.first)
            let batch = try #require(header.firstIndex(of: "batch"))
            let keys = try (header.contains("main") ? ["item", "main"] : ["item"])
                .map { try #require(header.firstIndex(of: $0)) }
            let place = try #require(header.firstIndex(of: "name"))
            return table.dropFirst().filter { $0[batch] == sheet.batch }
                .map { row in (keys.map { row[$0] }.joined(separator: "|"), row[place]) }
        }
    }
}

/// Rows of a small comma-separated text; quotes are heeded, lines of unequal length kept as they are.
enum CommaSeparated {
    static func rows(_ text: String) -> [[String]] {
        var rows: [[String]] = []
        var row: [String] = []
        var cell = ""
        var isQuoted = false
        for scalar in text.unicodeScalars where scalar != "\r" && scalar != "\u{FEFF}" {
            switch scalar {
            case "\"": isQuoted.toggle()
            case "," where !isQuoted:
                row.append(cell)
                cell = ""
            case "\n" where !isQuoted:
                row.append(cell)
                cell = ""
                rows.append(row)
                row = []
            default: cell.unicodeScalars.append(scalar)
            }
        }
        if !cell.isEmpty || !row.isEmpty { rows.append(row + [cell]) }
        return rows
    }
}
