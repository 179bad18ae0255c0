import Yams

/// A node of a YAML file with its place.
package struct YamlNode: Sendable {
    package enum Style: Sendable { case plain, singleQuoted, doubleQuoted, block }

    package enum Content: Sendable {
        case scalar(String, Style)
        case sequence([YamlNode])
        case mapping([(key: YamlNode, value: YamlNode)])
    }

    package let content: Content
    package let line: Int
    package let column: Int

    package var string: String? {
        if case .scalar(let text, _) = content { text } else { nil }
    }

    /// Whether it is written as nothing, `~` or `null`.
    package var isNull: Bool {
        if case .scalar(let text, .plain) = content { ["", "~", "null"].contains(text) } else { false }
    }

    /// Whether it is a scalar without quotes, which may be a number, a day or true and false.
    package var isPlain: Bool {
        if case .scalar(_, .plain) = content { true } else { false }
    }

    package var elements: [YamlNode]? {
        if case .sequence(let nodes) = content { nodes } else { nil }
    }

    package var pairs: [(key: YamlNode, value: YamlNode)]? {
        if case .mapping(let pairs) = content { pairs } else { nil }
    }

    package subscript(key: String) -> YamlNode? {
        pairs?.first { $0.key.string == key }?.value
    }
}

/// A YAML file read within limits: size, nesting, and anchors only on texts, so that no input can grow when it is read.
package struct YamlDocument: Sendable {
    package static let bytesMax = 1 << 20
    package static let nestingMax = 48
    package static let nodesMax = 100_000

    package let file: String
    package let root: YamlNode
    private let bytes: [UInt8]
    private let lineStarts: [Int]

    /// Reads the file's bytes; nil and a diagnostic when they are not YAML or exceed a limit.
    package static func read(_ content: [UInt8], file: String) -> (document: YamlDocument?, diagnostics: [Diagnostic]) {
        var bytes = content
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        func failure(_ code: String, _ place: (Int, Int), _ message: String, _ advice: String) -> (
            YamlDocument?, [Diagnostic]
        ) {
            let diagnostic = Diagnostic(
                file: file, line: place.0, column: place.1, code: code, message: message, advice: advice)
            return (nil, [diagnostic])
        }
        guard bytes.count <= bytesMax else {
            return failure(
                "YML001", (0, 0), "the file has \(bytes.count) bytes, more than \(bytesMax)",
                "split it, or use a CSV list")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return failure("YML002", (0, 0), "the file is not UTF-8", "save it as UTF-8")
        }
        let lineStarts = lineStarts(of: bytes)
        if let excess = YamlLimits.firstExcess(in: bytes) {
            let line = lineStarts.lastIndex { $0 <= excess.offset } ?? 0
            let column = characters(in: bytes, from: lineStarts[line], to: excess.offset) + 1
            return failure("YML003", (line + 1, column), excess.message, excess.advice)
        }
        do {
            let parser = try Yams.Parser(yaml: text, encoding: .utf8)
            guard let root = try parser.singleRoot() else {
                return failure("YML004", (0, 0), "the file is empty", "write the file's keys, or delete it")
            }
            var budget = nodesMax
            guard let node = convert(root, depth: 0, budget: &budget) else {
                return failure(
                    "YML003", (0, 0), "the file has more than \(nodesMax) nodes or is nested too deep",
                    "split the file")
            }
            return (YamlDocument(file: file, root: node, bytes: bytes, lineStarts: lineStarts), [])
        } catch {
            let (place, message) = describe(error)
            return failure(
                "YML005", place, message,
                "check indentation and quotes: a text with `: `, ` #` or a quote at its start belongs after `|`")
        }
    }

    /// The text of a scalar, with the place of each of its bytes.
    package func source(of node: YamlNode) -> SourceText? {
        guard case .scalar(let text, let style) = node.content else { return nil }
        let value = Array(text.utf8)
        let start = offset(line: node.line, column: node.column)
        let offsets = ScalarPlaces.offsets(of: value, in: bytes, from: start, style: style)
        var lines: [Int32] = []
        var columns: [Int32] = []
        lines.reserveCapacity(offsets.count)
        columns.reserveCapacity(offsets.count)
        var line = max(node.line - 1, 0)
        var counted = lineStarts.isEmpty ? 0 : lineStarts[min(line, lineStarts.count - 1)]
        var column = 0
        for offset in offsets {
            while line + 1 < lineStarts.count, lineStarts[line + 1] <= offset {
                line += 1
                counted = lineStarts[line]
                column = 0
            }
            while counted < offset {
                if bytes[counted] & 0xC0 != 0x80 { column += 1 }
                counted += 1
            }
            lines.append(Int32(clamping: line + 1))
            // A byte inside a character belongs to that character's column.
            let inside = offset < bytes.count && bytes[offset] & 0xC0 == 0x80
            columns.append(Int32(clamping: inside ? max(column, 1) : column + 1))
        }
        return SourceText(file: file, bytes: value, lines: lines, columns: columns)
    }

    private func offset(line: Int, column: Int) -> Int {
        guard line >= 1, line <= lineStarts.count else { return bytes.count }
        var offset = lineStarts[line - 1]
        var left = column - 1
        while left > 0, offset < bytes.count {
            offset += 1
            while offset < bytes.count, bytes[offset] & 0xC0 == 0x80 { offset += 1 }
            left -= 1
        }
        return offset
    }

    private static func characters(in bytes: [UInt8], from start: Int, to end: Int) -> Int {
        bytes[start..<max(start, end)].reduce(0) { $0 + ($1 & 0xC0 != 0x80 ? 1 : 0) }
    }

    /// Lines as YAML counts them: besides line feed and carriage return, U+0085, U+2028 and U+2029 end a line.
    private static func lineStarts(of bytes: [UInt8]) -> [Int] {
        var starts = [0]
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            let next = index + 1 < bytes.count ? bytes[index + 1] : 0
            let third = index + 2 < bytes.count ? bytes[index + 2] : 0
            if byte == 0x0A || (byte == 0x0D && next != 0x0A) {
                starts.append(index + 1)
            } else if byte == 0xC2, next == 0x85 {
                starts.append(index + 2)
            } else if byte == 0xE2, next == 0x80, third == 0xA8 || third == 0xA9 {
                starts.append(index + 3)
            }
            index += 1
        }
        return starts
    }

    private static func convert(_ node: Node, depth: Int, budget: inout Int) -> YamlNode? {
        budget -= 1
        guard budget >= 0, depth <= nestingMax else { return nil }
        let mark = node.mark
        let content: YamlNode.Content
        switch node {
        case .scalar(let scalar):
            let style: YamlNode.Style =
                switch scalar.style {
                case .singleQuoted: .singleQuoted
                case .doubleQuoted: .doubleQuoted
                case .literal, .folded: .block
                case .any, .plain: .plain
                }
            content = .scalar(scalar.string, style)
        case .sequence(let sequence):
            var elements: [YamlNode] = []
            for element in sequence {
                guard let converted = convert(element, depth: depth + 1, budget: &budget) else { return nil }
                elements.append(converted)
            }
            content = .sequence(elements)
        case .mapping(let mapping):
            var pairs: [(key: YamlNode, value: YamlNode)] = []
            for (key, value) in mapping {
                guard let convertedKey = convert(key, depth: depth + 1, budget: &budget),
                    let convertedValue = convert(value, depth: depth + 1, budget: &budget)
                else { return nil }
                pairs.append((convertedKey, convertedValue))
            }
            content = .mapping(pairs)
        case .alias:
            return nil
        }
        return YamlNode(content: content, line: mark?.line ?? 0, column: mark?.column ?? 0)
    }

    private static func describe(_ error: any Error) -> (place: (Int, Int), message: String) {
        guard let error = error as? YamlError else { return ((0, 0), "the file is not YAML") }
        switch error {
        case .reader(let problem, _, _, _): return ((0, 0), problem)
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return ((mark.line, mark.column), problem)
        case .duplicatedKeysInMapping(let keys, let context):
            return ((context.mark.line, context.mark.column), "the key `\(keys.first ?? "")` occurs twice")
        default: return ((0, 0), "the file is not YAML")
        }
    }
}
