import CKernels

/// CRC-32C (Castagnoli) of `bytes`; pass the checksum of what came before to go on.
///
/// Uses the processor's instruction where there is one.
package func crc32c(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
    yj_crc32c(seed, bytes.baseAddress, bytes.count)
}

/// The checksums of a file in the order of its parts, written to JSON as one run of hex digits, eight each.
package struct Checksums: Equatable, Sendable, Codable {
    package let values: [UInt32]

    package init(_ values: [UInt32]) { self.values = values }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let values = Self.parse(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "checksums are hex digits in groups of eight")
        }
        self.values = values
    }

    package func encode(to encoder: any Encoder) throws {
        var text: [UInt8] = []
        text.reserveCapacity(values.count * 8)
        for value in values {
            for shift in stride(from: UInt32(28), through: 0, by: -4) {
                text.append(Hex.digit(UInt8(truncatingIfNeeded: value >> shift) & 15))
            }
        }
        var container = encoder.singleValueContainer()
        try container.encode(String(decoding: text, as: UTF8.self))
    }

    private static func parse(_ text: String) -> [UInt32]? {
        var values: [UInt32] = []
        var value: UInt32 = 0
        var digits = 0
        values.reserveCapacity(text.utf8.count / 8)
        for byte in text.utf8 {
            guard let digit = Hex.value(byte) else { return nil }
            value = value << 4 | UInt32(digit)
            digits += 1
            if digits == 8 {
                values.append(value)
                (value, digits) = (0, 0)
            }
        }
        return digits == 0 ? values : nil
    }
}

/// Lower-case hexadecimal.
enum Hex {
    static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

    static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    static func text(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digit(byte >> 4))
            text.append(digit(byte & 15))
        }
        return String(decoding: text, as: UTF8.self)
    }
}
