/// Where the hashes of complete subtrees come from: level 0 are the leaves, a node of level n covers 2ⁿ of them. A table, a file
/// or memory; nothing here knows which.
package protocol TreeNodes {
    func node(level: Int, index: UInt64) throws -> [UInt8]
}

/// The append-only hash tree of RFC 6962 (哈希树): a root for every size, a proof that a leaf is in it, and a proof that a
/// smaller tree is the beginning of a larger one. Leaves come hashed; an inner node is `H(1 ‖ left ‖ right)`.
package struct MerkleTree {
    package let nodes: any TreeNodes
    package let hash: HashAlgorithm

    package init(_ nodes: any TreeNodes, _ hash: HashAlgorithm) {
        self.nodes = nodes
        self.hash = hash
    }

    package static func parent(_ left: [UInt8], _ right: [UInt8], _ hash: HashAlgorithm) -> [UInt8] {
        Digest.of([1] + left + right, hash)
    }

    /// The nodes to keep when `leaf` becomes number `index`: the leaf, and every subtree it completes.
    package static func nodes(
        appending leaf: [UInt8], at index: UInt64, in nodes: any TreeNodes, _ hash: HashAlgorithm
    ) throws -> [(level: Int, index: UInt64, hash: [UInt8])] {
        var made: [(level: Int, index: UInt64, hash: [UInt8])] = [(0, index, leaf)]
        var (level, place, value) = (0, index, leaf)
        while place & 1 == 1 {
            value = parent(try nodes.node(level: level, index: place - 1), value, hash)
            (level, place) = (level + 1, place >> 1)
            made.append((level, place, value))
        }
        return made
    }

    package func root(_ size: UInt64) throws -> [UInt8] {
        size == 0 ? Digest.of([], hash) : try range(0, size)
    }

    /// The audit path of leaf `index` in the tree of `size` leaves (RFC 6962, 2.1.1).
    package func inclusion(of index: UInt64, size: UInt64) throws -> [[UInt8]] {
        precondition(index < size, "leaf \(index) is not in a tree of \(size)")
        var path: [[UInt8]] = []
        var (low, high) = (UInt64(0), size)
        while high - low > 1 {
            let middle = low + Self.split(high - low)
            if index < middle {
                path.append(try range(middle, high))
                high = middle
            } else {
                path.append(try range(low, middle))
                low = middle
            }
        }
        return path.reversed()
    }

    /// The proof that the tree of `first` leaves is the beginning of that of `second` (RFC 6962, 2.1.2).
    package func consistency(from first: UInt64, to second: UInt64) throws -> [[UInt8]] {
        precondition(first > 0 && first <= second, "a tree of \(first) is no beginning of one of \(second)")
        var proof: [[UInt8]] = []
        var (low, high, isWhole) = (UInt64(0), second, true)
        while first != high {
            let middle = low + Self.split(high - low)
            if first <= middle {
                proof.append(try range(middle, high))
                high = middle
            } else {
                proof.append(try range(low, middle))
                (low, isWhole) = (middle, false)
            }
        }
        if !isWhole { proof.append(try range(low, high)) }
        return proof.reversed()
    }

    /// The hash over leaves `low ..< high`, from complete subtrees.
    private func range(_ low: UInt64, _ high: UInt64) throws -> [UInt8] {
        let count = high - low
        if count & (count - 1) == 0 && low % count == 0 {
            let level = count.trailingZeroBitCount
            return try nodes.node(level: level, index: low >> UInt64(level))
        }
        let middle = low + Self.split(count)
        return Self.parent(try range(low, middle), try range(middle, high), hash)
    }

    /// The largest power of two below `count`.
    private static func split(_ count: UInt64) -> UInt64 { 1 << UInt64(63 - (count - 1).leadingZeroBitCount) }
}

extension MerkleTree {
    /// Whether `leaf` is number `index` in the tree with this size and root (RFC 9162, 2.1.3.2).
    package static func verifyInclusion(
        _ leaf: [UInt8], index: UInt64, size: UInt64, path: [[UInt8]], root: [UInt8], _ hash: HashAlgorithm
    ) -> Bool {
        guard index < size else { return false }
        var (place, last, value) = (index, size - 1, leaf)
        for other in path {
            if last == 0 { return false }
            if place & 1 == 1 || place == last {
                value = parent(other, value, hash)
                while place & 1 == 0 && place != 0 { (place, last) = (place >> 1, last >> 1) }
            } else {
                value = parent(value, other, hash)
            }
            (place, last) = (place >> 1, last >> 1)
        }
        return last == 0 && value == root
    }

    /// Whether the tree with `firstRoot` is the beginning of that with `secondRoot` (RFC 9162, 2.1.4.2).
    package static func verifyConsistency(
        from first: UInt64, _ firstRoot: [UInt8], to second: UInt64, _ secondRoot: [UInt8], proof: [[UInt8]],
        _ hash: HashAlgorithm
    ) -> Bool {
        guard first <= second else { return false }
        if first == second { return firstRoot == secondRoot && proof.isEmpty }
        if first == 0 { return proof.isEmpty }
        var path = proof[...]
        if first & (first - 1) == 0 { path = [firstRoot] + proof }
        guard let start = path.popFirst() else { return false }
        var (place, last) = (first - 1, second - 1)
        while place & 1 == 1 { (place, last) = (place >> 1, last >> 1) }
        var (one, two) = (start, start)
        for other in path {
            if last == 0 { return false }
            if place & 1 == 1 || place == last {
                one = parent(other, one, hash)
                two = parent(other, two, hash)
                while place & 1 == 0 && place != 0 { (place, last) = (place >> 1, last >> 1) }
            } else {
                two = parent(two, other, hash)
            }
            (place, last) = (place >> 1, last >> 1)
        }
        return last == 0 && one == firstRoot && two == secondRoot
    }
}

/// All nodes in memory: 64 bytes a leaf.
package struct TreeInMemory: TreeNodes, Sendable {
    package let hash: HashAlgorithm
    private var levels: [[UInt8]] = []

    package init(_ hash: HashAlgorithm) { self.hash = hash }

    package var count: UInt64 { UInt64((levels.first?.count ?? 0) / HashAlgorithm.byteCount) }

    package func node(level: Int, index: UInt64) throws -> [UInt8] {
        let place = Int(index) * HashAlgorithm.byteCount
        return Array(levels[level][place..<(place + HashAlgorithm.byteCount)])
    }

    package mutating func append(_ leaf: [UInt8]) {
        var (level, value) = (0, leaf)
        while true {
            if level == levels.count { levels.append([]) }
            levels[level] += value
            let count = levels[level].count / HashAlgorithm.byteCount
            guard count % 2 == 0 else { return }
            let left = Array(levels[level].suffix(2 * HashAlgorithm.byteCount).prefix(HashAlgorithm.byteCount))
            value = MerkleTree.parent(left, value, hash)
            level += 1
        }
    }

    package func root(_ size: UInt64) throws -> [UInt8] { try MerkleTree(self, hash).root(size) }
}
