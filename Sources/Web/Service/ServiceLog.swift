import Glibc
import Synchronization

/// One JSON object a line on standard error (运行日志): what happened, to which institution, how long it took. No name, no
/// number of a person, no content of a message.
package final class ServiceLog: Sendable {
    package enum Level: Int, Sendable { case quiet, events, requests }

    private let level: Level
    private let lock = Mutex<Void>(())

    package init(level: Level) { self.level = level }

    package func event(_ name: String, _ facts: [(String, String)] = []) {
        if level.rawValue >= Level.events.rawValue { write(name, facts) }
    }

    package func request(_ name: String, _ facts: @autoclosure () -> [(String, String)]) {
        if level == .requests { write(name, facts()) }
    }

    private func write(_ name: String, _ facts: [(String, String)]) {
        var writer = AnswerWriter(capacity: 256)
        writer.object { writer in
            writer.text("time", WallClock.compact(WallClock.milliseconds))
            writer.text("event", name)
            for (key, value) in facts {
                writer.member(key)
                writer.text(value)
            }
        }
        let line = writer.bytes + [0x0A]
        lock.withLock { _ in
            _ = line.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
        }
    }
}

extension AnswerWriter {
    /// A member whose name is not written in the code.
    mutating func member(_ name: String) {
        text(name)
        colon()
    }
}
