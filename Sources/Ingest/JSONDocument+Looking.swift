/// Finding members and reading values of a document that was parsed.
extension JSONDocument {
    /// The member of an object by its name.
    func member(_ name: Cell, of object: Int32) -> Int32? {
        var child = values[Int(object)].first
        while child >= 0 {
            let value = values[Int(child)]
            if value.nameCount == name.count, compareBytes(bytes + value.nameStart, name.start, name.count) == 0 {
                return child
            }
            child = value.next
        }
        return nil
    }

    /// What a scalar says, as bytes; null, objects and arrays say nothing.
    func text(_ number: Int32, _ scratch: Scratch) -> Cell {
        let value = values[Int(number)]
        switch value.kind {
        case .object, .array, .null: return .absent
        case .yes: return scratch.keep("true".utf8)
        case .no: return scratch.keep("false".utf8)
        case .number: return Cell(start: bytes + value.start, count: value.count)
        case .string:
            let raw = Cell(start: bytes + value.start, count: value.count)
            return value.isEscaped ? JSONDocument.unescaped(raw, scratch) : raw
        }
    }

    private static func unescaped(_ raw: Cell, _ scratch: Scratch) -> Cell {
        var out: [UInt8] = []
        out.reserveCapacity(raw.count)
        var index = 0
        func unit(_ from: Int) -> UInt32 { (0..<4).reduce(0) { $0 << 4 | (hex(raw.start[from + $1]) ?? 0) } }
        while index < raw.count {
            let byte = raw.start[index]
            if byte != 0x5C {
                out.append(byte)
                index += 1
                continue
            }
            let letter = raw.start[index + 1]
            index += 2
            switch letter {
            case 0x62: out.append(0x08)
            case 0x66: out.append(0x0C)
            case 0x6E: out.append(0x0A)
            case 0x72: out.append(0x0D)
            case 0x74: out.append(0x09)
            case 0x75:
                var code = unit(index)
                index += 4
                if code >= 0xD800, code < 0xDC00, index + 5 < raw.count, raw.start[index] == 0x5C,
                    raw.start[index + 1] == 0x75
                {
                    let low = unit(index + 2)
                    if low >= 0xDC00, low < 0xE000 {
                        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
                        index += 6
                    }
                }
                // Half of a pair is no character; the zero byte lets the field refuse it.
                if let scalar = Unicode.Scalar(code) {
                    out += Array(String(Character(scalar)).utf8)
                } else {
                    out.append(0)
                }
            default: out.append(letter)
            }
        }
        return scratch.keep(out)
    }
}
