import CCrypto

/// How bodies are enciphered at rest (密码套件). Its byte stands in every record, so that suites can change.
package enum CipherSuite: UInt8, Sendable, CaseIterable {
    case aes256gcm = 1
    /// SM4 in counter mode, then HMAC-SM3 over everything (GB/T 32907, GB/T 32905): OpenSSL 3.0 has no SM4-GCM.
    case sm4ctrHmacSm3 = 2

    package var name: String { self == .aes256gcm ? "aes-256-gcm" : "sm4-ctr-hmac-sm3" }

    package init?(name: String) {
        guard let suite = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = suite
    }
}

/// One key of a key file and what is derived from it.
///
/// Every body has a key of its own, derived from 16 random bytes that stand before it: with 12 or 16 more for the nonce, no
/// pair ever comes twice. Layout: `seed 16 ‖ nonce 12 or 16 ‖ ciphertext ‖ tag 16 or 32`.
package struct CipherKey: Sendable {
    package let identifier: UInt32
    package let suite: CipherSuite
    private let enciphering: CodingKey
    private let authenticating: CodingKey

    package init(identifier: UInt32, suite: CipherSuite, secret: [UInt8]) {
        self.identifier = identifier
        self.suite = suite
        let hash: HashAlgorithm = suite == .aes256gcm ? .sha256 : .sm3
        let own = CodingKey(hash, secret)
        enciphering = CodingKey(hash, own.code(Array("yijian encipher".utf8)))
        authenticating = CodingKey(hash, own.code(Array("yijian authenticate".utf8)))
    }

    // Looked up once, never changed, never given back.
    nonisolated(unsafe) private static let aes = EVP_CIPHER_fetch(nil, "AES-256-GCM", nil)

    /// Enciphers `start` and `plain` as one; `associated` is not kept, but opening needs the same.
    package func seal(_ plain: [UInt8], after start: [UInt8] = [], associated: [UInt8]) -> [UInt8] {
        let seed = RandomBytes.make(16)
        let nonce = RandomBytes.make(nonceCount)
        switch suite {
        case .aes256gcm:
            let key = enciphering.code(seed)
            let context = EVP_CIPHER_CTX_new()
            defer { EVP_CIPHER_CTX_free(context) }
            var moved: Int32 = 0
            Digest.require(EVP_EncryptInit_ex(context, Self.aes, nil, key, nonce))
            Digest.require(EVP_EncryptUpdate(context, nil, &moved, associated, Int32(associated.count)))
            // Written where it is to stand: bodies are large, and each copy of one is felt.
            let head = 16 + nonceCount
            return [UInt8](unsafeUninitializedCapacity: head + start.count + plain.count + 32) { buffer, filled in
                for (place, byte) in seed.enumerated() { buffer[place] = byte }
                for (place, byte) in nonce.enumerated() { buffer[16 + place] = byte }
                // The buffer has room for at least the tag.
                let body = buffer.baseAddress.unsafelyUnwrapped + head
                var end = 0
                if !start.isEmpty {
                    Digest.require(EVP_EncryptUpdate(context, body, &moved, start, Int32(start.count)))
                    end += Int(moved)
                }
                Digest.require(EVP_EncryptUpdate(context, body + end, &moved, plain, Int32(plain.count)))
                end += Int(moved)
                Digest.require(EVP_EncryptFinal_ex(context, body + end, &moved))
                end += Int(moved)
                Digest.require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, body + end))
                filled = head + end + 16
            }
        case .sm4ctrHmacSm3:
            let head = seed + nonce + counter(start + plain, seed: seed, nonce: nonce)
            return head + authenticating.code(message(associated, head))
        }
    }

    /// The plain bytes, or nil when anything about them was changed.
    package func open(_ sealed: ArraySlice<UInt8>, associated: [UInt8]) -> [UInt8]? {
        let tagCount = suite == .aes256gcm ? 16 : 32
        guard sealed.count >= 16 + nonceCount + tagCount else { return nil }
        let seed = Array(sealed.prefix(16))
        let nonce = Array(sealed.dropFirst(16).prefix(nonceCount))
        let cipher = Array(sealed.dropFirst(16 + nonceCount).dropLast(tagCount))
        var tag = Array(sealed.suffix(tagCount))
        switch suite {
        case .aes256gcm:
            let key = enciphering.code(seed)
            let context = EVP_CIPHER_CTX_new()
            defer { EVP_CIPHER_CTX_free(context) }
            var moved: Int32 = 0
            Digest.require(EVP_DecryptInit_ex(context, Self.aes, nil, key, nonce))
            Digest.require(EVP_DecryptUpdate(context, nil, &moved, associated, Int32(associated.count)))
            var plain = [UInt8](repeating: 0, count: cipher.count + 16)
            Digest.require(EVP_DecryptUpdate(context, &plain, &moved, cipher, Int32(cipher.count)))
            plain.removeSubrange(Int(moved)...)
            Digest.require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, &tag))
            var rest = [UInt8](repeating: 0, count: 16)
            return EVP_DecryptFinal_ex(context, &rest, &moved) == 1 ? plain : nil
        case .sm4ctrHmacSm3:
            let code = authenticating.code(message(associated, Array(sealed.dropLast(tagCount))))
            return KeyedCode.isEqual(code, tag) ? counter(cipher, seed: seed, nonce: nonce) : nil
        }
    }

    private var nonceCount: Int { suite == .aes256gcm ? 12 : 16 }

    /// What HMAC-SM3 covers: suite, key, the length of what is associated, that, and all that is stored.
    private func message(_ associated: [UInt8], _ head: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [suite.rawValue]
        bytes.appendLittle(identifier)
        bytes.appendLittle(UInt32(associated.count))
        return bytes + associated + head
    }

    /// SM4 in counter mode; enciphers and deciphers.
    private func counter(_ bytes: [UInt8], seed: [UInt8], nonce: [UInt8]) -> [UInt8] {
        let key = Array(enciphering.code(seed).prefix(16))
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        var moved: Int32 = 0
        Digest.require(EVP_EncryptInit_ex(context, EVP_sm4_ctr(), nil, key, nonce))
        var result = [UInt8](repeating: 0, count: bytes.count + 16)
        Digest.require(EVP_EncryptUpdate(context, &result, &moved, bytes, Int32(bytes.count)))
        result.removeSubrange(Int(moved)...)
        return result
    }
}
