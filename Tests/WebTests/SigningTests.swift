import Columns
import Foundation
import Testing

@testable import Web

/// The four ways in which gateways sign, each with a key of its own; what was changed on the way is refused.
@Suite struct SigningTests {
    private func service(_ signing: InstitutionSettings.Signing, _ key: GatewayKeys.Key) throws -> Rehearsal {
        var settings = ServiceSettings()
        var institution = InstitutionSettings()
        institution.signing = signing
        settings.institutions = ["H1": institution]
        settings.admitsUnlisted = false
        var keys = GatewayKeys()
        keys.keys = ["H1": key]
        return Rehearsal(plan: try #require(Shipped.plan), settings: settings, keys: keys)
    }

    private let input: [String: Any] = ["data": ["psn_no": "P1", "mdtrt_id": "V1"]]

    private func message(_ fields: [String: Any] = [:]) -> [String: Any] {
        ["infno": "2404", "msgid": UUID().uuidString, "fixmedins_code": "H1", "opter": "o1", "input": input].merging(
            fields
        ) { $1 }
    }

    private func isTaken(_ service: Rehearsal, _ message: [String: Any], _ head: MessageHead = MessageHead()) -> Bool {
        let answer = service.ask(message.json, head: head)
        if answer["infcode"] as? Int == 0 { return true }
        #expect(
            (answer["err_msg"] as? String)?.contains("WEB108") == true
                || (answer["err_msg"] as? String)?.contains("WEB109") == true, "\(answer)")
        return false
    }

    @Test func unlistedInstitutionsAreRefusedWhereSettingsSaySo() throws {
        let service = try service(.none, GatewayKeys.Key())
        #expect((service.ask(message(["fixmedins_code": "H2"]).json)["err_msg"] as? String)?.contains("WEB107") == true)
    }

    @Test func firstWay() throws {
        var key = GatewayKeys.Key()
        key.paasid = "pass"
        key.secret = "s3"
        let service = try service(.tif, key)
        let time = "\(WallClock.milliseconds / 1000)"
        var head = MessageHead()
        head.fields = [
            "x-tif-paasid": "pass", "x-tif-timestamp": time, "x-tif-nonce": "n1",
            "x-tif-signature": SHA256.hex(of: time + "s3" + "n1" + time).uppercased(),
        ]
        #expect(isTaken(service, message(), head))
        head.fields["x-tif-nonce"] = "n2"
        #expect(!isTaken(service, message(), head))
        #expect(!isTaken(service, message()))
        let old = "\(WallClock.milliseconds / 1000 - 7_200)"
        head.fields = [
            "x-tif-paasid": "pass", "x-tif-timestamp": old, "x-tif-nonce": "n1",
            "x-tif-signature": SHA256.hex(of: old + "s3" + "n1" + old),
        ]
        #expect(!isTaken(service, message(), head))
    }

    @Test func secondWay() throws {
        var key = GatewayKeys.Key()
        key.accessKey = "a"
        key.secret = "s3"
        let service = try service(.api, key)
        let time = "\(WallClock.milliseconds)"
        let text = "_api_access_key=a&_api_name=2404&_api_timestamp=\(time)&_api_version=1.0.0"
        var head = MessageHead()
        head.fields = [
            "_api_access_key": "a", "_api_name": "2404", "_api_timestamp": time, "_api_version": "1.0.0",
            "_api_signature": Bytes.base64(NationalCiphers.hmacSHA1(key: Array("s3".utf8), Array(text.utf8))),
        ]
        #expect(isTaken(service, message(), head))
        head.fields["_api_name"] = "2301"
        #expect(!isTaken(service, message(), head))
    }

    @Test func standardVectors() {
        #expect(
            Bytes.hex(NationalCiphers.sm3(Array("abc".utf8)))
                == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0")
        let key = Bytes.hex("0123456789abcdeffedcba9876543210") ?? []
        let cipher = NationalCiphers.sm4(key, key: key, isEncrypting: true) ?? []
        #expect(Bytes.hex(Array(cipher.prefix(16))) == "681edf34d206965e86b3e94f536e4246")
        #expect(NationalCiphers.sm4(cipher, key: key, isEncrypting: false) == key)
        #expect(
            Bytes.hex(
                NationalCiphers.hmacSHA1(
                    key: Array("key".utf8), Array("The quick brown fox jumps over the lazy dog".utf8)))
                == "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9")
    }

    @Test func thirdAndFourthWayWithNationalCiphers() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "yijian-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let secret = folder.appending(path: "key.pem").path()
        let open = folder.appending(path: "pub.pem").path()
        try openssl("ecparam", "-genkey", "-name", "SM2", "-noout", "-out", secret)
        try openssl("pkey", "-in", secret, "-pubout", "-out", open)
        let pem = try String(contentsOfFile: open, encoding: .utf8)
        func sign(_ text: String) throws -> [UInt8] {
            let file = folder.appending(path: "text").path()
            try Data(text.utf8).write(to: URL(filePath: file))
            try openssl(
                "pkeyutl", "-sign", "-inkey", secret, "-rawin", "-digest", "sm3", "-pkeyopt",
                "distid:1234567812345678",
                "-in", file, "-out", file + ".sig")
            return Array(try Data(contentsOf: URL(filePath: file + ".sig")))
        }
        var key = GatewayKeys.Key()
        key.sm2 = Bytes.publicKey(pem)
        #expect(key.sm2 != nil)
        key.sm4 = Array("0123456789abcdef".utf8)
        key.token = "tok"

        // T3: the input enciphered, its plain text signed, a bearer token.
        let third = try service(.ciphers, key)
        let plain = input.json
        let cipher = Bytes.base64(
            try #require(NationalCiphers.sm4(Array(plain.utf8), key: key.sm4 ?? [], isEncrypting: true)))
        var head = MessageHead()
        head.fields = ["authorization": "Bearer tok"]
        let signature = Bytes.base64(try sign(plain))
        #expect(isTaken(third, message(["input": cipher, "cainfo": signature]), head))
        #expect(!isTaken(third, message(["input": cipher, "cainfo": signature])))
        #expect(!isTaken(third, message(["input": cipher, "cainfo": Bytes.base64(try sign(plain + " "))]), head))
        #expect(!isTaken(third, message(["input": "AAAA", "cainfo": signature]), head))

        // T4: the envelope signed, r and s in hexadecimal.
        let fourth = try service(.envelope, key)
        let envelope = ["fixmedins_code": "H1", "infno": "2404", "msgid": "m4", "opter": "o1"]
        let text = envelope.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "&")
        let written = message(["msgid": "m4", "cainfo": Bytes.hex(try sign(text)).uppercased()])
        #expect(isTaken(fourth, written))
        #expect(!isTaken(fourth, written.merging(["opter": "o2", "msgid": "m5"]) { $1 }))
        // Without a key the digest alone.
        let digest = try service(.envelope, GatewayKeys.Key())
        #expect(isTaken(digest, message(["msgid": "m4", "cainfo": Bytes.hex(NationalCiphers.sm3(Array(text.utf8)))])))
        #expect(!isTaken(digest, message(["msgid": "m6", "cainfo": Bytes.hex(NationalCiphers.sm3(Array(text.utf8)))])))
    }

    private func openssl(_ words: String...) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments = words
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }
}
