import CCrypto
import Glibc

/// The hash of leaves, nodes and links (杂凑算法). Its byte stands beside every hash that is kept.
package enum HashAlgorithm: UInt8, Sendable, CaseIterable, Codable {
    case sha256 = 1
    /// GB/T 32905.
    case sm3 = 2

    package static let byteCount = 32

    package var name: String { self == .sha256 ? "sha256" : "sm3" }

    /// As OpenSSL calls it.
    var evpName: StaticString { self == .sha256 ? "SHA256" : "SM3" }

    /// Looked up once: OpenSSL searches its providers at every use of `EVP_sha256()`.
    var evp: OpaquePointer? { self == .sha256 ? Self.fetchedSHA256 : Self.fetchedSM3 }

    // Never changed and never given back.
    nonisolated(unsafe) private static let fetchedSHA256 = EVP_MD_fetch(nil, "SHA256", nil)
    nonisolated(unsafe) private static let fetchedSM3 = EVP_MD_fetch(nil, "SM3", nil)
}

/// A hash over several pieces, computed by OpenSSL. One object serves many hashes, on one thread at a time.
package final class Digest {
    package let algorithm: HashAlgorithm
    private let context: OpaquePointer?
    private var isBegun = false

    package init(_ algorithm: HashAlgorithm) {
        self.algorithm = algorithm
        context = EVP_MD_CTX_new()
    }

    deinit { EVP_MD_CTX_free(context) }

    private func begin() {
        guard !isBegun else { return }
        isBegun = true
        Self.require(EVP_DigestInit_ex(context, algorithm.evp, nil))
    }

    package func add(_ bytes: UnsafeRawBufferPointer) {
        begin()
        if bytes.count > 0 { Self.require(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)) }
    }

    package func add(_ bytes: [UInt8]) { bytes.withUnsafeBytes { add($0) } }

    package func add(_ byte: UInt8) { withUnsafeBytes(of: byte) { add($0) } }

    /// The hash of what was added; the next one begins.
    package func finish() -> [UInt8] {
        begin()
        isBegun = false
        return [UInt8](unsafeUninitializedCapacity: HashAlgorithm.byteCount) { buffer, filled in
            Self.require(EVP_DigestFinal_ex(context, buffer.baseAddress, nil))
            filled = HashAlgorithm.byteCount
        }
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

/// A key that makes keyed codes (带密钥的杂凑, HMAC): set up once, copied for each code.
package final class CodingKey: @unchecked Sendable {
    // Only read once it is set up; OpenSSL copies it under many threads.
    private let ready: OpaquePointer?
    nonisolated(unsafe) private static let method = EVP_MAC_fetch(nil, "HMAC", nil)

    package init(_ algorithm: HashAlgorithm, _ key: [UInt8]) {
        ready = EVP_MAC_CTX_new(Self.method)
        let name = UnsafeMutableRawPointer(mutating: algorithm.evpName.utf8Start)
        "digest".withCString { digest in
            let parameters = [
                OSSL_PARAM(
                    key: digest, data_type: UInt32(OSSL_PARAM_UTF8_STRING), data: name,
                    data_size: algorithm.evpName.utf8CodeUnitCount, return_size: .max),
                OSSL_PARAM(key: nil, data_type: 0, data: nil, data_size: 0, return_size: 0),
            ]
            Digest.require(EVP_MAC_init(ready, key, key.count, parameters))
        }
    }

    deinit { EVP_MAC_CTX_free(ready) }

    package func code(_ message: [UInt8]) -> [UInt8] {
        let context = EVP_MAC_CTX_dup(ready)
        defer { EVP_MAC_CTX_free(context) }
        Digest.require(EVP_MAC_update(context, message, message.count))
        return [UInt8](unsafeUninitializedCapacity: HashAlgorithm.byteCount) { buffer, filled in
            Digest.require(EVP_MAC_final(context, buffer.baseAddress, &filled, HashAlgorithm.byteCount))
        }
    }
}

/// Keyed codes in one go.
package enum KeyedCode {
    package static func code(_ algorithm: HashAlgorithm, key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        CodingKey(algorithm, key).code(message)
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
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count, let base = buffer.baseAddress {
                // The call gives at most 256 bytes, all of them or none.
                let part = min(256, count - filled)
                precondition(getentropy(base + filled, part) == 0, "the system gives no random bytes: errno \(errno)")
                filled += part
            }
        }
    }
}
