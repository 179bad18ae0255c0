import Foundation
import Testing

@testable import Ingest

/// Cutting delimited bytes into records: the corpus of odd files, and parallel against serial.
@Suite struct CSVTests {
    private func records(
        _ data: Data, dialect: CSVDialect = CSVDialect(), blockBytes: Int = 1 << 20, feeds: Int = 1, columns: Int
    ) throws -> (header: [String], rows: [(offset: UInt64, damage: Damage, cells: [String])]) {
        let bench = try Workbench()
        try bench.put("a.csv", data)
        let blocks = try CSVBlocks(path: bench.sources + "/a.csv", dialect: dialect, blockBytes: blockBytes)
        let header = try blocks.takeHeader() ?? []
        var rows: [(offset: UInt64, damage: Damage, cells: [String])] = []
        let all = (0..<feeds).map { _ in
            CSVFeed(blocks, dialect: dialect, expectedColumns: header.count, wanted: Array(0..<columns))
        }
        let batch = CellBatch(columns: columns)
        var open = Array(all)
        while !open.isEmpty {
            for (index, feed) in open.enumerated().reversed() {
                if try feed.next(batch) {
                    for row in 0..<batch.rows {
                        rows.append(
                            (batch.offsets[row], batch.damage[row], (0..<columns).map { batch.column($0)[row].text }))
                    }
                } else {
                    open.remove(at: index)
                }
            }
        }
        return (header, rows.sorted { $0.offset < $1.offset })
    }

    @Test func corpus() throws {
        let text =
            "\u{FEFF}a,b,c\r\n1,\"x,y\",3\r\n2,\"he said \"\"no\"\"\",\r\n3,\"two\nlines\",z\n\n4,5\n6,7,8,9\n\"q\"x,1,2\nlast,\"\",é"
        let (header, rows) = try records(Data(text.utf8), columns: 3)
        #expect(header == ["a", "b", "c"])
        #expect(rows.map(\.damage) == [.none, .none, .none, .columnCount, .columnCount, .strayQuote, .none])
        #expect(rows[0].cells == ["1", "x,y", "3"])
        #expect(rows[1].cells == ["2", "he said \"no\"", ""])
        #expect(rows[2].cells == ["3", "two\nlines", "z"])
        #expect(rows[6].cells == ["last", "", "é"])
    }

    @Test func openQuoteCostsOneLine() throws {
        let (_, rows) = try records(Data("a,b\n1,\"never closed\n2,x\n3,y\n".utf8), columns: 2)
        #expect(rows.map(\.damage) == [.openQuote, .none, .none])
        #expect(rows[1].cells == ["2", "x"])
    }

    @Test func otherDelimiters() throws {
        var dialect = CSVDialect()
        dialect.delimiter = 0x09
        dialect.quote = 0
        let (_, rows) = try records(Data("a\tb\n\"1\t2\"\n".utf8), dialect: dialect, columns: 2)
        #expect(rows[0].cells == ["\"1", "2\""])
    }

    @Test(arguments: 1...40) func parallelIsSerial(seed: Int) throws {
        var numbers = SeededNumbers(state: UInt64(seed))
        let pieces = ["x", "12", ",", "\"\"", "\n", "\r\n", "é", " "]
        var text = "a,b,c\n"
        for _ in 0..<300 {
            var cells: [String] = []
            for _ in 0..<(Int.random(in: 0..<20, using: &numbers) == 0 ? 2 : 3) {
                let count = Int.random(in: 0...4, using: &numbers)
                if Bool.random(using: &numbers) {
                    cells.append(
                        "\"" + (0..<count).map { _ in pieces.randomElement(using: &numbers) ?? "" }.joined() + "\"")
                } else {
                    cells.append(
                        (0..<count).map { _ in ["x", "7", "é"].randomElement(using: &numbers) ?? "" }.joined())
                }
            }
            if Int.random(in: 0..<60, using: &numbers) == 0 { cells[0] = "\"stray" }
            text += cells.joined(separator: ",") + (Bool.random(using: &numbers) ? "\n" : "\r\n")
        }
        let data = Data(text.utf8)
        let serial = try records(data, blockBytes: 700, feeds: 1, columns: 3)
        let parallel = try records(data, blockBytes: 700, feeds: 3, columns: 3)
        #expect(serial.rows.map(\.offset) == parallel.rows.map(\.offset))
        #expect(serial.rows.map(\.cells) == parallel.rows.map(\.cells))
        #expect(serial.rows.map(\.damage) == parallel.rows.map(\.damage))
        #expect(serial.rows.count > 250)
    }

    /// What was written is what is read, whether records are cut by marks or byte by byte, and beyond any window.
    @Test(arguments: 1...20) func readsWhatWasWritten(seed: Int) throws {
        var numbers = SeededNumbers(state: UInt64(seed) &* 31)
        var text = "a,b,c,d\n"
        var expected: [[String]] = []
        let quotesOften = seed % 3 == 0
        for _ in 0..<400 {
            let cells = (0..<4).map { _ in
                let longest = Int.random(in: 0..<50, using: &numbers) == 0 ? 20_000 : 12
                return String(
                    (0..<Int.random(in: 0...longest, using: &numbers)).map { _ in
                        "abc019.-é 医".randomElement(using: &numbers) ?? "x"
                    }) + (quotesOften && Bool.random(using: &numbers) ? ",\"\n" : "")
            }
            expected.append(cells)
            text +=
                cells.map { cell in
                    cell.contains(where: { ",\"\n".contains($0) })
                        ? "\"" + cell.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : cell
                }.joined(separator: ",") + (Bool.random(using: &numbers) ? "\n" : "\r\n")
            if Int.random(in: 0..<20, using: &numbers) == 0 { text += "\r\n\n" }
        }
        if seed % 2 == 0 { text.removeLast() }
        let (_, rows) = try records(Data(text.utf8), blockBytes: 300_000, feeds: 2, columns: 4)
        #expect(rows.allSatisfy { $0.damage == .none })
        #expect(rows.map(\.cells) == expected)
    }

    @Test func gb18030IsDecodedBeforeSplitting() throws {
        let bench = try Workbench()
        // A delimiter may be the second byte of a character: 0x81 0x7C is one.
        var bytes = Array("visit|person|house|begin|type\nV1|P1|".utf8)
        bytes += [0x81, 0x7C, 0xD2, 0xBD]
        bytes += Array("|2024-02-03|1\nV2|P1|".utf8)
        bytes += [0xFF, 0xFF]
        bytes += Array("|2024-02-04|1\n".utf8)
        try bench.put("visits.csv", Data(bytes))
        try bench.put("lines.csv", "no,visit,item,at,count,price,sum,back,changed\n")
        let mapping = clinicMapping.replacingOccurrences(
            of: "visits: \"visits*.csv\"", with: "visits: {files: \"visits*.csv\", encoding: gb18030, delimiter: \"|\"}"
        )
        let report = try bench.run(mapping)
        let houses = try bench.rows("encounter").map { $0["institution"] ?? "" }
        #expect(houses.count == 1 && houses.first?.count == 2 && houses.first?.hasSuffix("医") == true)
        #expect(report.balance("encounter")?.rejected == 1)
        let rejects = try bench.reject(report)
        #expect(rejects.contains("ING005") && rejects.contains("base64"), "\(rejects)")
        #expect(
            rejects.contains(
                Data(Array("V2|P1|".utf8) + [0xFF, 0xFF] + Array("|2024-02-04|1".utf8)).base64EncodedString()))
    }
}
