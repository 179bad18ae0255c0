import Columns

/// The four ways in which gateways sign (四种签名方式), each switched on per institution.
///
/// T1: headers x-tif-*, SHA-256. T2: headers _api_*, HMAC-SHA-1. T3: bearer token, SM4 over the input, SM2 over its plain
/// text. T4: SM2 over the envelope, or its SM3 digest where no key was exchanged.
package struct SignatureVerifier: Sendable {
    private let keys: GatewayKeys
    private let clock: @Sendable () -> Int64

    /// `clock` gives milliseconds since 1970.
    package init(keys: GatewayKeys, clock: @escaping @Sendable () -> Int64 = { WallClock.milliseconds }) {
        self.keys = keys
        self.clock = clock
    }

    private func key(_ institution: InstitutionSettings, _ code: String) throws(InterfaceError) -> GatewayKeys.Key {
        guard let key = keys.keys[institution.key ?? code] else { throw .badSignature("本机构尚未配置密钥") }
        return key
    }

    package func verify(
        _ root: JSONValue, _ institution: InstitutionSettings, _ code: String, _ head: MessageHead
    ) throws(InterfaceError) {
        let key = try key(institution, code)
        switch institution.signing {
        case .none, .ciphers: return
        case .tif: try verifyTIF(key, head)
        case .api: try verifyAPI(key, head)
        case .envelope: try verifyEnvelope(root, key)
        }
    }

    private func isFresh(_ milliseconds: Int64) -> Bool {
        abs(clock() - milliseconds) <= Int64(keys.secondsMax) * 1000
    }

    /// The same time whatever the place of the first difference.
    private func equal(_ a: String, _ b: String) -> Bool {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private func verifyTIF(_ key: GatewayKeys.Key, _ head: MessageHead) throws(InterfaceError) {
        guard let id = head.fields["x-tif-paasid"], let time = head.fields["x-tif-timestamp"],
            let nonce = head.fields["x-tif-nonce"], let signature = head.fields["x-tif-signature"]
        else { throw .badSignature("缺少 x-tif- 请求头") }
        guard let secret = key.secret, key.paasid == id else { throw .badSignature("x-tif-paasid 不符") }
        guard let seconds = Int64(time), abs(seconds) < 1 << 40, isFresh(seconds * 1000) else {
            throw .badSignature("时间戳超出允许范围，请校准时钟")
        }
        guard equal(signature.lowercased(), SHA256.hex(of: time + secret + nonce + time)) else {
            throw .badSignature("x-tif-signature 不符")
        }
    }

    private func verifyAPI(_ key: GatewayKeys.Key, _ head: MessageHead) throws(InterfaceError) {
        let names = ["_api_access_key", "_api_name", "_api_timestamp", "_api_version"]
        var parts: [String] = []
        for name in names {
            guard let value = head.fields[name] else { throw .badSignature("缺少请求头 \(name)") }
            parts.append("\(name)=\(value)")
        }
        guard let secret = key.secret, key.accessKey == head.fields["_api_access_key"] else {
            throw .badSignature("_api_access_key 不符")
        }
        guard let time = head.fields["_api_timestamp"].flatMap({ Int64($0) }), abs(time) < 1 << 50, isFresh(time) else {
            throw .badSignature("时间戳超出允许范围，请校准时钟")
        }
        let code = NationalCiphers.hmacSHA1(key: Array(secret.utf8), Array(parts.joined(separator: "&").utf8))
        guard let signature = head.fields["_api_signature"], equal(signature, Bytes.base64(code)) else {
            throw .badSignature("_api_signature 不符")
        }
    }

    /// Every member but `cainfo` and `input`, by name, `k=v` joined with `&`.
    private func verifyEnvelope(_ root: JSONValue, _ key: GatewayKeys.Key) throws(InterfaceError) {
        guard let signature = root.member("cainfo")?.text.flatMap({ Bytes.hex($0) }) else {
            throw .badSignature("缺少 cainfo")
        }
        let bytes = Array(Self.signedText(of: root).utf8)
        let isRight =
            if let sm2 = key.sm2 {
                NationalCiphers.verifySM2(signature, of: bytes, key: sm2)
            } else {
                NationalCiphers.sm3(bytes) == signature
            }
        guard isRight else { throw .badSignature("cainfo 与报文不符") }
    }

    package static func signedText(of root: JSONValue) -> String {
        root.members.filter { $0.name != "cainfo" && $0.name != "input" }.sorted {
            $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
        }
        .map { "\($0.name)=\($0.value.written)" }.joined(separator: "&")
    }

    // MARK: Cipher texts

    /// The input of a kept message, whose signature was verified when it came; nil where it was not enciphered.
    package func decipher(_ root: JSONValue, _ settings: ServiceSettings) -> [UInt8]? {
        let code = root.member("fixmedins_code")?.text ?? root.member("medins_code")?.text ?? ""
        guard let institution = settings.institution(code), institution.signing == .ciphers,
            let sm4 = keys.keys[institution.key ?? code]?.sm4,
            let cipher = root.member("input")?.text.flatMap({ Bytes.base64($0) })
        else { return nil }
        return NationalCiphers.sm4(cipher, key: sm4, isEncrypting: false)
    }

    /// The input of a message whose sender enciphers it, after token and signature were found right.
    package func open(
        _ root: JSONValue, _ institution: InstitutionSettings, _ code: String, _ head: MessageHead,
        _ buffers: TextBuffers
    ) throws(InterfaceError) -> UnsafeBufferPointer<UInt8> {
        let key = try key(institution, code)
        if let token = key.token {
            guard equal(head.fields["authorization"] ?? "", "Bearer " + token) else {
                throw .badSignature("Authorization 令牌不符")
            }
        }
        guard let cipher = root.member("input")?.text.flatMap({ Bytes.base64($0) }), let sm4 = key.sm4,
            let plain = NationalCiphers.sm4(cipher, key: sm4, isEncrypting: false)
        else { throw .cannotDecipher }
        if let sm2 = key.sm2 {
            guard let signature = root.member("cainfo")?.text.flatMap({ Bytes.base64($0) }),
                NationalCiphers.verifySM2(signature, of: plain, key: sm2)
            else { throw .badSignature("cainfo 与交易输入不符") }
        }
        return buffers.keep(plain)
    }
}

extension JSONValue {
    /// The members of an object in the order in which they were written.
    var members: [(name: String, value: JSONValue)] {
        guard kind == .object else { return [] }
        var found: [(String, JSONValue)] = []
        var child = node + 1
        let end = Int(nodes[node].after)
        while child < end {
            let own = nodes[child]
            let name = UnsafeBufferPointer(start: bytes + Int(own.name.start), count: Int(own.name.count))
            found.append((String(decoding: name, as: UTF8.self), JSONValue(self, node: child)))
            child = Int(own.after)
        }
        return found
    }

    /// A scalar as it was written, without trimming; empty for anything else.
    var written: String {
        let own = nodes[node]
        switch own.kind {
        case .string: return String(decoding: unescaped, as: UTF8.self)
        case .number:
            return String(
                decoding: UnsafeBufferPointer(start: bytes + Int(own.start), count: Int(own.count)), as: UTF8.self)
        case .yes: return "true"
        case .no: return "false"
        case .null, .object, .array: return ""
        }
    }
}
