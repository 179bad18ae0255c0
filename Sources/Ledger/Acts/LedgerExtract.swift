/// A ledger as text for others to verify (账本摘录): one line per act, `index leaf` and, where it is disclosed, `salt canonical`, all
/// in hex; before them `yijian-ledger 1`, `hash NAME`, `acts N`.
///
/// An outsider needs the leaves of all acts, but the content only of those that concern him.
package struct LedgerExtract: LedgerSource, Sendable {
    package var hash: HashAlgorithm
    package var lines: [(leaf: [UInt8], content: (salt: [UInt8], canonical: [UInt8])?)]

    package init(_ source: any LedgerSource, hash: HashAlgorithm, disclosing: (ChainedAct) -> Bool = { _ in true })
        throws
    {
        self.hash = hash
        lines = []
        for index in 0..<source.count {
            var content = try source.content(at: index)
            if let act = content.flatMap({ ChainedAct(canonical: $0.canonical) }), !disclosing(act) { content = nil }
            lines.append((try source.leaf(at: index), content))
        }
    }

    package var count: UInt64 { UInt64(lines.count) }
    package func leaf(at index: UInt64) throws -> [UInt8] { lines[Int(index)].leaf }
    package func content(at index: UInt64) throws -> (salt: [UInt8], canonical: [UInt8])? { lines[Int(index)].content }

    package var text: String {
        lines.enumerated().reduce(into: Self.head(hash, count)) { text, line in
            text += Self.line(UInt64(line.offset), line.element.leaf, line.element.content)
        }
    }

    /// Writes an extract of a ledger of any length, line by line; says of how many acts content was disclosed.
    package static func write(
        _ source: any LedgerSource, hash: HashAlgorithm, disclosing: (ChainedAct) -> Bool,
        to sink: (String) throws -> Void
    ) throws -> UInt64 {
        try sink(head(hash, source.count))
        var disclosed: UInt64 = 0
        for index in 0..<source.count {
            let leaf = try source.leaf(at: index)
            var content = try source.content(at: index)
            if let act = content.flatMap({ ChainedAct(canonical: $0.canonical) }), !disclosing(act) { content = nil }
            if content != nil { disclosed += 1 }
            try sink(line(index, leaf, content))
        }
        return disclosed
    }

    private static func head(_ hash: HashAlgorithm, _ count: UInt64) -> String {
        "yijian-ledger 1\nhash \(hash.name)\nacts \(count)\n"
    }

    private static func line(_ index: UInt64, _ leaf: [UInt8], _ content: (salt: [UInt8], canonical: [UInt8])?)
        -> String
    {
        let disclosed = content.map { " \(HexText.text($0.salt)) \(HexText.text($0.canonical))" } ?? ""
        return "\(index) \(HexText.text(leaf))\(disclosed)\n"
    }

    /// Nil with the number of the first line that cannot be read.
    package static func parse(_ text: String) -> (extract: LedgerExtract?, badLine: Int) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 4, lines[0] == "yijian-ledger 1", lines.last == "" else { return (nil, 1) }
        guard let hash = HashAlgorithm.allCases.first(where: { lines[1] == "hash \($0.name)" }) else { return (nil, 2) }
        guard lines[2] == "acts \(lines.count - 4)" else { return (nil, 3) }
        var extract = LedgerExtract(hash: hash)
        for (number, line) in lines[3..<(lines.count - 1)].enumerated() {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            guard [2, 4].contains(words.count), words[0] == String(number), let leaf = HexText.bytes(words[1]),
                leaf.count == HashAlgorithm.byteCount
            else { return (nil, number + 4) }
            var content: (salt: [UInt8], canonical: [UInt8])?
            if words.count == 4 {
                guard let salt = HexText.bytes(words[2]), let canonical = HexText.bytes(words[3]) else {
                    return (nil, number + 4)
                }
                content = (salt, canonical)
            }
            extract.lines.append((leaf, content))
        }
        return (extract, 0)
    }

    package init(hash: HashAlgorithm) { (self.hash, lines) = (hash, []) }
}
