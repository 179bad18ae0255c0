import Columns
import Knowledge

/// Keys of the institutions (接入密钥), from a file of their own that only the service may read.
package struct GatewayKeys: Sendable {
    package struct Key: Sendable {
        /// T1.
        package var paasid: String?
        /// T1, T2.
        package var secret: String?
        /// T2.
        package var accessKey: String?
        /// T3.
        package var token: String?
        /// T3: sixteen bytes.
        package var sm4: [UInt8]?
        /// T3, T4: SubjectPublicKeyInfo in DER.
        package var sm2: [UInt8]?

        package init() {}
    }

    package var keys: [String: Key] = [:]
    /// How far a sender's clock may be off.
    package var secondsMax = 1_800

    package init() {}

    package static func read(_ content: [UInt8], file: String) -> (keys: GatewayKeys?, diagnostics: [Diagnostic]) {
        let (document, problems) = YamlDocument.read(content, file: file)
        guard let document else { return (nil, problems) }
        var diagnostics = problems
        var result = GatewayKeys()
        for (name, node) in document.root.pairs ?? [] {
            var key = Key()
            for (member, value) in node.pairs ?? [] {
                let text = value.string ?? ""
                var fits = !text.isEmpty
                switch member.string {
                case "paasid": key.paasid = text
                case "secret": key.secret = text
                case "access_key": key.accessKey = text
                case "token": key.token = text
                case "sm4":
                    key.sm4 = Bytes.hex(text)
                    fits = key.sm4?.count == 16
                case "sm2_public":
                    key.sm2 = Bytes.publicKey(text)
                    fits = key.sm2 != nil
                default: fits = false
                }
                if !fits {
                    diagnostics.append(
                        Diagnostic(
                            file: file, line: member.line, column: member.column, code: "WEB210",
                            message: "`\(member.string ?? "")` is not part of a key, or its value does not fit",
                            advice: "See docs/interface.md, signing"))
                }
            }
            result.keys[name.string ?? ""] = key
        }
        return (diagnostics.contains { $0.severity == .error } ? nil : result, diagnostics)
    }
}
