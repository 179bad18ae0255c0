import Documents
import Glibc
import Synchronization

/// What is known about the screen: whether there is one, how wide it is, and whether it wants colour.
enum Terminal {
    static let isOutputTerminal = isatty(STDOUT_FILENO) == 1
    static let isErrorTerminal = isatty(STDERR_FILENO) == 1

    /// Colour only where a person looks, and not where `NO_COLOR` asks for none.
    static var style: TerminalStyle { TerminalStyle(colour: isOutputTerminal && !isColourRefused) }
    static var errorStyle: TerminalStyle { TerminalStyle(colour: isErrorTerminal && !isColourRefused) }

    private static var isColourRefused: Bool {
        if let value = getenv("NO_COLOR"), value.pointee != 0 { return true }
        if let value = getenv("TERM") { return String(cString: value) == "dumb" }
        return false
    }

    /// Cells in a line: the window's, else `COLUMNS`, else 120; a pipe gets wide lines, nothing is cut to a screen
    /// that is not there.
    static var width: Int {
        if let value = getenv("COLUMNS"), let width = Int(String(cString: value)), width >= 40 {
            return min(width, 1000)
        }
        guard isOutputTerminal else { return 200 }
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 40 else { return 120 }
        return Int(size.ws_col)
    }

    /// Lines on standard error.
    static func say(_ lines: [String]) {
        write(lines.map { $0 + "\n" }.joined())
    }

    static func say(_ line: String) { say([line]) }

    /// Bytes on standard error; where nobody can be told, nothing can be done about it.
    static func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var done = 0
            while done < bytes.count {
                let written = Glibc.write(STDERR_FILENO, bytes.baseAddress.map { $0 + done }, bytes.count - done)
                if written < 0, errno == EINTR { continue }
                if written <= 0 { return }
                done += written
            }
        }
    }

    /// Lines on standard output.
    static func show(_ lines: [String]) throws {
        let file = try OutputFile(path: "-")
        for line in lines { try file.write(line + "\n") }
        try file.finish()
    }
}

/// One line of progress on standard error, rewritten in place; silent where standard error is not a terminal.
///
/// Threads may report at once; the line is written at most ten times a second.
final class Progress: Sendable {
    private let last = Mutex<Double>(0)
    private let began = Clock.seconds()

    var seconds: Double { Clock.seconds() - began }

    /// `share` of the work done, when it is known, adds the time left.
    func update(share: Double? = nil, _ text: () -> String) {
        guard Terminal.isErrorTerminal else { return }
        let now = Clock.seconds()
        let isDue = last.withLock { last in
            guard now - last > 0.1 else { return false }
            last = now
            return true
        }
        guard isDue else { return }
        var line = text()
        if let share, share > 0.01, share < 1 {
            let left = (now - began) / share * (1 - share)
            line += "  \(Int(share * 100))%  \(Clock.text(left)) left"
        }
        Terminal.write("\r\u{1B}[2K" + DisplayWidth.cut(line, to: 100))
    }

    static func clear() {
        guard Terminal.isErrorTerminal else { return }
        Terminal.write("\r\u{1B}[2K")
    }
}

/// Time for measuring, never for deciding.
enum Clock {
    static func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    static func text(_ seconds: Double) -> String {
        if seconds < 10 { return "\(Double(Int(seconds * 100)) / 100) s" }
        let whole = Int(min(seconds, 1e9))
        return whole < 120 ? "\(whole) s" : "\(whole / 60) min"
    }
}
