/// Look-ups in what rises: lines of a role, rows of evidence, days of members.
extension RandomAccessCollection where Index == Int, Element: Comparable {
    /// The first place whose element is not before the given one; the end where all are.
    @inline(__always) func firstPlace(notBefore value: Element) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = (low &+ high) / 2
            if self[middle] < value { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    func containsRising(_ value: Element) -> Bool {
        let place = firstPlace(notBefore: value)
        return place < endIndex && self[place] == value
    }
}
