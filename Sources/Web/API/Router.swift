import Documents

/// From an address to the operation that answers it, and from its texts to values that fit what was declared.
enum Router {
    private struct Route {
        let operation: Operation
        let segments: [Segment]
    }

    private enum Segment {
        case fixed(String)
        case any(String)
    }

    private static let routes: [Route] = API.operations.map { operation in
        Route(
            operation: operation,
            segments: operation.segments.map { part in
                part.hasPrefix("{") ? .any(String(part.dropFirst().dropLast())) : .fixed(String(part))
            })
    }

    /// The operations of an address, one for each method, with the texts that stand in its open parts. Fixed parts go before open ones.
    static func match(_ path: String) -> [(operation: Operation, parts: [(name: String, text: String)])] {
        guard path.hasPrefix("/") else { return [] }
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        return routes.compactMap { route in
            guard route.segments.count == parts.count else { return nil }
            var found: [(name: String, text: String)] = []
            for (segment, part) in zip(route.segments, parts) {
                switch segment {
                case .fixed(let word): if word != part { return nil }
                case .any(let name):
                    if part.isEmpty { return nil }
                    found.append((name, part))
                }
            }
            return (route.operation, found)
        }
    }

    static func value(_ part: (name: String, text: String), of operation: Operation) throws -> (String, JSONText) {
        guard let parameter = operation.parameters.first(where: { $0.name == part.name && $0.place == .path }),
            let text = decoded(part.text, plusIsBlank: false)
        else { throw Problem.parameter(.init(part.name, "无法识别")) }
        return (part.name, try read([text], as: parameter.shape, parameter.name))
    }

    /// The parameters behind the question mark; unknown and repeated ones are refused, what is not given gets its usual value.
    static func query(_ query: String, of operation: Operation) throws -> [(String, JSONText)] {
        var given: [String: [String]] = [:]
        for pair in query.split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decoded(String(halves[0]), plusIsBlank: true),
                let text = decoded(halves.count > 1 ? String(halves[1]) : "", plusIsBlank: true)
            else { throw Problem.parameter(.init(String(pair.prefix(80)), "不是合法的编码")) }
            given[name, default: []].append(text)
        }
        let known = operation.parameters.filter { $0.place == .query }
        if let stranger = given.keys.sorted().first(where: { name in !known.contains { $0.name == name } }) {
            throw Problem.parameter(.init(stranger, "没有这一参数；已知：\(known.map(\.name).joined(separator: "、"))"))
        }
        return try known.compactMap { parameter in
            guard let texts = given[parameter.name] else {
                guard !parameter.isRequired else { throw Problem.parameter(.init(parameter.name, "缺少这一参数")) }
                return parameter.otherwise.map { (parameter.name, $0) }
            }
            return (parameter.name, try read(texts, as: parameter.shape, parameter.name))
        }
    }

    /// Texts of an address as the value they stand for.
    private static func read(_ texts: [String], as shape: Shape, _ name: String) throws -> JSONText {
        let value: JSONText
        switch shape {
        case .list: value = .array(texts.map { .text($0) })
        case _ where texts.count != 1: throw Problem.parameter(.init(name, "只能给出一次"))
        case .integer:
            guard let number = Int64(texts[0]) else { throw Problem.parameter(.init(name, "应为整数")) }
            value = .integer(number)
        case .flag:
            guard let flag = ["true": true, "false": false][texts[0]] else {
                throw Problem.parameter(.init(name, "应为 true 或 false"))
            }
            value = .flag(flag)
        default: value = .text(texts[0])
        }
        if let mistake = shape.mistake(in: value, at: name) { throw Problem.parameter(mistake) }
        return value
    }

    /// The text of percent-encoded UTF-8; nil where it is none.
    static func decoded(_ text: String, plusIsBlank: Bool) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.next().flatMap(JSONTape.hexadecimal),
                    let low = rest.next().flatMap(JSONTape.hexadecimal)
                else { return nil }
                bytes.append(UInt8(high << 4 | low))
            case UInt8(ascii: "+") where plusIsBlank: bytes.append(0x20)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
