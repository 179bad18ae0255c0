import Foundation
import Knowledge

/// How passwords, lockout and sessions are ruled (口令与会话策略): a file of `knowledge/access`. Two are shipped, because
/// what 等保 asks for (complexity, regular change) OWASP ASVS 5.0 forbids: `dengbao`, the default, and `asvs`.
package struct AccessPolicy: Equatable, Sendable {
    package let name: String
    let lengthMin: Int
    let lengthMax: Int
    /// Of capital letters, small letters, digits and others.
    let kindsMin: Int
    /// Nil: a password does not grow old.
    let ageDaysMax: Int?
    /// scrypt's cost, as a power of two: 16 takes 64 MiB.
    var costLog2: Int
    /// How many earlier passwords may not come again.
    let remembered: Int
    let failuresMax: Int
    let lockMinutes: Int
    let idleMinutes: Int
    let absoluteHours: Int
    let needsSecondFactor: Bool
    var common = CommonPasswords.none

    package static func read(knowledge folder: String, name: String) throws -> AccessPolicy {
        let file = "access/\(name).yaml"
        func mistake(_ what: String, _ node: YamlNode?) -> DoorRefusal {
            DoorRefusal(
                .setUp, what, at: node.map { "\(file):\($0.line):\($0.column)" } ?? file,
                advice: "compare the file with access/dengbao.yaml of the shipped package")
        }
        guard name.utf8.allSatisfy({ (0x61...0x7A).contains($0) || $0 == 0x2D }),
            let data = FileManager.default.contents(atPath: folder + "/" + file)
        else { throw mistake("there is no policy `\(name)`", nil) }
        let (document, diagnostics) = YamlDocument.read([UInt8](data), file: file)
        guard let root = document?.root else { throw mistake(diagnostics.first?.message ?? "it is not YAML", nil) }
        func number(_ section: String, _ key: String, _ range: ClosedRange<Int>, orNone: Bool = false) throws -> Int? {
            let node = root[section]?[key]
            if node == nil, orNone { return nil }
            guard let value = node?.string.flatMap({ Int($0) }), range.contains(value) else {
                throw mistake(
                    "\(section).\(key) is a number from \(range.lowerBound) to \(range.upperBound)", node ?? root)
            }
            return value
        }
        guard let factor = root["second_factor"]?.string, ["required", "optional"].contains(factor) else {
            throw mistake("second_factor is `required` or `optional`", root["second_factor"] ?? root)
        }
        return AccessPolicy(
            name: root["name"]?.string ?? name,
            lengthMin: try number("password", "length_min", 8...64) ?? 15,
            lengthMax: try number("password", "length_max", 64...1024) ?? 128,
            kindsMin: try number("password", "kinds_min", 1...4) ?? 1,
            ageDaysMax: try number("password", "age_days_max", 1...3650, orNone: true),
            costLog2: try number("password", "scrypt_cost_log2", 14...20) ?? 16,
            remembered: try number("password", "remembered", 0...24) ?? 0,
            failuresMax: try number("lockout", "failures_max", 3...100) ?? 5,
            lockMinutes: try number("lockout", "minutes", 1...1440) ?? 15,
            idleMinutes: try number("session", "idle_minutes", 1...1440) ?? 15,
            absoluteHours: try number("session", "absolute_hours", 1...72) ?? 8,
            needsSecondFactor: factor == "required",
            common: try CommonPasswords.read(knowledge: folder))
    }

    /// Why a password may not be used; nil when it may.
    func objection(to password: String, accountName: String) -> String? {
        let count = password.precomposed.count
        if count < lengthMin { return "口令只有\(count)个字符，至少\(lengthMin)个" }
        if count > lengthMax { return "口令有\(count)个字符，至多\(lengthMax)个" }
        if kinds(of: password) < kindsMin { return "口令须含大写字母、小写字母、数字、其他字符中的\(kindsMin)种" }
        if Set(password).count < 5 { return "口令中不同的字符太少" }
        let folded = password.lowercased()
        if !accountName.isEmpty, folded.contains(accountName.lowercased()) { return "口令不得包含账户名" }
        if common.holds(folded) { return "口令是常见口令，或只在常见口令前后加了数字、符号" }
        return nil
    }

    private func kinds(of password: String) -> Int {
        Set(
            password.unicodeScalars.map { scalar -> Int in
                switch scalar {
                case "A"..."Z": 0
                case "a"..."z": 1
                case "0"..."9": 2
                default: 3
                }
            }
        ).count
    }
}

extension String {
    /// Characters in their composed form (NFC), so that the same characters typed in another form are the same text.
    var precomposed: String { precomposedStringWithCanonicalMapping }
}
