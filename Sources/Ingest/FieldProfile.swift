import Claims

/// What the values of one table mapping looked like: nulls, unmapped values, days far away. One per thread, added up.
final class FieldProfile {
    private static let distinctLimit = 2000
    let fields: [String]
    private(set) var absent: [Int]
    private(set) var unmapped: [ByteIndex]
    private(set) var unmappedCounts: [[Int]]
    private(set) var firstDay: [Int32]
    private(set) var lastDay: [Int32]
    private(set) var farDays: [Int]

    /// 1900-01-01 and 2100-01-01: days outside are kept and counted.
    private static let early: Int32 = -25_567
    private static let late: Int32 = 47_482

    init(_ program: TableProgram) {
        fields = program.steps.map(\.field)
        let count = fields.count
        absent = Array(repeating: 0, count: count)
        unmapped = (0..<count).map { _ in ByteIndex() }
        unmappedCounts = Array(repeating: [], count: count)
        firstDay = Array(repeating: .max, count: count)
        lastDay = Array(repeating: .min, count: count)
        farDays = Array(repeating: 0, count: count)
    }

    /// What was counted, for files.
    struct Counts: Codable {
        var fields: [String]
        var absent: [Int]
        var unmapped: [[String]]
        var unmappedCounts: [[Int]]
        var firstDay: [Int32]
        var lastDay: [Int32]
        var farDays: [Int]
    }

    var counts: Counts {
        Counts(
            fields: fields, absent: absent,
            unmapped: unmapped.map { index in (0..<index.count).map { index[$0].text } },
            unmappedCounts: unmappedCounts, firstDay: firstDay, lastDay: lastDay, farDays: farDays)
    }

    init(_ counts: Counts) {
        fields = counts.fields
        absent = counts.absent
        unmapped = counts.unmapped.map { values in
            let index = ByteIndex()
            for value in values { index.insert(text: value) }
            return index
        }
        unmappedCounts = counts.unmappedCounts
        firstDay = counts.firstDay
        lastDay = counts.lastDay
        farDays = counts.farDays
    }

    @inline(__always) func countAbsent(_ index: Int) { absent[index] &+= 1 }

    @inline(__always)
    func see(day: Int32, in index: Int) {
        if day < firstDay[index] { firstDay[index] = day }
        if day > lastDay[index] { lastDay[index] = day }
        if day < FieldProfile.early || day > FieldProfile.late { farDays[index] &+= 1 }
    }

    func countUnmapped(_ cell: Cell, in index: Int) {
        var number = unmapped[index].find(cell)
        if number < 0 {
            if unmapped[index].count >= FieldProfile.distinctLimit { return }
            number = unmapped[index].insert(cell)
            unmappedCounts[index].append(0)
        }
        unmappedCounts[index][number] += 1
    }
}
