import Foundation
import Reference
import Testing

@testable import Web

/// The decoder takes what RFC 8259 allows and refuses the rest with a reason, never by a crash.
@Suite struct JSONTapeTests {
    private func failure(_ text: String) -> JSONTape.Failure.Reason? { failure(Array(text.utf8)) }

    private func failure(_ bytes: [UInt8]) -> JSONTape.Failure.Reason? {
        let tape = JSONTape()
        return bytes.withUnsafeBufferPointer { buffer in
            do throws(JSONTape.Failure) {
                try tape.read(buffer)
                return nil
            } catch {
                return error.reason
            }
        }
    }

    @Test(arguments: [
        "{}", "[]", " [ 1 , -0.5e+10 , true, false, null, \"\" ] ", "\"\\u4e2d\\n\"", "{\"a\":{\"b\":[{},{}]}}", "0",
        "-0",
        "1e999", "{\"\":1}", "\"𠮷\"", "[1.500]",
    ]) func takesWhatIsLegal(_ text: String) { #expect(failure(text) == nil) }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "{'a':1}", "01", "1.", ".5", "+1", "1e", "NaN",
        "Infinity",
        "tru", "nul", "\"\n\"", "\"\\x\"", "\"\\u12G4\"", "\"abc", "[1 2]", "{}{}", "[1]]", "{\"a\":1,}", "\u{FEFF}",
        "--1", "0x10", "[,1]", "//",
    ]) func refusesWhatIsNot(_ text: String) { #expect(failure(text) == .malformed) }

    @Test func keepsItsLimits() {
        #expect(failure(String(repeating: "[", count: 100_000)) == .tooDeep)
        #expect(failure(String(repeating: "{\"a\":", count: 100_000)) == .tooDeep)
        #expect(failure("{\"a\":1,\"b\":2,\"a\":3}") == .repeatedName)
        #expect(failure("[" + String(repeating: "1,", count: 500_000) + "1]") == .tooMany)
        #expect(failure("\"" + String(repeating: "x", count: 70_000) + "\"") == .tooLong)
        #expect(failure("1" + String(repeating: "0", count: 1_000)) == .tooLong)
        #expect(failure("{" + (0..<200_000).map { "\"k\($0)\":1" }.joined(separator: ",") + "}") == .tooMany)
        #expect(failure([0x22, 0xFF, 0x22]) == .notUTF8)
        // 医保 in GBK.
        #expect(failure([0x22, 0xD2, 0xBD, 0xB1, 0xA3, 0x22]) == .notUTF8)
        // A surrogate written as UTF-8, an overlong slash, a cut character.
        #expect(failure([0x22, 0xED, 0xA0, 0x80, 0x22]) == .notUTF8)
        #expect(failure([0x22, 0xC0, 0xAF, 0x22]) == .notUTF8)
        #expect(failure([0x22, 0xE4, 0xB8]) == .notUTF8)
    }

    /// In a list, names that come again are taken from the object before; where they part, nothing else is believed.
    @Test(arguments: [
        ("[{\"a\":1,\"b\":2},{\"a\":1,\"a\":2}]", JSONTape.Failure.Reason.repeatedName),
        ("[{\"a\":1,\"b\":2},{\"a\":1,\"b\":2,\"a\":3}]", .repeatedName),
        ("[{\"a\":1,\"b\":2},{\"b\":1,\"a\":2,\"b\":3}]", .repeatedName),
        ("[{\"a\":1},{\"a\" 1}]", .malformed), ("[{\"ab\":1},{\"ab", .malformed),
        ("[{\"a\":1},{\"a\\\":1}]", .malformed),
        ("[{\"a\":[{\"x\":1}],\"b\":2},{\"a\":[{\"x\":1,\"x\":2}],\"b\":2}]", .repeatedName),
    ]) func namesThatComeAgain(_ text: String, _ reason: JSONTape.Failure.Reason) { #expect(failure(text) == reason) }

    @Test func namesThatPartAreRead() throws {
        let text = "[{\"a\":1,\"b\":2},{\"a\":3,\"c\":4,\"b\":5},{\"b\":6},{},{\"a\":7,\"b\":8,\"d\":9}]"
        let tape = JSONTape()
        try Array(text.utf8).withUnsafeBufferPointer { buffer in
            try tape.read(buffer)
            let objects = JSONValue.root(tape).objects
            #expect(objects.map { $0.member("a")?.text } == ["1", "3", nil, nil, "7"])
            #expect(objects.map { $0.member("b")?.text } == ["2", "5", "6", nil, "8"])
            #expect(objects[1].member("c")?.text == "4" && objects[4].member("d")?.text == "9")
        }
    }

    /// Every name of an object of thousands is looked at without the cost growing with the square.
    @Test func manyNamesAreQuick() {
        let text = "{" + (0..<3_000).map { "\"name\($0)\":\($0)" }.joined(separator: ",") + "}"
        #expect(failure(text) == nil)
    }

    /// Cutting a message anywhere, or changing any byte of it, gives a tree or a reason: never a crash, and what is taken is
    /// what Foundation takes.
    @Test func damagedMessagesAreRefusedOrRead() {
        let message = Array(
            "{\"infno\":\"3101\",\"input\":{\"data\":[{\"cnt\":\"1.5\",\"n\":-12e3,\"t\":\"a\\\"b\\u0041\",\"x\":[null,true,false]}]}}"
                .utf8)
        for cut in message.indices { #expect(failure(Array(message.prefix(cut))) != nil) }
        var random = Seeded(7)
        var taken = 0
        for _ in 0..<20_000 {
            var damaged = message
            for _ in 0..<random.number(1...3) {
                damaged[random.number(0...damaged.count - 1)] = UInt8(random.number(0...255))
            }
            if failure(damaged) == nil {
                taken += 1
                #expect((try? JSONSerialization.jsonObject(with: Data(damaged), options: [.fragmentsAllowed])) != nil)
            }
        }
        #expect(taken > 100)
    }

    @Test func valuesAreReadAsTheyWereWritten() throws {
        let text =
            "{\"a\":\" 12.30 \",\"b\":0.1,\"c\":\"--\",\"d\":\"null\",\"e\":1e2,\"f\":\"1.005\",\"g\":\"2025-06-14 14:27:24\",\"h\":20250614,\"i\":\"2025/6/4\",\"j\":\"2025-02-30\",\"k\":9223372036854775808,\"l\":\"甲\\u4e59\",\"m\":\"20250614142724123\"}"
        let tape = JSONTape()
        let table = NameTable(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"])
        let bytes = Array(text.utf8)
        try bytes.withUnsafeBufferPointer { buffer in
            try tape.read(buffer)
            let record = MessageRecord(.root(tape), table)
            var tolerance = Tolerance()
            #expect(record.decimal(0, scale: 2, &tolerance, name: "a") == 1230)
            #expect(record.decimal(1, scale: 4, &tolerance, name: "b") == 1000)
            #expect(record.decimal(2, scale: 2, &tolerance, name: "c") == nil)
            #expect(record.text(3) == nil)
            #expect(tolerance.unreadableCount == 0)
            // An exponent, a third decimal of money and a number beyond 64 bits cannot be held exactly: unknown, and noted.
            #expect(record.decimal(4, scale: 2, &tolerance, name: "e") == nil)
            #expect(record.decimal(5, scale: 2, &tolerance, name: "f") == nil)
            #expect(record.decimal(10, scale: 0, &tolerance, name: "k") == nil)
            #expect(tolerance.unreadableNames == ["e", "f", "k"])
            let moment = try #require(record.moment(6, &tolerance, name: "g"))
            #expect(moment.second == Int32(52_044))
            #expect(record.moment(7, &tolerance, name: "h") == Moment(day: moment.day, second: nil))
            #expect(record.moment(8, &tolerance, name: "i") != nil)
            #expect(record.moment(9, &tolerance, name: "j") == nil)
            #expect(record.moment(12, &tolerance, name: "m") == moment)
            #expect(record.text(11) == "甲乙")
        }
    }

    /// Finds every member that the decoder of the standard library finds; prints the times of both and judges none.
    @Test func findsWhatTheStandardDecoderFinds() throws {
        let line =
            "{\"rx_id\":\"1\",\"hilist_code\":\"XA11DAW036A001010104127\",\"hilist_name\":\"维生素B1片\",\"cnt\":\"1\",\"pric\":\"0.10\",\"sumamt\":\"0.10\",\"drord_begn_date\":\"2025-05-22 19:47:03\",\"drord_dept_codg\":\"100309\",\"curr_drord_flag\":\"1\"}"
        let text = "{\"rows\":[" + Array(repeating: line, count: 60).joined(separator: ",") + "]}"
        struct Row: Codable {
            let order, item, name, count, price, sum, begin, department, flag: String

            enum CodingKeys: String, CodingKey {
                case order = "rx_id"
                case item = "hilist_code"
                case name = "hilist_name"
                case count = "cnt"
                case price = "pric"
                case sum = "sumamt"
                case begin = "drord_begn_date"
                case department = "drord_dept_codg"
                case flag = "curr_drord_flag"
            }
        }
        struct Message: Codable { let rows: [Row] }
        let data = Data(text.utf8)
        let clock = ContinuousClock()
        let decoder = JSONDecoder()
        func best(_ body: () throws -> Void) rethrows -> Duration {
            var best = Duration.seconds(10)
            for _ in 0..<15 { best = min(best, try clock.measure(body)) }
            return best
        }
        let standard = try best {
            let rows = try decoder.decode(Message.self, from: data).rows.count
            #expect(rows == 60)
        }
        let tape = JSONTape()
        let names = NameTable([
            "rx_id", "hilist_code", "hilist_name", "cnt", "pric", "sumamt", "drord_begn_date", "drord_dept_codg",
            "curr_drord_flag",
        ])
        let bytes = Array(text.utf8)
        let own = try best {
            try bytes.withUnsafeBufferPointer { buffer in
                try tape.read(buffer)
                var found = 0
                for row in JSONValue.root(tape).member("rows")?.objects ?? [] {
                    let record = MessageRecord(row, names)
                    for place in 0..<9 where record.value(place) != nil { found += 1 }
                }
                #expect(found == 540)
            }
        }
        print("json: \(text.utf8.count) bytes, JSONDecoder \(standard), tape \(own)")
    }
}
