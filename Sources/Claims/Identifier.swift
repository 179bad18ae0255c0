/// The identifier of a finding (疑点编号): MurmurHash3 x64 128 of `rule U+001F key`, as 32 hexadecimal digits.
///
/// The same rule and unit give the same identifier in every run, on every machine and along every path, so findings
/// of two runs can be compared and a later revision can supersede an earlier one. The hash is not a secret and not
/// a checksum.
package enum FindingIdentifier {
    /// The separator can occur in neither rule names nor keys.
    private static let separator: UInt8 = 0x1F

    package static func hex(rule: String, key: String) -> String {
        var bytes = Array(rule.utf8)
        bytes.append(separator)
        bytes.append(contentsOf: key.utf8)
        return bytes.withUnsafeBytes { hex(of: MurmurHash3.x64x128($0, seed: 0)) }
    }

    package static func hex(of hash: MurmurHash3.Value) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(unsafeUninitializedCapacity: 32) { buffer in
            for index in 0..<16 {
                let shift = UInt64(60 - 4 * index)
                buffer[index] = digits[Int(hash.low >> shift & 15)]
                buffer[index + 16] = digits[Int(hash.high >> shift & 15)]
            }
            return 32
        }
    }
}

/// MurmurHash3, the variant of 128 bits for 64-bit machines, by Austin Appleby (public domain), written anew.
package enum MurmurHash3 {
    package struct Value: Hashable, Sendable {
        package let low: UInt64
        package let high: UInt64
    }

    private static let firstFactor: UInt64 = 0x87C3_7B91_1142_53D5
    private static let secondFactor: UInt64 = 0x4CF5_AD43_2745_937F

    package static func x64x128(_ bytes: UnsafeRawBufferPointer, seed: UInt32) -> Value {
        var low = UInt64(seed)
        var high = UInt64(seed)
        let blocks = bytes.count / 16

        for block in 0..<blocks {
            let first = bytes.loadUnaligned(fromByteOffset: block &* 16, as: UInt64.self)
            let second = bytes.loadUnaligned(fromByteOffset: block &* 16 &+ 8, as: UInt64.self)
            low ^= scramble(UInt64(littleEndian: first), firstFactor, 31, secondFactor)
            low = (rotate(low, 27) &+ high) &* 5 &+ 0x52DC_E729
            high ^= scramble(UInt64(littleEndian: second), secondFactor, 33, firstFactor)
            high = (rotate(high, 31) &+ low) &* 5 &+ 0x3849_5AB5
        }

        // The last bytes, fewer than 16, fill two words that start as zero.
        var firstTail: UInt64 = 0
        var secondTail: UInt64 = 0
        for index in (blocks &* 16)..<bytes.count {
            let place = index &- blocks &* 16
            if place < 8 {
                firstTail |= UInt64(bytes[index]) << UInt64(8 &* place)
            } else {
                secondTail |= UInt64(bytes[index]) << UInt64(8 &* (place &- 8))
            }
        }
        high ^= scramble(secondTail, secondFactor, 33, firstFactor)
        low ^= scramble(firstTail, firstFactor, 31, secondFactor)

        low ^= UInt64(bytes.count)
        high ^= UInt64(bytes.count)
        low &+= high
        high &+= low
        low = finish(low)
        high = finish(high)
        low &+= high
        high &+= low
        return Value(low: low, high: high)
    }

    private static func rotate(_ word: UInt64, _ count: UInt64) -> UInt64 {
        word << count | word >> (64 &- count)
    }

    private static func scramble(_ word: UInt64, _ before: UInt64, _ count: UInt64, _ after: UInt64) -> UInt64 {
        rotate(word &* before, count) &* after
    }

    /// Makes every bit of the result depend on every bit of the word.
    private static func finish(_ word: UInt64) -> UInt64 {
        var word = word
        word ^= word >> 33
        word &*= 0xFF51_AFD7_ED55_8CCD
        word ^= word >> 33
        word &*= 0xC4CE_B9FE_1A85_EC53
        word ^= word >> 33
        return word
    }
}

extension FindingIdentifier {
    /// The identifier as 32 ASCII bytes, written into `buffer`.
    package static func write(
        rule: String, key: UnsafeBufferPointer<UInt8>, into buffer: UnsafeMutableBufferPointer<UInt8>
    ) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: rule.utf8.count + 1 + key.count) { text in
            var length = 0
            for byte in rule.utf8 {
                text[length] = byte
                length += 1
            }
            text[length] = separator
            length += 1
            if let start = key.baseAddress, let target = text.baseAddress {
                (target + length).update(from: start, count: key.count)
            }
            length += key.count
            let hash = MurmurHash3.x64x128(
                UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(text)[..<length]), seed: 0)
            for index in 0..<16 {
                let shift = UInt64(60 - 4 * index)
                buffer[index] = digit(hash.low >> shift & 15)
                buffer[index + 16] = digit(hash.high >> shift & 15)
            }
        }
    }

    private static func digit(_ value: UInt64) -> UInt8 { UInt8(value < 10 ? 48 + value : 87 + value) }
}
