import Columns

/// A digest that keeps pace with reading: CRC-32C and a 64-bit product chain. It tells files apart that differ by
/// accident; it is no proof against someone who tries.
struct ContentPrint {
    private var crc: UInt32 = 0
    private var chain: UInt64 = 0x9E37_79B9_7F4A_7C15

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        crc = crc32c(bytes, seed: crc)
        var index = 0
        var state = chain
        while index &+ 16 <= bytes.count {
            let a = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let b = bytes.loadUnaligned(fromByteOffset: index &+ 8, as: UInt64.self)
            let product = (a ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: b ^ state)
            state = product.high ^ product.low ^ 0xE703_7ED1_A0B4_28DB
            index &+= 16
        }
        while index < bytes.count {
            state = (state ^ UInt64(bytes[index])) &* 0x0000_0100_0000_01B3
            index &+= 1
        }
        chain = state
    }

    var text: String { String(chain, radix: 16) + "-" + String(crc, radix: 16) }
}
