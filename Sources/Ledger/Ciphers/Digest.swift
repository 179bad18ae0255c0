import CCrypto

/// The hash of leaves, nodes and links (杂凑算法). Its byte stands beside every hash that is kept.
package enum HashAlgorithm: UInt8, Sendable, CaseIterable, Codable {
    case sha256 = 1
    /// GB/T 32905.
    case sm3 = 2

    package static let byteCount = 32

    package var name: String { self == .sha256 ? "sha256" : "sm3" }

    var evp: OpaquePointer? { self == .sha256 ? EVP_sha256() : EVP_sm3() }
}

/// A hash over several pieces, computed by OpenSSL. One object serves many hashes, on one thread at a time.
package final class Digest {
    package let algorithm: HashAlgorithm
    private let context: OpaquePointer?

    package init(_ algorithm: HashAlgorithm) {
        self.algorithm = algorithm
        context = EVP_MD_CTX_new()
        start()
    }

    deinit { EVP_MD_CTX_free(context) }

    private func start() { Self.require(EVP_DigestInit_ex(context, algorithm.evp, nil)) }

    package func add(_ bytes: UnsafeRawBufferPointer) {
        if bytes.count > 0 { Self.require(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)) }
    }

    package func add(_ bytes: [UInt8]) { bytes.withUnsafeBytes { add($0) } }

    package func add(_ byte: UInt8) { withUnsafeBytes(of: byte) { add($0) } }

    /// The hash of what was added; the next one begins.
    package func finish() -> [UInt8] {
        let result = [UInt8](unsafeUninitializedCapacity: HashAlgorithm.byteCount) { buffer, filled in
            Self.require(EVP_DigestFinal_ex(context, buffer.baseAddress, nil))
            filled = HashAlgorithm.byteCount
        }
        start()
        return result
    }

    package static func of(_ bytes: [UInt8], _ algorithm: HashAlgorithm) -> [UInt8] {
        let digest = Digest(algorithm)
        digest.add(bytes)
        return digest.finish()
    }

    static func require(_ result: Int32) {
        precondition(result == 1, "the cryptographic library refused a basic operation; is OpenSSL 3 installed whole?")
    }
}

/// Keyed codes (带密钥的杂凑, HMAC) in one go.
package enum KeyedCode {
    package static func code(_ algorithm: HashAlgorithm, key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        var length: UInt32 = 0
        return [UInt8](unsafeUninitializedCapacity: HashAlgorithm.byteCount) { buffer, filled in
            let done = HMAC(
                algorithm.evp, key, Int32(key.count), message, message.count, buffer.baseAddress, &length)
            precondition(done != nil, "the cryptographic library refused HMAC; is OpenSSL 3 installed whole?")
            filled = HashAlgorithm.byteCount
        }
    }

    /// Equal without telling by its time where they differ.
    package static func isEqual(_ a: some RandomAccessCollection<UInt8>, _ b: some RandomAccessCollection<UInt8>)
        -> Bool
    {
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

/// Bytes nobody can foresee, from the system.
package enum RandomBytes {
    package static func make(_ count: Int) -> [UInt8] {
        var source = SystemRandomNumberGenerator()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { withUnsafeBytes(of: source.next()) { bytes.append(contentsOf: $0) } }
        bytes.removeSubrange(count...)
        return bytes
    }
}
