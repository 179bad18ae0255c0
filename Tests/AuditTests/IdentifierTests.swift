import Claims
import Testing

/// Identifiers of findings must be the same everywhere and for ever, so the hash is held to its published values.
@Suite struct IdentifierTests {
    private func hash(_ text: String) -> String {
        Array(text.utf8).withUnsafeBytes { FindingIdentifier.hex(of: MurmurHash3.x64x128($0, seed: 0)) }
    }

    @Test(arguments: [
        ("", "00000000000000000000000000000000"),
        ("hello", "cbd8a7b341bd9b025b1e906a48ae1d19"),
        ("hello, world", "342fac623a5ebc8e4cdcbc079642414d"),
        ("The quick brown fox jumps over the lazy dog", "e34bbc7bbc071b6c7a433ca9c49a9347"),
        ("The quick brown fox jumps over the lazy dog.", "cd99481f9ee902c9695da1a38987b6e7"),
    ])
    func publishedVectors(text: String, expected: String) {
        #expect(hash(text) == expected)
    }

    /// The check of SMHasher over every length from 0 to 255 and as many seeds; its value is in that suite's source.
    @Test func smhasherVerification() {
        var hashes: [UInt8] = []
        var key: [UInt8] = []
        for length in 0..<256 {
            let value = key.withUnsafeBytes { MurmurHash3.x64x128($0, seed: UInt32(256 - length)) }
            for word in [value.low, value.high] {
                for shift in stride(from: UInt64(0), to: 64, by: 8) {
                    hashes.append(UInt8(truncatingIfNeeded: word >> shift))
                }
            }
            key.append(UInt8(length))
        }
        let final = hashes.withUnsafeBytes { MurmurHash3.x64x128($0, seed: 0) }
        #expect(UInt32(truncatingIfNeeded: final.low) == 0x6384_BA69)
    }

    @Test func ruleAndKeyAreKeptApart() {
        #expect(FindingIdentifier.hex(rule: "P1", key: "1") == hash("P1\u{1f}1"))
        #expect(FindingIdentifier.hex(rule: "P", key: "11") != FindingIdentifier.hex(rule: "P1", key: "1"))
    }
}
