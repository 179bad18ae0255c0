import CCrypto

/// SM2, SM3, SM4 and HMAC-SHA-1, computed by OpenSSL (国密算法).
package enum NationalCiphers {
    package static func sm3(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        var count: UInt32 = 0
        let isDone = EVP_Digest(bytes, bytes.count, &digest, &count, EVP_sm3(), nil)
        precondition(isDone == 1, "the cryptographic library has no SM3; is it installed whole?")
        return digest
    }

    package static func hmacSHA1(key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 20)
        var count: UInt32 = 0
        _ = HMAC(EVP_sha1(), key, Int32(key.count), bytes, bytes.count, &code, &count)
        return code
    }

    /// SM4-ECB with PKCS 7, as the gateways use it; nil when the text is no cipher text of the key.
    package static func sm4(_ bytes: [UInt8], key: [UInt8], isEncrypting: Bool) -> [UInt8]? {
        guard key.count == 16, let context = EVP_CIPHER_CTX_new() else { return nil }
        defer { EVP_CIPHER_CTX_free(context) }
        guard EVP_CipherInit_ex(context, EVP_sm4_ecb(), nil, key, nil, isEncrypting ? 1 : 0) == 1 else { return nil }
        var out = [UInt8](repeating: 0, count: bytes.count + 32)
        var first: Int32 = 0
        var last: Int32 = 0
        guard EVP_CipherUpdate(context, &out, &first, bytes, Int32(bytes.count)) == 1 else { return nil }
        let isWhole = out.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.map { EVP_CipherFinal_ex(context, $0 + Int(first), &last) == 1 } ?? false
        }
        return isWhole ? Array(out.prefix(Int(first) + Int(last))) : nil
    }

    /// The identity that SM2 signatures are made with when nothing else was agreed (GM/T 0009).
    private static let identity = Array("1234567812345678".utf8)

    /// Whether a signature (r‖s, or DER) with SM3 is that of the key over the bytes. `point` is the uncompressed point.
    package static func verifySM2(_ signature: [UInt8], of bytes: [UInt8], key point: [UInt8]) -> Bool {
        let signature = signature.count == 64 ? derSignature(signature) : signature
        guard let key = publicKey(point) else { return false }
        defer { EVP_PKEY_free(key) }
        guard let digest = EVP_MD_CTX_new() else { return false }
        defer { EVP_MD_CTX_free(digest) }
        guard let context = EVP_PKEY_CTX_new(key, nil) else { return false }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_CTX_set1_id(context, identity, Int32(identity.count)) == 1 else { return false }
        EVP_MD_CTX_set_pkey_ctx(digest, context)
        guard EVP_DigestVerifyInit(digest, nil, EVP_sm3(), nil, key) == 1 else { return false }
        return EVP_DigestVerify(digest, signature, signature.count, bytes, bytes.count) == 1
    }

    private static func publicKey(_ point: [UInt8]) -> OpaquePointer? {
        guard let context = EVP_PKEY_CTX_new_from_name(nil, "SM2", nil) else { return nil }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_fromdata_init(context) == 1 else { return nil }
        var group = Array("SM2".utf8CString)
        var point = point
        var key: OpaquePointer?
        // Kinds of parameters as in core.h: 4 a text, 5 bytes. 0x86: domain parameters and public key.
        group.withUnsafeMutableBytes { group in
            point.withUnsafeMutableBytes { point in
                "group".withCString { groupName in
                    "pub".withCString { pointName in
                        var parameters = [
                            OSSL_PARAM(
                                key: groupName, data_type: 4, data: group.baseAddress, data_size: group.count - 1,
                                return_size: 0),
                            OSSL_PARAM(
                                key: pointName, data_type: 5, data: point.baseAddress, data_size: point.count,
                                return_size: 0),
                            OSSL_PARAM(),
                        ]
                        _ = EVP_PKEY_fromdata(context, &key, 0x86, &parameters)
                    }
                }
            }
        }
        return key
    }

    /// Two integers as ASN.1 writes them.
    private static func derSignature(_ raw: [UInt8]) -> [UInt8] {
        func integer(_ part: ArraySlice<UInt8>) -> [UInt8] {
            var digits = Array(part.drop { $0 == 0 })
            if digits.isEmpty || digits[0] & 0x80 != 0 { digits.insert(0, at: 0) }
            return [0x02, UInt8(digits.count)] + digits
        }
        let body = integer(raw[..<32]) + integer(raw[32...])
        return [0x30, UInt8(body.count)] + body
    }
}

/// Bytes as text.
package enum Bytes {
    package static func hex(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = JSONTape.hexadecimal(digits[index]), let low = JSONTape.hexadecimal(digits[index + 1])
            else {
                return nil
            }
            bytes.append(UInt8(high << 4 | low))
        }
        return bytes
    }

    package static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    package static func base64(_ bytes: [UInt8]) -> String {
        var out = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
        let count = EVP_EncodeBlock(&out, bytes, Int32(bytes.count))
        return String(decoding: out.prefix(Int(count)), as: UTF8.self)
    }

    /// nil when the text is not Base64; blanks and line ends are skipped.
    package static func base64(_ text: String) -> [UInt8]? {
        let digits = text.utf8.filter { $0 > 0x20 }
        guard !digits.isEmpty, digits.count % 4 == 0 else { return nil }
        var out = [UInt8](repeating: 0, count: digits.count / 4 * 3)
        let count = EVP_DecodeBlock(&out, Array(digits), Int32(digits.count))
        guard count >= 0 else { return nil }
        let padding = digits.suffix(2).filter { $0 == 0x3D }.count
        return Array(out.prefix(Int(count) - padding))
    }

    /// A public key of SM2 as its uncompressed point: out of PEM, or in hexadecimal (`04…`).
    package static func publicKey(_ text: String) -> [UInt8]? {
        if text.contains("BEGIN PUBLIC KEY") {
            let lines = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("-----") }
            // SubjectPublicKeyInfo ends with the point.
            guard let der = base64(lines.joined()), der.count >= 65, der[der.count - 65] == 4 else { return nil }
            return Array(der.suffix(65))
        }
        guard let point = hex(text), point.count == 65, point[0] == 4 else { return nil }
        return point
    }
}
