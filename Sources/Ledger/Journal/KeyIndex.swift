/// The keyed codes of one segment while it is open: which records carry a code, newest first.
struct OpenIndex {
    private var newest: [KeyTag: Int32] = [:]
    private var entries: [(record: UInt32, older: Int32)] = []

    var count: Int { entries.count }

    mutating func add(_ tags: [KeyTag], record: UInt32) {
        for tag in tags {
            entries.append((record, newest[tag] ?? -1))
            newest[tag] = Int32(entries.count - 1)
        }
    }

    /// Every code with each record that carries it, in no order.
    var all: [(tag: KeyTag, record: UInt32)] {
        var all: [(tag: KeyTag, record: UInt32)] = []
        all.reserveCapacity(entries.count)
        for (tag, first) in newest {
            var place = first
            while place >= 0 {
                let entry = entries[Int(place)]
                all.append((tag, entry.record))
                place = entry.older
            }
        }
        return all
    }

    func records(_ tag: KeyTag, limit: Int) -> [UInt32] {
        var found: [UInt32] = []
        var place = newest[tag] ?? -1
        while place >= 0, found.count < limit {
            let entry = entries[Int(place)]
            if found.last != entry.record { found.append(entry.record) }
            place = entry.older
        }
        return found
    }
}

/// The sorted key index of a sealed segment, as bytes, and the search in it.
enum KeyIndex {
    static let entryBytes = 20

    static func bytes(_ entries: [(tag: KeyTag, record: UInt32)]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.count * entryBytes)
        for entry in entries {
            bytes.appendLittle(entry.tag.high)
            bytes.appendLittle(entry.tag.low)
            bytes.appendLittle(entry.record)
        }
        return bytes
    }

    /// The records that carry `tag`, newest first. Reads a few pages: codes are evenly spread, so a place can be guessed.
    static func records(
        _ tag: KeyTag, count: Int, limit: Int, read: (Int, Int) throws(FileTrouble) -> [UInt8]
    ) throws(FileTrouble) -> [UInt32] {
        // Looks for the first entry above `tag`: entries before `low` are not above, entries from `high` on are.
        var (low, high) = (0, count)
        var (lowest, highest) = (0.0, Double(UInt64.max))
        var tries = 0
        while low < high {
            let share = (Double(tag.high) - lowest) / max(highest - lowest, 1)
            let guess = tries < 8 ? low + Int(share * Double(high - low)) : (low + high) / 2
            tries += 1
            let start = max(low, min(guess - 100, high - 200))
            let end = min(high, start + 200)
            let block = try read(start, end - start)
            guard block.count == (end - start) * entryBytes else { return [] }
            switch (0..<(end - start)).first(where: { entry(block, $0).tag > tag }) {
            case .some(0): (high, highest) = (start, Double(entry(block, 0).tag.high))
            case .some(let place): (low, high) = (start + place, start + place)
            case nil: (low, lowest) = (end, Double(entry(block, end - start - 1).tag.high))
            }
        }
        var found: [UInt32] = []
        while low > 0, found.count < limit {
            let start = max(0, low - 50)
            let block = try read(start, low - start)
            guard block.count == (low - start) * entryBytes else { return found }
            for place in (0..<(low - start)).reversed() {
                let entry = entry(block, place)
                guard entry.tag == tag, found.count < limit else { return found }
                if found.last != entry.record { found.append(entry.record) }
            }
            low = start
        }
        return found
    }

    private static func entry(_ block: [UInt8], _ place: Int) -> (tag: KeyTag, record: UInt32) {
        let offset = place * entryBytes
        return (
            KeyTag(high: block.little(UInt64.self, at: offset), low: block.little(UInt64.self, at: offset + 8)),
            block.little(UInt32.self, at: offset + 16)
        )
    }
}

/// Says "certainly not here" for most codes a segment does not hold: ten bits a code, six of them set in one block of 512.
struct KeyFilter {
    let words: [UInt64]

    init(words: [UInt64]) { self.words = words }

    init(_ tags: some Collection<KeyTag>) {
        let blocks = tags.isEmpty ? 0 : (tags.count * 10 + 511) / 512
        var words = [UInt64](repeating: 0, count: blocks * 8)
        for tag in tags {
            Self.bits(tag, blocks: blocks) { word, mask in
                words[word] |= mask
                return true
            }
        }
        self.words = words
    }

    func mayHold(_ tag: KeyTag) -> Bool {
        var isThere = !words.isEmpty
        Self.bits(tag, blocks: words.count / 8) { word, mask in
            isThere = isThere && words[word] & mask != 0
            return isThere
        }
        return isThere
    }

    private static func bits(_ tag: KeyTag, blocks: Int, _ body: (Int, UInt64) -> Bool) {
        guard blocks > 0 else { return }
        let block = Int(tag.high.multipliedFullWidth(by: UInt64(blocks)).high) * 8
        for turn in 0..<6 {
            let bit = Int(truncatingIfNeeded: tag.low >> UInt64(turn * 9)) & 511
            if !body(block + bit >> 6, 1 << UInt64(bit & 63)) { return }
        }
    }
}

extension KeyFilter {
    init(_ bytes: [UInt8]) {
        words = (0..<(bytes.count / 8)).map { bytes.little(UInt64.self, at: $0 * 8) }
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(words.count * 8)
        for word in words { bytes.appendLittle(word) }
        return bytes
    }
}
