import Glibc

/// The keys of a journal or ledger (密钥文件), kept apart from what they protect and from its backups.
///
/// A text file its owner alone can read: `index HEX` once, then one `key NUMBER SUITE HEX` a line; the last key enciphers what is
/// new, earlier ones still open what is old. Secrets are 32 bytes. The index key never changes: keyed codes of lookups
/// would be lost with it.
package struct KeyFile: Sendable {
    package let index: [UInt8]
    package let keys: [CipherKey]
    /// Makes the keyed codes of lookups.
    let codes: CodingKey

    private init(index: [UInt8], keys: [CipherKey]) {
        self.index = index
        self.keys = keys
        codes = CodingKey(.sha256, index)
    }

    package var current: CipherKey { keys[keys.count - 1] }

    package func key(_ identifier: UInt32) -> CipherKey? { keys.last { $0.identifier == identifier } }

    /// The keyed code of a text, 64 hexadecimal digits: equal texts have equal codes, and only who holds the key can make them.
    package func code(_ text: String) -> String {
        HexText.text(codes.code(Array(text.utf8)))
    }

    /// Reads a key file; refuses one that others can read.
    package static func read(_ path: String, calls: FileCalls = FileCalls()) throws(JournalError) -> KeyFile {
        let (text, isOpenToOthers) = try JournalError.wording("reading the key file") { () throws(FileTrouble) in
            let file = try calls.open(path)
            let bytes = try calls.read(file, at: 0, count: min(try calls.size(of: file), 1 << 20))
            return (String(decoding: bytes, as: UTF8.self), try calls.mode(of: file) & 0o077 != 0)
        }
        guard !isOpenToOthers else {
            throw JournalError(
                .keys, "JRN020", "others than its owner may read the key file", at: path,
                advice: "Take those rights away: chmod 600")
        }
        return try parse(text, path: path)
    }

    /// Writes a key file with fresh keys. One that is there already is refused, never replaced.
    package static func generate(at path: String, suite: CipherSuite = .aes256gcm) throws(JournalError) {
        guard access(path, F_OK) != 0 else {
            throw JournalError(
                .keys, "JRN021", "there is a key file already", at: path,
                advice: "Choose another name: what it enciphered cannot be read without it")
        }
        try write(
            [
                "# Keys of a yijian journal or ledger. Without them nothing in it can be read: keep a copy in a safe,",
                "# apart from the journal and its backups. The last key enciphers what is new; remove none.",
                "index " + HexText.text(RandomBytes.make(32)),
                "key 1 \(suite.name) " + HexText.text(RandomBytes.make(32)),
            ], at: path)
    }

    /// Adds a fresh key, which enciphers from the next start on (密钥轮换).
    package static func rotate(at path: String, suite: CipherSuite) throws(JournalError) {
        let keys = try read(path)
        let calls = FileCalls()
        let bytes = try JournalError.wording("reading the key file") { () throws(FileTrouble) in
            let file = try calls.open(path)
            return try calls.read(file, at: 0, count: try calls.size(of: file))
        }
        var lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        let next = (keys.keys.map(\.identifier).max() ?? 0) + 1
        lines.append("key \(next) \(suite.name) " + HexText.text(RandomBytes.make(32)))
        try write(lines, at: path)
    }

    private static func write(_ lines: [String], at path: String) throws(JournalError) {
        try JournalError.wording("writing the key file") { () throws(FileTrouble) in
            try FileCalls().replace(
                path, with: Array((lines.joined(separator: "\n") + "\n").utf8), in: FileCalls.folder(of: path),
                mode: 0o600)
        }
    }

    static func parse(_ text: String, path: String) throws(JournalError) -> KeyFile {
        func mistake(_ line: Int, _ what: String) -> JournalError {
            JournalError(
                .keys, "JRN022", what, at: "\(path):\(line)",
                advice:
                    "A line is `index HEX` or `key NUMBER SUITE HEX` with 64 hex digits; restore the file from its copy"
            )
        }
        var index: [UInt8]?
        var keys: [CipherKey] = []
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            guard let secret = words.last.flatMap({ HexText.bytes($0) }), secret.count == 32 else {
                throw mistake(number + 1, "this line does not end in 64 hex digits")
            }
            switch (first, words.count) {
            case ("index", 2): index = secret
            case ("key", 4):
                guard let identifier = UInt32(words[1]), let suite = CipherSuite(name: String(words[2])),
                    !keys.contains(where: { $0.identifier == identifier })
                else { throw mistake(number + 1, "this key has a number twice or an unknown suite") }
                keys.append(CipherKey(identifier: identifier, suite: suite, secret: secret))
            default: throw mistake(number + 1, "this line is neither `index` nor `key`")
            }
        }
        guard let index, !keys.isEmpty else { throw mistake(1, "the index key or the cipher key is missing") }
        return KeyFile(index: index, keys: keys)
    }
}
