/// What a file of evidence is by its content (证据文件类型). Its name only has to agree; it decides nothing.
package enum EvidenceKind: String, Sendable, CaseIterable {
    case pdf, ofd, docx, xlsx, png, jpeg, tiff, bmp, webp, wav, mp3, mp4, text

    /// Endings that a name of this kind may have.
    package var endings: [String] {
        switch self {
        case .jpeg: ["jpg", "jpeg"]
        case .tiff: ["tif", "tiff"]
        case .mp4: ["mp4", "m4a", "mov"]
        case .text: ["txt", "csv"]
        default: [rawValue]
        }
    }

    /// The kind of a content, or why it is none that is taken.
    package static func of(_ bytes: [UInt8]) -> Result<EvidenceKind, Objection> {
        if bytes.isEmpty { return .failure(.init("文件是空的")) }
        if let why = danger(bytes) { return .failure(.init(why)) }
        if begins(bytes, "%PDF-") { return pdf(bytes) }
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return .success(.png) }
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return .success(.jpeg) }
        if bytes.starts(with: [0x49, 0x49, 0x2A, 0]) || bytes.starts(with: [0x4D, 0x4D, 0, 0x2A]) {
            return .success(.tiff)
        }
        if begins(bytes, "BM"), bytes.count > 26, bytes[6..<10].allSatisfy({ $0 == 0 }) { return .success(.bmp) }
        if begins(bytes, "RIFF"), begins(bytes, "WEBP", at: 8) { return .success(.webp) }
        if begins(bytes, "RIFF"), begins(bytes, "WAVE", at: 8) { return .success(.wav) }
        if begins(bytes, "ID3") || (bytes.count > 2 && bytes[0] == 0xFF && bytes[1] & 0xE6 == 0xE2) {
            return .success(.mp3)
        }
        if begins(bytes, "ftyp", at: 4) { return .success(.mp4) }
        if bytes.starts(with: [0x50, 0x4B, 3, 4]) { return package(bytes) }
        if isText(bytes) { return .success(.text) }
        return .failure(.init("内容不是可收的文件类型"))
    }

    package struct Objection: Error, Equatable, Sendable {
        package let text: String
        init(_ text: String) { self.text = text }
    }

    /// What is never evidence and may hurt who opens it: programs, scripts, pages that run.
    private static func danger(_ bytes: [UInt8]) -> String? {
        if begins(bytes, "MZ") || bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]) || begins(bytes, "#!") {
            return "文件是程序"
        }
        let head = String(
            decoding: bytes.prefix(1_024).map { $0 | ($0 >= 0x41 && $0 <= 0x5A ? 0x20 : 0) }, as: UTF8.self)
        if ["<html", "<!doctype", "<svg", "<script", "<?php"].contains(where: head.contains) { return "文件是网页或脚本" }
        return nil
    }

    /// A PDF that runs something when it is opened is not taken.
    private static func pdf(_ bytes: [UInt8]) -> Result<EvidenceKind, Objection> {
        for name in ["/JavaScript", "/JS ", "/JS(", "/Launch", "/EmbeddedFile"] where contains(bytes, Array(name.utf8))
        {
            return .failure(.init("PDF 中含有可运行的内容（\(name.dropFirst().filter(\.isLetter))）"))
        }
        return .success(.pdf)
    }

    /// A ZIP package by the names in its central directory; nothing is unpacked.
    private static func package(_ bytes: [UInt8]) -> Result<EvidenceKind, Objection> {
        guard let names = PackageNames.read(bytes) else { return .failure(.init("压缩包不完整，或已加密")) }
        if names.contains(where: { $0.lowercased().hasSuffix("vbaproject.bin") }) { return .failure(.init("文档含有宏")) }
        if names.contains("OFD.xml") { return .success(.ofd) }
        if names.contains("[Content_Types].xml") {
            if names.contains("word/document.xml") { return .success(.docx) }
            if names.contains("xl/workbook.xml") { return .success(.xlsx) }
        }
        return .failure(.init("压缩包不作为证据文件收取，请逐个上传其中的文件"))
    }

    /// UTF-8 or GB18030 without control characters.
    private static func isText(_ bytes: [UInt8]) -> Bool {
        let isControl = { (byte: UInt8) in byte < 0x20 && ![9, 10, 13].contains(byte) || byte == 0x7F }
        if bytes.contains(where: isControl) { return false }
        if String(validating: bytes, as: UTF8.self) != nil { return true }
        var place = 0
        while place < bytes.count {
            let byte = bytes[place]
            if byte < 0x80 {
                place += 1
            } else if byte >= 0x81, byte <= 0xFE, place + 1 < bytes.count, bytes[place + 1] >= 0x40,
                bytes[place + 1] != 0xFF
            {
                place += 2
            } else if byte >= 0x81, byte <= 0xFE, place + 3 < bytes.count, (0x30...0x39).contains(bytes[place + 1]),
                (0x81...0xFE).contains(bytes[place + 2]), (0x30...0x39).contains(bytes[place + 3])
            {
                place += 4
            } else {
                return false
            }
        }
        return true
    }

    private static func begins(_ bytes: [UInt8], _ text: String, at place: Int = 0) -> Bool {
        bytes.dropFirst(place).starts(with: text.utf8)
    }

    private static func contains(_ bytes: [UInt8], _ wanted: [UInt8]) -> Bool {
        guard let first = wanted.first, bytes.count >= wanted.count else { return false }
        return bytes.withUnsafeBufferPointer { bytes in
            var place = 0
            while place <= bytes.count - wanted.count {
                if bytes[place] == first, wanted.indices.allSatisfy({ bytes[place + $0] == wanted[$0] }) { return true }
                place += 1
            }
            return false
        }
    }
}

/// The names in a ZIP file's central directory; nil when there is none that can be believed.
enum PackageNames {
    static let namesMax = 10_000

    static func read(_ bytes: [UInt8]) -> Set<String>? {
        func little(_ place: Int, _ count: Int) -> Int {
            (0..<count).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
        }
        guard bytes.count >= 22 else { return nil }
        let earliest = max(0, bytes.count - 22 - 65_535)
        var end = bytes.count - 22
        while end >= earliest, little(end, 4) != 0x0605_4B50 { end -= 1 }
        guard end >= earliest else { return nil }
        let count = little(end + 10, 2)
        var place = little(end + 16, 4)
        guard count <= namesMax else { return nil }
        var names: Set<String> = []
        for _ in 0..<count {
            guard place + 46 <= end, little(place, 4) == 0x0201_4B50, little(place + 8, 2) & 1 == 0 else { return nil }
            let nameCount = little(place + 28, 2)
            guard place + 46 + nameCount <= end else { return nil }
            names.insert(String(decoding: bytes[(place + 46)..<(place + 46 + nameCount)], as: UTF8.self))
            place += 46 + nameCount + little(place + 30, 2) + little(place + 32, 2)
        }
        return names
    }
}
