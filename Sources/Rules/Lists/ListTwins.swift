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
                let where_ = other.file == place.file ? "line \(other.line)" : "\(other.file):\(other.line)"
                diagnostics.append(
                    Diagnostic(
                        file: place.file, line: place.line, column: 1, code: "LST017",
                        message: "this row has the same keys, area and days as \(where_)",
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
        var slots = [Int32](repeating: -1, count: capacity)
        var members: [Int: [Int]] = [:]
        for row in 0..<list.rowCount {
            var slot = Int(truncatingIfNeeded: hash(list, row)) & mask
            while true {
                let head = Int(slots[slot])
                if head < 0 {
                    slots[slot] = Int32(row)
                    break
                }
                if isEqual(list, head, row) {
                    members[head, default: [head]].append(row)
                    break
                }
                slot = (slot &+ 1) & mask
            }
        }
        return members.sorted { $0.key < $1.key }.map(\.value)
    }

    private static func hash(_ list: KnowledgeList, _ row: Int) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for key in list.keys {
            let column = list.columns[key]
            if column.kind.type == .text {
                for byte in column.texts[row] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            } else {
                hash = (hash ^ UInt64(bitPattern: column.numbers[row])) &* 0x9E37_79B9_7F4A_7C15
            }
            hash = (hash ^ (hash >> 29)) &* 0xBF58_476D_1CE4_E5B9
        }
        if !list.areas.isEmpty {
            for byte in list.areas[row].utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }
        return hash ^ (hash >> 32)
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
