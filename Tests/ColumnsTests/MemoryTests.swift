import CKernels
import Foundation
import Testing

@testable import Columns

@Suite struct MemoryTests {
    @Test func checksumsAgreeWithTheStandardAndWithEachOther() {
        // The check value of CRC-32C, and the vectors of RFC 3720 B.4.
        #expect(Array("123456789".utf8).withUnsafeBytes { crc32c($0) } == 0xE306_9283)
        #expect([UInt8](repeating: 0, count: 32).withUnsafeBytes { crc32c($0) } == 0x8A91_36AA)
        #expect([UInt8](repeating: 0xFF, count: 32).withUnsafeBytes { crc32c($0) } == 0x62A8_AB43)
        var random = SplitMix(state: 1)
        let bytes = (0..<50_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        bytes.withUnsafeBytes { all in
            for length in Array(0..<300) + [4096, 12_287, 12_288, 12_289, 24_576, 24_583, 49_000] {
                for start in [0, 1, 7] {
                    let piece = UnsafeRawBufferPointer(rebasing: all[start..<(start + length)])
                    let portable = yj_crc32c_portable(0, piece.baseAddress, piece.count)
                    #expect(crc32c(piece) == portable)
                    let half = UnsafeRawBufferPointer(rebasing: piece[..<(length / 3)])
                    let rest = UnsafeRawBufferPointer(rebasing: piece[(length / 3)...])
                    #expect(crc32c(rest, seed: crc32c(half)) == portable)
                }
            }
        }
    }

    @Test func digestsAgreeWithTheStandards() {
        #expect(SHA256.hex(of: "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(SHA256.hex(of: "") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        let pieces = SHA256()
        for piece in ["a", "", "bc"] { Array(piece.utf8).withUnsafeBytes { pieces.update($0) } }
        #expect(pieces.finishHex() == SHA256.hex(of: "abc"))
        // RFC 4231, cases 2 and 6 (a key longer than the block).
        let short = HMACSHA256(key: Array("Jefe".utf8))
        let text = Array("what do ya want for nothing?".utf8)
        for _ in 0..<2 {
            #expect(
                Hex.text(text.withUnsafeBytes { short.code(for: $0) })
                    == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        }
        let long = HMACSHA256(key: [UInt8](repeating: 0xAA, count: 131))
        let message = Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)
        #expect(
            Hex.text(message.withUnsafeBytes { long.code(for: $0) })
                == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test func checksumsSurviveJSON() throws {
        let sums = Checksums([0, 1, 0xDEAD_BEEF, .max])
        let text = try JSONEncoder().encode(sums)
        #expect(String(decoding: text, as: UTF8.self) == "\"0000000000000001deadbeefffffffff\"")
        #expect(try JSONDecoder().decode(Checksums.self, from: text) == sums)
        for bad in ["\"0000000\"", "\"0000000G\"", "\"0000000A\"", "1"] {
            #expect(throws: (any Error).self) { try JSONDecoder().decode(Checksums.self, from: Data(bad.utf8)) }
        }
    }

    @Test func buffersAreReusedAndClean() {
        let buffer = ColumnBuffer(.int64)
        for round in 0..<3 {
            buffer.reset()
            for row in 0..<1000 { row % (round + 2) == 0 ? buffer.appendNull() : buffer.append(Int64(row)) }
            let view = buffer.view
            #expect(view.count == 1000 && view.nullCount == (1000 + round + 1) / (round + 2))
            for row in 0..<1000 {
                #expect(view.isValid(row) == (row % (round + 2) != 0))
                #expect(view.int64[row] == (row % (round + 2) == 0 ? 0 : Int64(row)))
            }
        }
        // A first null in the middle of a byte leaves no stray bits behind the end.
        let bits = ColumnBuffer(.bool)
        for _ in 0..<5 { bits.append(true) }
        bits.appendNull()
        #expect(bits.view.validity?[0] == 0b0001_1111)
        let bulk = ColumnBuffer(.int32)
        bulk.appendNull()
        [7, 8, 9].withUnsafeBufferPointer { (values: UnsafeBufferPointer<Int32>) in
            if let start = values.baseAddress { bulk.append(contentsOf: start, count: values.count) }
        }
        #expect(SampleTable.describe(bulk.view) == ["null", "7", "8", "9"])
        let copy = ColumnBuffer(copying: bulk.view)
        #expect(SampleTable.describe(copy.view) == ["null", "7", "8", "9"])
    }

    @Test func dictionariesGiveCodesInOrderOfSight() {
        let dictionary = StringDictionary()
        var expected: [String: Int32] = [:]
        var random = SplitMix(state: 3)
        for _ in 0..<200_000 {
            let number = random.next() % 30_000
            let string = String(repeating: "字", count: Int(number % 9)) + "\(number)"
            let code = dictionary.code(for: string)
            #expect(code == expected[string, default: Int32(expected.count)])
            expected[string] = code
        }
        #expect(dictionary.count == expected.count)
        #expect(dictionary.known("never seen") == nil && dictionary.known("18") == expected["18"])
        #expect(dictionary.code(for: "") == Int32(expected.count) && dictionary.string(Int32(expected.count)).isEmpty)
        let (table, remap) = dictionary.sorted()
        for index in 1..<table.count { #expect(StringTable.precedes(table[index - 1], table[index])) }
        for (string, code) in expected { #expect(table.string(Int(remap[Int(code)])) == string) }
        #expect(dictionary.table().strings.enumerated().allSatisfy { dictionary.known($1) == Int32($0) })
        #expect(StringDictionary(table).known("18") == remap[Int(expected["18"] ?? -1)])
    }

    @Test func scansAgreeWithPlainLoops() {
        var random = SplitMix(state: 9)
        for count in [0, 1, 7, 8, 9, 63, 64, 65, 1000] {
            let words = (0..<count).map { _ in UInt32(truncatingIfNeeded: random.next()) }
            #expect(yj_max_u32(words, count) == words.max() ?? 0)
            var rising = words.map { Int32(bitPattern: $0) }.sorted()
            #expect(yj_is_rising_i32(rising, count) == 1)
            for place in 1..<max(1, count) {
                (rising[place - 1], rising[place]) = (rising[place], rising[place - 1])
                #expect(yj_is_rising_i32(rising, count) == (rising == rising.sorted() ? 1 : 0))
                (rising[place - 1], rising[place]) = (rising[place], rising[place - 1])
            }
            let bytes = words.map { UInt8(truncatingIfNeeded: $0) }
            let bits = bytes.reduce(0) { $0 + $1.nonzeroBitCount }
            #expect(yj_count_bits(bytes, count * 8) == bits)
            if count > 0 {
                let less =
                    bytes.dropLast().reduce(0) { $0 + $1.nonzeroBitCount } + Int((bytes[count - 1] & 7).nonzeroBitCount)
                #expect(yj_count_bits(bytes, count * 8 - 5) == less)
            }
        }
    }

    @Test func rowsJoinTheListsOfTheirRoles() {
        var random = SplitMix(state: 11)
        let roles = (0..<40).map { _ in
            UInt32(truncatingIfNeeded: random.next()) & UInt32(truncatingIfNeeded: random.next())
        }
        for count in [0, 1, 15, 16, 17, 1000] {
            let codes = (0..<count).map { _ in Int32(random.next() % 41) - 1 }
            for roleCount in [0, 1, 13, 32] {
                let expected = (0..<roleCount).map { role in
                    codes.indices.filter { codes[$0] >= 0 && roles[Int(codes[$0])] >> UInt32(role) & 1 != 0 }
                }
                let lists = (0..<roleCount).map { _ in
                    UnsafeMutablePointer<Int32>.allocate(capacity: count + ColumnLoops.slack)
                }
                defer { for list in lists { list.deallocate() } }
                func found(_ counts: [Int]) -> [[Int]] {
                    counts.indices.map { role in (0..<counts[role]).map { Int(lists[role][$0]) } }
                }
                var counts = [Int](repeating: 7, count: roleCount)
                lists.map(Optional.some).withUnsafeBufferPointer { lists in
                    ColumnLoops.lists(byRoleOf: codes, count: count, roles: roles, into: lists, counts: &counts)
                }
                #expect(found(counts) == expected)
                yj_lists_by_role_portable(codes, count, roles, roleCount, lists.map(Optional.some), &counts)
                #expect(found(counts) == expected)
            }
        }
    }

    @Test func columnsAreMultipliedAndMeasured() {
        var random = SplitMix(state: 12)
        for count in [0, 1, 7, 8, 9, 1000] {
            let a = (0..<count).map { _ in Int64(bitPattern: random.next()) >> Int64(random.next() % 64) }
            let b = (0..<count).map { _ in Int64(bitPattern: random.next()) >> Int64(random.next() % 64) }
            var products = [Int64](repeating: 0, count: count)
            ColumnLoops.multiply(a, b, into: &products, count: count)
            #expect(products == zip(a, b).map { $0 &* $1 })
            ColumnLoops.multiply(a, by: -97, into: &products, count: count)
            #expect(products == a.map { $0 &* -97 })
            let longest = a.map { 64 - ($0 < 0 ? ~$0 : $0).leadingZeroBitCount }.max() ?? 0
            #expect(ColumnLoops.bits(a, count: count) == longest)
        }
    }

    @Test func columnsAreAddedAndCompared() {
        var random = SplitMix(state: 13)
        for count in [0, 1, 7, 8, 9, 1000] {
            let a = (0..<count).map { _ in Int64(bitPattern: random.next()) >> Int64(random.next() % 64) }
            let b = (0..<count).map { random.next() % 3 == 0 ? a[$0] : Int64(bitPattern: random.next()) >> 60 }
            var result = [Int64](repeating: 0, count: count)
            ColumnLoops.add(a, b, into: &result, count: count)
            #expect(result == zip(a, b).map { $0 &+ $1 })
            ColumnLoops.subtract(a, b, into: &result, count: count)
            #expect(result == zip(a, b).map { $0 &- $1 })
            ColumnLoops.absolute(a, into: &result, count: count)
            #expect(result == a.map { $0 < 0 ? 0 &- $0 : $0 })
            let relations: [(ColumnLoops.Relation, (Int64, Int64) -> Bool)] = [
                (.less, { $0 < $1 }), (.lessOrEqual, { $0 <= $1 }), (.greater, { $0 > $1 }),
                (.greaterOrEqual, { $0 >= $1 }), (.equal, { $0 == $1 }), (.notEqual, { $0 != $1 }),
            ]
            for (relation, holds) in relations {
                let expected = a.indices.filter { holds(a[$0], b[$0]) }.map { Int32($0 + 50) }
                var rows = [Int32](repeating: -1, count: count + ColumnLoops.slack)
                let found = ColumnLoops.rows(where: relation, a, b, count: count, first: 50, into: &rows)
                #expect(Array(rows[..<found]) == expected)
                let twin = yj_rows_where_i64_portable(relation.rawValue, a, b, count, 50, &rows)
                #expect(Array(rows[..<twin]) == expected)
            }
        }
    }

    @Test func rowsOutsideTheIntervalsOfTheirCodesAreFound() {
        #expect(MemoryLayout<ColumnLoops.Interval>.stride == MemoryLayout<yj_interval>.stride)
        #expect(
            MemoryLayout<ColumnLoops.Interval>.offset(of: \.source) == MemoryLayout<yj_interval>.offset(of: \.source))
        #expect(MemoryLayout<ColumnLoops.Interval>.offset(of: \.next) == MemoryLayout<yj_interval>.offset(of: \.next))
        #expect(MemoryLayout<ColumnLoops.Numbers>.stride == MemoryLayout<yj_numbers>.stride)
        var random = SplitMix(state: 15)
        for count in [0, 1, 7, 8, 9, 16, 1000] {
            let own = (0..<count).map { _ in
                random.next() % 9 == 0 ? Int64(Int32.max) + 5 : Int64(random.next() % 20) - 10
            }
            let ofParents = (0...count / 3).map { _ in random.next() % 9 == 0 ? Int64.min : Int64(random.next() % 20) }
            let parents = (0..<count).map { Int32($0 / 3) }
            let codes = (0..<count).map { _ in Int32(random.next() % 12) }
            var ends: [(low: Int64, high: Int64)] = []
            let intervals = (0..<12).map { code in
                let low = Int64(random.next() % 12) - 6
                let high = code == 4 ? .max : low + Int64(random.next() % 12)
                // One interval lies where 32 bits do not reach: nothing is inside it.
                ends.append(code == 6 ? (1 << 33, 1 << 33) : (code == 3 ? .min + 1 : low, high))
                var interval = ColumnLoops.Interval(
                    low: ends[code].low, high: ends[code].high, source: Int(random.next() % 2))
                if code == 5 { interval.next = 2 }
                return interval
            }
            let rows = (0..<count).filter { _ in random.next() % 4 != 0 }.map { Int32($0) }
            let expected = rows.filter { row in
                let interval = intervals[Int(codes[Int(row)])]
                let (low, high) = ends[Int(codes[Int(row)])]
                let value = interval.source == 0 ? own[Int(row)] : ofParents[Int(parents[Int(row)])]
                // What 32 bits do not hold is looked at again.
                return value < max(low, Int64(Int32.min)) || value > min(high, Int64(Int32.max)) || interval.next >= 0
            }
            var found = [Int32](repeating: -1, count: count + ColumnLoops.slack)
            own.withUnsafeBufferPointer { own in
                ofParents.withUnsafeBufferPointer { ofParents in
                    let nothing: [Int64] = [0]
                    nothing.withUnsafeBufferPointer { nothing in
                        let numbers = [
                            ColumnLoops.Numbers(own.baseAddress ?? nothing.baseAddress!, isByParent: false),
                            ColumnLoops.Numbers(ofParents.baseAddress!, isByParent: true),
                        ]
                        let length = rows.withUnsafeBufferPointer {
                            ColumnLoops.rows(
                                $0, codes: codes, parents: parents, outside: intervals, of: numbers, into: &found)
                        }
                        #expect(Array(found[..<length]) == expected)
                        let twin = intervals.withUnsafeBytes { intervals in
                            numbers.withUnsafeBytes { numbers in
                                yj_rows_outside_portable(
                                    rows, rows.count, codes, parents,
                                    intervals.baseAddress!.assumingMemoryBound(to: yj_interval.self),
                                    numbers.baseAddress!.assumingMemoryBound(to: yj_numbers.self), &found)
                            }
                        }
                        #expect(Array(found[..<twin]) == expected)
                    }
                }
            }
        }
    }

    @Test func rowsAboveZeroAreFound() {
        var random = SplitMix(state: 16)
        for count in [0, 1, 15, 16, 17, 1000] {
            let values = (0..<count).map { _ in Int32(random.next() % 5) - 2 }
            let validity = (0..<count / 8 + 1).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            for keepsUnknown in [false, true] {
                for isWhole in [false, true] {
                    let expected = values.indices.filter {
                        isWhole || validity[$0 / 8] >> UInt8($0 % 8) & 1 != 0 ? values[$0] > 0 : keepsUnknown
                    }.map { Int32($0) }
                    var rows = [Int32](repeating: -1, count: count + ColumnLoops.slack)
                    validity.withUnsafeBufferPointer { bits in
                        let found = ColumnLoops.rows(
                            aboveZero: values, validity: isWhole ? nil : bits.baseAddress, keepsUnknown: keepsUnknown,
                            count: count, into: &rows)
                        #expect(Array(rows[..<found]) == expected)
                        let twin = yj_rows_above_zero_i32_portable(
                            values, isWhole ? nil : bits.baseAddress, keepsUnknown ? 1 : 0, count, &rows)
                        #expect(Array(rows[..<twin]) == expected)
                    }
                }
            }
        }
    }

    @Test func rowsEndWhereTheirParentsDo() {
        var random = SplitMix(state: 14)
        for count in [0, 1, 15, 16, 17, 18, 33, 1000] {
            var parent: Int32 = 40
            let parents = (0..<count).map { _ -> Int32 in
                parent += random.next() % 4 == 0 ? Int32(random.next() % 3) : 0
                return parent
            }
            let limit = Int((parents.last ?? 40) - 40) + 1
            var target = [Int32](repeating: -1, count: count)
            #expect(ColumnLoops.rebase(parents, by: 40, limit: limit, into: &target, count: count))
            #expect(target == parents.map { $0 - 40 })
            if count > 0 {
                #expect(!ColumnLoops.rebase(parents, by: 40, limit: limit - 1, into: &target, count: count))
                #expect(!ColumnLoops.rebase(parents, by: parents[0] + 1, limit: limit, into: &target, count: count))
                #expect(ColumnLoops.rebase(parents, by: 40, limit: limit, into: &target, count: count))
            }
            var expected = [Int32](repeating: -1, count: limit)
            for (row, own) in target.enumerated() { expected[Int(own)] = Int32(row + 1) }
            var ends = [Int32](repeating: -1, count: limit)
            ColumnLoops.ends(byParent: target, count: count, into: &ends)
            #expect(ends == expected)
            ends = [Int32](repeating: -1, count: limit)
            yj_ends_by_parent_portable(target, count, &ends)
            #expect(ends == expected)
        }
    }

    @Test func marksAreFoundWhereTheyAre() {
        var random = SplitMix(state: 4)
        for count in [0, 1, 63, 64, 65, 128, 1000, 4096] {
            for sparse in [4, 40, 4000] {
                let bytes = (0..<count).map { _ in
                    UInt8(random.next() % UInt64(sparse) < 4 ? [0x2C, 0x0A, 0x22, 0x41][Int(random.next() % 4)] : 0x61)
                }
                for stop: UInt8? in [nil, 0x22] {
                    let end = stop.flatMap { bytes.firstIndex(of: $0) } ?? count
                    let expected = bytes[..<end].indices.filter { bytes[$0] == 0x2C || bytes[$0] == 0x0A }
                    var marks = TextMarks(capacity: count)
                    bytes.withUnsafeBufferPointer { buffer in
                        if let base = buffer.baseAddress {
                            marks.find(0x2C, 0x0A, stoppingAt: stop, in: base, count: count)
                        }
                    }
                    #expect(marks.end == (count == 0 ? 0 : end))
                    #expect((0..<marks.count).map { Int(marks.places[$0]) } == expected)
                    var places = [UInt32](repeating: 0, count: count + 1)
                    var stopped = 0
                    let found = yj_find_marks_portable(bytes, count, 0x2C, 0x0A, stop ?? 0x2C, &places, &stopped)
                    #expect(stopped == end && places.prefix(found).map(Int.init) == expected)
                }
            }
        }
    }
}
