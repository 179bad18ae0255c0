/// Builds a FlatBuffer from its end towards its beginning.
///
/// Objects are written before those that point at them; a `Reference` is an object's distance from the end. The bytes
/// are kept in reverse until `finish`.
struct FlatBufferBuilder {
    /// Where an object begins, counted from the end of the buffer.
    struct Reference { fileprivate let distance: Int }

    /// What a table holds in one slot.
    enum Value {
        case int8(Int8)
        case int16(Int16)
        case int32(Int32)
        case int64(Int64)
        case reference(Reference)

        fileprivate var size: Int {
            switch self {
            case .int8: 1
            case .int16: 2
            case .int32, .reference: 4
            case .int64: 8
            }
        }
    }

    private var reversed: [UInt8] = []

    mutating func string(_ text: String) -> Reference {
        let bytes = Array(text.utf8)
        pad(to: 4, after: bytes.count + 1)
        reversed.append(0)
        reversed.append(contentsOf: bytes.reversed())
        push(UInt32(truncatingIfNeeded: bytes.count))
        return Reference(distance: reversed.count)
    }

    mutating func vector(_ references: [Reference]) -> Reference {
        pad(to: 4, after: 4 * references.count)
        for reference in references.reversed() { push(reference) }
        push(UInt32(truncatingIfNeeded: references.count))
        return Reference(distance: reversed.count)
    }

    /// A vector of structs that are made of 64-bit words.
    mutating func vector(words: [Int64], wordsPerElement: Int) -> Reference {
        pad(to: 8, after: 8 * words.count)
        for word in words.reversed() { push(word) }
        push(UInt32(truncatingIfNeeded: words.count / wordsPerElement))
        return Reference(distance: reversed.count)
    }

    /// A table; slots that are absent take their default.
    mutating func table(_ slots: [(slot: Int, value: Value)]) -> Reference {
        let end = reversed.count
        var places: [Int: Int] = [:]
        for (slot, value) in slots.sorted(by: { $0.value.size > $1.value.size }) {
            pad(to: value.size, after: value.size)
            switch value {
            case .int8(let number): push(number)
            case .int16(let number): push(number)
            case .int32(let number): push(number)
            case .int64(let number): push(number)
            case .reference(let reference): push(reference)
            }
            places[slot] = reversed.count
        }
        pad(to: 4, after: 4)
        push(Int32(0))
        let table = reversed.count
        let slotCount = (places.keys.max() ?? -1) + 1
        for slot in stride(from: slotCount - 1, through: 0, by: -1) {
            push(UInt16(truncatingIfNeeded: places[slot].map { table - $0 } ?? 0))
        }
        push(UInt16(truncatingIfNeeded: table - end))
        push(UInt16(truncatingIfNeeded: 4 + 2 * slotCount))
        let back = UInt32(truncatingIfNeeded: reversed.count - table)
        for byte in 0..<4 { reversed[table - 1 - byte] = UInt8(truncatingIfNeeded: back >> UInt32(8 * byte)) }
        return Reference(distance: table)
    }

    /// The finished bytes, a multiple of 8 long.
    mutating func finish(root: Reference) -> [UInt8] {
        pad(to: 8, after: 4)
        push(root)
        return reversed.reversed()
    }

    private mutating func pad(to alignment: Int, after size: Int) {
        while (reversed.count + size) % alignment != 0 { reversed.append(0) }
    }

    private mutating func push(_ reference: Reference) {
        push(UInt32(truncatingIfNeeded: reversed.count + 4 - reference.distance))
    }

    private mutating func push(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { reversed.append(contentsOf: $0) }
    }
}
