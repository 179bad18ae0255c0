import Database
import Foundation
import Ledger
import StoreTesting
import Testing
import Trials

@testable import Supervision

@Suite("Evidence")
struct EvidenceTests {

    @Test(arguments: TestStore.kinds)
    func aFileIsKeptOnceSealedAndComesBack(kind: StoreKind) throws {
        let books = try BooksOffice(kind)
        let ids = try books.work(matters: 2, acts: 1)
        let token = books.office.tokens[0]
        // More than two parts, with a secret that a search of the store would find.
        let secret = Array("患者张三丰".utf8)
        let bytes = Array("%PDF-1.7\n".utf8) + secret + (0..<600_000).map { UInt8(truncatingIfNeeded: $0 / 7) } + secret
        let file = try books.book.addEvidence(bytes, named: "张三丰病历.pdf", to: ids[0], by: token)
        #expect(file.kind == .pdf && file.bytes == bytes.count)
        #expect(file.hash == HexText.text(Digest.of(bytes, .sha256)))
        // The same again, and the same in another matter: one content.
        #expect(try books.book.addEvidence(bytes, named: "又一份.pdf", to: ids[0], by: token) == file)
        _ = try books.book.addEvidence(bytes, named: "复印件.pdf", to: ids[1], by: token)
        #expect(try books.store.read { try $0.integer("SELECT COUNT(*) FROM evidence") } == 1)
        #expect(try books.book.evidence(of: ids[1], by: token).map(\.name) == ["复印件.pdf"])
        var read: [UInt8] = []
        _ = try books.book.readEvidence(file.hash, of: ids[0], by: token) { read += $0 }
        #expect(read == bytes)
        let verified = try books.book.verifyEvidence()
        #expect(verified.files == 1 && verified.bytes == bytes.count && verified.problems.isEmpty)
        // An act names it as its paper.
        for row in try BackupTests.rows(books.store) {
            for case .bytes(let cell) in row.values {
                #expect(!Self.contains(cell, secret) && !Self.contains(cell, Digest.of(bytes, .sha256)), "\(row.table)")
            }
            for case .text(let cell) in row.values {
                #expect(!cell.contains("张三丰") && !cell.contains(file.hash), "\(row.table)")
            }
        }
        let trail = try books.store.read {
            try $0.rows("SELECT feature FROM trail WHERE object = \(ids[0]) ORDER BY number").map {
                try $0.text("feature")
            }
        }
        #expect(trail.filter { $0 == "evidence.add" }.count == 2 && trail.contains("evidence.read"))
    }

    @Test(arguments: TestStore.kinds)
    func whatIsDoneToAFileIsFound(kind: StoreKind) throws {
        let books = try BooksOffice(kind)
        let ids = try books.work(matters: 1, acts: 1)
        let token = books.office.tokens[0]
        for number in 0..<2 {
            let bytes = Array("%PDF-1.7 \(number)\n".utf8) + [UInt8](repeating: UInt8(65 + number), count: 300_000)
            _ = try books.book.addEvidence(bytes, named: "卷\(number).pdf", to: ids[0], by: token)
        }
        let attacks: [SQL] = [
            "DELETE FROM evidence_part WHERE part = 1", "UPDATE evidence SET parts = 1",
            "UPDATE evidence SET bytes = bytes + 1",
            "UPDATE evidence_part SET part = part + 10",
            "UPDATE evidence_part SET sealed = (SELECT sealed FROM evidence_part ORDER BY code, part LIMIT 1)",
            "UPDATE evidence SET hash = (SELECT hash FROM evidence ORDER BY code LIMIT 1)",
        ]
        for attack in attacks {
            #expect(try books.problems(after: attack) > 0, "\(attack)")
            #expect(try books.book.verifyEvidence().problems.isEmpty)
        }
    }

    @Test func whoMayNotKnowOfAMatterFindsNoFile() throws {
        let books = try BooksOffice(.sqlite)
        let id = try books.office.openClue()
        let file = try books.book.addEvidence(
            Array("笔录".utf8), named: "a.txt", to: id, by: books.office.tokens[0])
        let stranger = books.office.administrator
        for attempt in [
            { _ = try books.book.evidence(of: id, by: stranger) },
            { _ = try books.book.readEvidence(file.hash, of: id, by: stranger) { _ in } },
            { _ = try books.book.addEvidence(Array("x".utf8), named: "b.txt", to: id, by: stranger) },
            { _ = try books.book.evidence(of: "none", by: stranger) },
            { _ = try books.book.readEvidence("zz", of: id, by: books.office.tokens[0]) { _ in } },
        ] {
            #expect(refusal(attempt) == .unknown)
        }
    }

    @Test func theContentSaysWhatAFileIs() throws {
        let policy = try EvidencePolicy.read(knowledge: Shipped.folder)
        let text = { (text: String) in Array(text.utf8) }
        let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0]
        let taken: [(String, [UInt8], EvidenceKind)] = [
            ("a.pdf", text("%PDF-1.4\n1 0 obj"), .pdf), ("a.png", png, .png),
            ("A.JPG", [0xFF, 0xD8, 0xFF, 0xE0], .jpeg),
            ("费用.csv", text("a,b\n1,2\n"), .text), ("说明.txt", [0xB2, 0xA1, 0xC0, 0xFA], .text),
            ("a.wav", text("RIFF0000WAVEfmt "), .wav), ("a.mp4", [0, 0, 0, 24] + text("ftypisom"), .mp4),
            ("表.xlsx", Self.zip(["[Content_Types].xml", "xl/workbook.xml"]), .xlsx),
            ("文.docx", Self.zip(["[Content_Types].xml", "word/document.xml"]), .docx),
            ("文.ofd", Self.zip(["OFD.xml"]), .ofd),
        ]
        for (name, bytes, kind) in taken { #expect(try policy.kind(of: bytes, named: name) == kind, "\(name)") }
        let refused: [(String, [UInt8])] = [
            ("a.pdf", []), ("a.pdf", png), ("a.png", text("%PDF-1.4")), ("a.pdf", text("%PDF-1.4 /JavaScript (x)")),
            ("a.pdf", text("%PDF-1.4 /Launch")), ("a.txt", text("<html><script>")), ("a.txt", text("<SVG onload=1>")),
            ("a.txt", text("MZ\u{90}")), ("a.txt", text("#!/bin/sh")), ("a.txt", [0x7F, 0x45, 0x4C, 0x46]),
            ("a.txt", text("a\u{0}b")), ("a.txt", [0xFF, 0xFE, 0x41]), ("a.exe", text("plain")), ("txt", [0, 1, 2]),
            ("表.xlsx", Self.zip(["[Content_Types].xml", "xl/workbook.xml", "xl/vbaProject.bin"])),
            ("包.zip", Self.zip(["a.txt"])), ("包.docx", Self.zip(["a.txt"])), ("文.docx", Array("PK\u{3}\u{4}".utf8)),
            ("文.ofd", Self.zip(["OFD.xml"], isEncrypted: true)),
            ("../a.txt", text("x")), ("a/b.txt", text("x")), ("a\\b.txt", text("x")), (".a.txt", text("x")),
            ("", text("x")),
            ("a\u{202E}txt.pdf", text("%PDF-")), ("CON.txt", text("x")), ("a\n.txt", text("x")), ("a.txt.", text("x")),
            (String(repeating: "长", count: 121) + ".txt", text("x")),
        ]
        for (name, bytes) in refused {
            #expect(throws: DoorRefusal.self, "\(name.debugDescription)") { try policy.kind(of: bytes, named: name) }
        }
        let large = text("%PDF-1.4") + [UInt8](repeating: 32, count: 64 << 20)
        #expect(throws: DoorRefusal.self) { try policy.kind(of: large, named: "a.pdf") }
    }

    /// Hostile bytes never trap.
    @Test func anyBytesAreJudged() {
        var dice = Dice(4)
        let whole = Self.zip(["[Content_Types].xml", "xl/workbook.xml"])
        for _ in 0..<3_000 {
            var bytes = whole
            for _ in 0..<dice.below(6) { bytes[dice.below(bytes.count)] = UInt8(dice.below(256)) }
            _ = EvidenceKind.of(Array(bytes.prefix(dice.below(bytes.count + 1))))
        }
    }

    private static func contains(_ bytes: [UInt8], _ wanted: [UInt8]) -> Bool {
        bytes.count >= wanted.count && Data(bytes).range(of: Data(wanted)) != nil
    }

    /// A ZIP file of empty entries.
    private static func zip(_ names: [String], isEncrypted: Bool = false) -> [UInt8] {
        func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 255) } }
        var bytes: [UInt8] = []
        var directory: [UInt8] = []
        let flags = isEncrypted ? 1 : 0
        for name in names {
            let common = little(20, 2) + little(flags, 2) + little(0, 18) + little(name.utf8.count, 2) + little(0, 2)
            directory +=
                little(0x0201_4B50, 4) + little(20, 2) + common + little(0, 10) + little(bytes.count, 4)
                + Array(name.utf8)
            bytes += little(0x0403_4B50, 4) + common + Array(name.utf8)
        }
        let start = bytes.count
        bytes += directory
        bytes += little(0x0605_4B50, 4) + little(0, 4) + little(names.count, 2) + little(names.count, 2)
        return bytes + little(directory.count, 4) + little(start, 4) + little(0, 2)
    }
}

extension BooksOffice {
    /// How many problems a verification of the files finds after a statement, which is undone by putting the tables back.
    func problems(after statement: SQL) throws -> Int {
        let tables = try store.read { transaction in
            try transaction.wholeTables().filter { ["evidence", "evidence_part"].contains($0.name) }.map { table in
                var rows: [[StoreValue]] = []
                try transaction.eachRow(of: table) { rows.append($0) }
                return (table, rows)
            }
        }
        try store.write { try $0.change(statement) }
        let count = try book.verifyEvidence().problems.count
        try store.write { transaction in
            try transaction.withoutReferences {
                for (table, rows) in tables {
                    try transaction.empty(table)
                    try transaction.fill(table, rows)
                }
            }
        }
        return count
    }
}
