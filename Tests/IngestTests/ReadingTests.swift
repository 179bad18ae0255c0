import Claims
import Testing

@testable import Ingest

/// Numbers, days and identity numbers out of bytes.
@Suite struct ReadingTests {
    private func cell(_ text: String, _ scratch: Scratch) -> Cell { scratch.keep(text.utf8) }

    @Test(arguments: [
        ("12.5", 2, 0, 1250, Misreading.none), ("-0.01", 2, 0, -1, .none), ("1250", 2, 2, 1250, .none),
        ("1.005", 2, 0, 0, .tooManyDecimals), ("1.500", 2, 0, 150, .none), ("99999999999999999999", 2, 0, 0, .overflow),
        ("1,000", 2, 0, 0, .malformed), ("", 2, 0, 0, .malformed), ("1e3", 2, 0, 0, .malformed), ("+7", 0, 0, 7, .none),
        ("100", 4, 2, 10000, .none), ("30.0", 0, 0, 30, .none), (".5", 1, 0, 5, .none), ("-", 1, 0, 0, .malformed),
    ]) func decimals(text: String, scale: Int, shift: Int, value: Int64, misreading: Misreading) {
        let scratch = Scratch()
        var result: Int64 = 0
        #expect(Reading.decimal(cell(text, scratch), scale: scale, shift: shift, into: &result) == misreading)
        if misreading == .none { #expect(result == value) }
    }

    @Test(arguments: [
        ("2024-02-29", "", "2024-02-29", -1, Misreading.none), ("2023-02-29", "", "", -1, .impossibleDate),
        ("2024/3/1 8:05", "", "2024-03-01", 29100, .none), ("20240301080500", "", "2024-03-01", 29100, .none),
        ("20240301080500123", "", "2024-03-01", 29100, .none), ("2024-03-01T20:00:00Z", "", "2024-03-02", 14400, .none),
        ("2024-03-01 08:05:00.0", "", "2024-03-01", 29100, .none), ("20241301", "", "", -1, .impossibleDate),
        ("2024-03-01 24:00:00", "", "2024-03-02", 0, .none), ("2024-03-01 25:00:00", "", "", -1, .impossibleDate),
        ("01.03.2024", "dd.MM.yyyy", "2024-03-01", -1, .none), ("yesterday", "", "", -1, .malformed),
        ("2024年3月1日", "", "", -1, .malformed), ("2024", "", "", -1, .malformed),
    ]) func moments(text: String, pattern: String, day: String, second: Int32, misreading: Misreading) {
        let scratch = Scratch()
        var reader = MomentReader(pattern: pattern)
        var moment = Moment()
        #expect(reader.read(cell(text, scratch), into: &moment) == misreading)
        if misreading == .none {
            #expect(Day(number: moment.day).description == day)
            #expect(moment.second == second)
        }
    }

    @Test func aPersonIsOneUnderBothNumbers() {
        let scratch = Scratch()
        let pseudonym = PersonPseudonym(key: Array("a key for this test".utf8))
        func made(_ number: String) -> String {
            pseudonym.make(kind: cell("01", scratch), number: cell(number, scratch), in: scratch).text
        }
        #expect(PersonKey.normalised(kind: "01", number: "110105491231002") == "11010519491231002X")
        #expect(made("110105491231002") == made("11010519491231002x"))
        #expect(made("110105491231002") != made("110105491231003"))
        #expect(made("11010519491231002X").count == 32)
    }

    @Test func jsonIsStrictAndBounded() throws {
        let scratch = Scratch()
        func parse(_ text: String) -> JSONDocument.Failure? {
            let cell = cell(text, scratch)
            do throws(JSONDocument.Failure) {
                _ = try JSONDocument(cell.start, cell.count)
                return nil
            } catch { return error }
        }
        #expect(parse("{\"a\": [1.50, -2e3, true, null, \"x\\u00e9\\n\"]}") == nil)
        #expect(parse("{\"a\": 1, \"a\": 2}") == .duplicate(at: 10))
        for bad in ["", "{", "[1,]", "01", "\"\u{01}\"", "{\"a\" 1}", "nul", "[1] 2", "\"\\x\"", "1.", "-"] {
            #expect(parse(bad) != nil, "\(bad)")
        }
        #expect(parse(String(repeating: "[", count: 5000)) == .tooDeep)
        let number = cell("12345678901234567890.123456789", scratch)
        let document = try JSONDocument(number.start, number.count)
        #expect(document.text(0, scratch).text == "12345678901234567890.123456789")
    }
}
