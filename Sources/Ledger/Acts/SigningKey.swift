import CCrypto
import Foundation

/// The key that signs checkpoints (Ed25519, RFC 8032). Its file holds `name` and the seed in hex, for its owner alone.
package struct SigningKey: Sendable {
    package let name: String
    private let seed: [UInt8]
    package let verifier: VerifierKey

    package init?(name: String, seed: [UInt8]) {
        guard seed.count == 32, !name.isEmpty, !name.contains(where: { $0 == "+" || $0.isWhitespace }) else {
            return nil
        }
        let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, 32)
        defer { EVP_PKEY_free(key) }
        var count = 32
        var point = [UInt8](repeating: 0, count: 32)
        guard key != nil, EVP_PKEY_get_raw_public_key(key, &point, &count) == 1 else { return nil }
        self.name = name
        self.seed = seed
        verifier = VerifierKey(name: name, point: point)
    }

    /// A new key in a new file; one that is there already is refused.
    package static func generate(at path: String, name: String) throws(JournalError) -> SigningKey {
        guard access(path, F_OK) != 0, let key = SigningKey(name: name, seed: RandomBytes.make(32)) else {
            throw JournalError(
                .keys, "LDG020", "there is a file already, or the name `\(name)` has a space or a plus sign", at: path,
                advice: "Choose another path or name")
        }
        try JournalError.wording("writing the signing key") { () throws(FileTrouble) in
            try FileCalls().replace(
                path, with: Array("\(name) \(HexText.text(key.seed))\n".utf8), in: FileCalls.folder(of: path),
                mode: 0o600)
        }
        return key
    }

    package static func read(_ path: String) throws(JournalError) -> SigningKey {
        let calls = FileCalls()
        let (text, mode) = try JournalError.wording("reading the signing key") { () throws(FileTrouble) in
            let file = try calls.open(path)
            return (String(decoding: try calls.read(file, at: 0, count: 4096), as: UTF8.self), try calls.mode(of: file))
        }
        let words = text.split(whereSeparator: \.isWhitespace)
        guard mode & 0o077 == 0, words.count == 2, let seed = HexText.bytes(words[1]),
            let key = SigningKey(name: String(words[0]), seed: seed)
        else {
            throw JournalError(
                .keys, "LDG021", "this is no signing key, or others may read it", at: path,
                advice: "It has a name and 64 hex digits, mode 600; restore it from its copy")
        }
        return key
    }

    func signature(of text: String) -> SignedCheckpoint.Signature {
        let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, 32)
        let context = EVP_MD_CTX_new()
        defer {
            EVP_PKEY_free(key)
            EVP_MD_CTX_free(context)
        }
        let message = Array(text.utf8)
        var count = 64
        var signature = [UInt8](repeating: 0, count: 64)
        Digest.require(EVP_DigestSignInit(context, nil, nil, nil, key))
        Digest.require(EVP_DigestSign(context, &signature, &count, message, message.count))
        return SignedCheckpoint.Signature(name: name, bytes: verifier.identifier + signature)
    }
}

/// The public half, in the text form of C2SP notes: `name+identifier+base64`.
package struct VerifierKey: Equatable, Sendable {
    package let name: String
    let point: [UInt8]

    init(name: String, point: [UInt8]) { (self.name, self.point) = (name, point) }

    /// Four bytes that stand before its signatures.
    var identifier: [UInt8] { Array(Digest.of(Array(name.utf8) + [10, 1] + point, .sha256).prefix(4)) }

    package var text: String { "\(name)+\(HexText.text(identifier))+\(Data([1] + point).base64EncodedString())" }

    package init?(text: String) {
        let parts = text.split(separator: "+", maxSplits: 2).map(String.init)
        guard parts.count == 3, let bytes = Data(base64Encoded: parts[2]), bytes.count == 33, bytes.first == 1 else {
            return nil
        }
        self.init(name: parts[0], point: Array(bytes.dropFirst()))
        guard HexText.text(identifier) == parts[1] else { return nil }
    }

    func verifies(_ signature: SignedCheckpoint.Signature, of text: String) -> Bool {
        guard signature.name == name, signature.bytes.count == 68, Array(signature.bytes.prefix(4)) == identifier else {
            return false
        }
        let key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, point, 32)
        let context = EVP_MD_CTX_new()
        defer {
            EVP_PKEY_free(key)
            EVP_MD_CTX_free(context)
        }
        let message = Array(text.utf8)
        let bytes = Array(signature.bytes.dropFirst(4))
        guard key != nil, EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1 else { return false }
        return EVP_DigestVerify(context, bytes, 64, message, message.count) == 1
    }
}
