#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A CSV file that is being written (UTF-8, commas, no quoting needed: the city's texts hold no comma or quote).
///
/// Values are appended byte by byte to one buffer, which goes to disk when it is full. A failed write is remembered
/// and thrown by `finish`, so that the hot path has no error handling.
final class TextFile {
    let name: String
    private let path: String
    private let descriptor: Int32
    private var buffer: UnsafeMutablePointer<UInt8>
    private var used = 0
    private var failure: Int32 = 0
    private(set) var rows = 0
    private(set) var bytes = 0

    private static let capacity = 1 << 20
    /// No single append is longer than this.
    private static let reserve = 4096

    init(folder: String, name: String, header: String) throws(CityError) {
        self.name = name
        path = folder + "/" + name
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: TextFile.capacity)
        guard descriptor >= 0 else { throw .cannotWrite(path: path, reason: String(cString: strerror(errno))) }
        add(header)
        endHeader()
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        buffer.deallocate()
    }

    @inline(__always)
    private func room() {
        if used &+ TextFile.reserve > TextFile.capacity { flush() }
    }

    private func flush() {
        var start = 0
        while start < used, failure == 0 {
            let count = write(descriptor, buffer + start, used - start)
            if count < 0 {
                if errno == EINTR { continue }
                failure = errno
            } else {
                start += count
            }
        }
        bytes += used
        used = 0
    }

    /// Hands the rest to the operating system; throws when any write failed.
    func finish() throws(CityError) {
        flush()
        if failure != 0 { throw .cannotWrite(path: path, reason: String(cString: strerror(failure))) }
    }

    // MARK: values

    @inline(__always)
    func comma() {
        buffer[used] = UInt8(ascii: ",")
        used &+= 1
    }

    @inline(__always)
    func endRow() {
        buffer[used] = UInt8(ascii: "\n")
        used &+= 1
        rows &+= 1
        room()
    }

    private func endHeader() {
        endRow()
        rows = 0
    }

    @inline(__always)
    func add(_ byte: UInt8) {
        buffer[used] = byte
        used &+= 1
    }

    @inline(__always)
    func add(_ text: [UInt8]) {
        text.withUnsafeBufferPointer { source in
            if let base = source.baseAddress {
                (buffer + used).update(from: base, count: source.count)
                used &+= source.count
            }
        }
    }

    func add(_ text: String) {
        precondition(text.utf8.count < TextFile.reserve / 2, "a text of the city is too long: \(text.utf8.count)")
        for byte in text.utf8 { add(byte) }
    }

    /// A value and the comma after it.
    @inline(__always)
    func cell(_ text: [UInt8]) {
        add(text)
        comma()
    }

    func cell(_ text: String) {
        add(text)
        comma()
    }

    @inline(__always)
    func cell(_ number: Int) {
        add(number)
        comma()
    }

    @inline(__always)
    func add(_ number: Int) {
        var rest = number
        if rest < 0 {
            add(UInt8(ascii: "-"))
            rest = -rest
        }
        var digits = 1
        var limit = 10
        while rest >= limit, digits < 18 {
            digits &+= 1
            limit &*= 10
        }
        add(rest, digits: digits)
    }

    /// Exactly `digits` digits, with leading zeros.
    @inline(__always)
    func add(_ number: Int, digits: Int) {
        var rest = number
        var position = used &+ digits
        while position > used {
            position &-= 1
            buffer[position] = UInt8(truncatingIfNeeded: 48 &+ rest % 10)
            rest /= 10
        }
        used &+= digits
    }

    /// A decimal of the given scale; zeros beyond the second place are left out.
    @inline(__always)
    func decimal(_ value: Int, scale: Int) {
        var rest = value
        if rest < 0 {
            add(UInt8(ascii: "-"))
            rest = -rest
        }
        var places = scale
        while places > 2, rest % 10 == 0 {
            rest /= 10
            places &-= 1
        }
        var unit = 1
        for _ in 0..<places { unit &*= 10 }
        add(rest / unit)
        add(UInt8(ascii: "."))
        add(rest % unit, digits: places)
    }

    @inline(__always)
    func money(_ fen: Int) {
        decimal(fen, scale: 2)
        comma()
    }
}
