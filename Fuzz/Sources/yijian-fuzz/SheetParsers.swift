import CZlib
import Documents
import Rules
import Workshop

/// What offices publish: archives, the XML within them, texts with separators, mappings of lists. Every input gives rows,
/// or an error that says where.
let sheetParsers = [
    FuzzedParser("sheet-file") { bytes in read(Array(bytes)) },
    FuzzedParser("sheet-xml") { bytes in
        // The input is the sheet, and the texts it refers to: mutations of an archive seldom get so far.
        read(
            archive([
                ("_rels/.rels", relation("officeDocument", "xl/workbook.xml")),
                ("xl/workbook.xml", Array("<workbook><sheets><sheet name=\"s\" id=\"a\"/></sheets></workbook>".utf8)),
                ("xl/_rels/workbook.xml.rels", relation("worksheet", "sheet.xml")), ("xl/sheet.xml", Array(bytes)),
            ]))
    },
    FuzzedParser("list-mapping") { bytes in
        let (mapping, diagnostics) = ListMapping.read(Array(bytes), file: "input.yaml")
        precondition(mapping != nil || !diagnostics.isEmpty, "refused without a word")
        guard let mapping, let list = PlanLoader.exampleLists["cap"] else { return }
        _ = ListImport.run(mapping, into: list, files: [("a.csv", Array("国标代码,限量\nA,1\nB,2\n".utf8))], current: nil)
    },
]

private func read(_ bytes: [UInt8]) {
    var limits = SheetLimits()
    limits.memberBytesMax = 1 << 20
    limits.sharedBytesMax = 1 << 20
    guard let file = try? SheetFile.open(bytes, name: "input", limits: limits) else { return }
    for index in file.sheetNames.indices {
        try? file.rows(ofSheet: index) { row in
            precondition(row.cells.count <= limits.columnsMax, "a row is wider than the limit")
            return true
        }
    }
}

private func relation(_ type: String, _ target: String) -> [UInt8] {
    Array("<Relationships><Relationship Id=\"a\" Type=\"x/\(type)\" Target=\"\(target)\"/></Relationships>".utf8)
}

/// Members stored as they are.
private func archive(_ members: [(name: String, bytes: [UInt8])]) -> [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    func number(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    for (name, bytes) in members {
        let checksum = bytes.withUnsafeBufferPointer { Int(crc32(0, $0.baseAddress, UInt32($0.count))) }
        let sizes = number(checksum, 4) + number(bytes.count, 4) + number(bytes.count, 4) + number(name.utf8.count, 2)
        directory +=
            number(0x0201_4b50, 4) + [20, 0, 20, 0] + number(0, 8) + sizes + number(0, 12) + number(file.count, 4)
            + Array(name.utf8)
        file += number(0x0403_4b50, 4) + [20, 0] + number(0, 8) + sizes + number(0, 2) + Array(name.utf8) + bytes
    }
    let start = file.count
    file += directory
    file += number(0x0605_4b50, 4) + number(0, 4) + number(members.count, 2) + number(members.count, 2)
    return file + number(directory.count, 4) + number(start, 4) + number(0, 2)
}
