/// One act in one matter, chained to the act before it (行为链). What the body says is the caller's.
///
/// Canonical bytes, little-endian: `"YJACT1" ‖ length 4 ‖ matter ‖ number 8 ‖ previous 32 ‖ instant 8 ‖ length 4 ‖ body`.
/// The *leaf* is `H(0 ‖ salt 16 ‖ canonical)`, the leaf hash of RFC 6962 over salt and canonical bytes. The salt lies with the
/// body: erase both, and the leaf tells nothing about the person, while chain and tree stay what they are.
package struct ChainedAct: Equatable, Sendable {
    package static let saltCount = 16
    /// What the first act of a matter names as its predecessor.
    package static let noLeaf = [UInt8](repeating: 0, count: HashAlgorithm.byteCount)
    private static let mark = Array("YJACT1".utf8)

    package let matter: String
    /// 1, 2, … within the matter.
    package let number: UInt64
    /// The leaf of the matter's act before this one.
    package let previous: [UInt8]
    /// Milliseconds since 1970.
    package let instant: Int64
    package let body: [UInt8]

    package init(matter: String, number: UInt64, previous: [UInt8], instant: Int64, body: [UInt8]) {
        precondition(previous.count == HashAlgorithm.byteCount, "a leaf has 32 bytes, not \(previous.count)")
        self.matter = matter
        self.number = number
        self.previous = previous
        self.instant = instant
        self.body = body
    }

    package var canonical: [UInt8] {
        var bytes = Self.mark
        bytes.reserveCapacity(64 + matter.utf8.count + body.count)
        bytes.appendLittle(UInt32(matter.utf8.count))
        bytes.append(contentsOf: matter.utf8)
        bytes.appendLittle(number)
        bytes.append(contentsOf: previous)
        bytes.appendLittle(instant)
        bytes.appendLittle(UInt32(body.count))
        bytes.append(contentsOf: body)
        return bytes
    }

    /// Reads canonical bytes; nil unless they are exactly those of one act.
    package init?(canonical bytes: [UInt8]) {
        guard bytes.count >= 10, bytes.starts(with: Self.mark) else { return nil }
        let matterEnd = 10 + Int(bytes.little(UInt32.self, at: 6))
        guard matterEnd + 52 <= bytes.count, let matter = String(validating: bytes[10..<matterEnd], as: UTF8.self)
        else {
            return nil
        }
        let bodyCount = Int(bytes.little(UInt32.self, at: matterEnd + 48))
        guard matterEnd + 52 + bodyCount == bytes.count else { return nil }
        self.matter = matter
        number = bytes.little(UInt64.self, at: matterEnd)
        previous = Array(bytes[(matterEnd + 8)..<(matterEnd + 40)])
        instant = bytes.little(Int64.self, at: matterEnd + 40)
        body = Array(bytes[(matterEnd + 52)...])
    }

    package static func newSalt() -> [UInt8] { RandomBytes.make(saltCount) }

    package func leaf(salt: [UInt8], _ hash: HashAlgorithm) -> [UInt8] {
        Self.leaf(salt: salt, canonical: canonical, hash)
    }

    package static func leaf(salt: [UInt8], canonical: [UInt8], _ hash: HashAlgorithm) -> [UInt8] {
        Digest.of([0] + salt + canonical, hash)
    }
}
