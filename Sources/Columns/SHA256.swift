import CCrypto

/// SHA-256 in one go or piece by piece, computed by OpenSSL.
package final class SHA256 {
    private let context: OpaquePointer?
    package static let byteCount = 32

    package init() {
        context = EVP_MD_CTX_new()
        Self.require(EVP_DigestInit_ex(context, EVP_sha256(), nil))
    }

    deinit { EVP_MD_CTX_free(context) }

    package func update(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        Self.require(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count))
    }

    /// The digest of everything so far. Ends the computation.
    package func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Self.byteCount)
        Self.require(EVP_DigestFinal_ex(context, &digest, nil))
        return digest
    }

    package func finishHex() -> String { Hex.text(finish()) }

    package static func digest(of bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }

    package static func hex(of bytes: UnsafeRawBufferPointer) -> String { Hex.text(digest(of: bytes)) }

    package static func hex(of bytes: [UInt8]) -> String { bytes.withUnsafeBytes { hex(of: $0) } }

    package static func hex(of text: String) -> String {
        var text = text
        return text.withUTF8 { hex(of: UnsafeRawBufferPointer($0)) }
    }

    fileprivate static func require(_ result: Int32) {
        precondition(result == 1, "the cryptographic library refused SHA-256; is it installed whole?")
    }
}

/// HMAC-SHA-256 with one key and many messages (带密钥的杂凑): the base of pseudonyms.
package final class HMACSHA256 {
    private let inner: OpaquePointer?
    private let outer: OpaquePointer?
    private let work: OpaquePointer?

    package init(key: [UInt8]) {
        inner = EVP_MD_CTX_new()
        outer = EVP_MD_CTX_new()
        work = EVP_MD_CTX_new()
        let block = 64
        var padded = key.count > block ? key.withUnsafeBytes { SHA256.digest(of: $0) } : key
        padded += [UInt8](repeating: 0, count: block - padded.count)
        for (context, mask) in [(inner, UInt8(0x36)), (outer, UInt8(0x5C))] {
            let bytes = padded.map { $0 ^ mask }
            SHA256.require(EVP_DigestInit_ex(context, EVP_sha256(), nil))
            SHA256.require(EVP_DigestUpdate(context, bytes, block))
        }
    }

    deinit {
        EVP_MD_CTX_free(inner)
        EVP_MD_CTX_free(outer)
        EVP_MD_CTX_free(work)
    }

    /// Writes the 32 bytes of the code to `result`.
    package func authenticate(_ message: UnsafeRawBufferPointer, into result: UnsafeMutablePointer<UInt8>) {
        SHA256.require(EVP_MD_CTX_copy_ex(work, inner))
        if message.count > 0 { SHA256.require(EVP_DigestUpdate(work, message.baseAddress, message.count)) }
        SHA256.require(EVP_DigestFinal_ex(work, result, nil))
        SHA256.require(EVP_MD_CTX_copy_ex(work, outer))
        SHA256.require(EVP_DigestUpdate(work, result, SHA256.byteCount))
        SHA256.require(EVP_DigestFinal_ex(work, result, nil))
    }

    package func code(for message: UnsafeRawBufferPointer) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: SHA256.byteCount)
        authenticate(message, into: &result)
        return result
    }
}
