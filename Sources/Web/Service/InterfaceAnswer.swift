import Synchronization

/// The response envelope of the national interface, in the one shape that all clients take: `infcode` is a number,
/// `err_msg` is empty on success, `output` is always an object there, `output.result` of a review always a list.
package enum InterfaceAnswer {
    private static let serial = Atomic<UInt64>(0)

    package static func review(
        _ results: [ReviewResult], area: String?, warning: String?
    ) -> [UInt8] {
        envelope(code: 0, area: area, error: "", warning: warning, capacity: 640 + results.count * 1_200) { writer in
            writer.object { writer in
                writer.name("result")
                writer.list { writer in for result in results { result.write(to: &writer) } }
            }
        }
    }

    /// A success without a result.
    package static func done(area: String?, warning: String? = nil) -> [UInt8] {
        envelope(code: 0, area: area, error: "", warning: warning) { $0.object { _ in } }
    }

    /// A success with an output of its own.
    static func answer(area: String?, capacity: Int, output: (inout AnswerWriter) -> Void) -> [UInt8] {
        envelope(code: 0, area: area, error: "", warning: nil, capacity: capacity, output: output)
    }

    package static func failure(_ error: InterfaceError, area: String?) -> [UInt8] {
        envelope(code: -1, area: area, error: error.message.limited(to: 200), warning: nil) { $0.raw("null") }
    }

    private static func envelope(
        code: Int, area: String?, error: String, warning: String?, capacity: Int = 640,
        output: (inout AnswerWriter) -> Void
    ) -> [UInt8] {
        let time = WallClock.compact(WallClock.milliseconds)
        var writer = AnswerWriter(capacity: capacity)
        writer.object { writer in
            writer.number("infcode", code)
            writer.text("inf_refmsgid", reference(area, time))
            writer.text("refmsg_time", time)
            writer.text("respond_time", time)
            writer.text("err_msg", error)
            writer.text("warn_msg", warning)
            writer.text("cainfo", "")
            writer.text("signtype", "")
            writer.name("output")
            output(&writer)
        }
        return writer.bytes
    }

    /// Area (6), time (14), serial (10).
    private static func reference(_ area: String?, _ time: String) -> String {
        let head = String(((area ?? "") + "000000").prefix(6))
        let number = serial.add(1, ordering: .relaxed).newValue % 10_000_000_000
        let digits = String(number)
        return head + time.prefix(14) + String(repeating: "0", count: 10 - digits.count) + digits
    }
}
