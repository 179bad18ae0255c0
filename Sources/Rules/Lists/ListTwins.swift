import Knowledge

/// Finds rows of a list that contradict or repeat each other: equal keys, the same area, overlapping days.
///
/// Linear in the rows, whatever their keys: rows are hashed to groups, and only groups are sorted.
enum ListTwins {
    private static let reportsMax = 20

    static func find(in list: KnowledgeList) -> [Diagnostic] {
        guard list.rowCount > 1 else { return [] }
        let groups = groups(of: list)
        var diagnostics: [Diagnostic] = []
        for group in groups {
            let sorted = group.sorted { (first(list, $0), $0) < (first(list, $1), $1) }
            for (row, next) in zip(sorted, sorted.dropFirst()) where first(list, next) <= last(list, row) {
                let place = list.place(ofRow: next)
                let other = list.place(ofRow: row)
                let areaText = other.file == place.file ? "line \(other.line)" : "\(other.file):\(other.line)"
                diagnostics.append(
                    Diagnostic(
                        file: place.file, line: place.line, column: 1, code: "LST017",
                        message: "this row has the same keys, area and days as \(areaText)",
                        advice: "delete one, or separate them by `from` and `to`"))
                if diagnostics.count >= reportsMax { return diagnostics }
            }
        }
        return diagnostics
    }

    private static func first(_ list: KnowledgeList, _ row: Int) -> Int32 { list.from.isEmpty ? .min : list.from[row] }

    private static func last(_ list: KnowledgeList, _ row: Int) -> Int32 { list.to.isEmpty ? .max : list.to[row] }

    /// Rows with equal keys and area, where there are several; in the order of their first rows.
    private static func groups(of list: KnowledgeList) -> [[Int]] {
        var capacity = 16
        while capacity < list.rowCount * 2 { capacity *= 2 }
        let mask = capacity - 1
        var members: [Int: [Int]] = [:]
        let hashes = hashes(of: list)
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: capacity) { slots in
            slots.initialize(repeating: -1)
            for row in 0..<list.rowCount {
                var slot = Int(truncatingIfNeeded: hashes[row]) & mask
                while true {
                    let head = Int(slots[slot])
                    if head < 0 {
                        slots[slot] = Int32(row)
                        break
                    }
                    if hashes[head] == hashes[row], isEqual(list, head, row) {
                        members[head, default: [head]].append(row)
                        break
                    }
                    slot = (slot &+ 1) & mask
                }
            }
        }
        return members.sorted { $0.key < $1.key }.map(\.value)
    }

    /// One hash a row over its keys and area, computed column by column.
    private static func hashes(of list: KnowledgeList) -> [UInt64] {
        let count = list.rowCount
        return [UInt64](unsafeUninitializedCapacity: count) { hashes, initialized in
            hashes.initialize(repeating: 0xCBF2_9CE4_8422_2325)
            for key in list.keys {
                let column = list.columns[key]
                if column.kind.type == .text {
                    let bytes = column.texts.bytes
                    let offsets = column.texts.offsets
                    for row in 0..<count {
                        var hash = hashes[row]
                        var at = Int(offsets[row])
                        let end = Int(offsets[row &+ 1])
                        while at < end {
                            hash = (hash ^ UInt64(bytes[at])) &* 0x100_0000_01B3
                            at &+= 1
                        }
                        hashes[row] = mixed(hash)
                    }
                    withExtendedLifetime(column) {}
                } else {
                    column.numbers.withUnsafeBufferPointer { numbers in
                        for row in 0..<count { hashes[row] = mixed(hashes[row] ^ UInt64(bitPattern: numbers[row])) }
                    }
                }
            }
            if !list.areas.isEmpty {
                for row in 0..<count {
                    for byte in list.areas[row].utf8 { hashes[row] = (hashes[row] ^ UInt64(byte)) &* 0x100_0000_01B3 }
                    hashes[row] = mixed(hashes[row])
                }
            }
            initialized = count
        }
    }

    private static func mixed(_ hash: UInt64) -> UInt64 {
        let spread = (hash ^ (hash >> 29)) &* 0xBF58_476D_1CE4_E5B9
        return spread ^ (spread >> 32)
    }

    private static func isEqual(_ list: KnowledgeList, _ a: Int, _ b: Int) -> Bool {
        for key in list.keys {
            let column = list.columns[key]
            if column.kind.type == .text {
                let x = column.texts[a]
                let y = column.texts[b]
                guard x.count == y.count, x.elementsEqual(y) else { return false }
            } else if column.numbers[a] != column.numbers[b] {
                return false
            }
        }
        return list.areas.isEmpty || list.areas[a] == list.areas[b]
    }
}
