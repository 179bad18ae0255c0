import Foundation

/// What the ledger was at one moment: its size and the root of its tree (检查点). Signed and handed to outsiders, it is what the
/// owner of the database cannot take back.
///
/// The text is a checkpoint of the C2SP kind: origin, size, root in base64, then `time` in milliseconds, `hash` where it is not
/// SHA-256, `key` where a new signing key comes into force.
package struct Checkpoint: Equatable, Sendable {
    package let origin: String
    package let size: UInt64
    package let root: [UInt8]
    package let instant: Int64
    package let hash: HashAlgorithm
    /// A key that is trusted from here on, because one that is trusted already has signed this.
    package let newKey: VerifierKey?

    package init(
        origin: String, size: UInt64, root: [UInt8], instant: Int64, hash: HashAlgorithm = .sha256,
        newKey: VerifierKey? = nil
    ) {
        self.origin = origin
        self.size = size
        self.root = root
        self.instant = instant
        self.hash = hash
        self.newKey = newKey
    }

    package var text: String {
        var lines = [origin, String(size), Data(root).base64EncodedString(), "time \(instant)"]
        if hash != .sha256 { lines.append("hash \(hash.name)") }
        if let newKey { lines.append("key \(newKey.text)") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Nil when this is not the text of a checkpoint, to the byte.
    package init?(text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count >= 5, lines.last == "", !lines[0].isEmpty, let size = UInt64(lines[1]),
            let root = Data(base64Encoded: lines[2]), root.count == HashAlgorithm.byteCount
        else { return nil }
        var instant: Int64?
        var hash = HashAlgorithm.sha256
        var newKey: VerifierKey?
        for line in lines[3..<(lines.count - 1)] {
            if line.hasPrefix("time ") { instant = Int64(line.dropFirst(5)) }
            if line == "hash sm3" { hash = .sm3 }
            if line.hasPrefix("key ") { newKey = VerifierKey(text: String(line.dropFirst(4))) }
        }
        guard let instant else { return nil }
        self.init(origin: lines[0], size: size, root: Array(root), instant: instant, hash: hash, newKey: newKey)
        guard self.text == text else { return nil }
    }

    package func signed(by keys: [SigningKey]) -> SignedCheckpoint {
        SignedCheckpoint(checkpoint: self, signatures: keys.map { $0.signature(of: text) })
    }
}

/// A checkpoint with its signatures, as a note: the text, an empty line, and a line per signature.
package struct SignedCheckpoint: Equatable, Sendable {
    package struct Signature: Equatable, Sendable {
        let name: String
        /// The first four bytes say which key, the other 64 are Ed25519.
        let bytes: [UInt8]
    }

    package let checkpoint: Checkpoint
    package let signatures: [Signature]

    init(checkpoint: Checkpoint, signatures: [Signature]) {
        self.checkpoint = checkpoint
        self.signatures = signatures
    }

    package var text: String {
        checkpoint.text + "\n" + signatures.map { "— \($0.name) \(Data($0.bytes).base64EncodedString())\n" }.joined()
    }

    package init?(text: String) {
        guard let gap = text.range(of: "\n\n"), let checkpoint = Checkpoint(text: text[..<gap.lowerBound] + "\n") else {
            return nil
        }
        self.checkpoint = checkpoint
        signatures = text[gap.upperBound...].split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 3, words[0] == "—", let bytes = Data(base64Encoded: String(words[2])) else {
                return nil
            }
            return Signature(name: String(words[1]), bytes: Array(bytes))
        }
    }

    /// Whether one of these keys signed it.
    package func isSigned(byOneOf keys: [VerifierKey]) -> Bool {
        signatures.contains { signature in keys.contains { $0.verifies(signature, of: checkpoint.text) } }
    }
}
