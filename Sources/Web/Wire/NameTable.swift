/// Names of members that a reader wants, found by one look for each member of an object.
///
/// Names are written as the national interface writes them (`drord_begn_date`); the same in camelCase is folded to it.
///
/// Made once for each kind of object and asked for every member: its memory is read without counting references.
package final class NameTable: @unchecked Sendable {
    private struct Slot {
        var hash: UInt32 = 0
        /// Where the name lies among the texts.
        var start: UInt16 = 0
        var count: UInt16 = 0
        /// -1: nothing is here.
        var place: Int32 = -1
    }

    private let slots: UnsafeMutablePointer<Slot>
    private let texts: UnsafeMutablePointer<UInt8>
    private let mask: UInt32
    /// The number of distinct members that are looked for.
    package let count: Int

    /// Each entry is a name, or several names of one member parted by `|`.
    package init(_ members: [String]) {
        precondition(members.count <= MessageRecord.membersMax, "\(members.count) members of one object are looked for")
        count = members.count
        var names: [(text: [UInt8], place: Int)] = []
        for (place, member) in members.enumerated() {
            for name in member.split(separator: "|").map(String.init) {
                for form in Set([name, Self.camelCase(name)]).sorted() { names.append((Array(form.utf8), place)) }
            }
        }
        var size = 8
        while size < names.count * 4 { size *= 2 }
        var slots = [Slot](repeating: Slot(), count: size)
        var texts: [UInt8] = []
        mask = UInt32(size - 1)
        for (text, place) in names {
            let hash = text.withUnsafeBufferPointer { buffer in
                buffer.baseAddress.map { Self.hash($0, buffer.count, readable: buffer.count) } ?? 0
            }
            var slot = Int(Self.spread(hash) & mask)
            while slots[slot].place >= 0 { slot = (slot + 1) & (size - 1) }
            slots[slot] = Slot(
                hash: hash, start: UInt16(texts.count), count: UInt16(text.count), place: Int32(place))
            texts += text
        }
        self.slots = .allocate(capacity: slots.count)
        self.slots.initialize(from: slots, count: slots.count)
        self.texts = .allocate(capacity: max(1, texts.count))
        self.texts.initialize(from: texts, count: texts.count)
    }

    deinit {
        slots.deallocate()
        texts.deallocate()
    }

    /// The place of the member that a name means; nil when nobody looks for it.
    @inline(__always) func place(_ name: JSONTape.Name, in bytes: UnsafePointer<UInt8>) -> Int? {
        var number = Int(Self.spread(name.hash) & mask)
        while true {
            let slot = slots[number]
            if slot.place < 0 { return nil }
            if slot.hash == name.hash, slot.count == name.count,
                Self.equal(texts + Int(slot.start), bytes + Int(name.start), Int(slot.count))
            {
                return Int(slot.place)
            }
            number = (number &+ 1) & Int(mask)
        }
    }

    /// Eight bytes at a time: cheap, and good enough for names of one format. `readable`: how many bytes may be read from
    /// the beginning of the name on.
    @inline(__always) static func hash(_ start: UnsafePointer<UInt8>, _ count: Int, readable: Int) -> UInt32 {
        let raw = UnsafeRawPointer(start)
        var hash = UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
        var at = 0
        while at &+ 8 <= count {
            hash = mixed(hash ^ raw.loadUnaligned(fromByteOffset: at, as: UInt64.self).littleEndian)
            at &+= 8
        }
        let rest = count &- at
        if rest > 0 {
            var word: UInt64 = 0
            if at &+ 8 <= readable {
                word = raw.loadUnaligned(fromByteOffset: at, as: UInt64.self).littleEndian
                word &= (1 &<< UInt64(truncatingIfNeeded: rest &* 8)) &- 1
            } else {
                for place in 0..<rest { word |= UInt64(start[at &+ place]) &<< UInt64(truncatingIfNeeded: place &* 8) }
            }
            hash = mixed(hash ^ word)
        }
        return UInt32(truncatingIfNeeded: hash ^ (hash &>> 32))
    }

    @inline(__always) private static func mixed(_ word: UInt64) -> UInt64 {
        let product = word &* 0xD6E8_FEB8_6659_FD93
        return product ^ (product &>> 32)
    }

    @inline(__always) private static func spread(_ hash: UInt32) -> UInt32 { (hash &* 0x85EB_CA6B) &>> 7 }

    @inline(__always) static func equal(_ a: UnsafePointer<UInt8>, _ b: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        let (x, y) = (UnsafeRawPointer(a), UnsafeRawPointer(b))
        var at = 0
        while at &+ 8 <= count {
            if x.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                != y.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            {
                return false
            }
            at &+= 8
        }
        if at == count { return true }
        if count >= 8 {
            // The last eight, of which some were compared before.
            return x.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
                == y.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
        }
        if count >= 4 {
            return x.loadUnaligned(as: UInt32.self) == y.loadUnaligned(as: UInt32.self)
                && x.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
                    == y.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
        }
        while at < count {
            if a[at] != b[at] { return false }
            at &+= 1
        }
        return true
    }

    private static func camelCase(_ name: String) -> String {
        let parts = name.split(separator: "_")
        guard let first = parts.first else { return name }
        return String(first) + parts.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }
}
