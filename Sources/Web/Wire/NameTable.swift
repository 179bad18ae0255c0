/// Names of members that a reader wants, found by one look for each member of an object.
///
/// Names are written as the national interface writes them (`drord_begn_date`); the same in camelCase is folded to it.
package struct NameTable: Sendable {
    private let slots: [Int16]
    private let names: [[UInt8]]
    private let places: [Int16]
    private let mask: UInt32
    /// The number of distinct members that are looked for.
    package let count: Int

    /// Each entry is a name, or several names of one member parted by `|`.
    package init(_ members: [String]) {
        count = members.count
        var names: [[UInt8]] = []
        var places: [Int16] = []
        for (place, member) in members.enumerated() {
            for name in member.split(separator: "|").map(String.init) {
                for form in Set([name, Self.camelCase(name)]).sorted() {
                    names.append(Array(form.utf8))
                    places.append(Int16(place))
                }
            }
        }
        var size = 8
        while size < names.count * 4 { size *= 2 }
        var slots = [Int16](repeating: -1, count: size)
        mask = UInt32(size - 1)
        for (number, name) in names.enumerated() {
            let hash = name.withUnsafeBufferPointer { $0.baseAddress.map { Self.hash($0, name.count) } ?? 0 }
            var slot = Int(Self.spread(hash) & mask)
            while slots[slot] >= 0 { slot = (slot + 1) & (size - 1) }
            slots[slot] = Int16(number)
        }
        self.slots = slots
        self.names = names
        self.places = places
    }

    /// The place of the member that a name means; nil when nobody looks for it.
    @inline(__always) func place(_ hash: UInt32, _ start: UnsafePointer<UInt8>, _ count: Int) -> Int? {
        var slot = Int(Self.spread(hash) & mask)
        while true {
            let number = Int(slots[slot])
            if number < 0 { return nil }
            if names[number].count == count,
                names[number].withUnsafeBufferPointer({ own in
                    own.baseAddress.map { Self.equal($0, start, count) } ?? (count == 0)
                })
            {
                return Int(places[number])
            }
            slot = (slot &+ 1) & Int(mask)
        }
    }

    /// Length, first and last bytes mixed: cheap, and good enough for names of one format.
    @inline(__always) static func hash(_ start: UnsafePointer<UInt8>, _ count: Int) -> UInt32 {
        var hash = UInt32(truncatingIfNeeded: count) &* 0x9E37_79B1
        var index = 0
        while index < count {
            hash = (hash ^ UInt32(start[index])) &* 0x0100_0193
            index &+= 1
        }
        return hash ^ (hash &>> 15)
    }

    @inline(__always) private static func spread(_ hash: UInt32) -> UInt32 { (hash &* 0x85EB_CA6B) &>> 7 }

    @inline(__always) static func equal(_ a: UnsafePointer<UInt8>, _ b: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        var index = 0
        while index < count {
            if a[index] != b[index] { return false }
            index &+= 1
        }
        return true
    }

    private static func camelCase(_ name: String) -> String {
        let parts = name.split(separator: "_")
        guard let first = parts.first else { return name }
        return String(first) + parts.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }
}
