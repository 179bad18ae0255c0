/// Finds, for every byte of a YAML scalar's value, the byte of the file that it came from.
///
/// Walks file and value side by side: folding turns line breaks into blanks, blocks lose their indentation, quotes
/// have escapes. Where the two disagree (which valid YAML never does) the rest is mapped to the place reached.
struct ScalarPlaces {
    private let source: [UInt8]
    private let value: [UInt8]
    private var at: Int
    private var done = 0
    private var offsets: [Int] = []

    /// Offsets into `source`, one for each byte of `value` and one for its end.
    static func offsets(
        of value: [UInt8], in source: [UInt8], from start: Int, style: YamlNode.Style
    ) -> [Int] {
        var places = ScalarPlaces(source: source, value: value, from: start)
        places.skipProperties()
        switch style {
        case .plain: places.walkFlow(escape: 0)
        case .singleQuoted:
            places.at += 1
            places.walkFlow(escape: UInt8(ascii: "'"))
        case .doubleQuoted:
            places.at += 1
            places.walkFlow(escape: UInt8(ascii: "\\"))
        case .block: places.walkBlock()
        }
        while places.offsets.count <= value.count { places.offsets.append(min(places.at, source.count)) }
        return places.offsets
    }

    private init(source: [UInt8], value: [UInt8], from start: Int) {
        self.source = source
        self.value = value
        at = start
        offsets.reserveCapacity(value.count + 1)
    }

    private func byte(_ offset: Int) -> UInt8 { offset < source.count ? source[offset] : 0 }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func isBreak(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

    private mutating func take(_ count: Int = 1) {
        for _ in 0..<count where done < value.count {
            offsets.append(min(at, source.count))
            done += 1
        }
    }

    /// Passes one line break, `\r\n` as one.
    private mutating func skipBreak() {
        at += byte(at) == 0x0D && byte(at + 1) == 0x0A ? 2 : 1
    }

    /// Passes an anchor or a tag before the scalar itself.
    private mutating func skipProperties() {
        while at < source.count, byte(at) == UInt8(ascii: "&") || byte(at) == UInt8(ascii: "!") {
            while at < source.count, !Self.isBlank(byte(at)), !Self.isBreak(byte(at)) { at += 1 }
            while at < source.count, Self.isBlank(byte(at)) || Self.isBreak(byte(at)) { at += 1 }
        }
    }

    private mutating func walkFlow(escape: UInt8) {
        while done < value.count, at < source.count {
            let current = byte(at)
            if Self.isBlank(current) || Self.isBreak(current), let after = foldedRun() {
                if after.breaks == 1, value[done] == 0x20 {
                    take()
                } else {
                    for _ in 1..<max(after.breaks, 1) where done < value.count && value[done] == 0x0A { take() }
                }
                at = after.end
            } else if escape == UInt8(ascii: "\\"), current == escape {
                walkEscape()
            } else if escape == UInt8(ascii: "'"), current == escape, byte(at + 1) == escape {
                take()
                at += 2
            } else if current == value[done] {
                take()
                at += 1
            } else {
                return
            }
        }
    }

    /// Where the run of blanks and breaks at this place ends, when it holds a line break.
    private func foldedRun() -> (end: Int, breaks: Int)? {
        var end = at
        var breaks = 0
        while end < source.count, Self.isBlank(source[end]) || Self.isBreak(source[end]) {
            if source[end] == 0x0A || (source[end] == 0x0D && byte(end + 1) != 0x0A) { breaks += 1 }
            end += 1
        }
        return breaks > 0 ? (end, breaks) : nil
    }

    private mutating func walkEscape() {
        let kind = byte(at + 1)
        if Self.isBreak(kind) {
            at += 1
            while at < source.count, Self.isBlank(byte(at)) || Self.isBreak(byte(at)) { at += 1 }
            return
        }
        take(Self.scalarLength(value[done]))
        switch kind {
        case UInt8(ascii: "x"): at += 4
        case UInt8(ascii: "u"): at += 6
        case UInt8(ascii: "U"): at += 10
        default: at += 2
        }
    }

    private static func scalarLength(_ first: UInt8) -> Int {
        first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    }

    private mutating func walkBlock() {
        var indent = 0
        while at < source.count, !Self.isBreak(byte(at)) {
            if (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(byte(at)), indent == 0 { indent = -1 }
            if byte(at) == UInt8(ascii: "#") { break }
            at += 1
        }
        while at < source.count, !Self.isBreak(byte(at)) { at += 1 }
        skipBreak()
        indent = contentIndent(from: at)
        skipIndent(indent)
        while done < value.count, at < source.count {
            let current = byte(at)
            if Self.isBreak(current), value[done] != current || current == 0x0A {
                if value[done] == 0x0A || value[done] == 0x20 { take() }
                skipBreak()
                skipIndent(indent)
            } else if current == value[done] {
                take()
                at += 1
            } else {
                return
            }
        }
    }

    private mutating func skipIndent(_ indent: Int) {
        var left = indent
        while left > 0, byte(at) == 0x20, at < source.count {
            at += 1
            left -= 1
        }
    }

    /// The indentation of a block: blanks before the value's first character on the block's first line with content.
    private func contentIndent(from start: Int) -> Int {
        var place = start
        while place < source.count {
            let lineStart = place
            while place < source.count, source[place] == 0x20 { place += 1 }
            if place < source.count, !Self.isBreak(source[place]) {
                // An explicit indentation indicator leaves blanks in the value.
                let kept = value.drop { $0 == 0x0A }.prefix { $0 == 0x20 }.count
                return max(place - lineStart - kept, 0)
            }
            while place < source.count, Self.isBreak(source[place]) { place += 1 }
        }
        return 0
    }
}
