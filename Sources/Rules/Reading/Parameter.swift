import Claims
import Knowledge

/// A constant of a rule that an area may change (参数): one value, or values that begin on service days.
package struct Parameter: Sendable, Equatable {
    /// What holds before the first of `later`.
    let first: Constant
    /// Each holds from its day (day number) until the next; days ascend.
    let later: [Step]

    struct Step: Sendable, Equatable {
        let from: Int32
        let value: Constant
    }

    init(_ first: Constant, later: [Step] = []) {
        self.first = first
        self.later = later
    }

    static let stepsMax = 60

    /// What holds on a service day; before any of `later` when no day is given.
    func value(on day: Int32?) -> Constant {
        guard let day, let step = later.last(where: { $0.from <= day }) else { return first }
        return step.value
    }

    var type: ValueType { later.reduce(first.type) { $0.joined(with: $1.value.type) ?? $0 } }

    /// As an author writes it: `3`, or `3, 2024-07-01 起 4`.
    package var shown: String {
        ([first.shown] + later.map { "\(Day(number: $0.from)) 起 \($0.value.shown)" }).joined(separator: "，")
    }
}

extension Parameter: CustomStringConvertible {
    /// What a rule's version is made of.
    package var description: String {
        (["\(first)"] + later.map { "\($0.from):\($0.value)" }).joined(separator: ";")
    }
}

extension Constant {
    var shown: String {
        switch self {
        case .number(let mantissa, let scale): DecimalText.text(mantissa, scale: scale)
        case .text(let text): text
        case .boolean(let flag): flag ? "true" : "false"
        case .day(let day): "\(Day(number: day))"
        }
    }
}

/// Reads constants: numbers, days, true and false stand bare; texts may be quoted.
enum ParameterReader {
    static func read(_ node: YamlNode?, _ keys: inout KeyReader) -> [String: Parameter] {
        var parameters: [String: Parameter] = [:]
        guard let node else { return parameters }
        guard let pairs = node.pairs, pairs.count <= 64 else {
            keys.report(node, "RUL025", "`parameters` is a mapping of at most 64 names", advice: "write { hours: 24 }")
            return parameters
        }
        for (key, value) in pairs {
            guard let name = key.string, let first = name.utf8.first, Lexer.isNameStart(first),
                name.utf8.allSatisfy({ Lexer.isNameStart($0) || Lexer.isDigit($0) })
            else {
                keys.report(key, "RUL025", "this cannot name a parameter", advice: "use letters, digits and _")
                continue
            }
            if let parameter = parameter(value, &keys) { parameters[name] = parameter }
        }
        return parameters
    }

    static func override(_ node: YamlNode?, _ parameters: inout [String: Parameter], _ keys: inout KeyReader) {
        guard let node else { return }
        for (name, parameter) in read(node, &keys).sorted(by: { $0.key < $1.key }) {
            let place = node[name] ?? node
            guard let own = parameters[name] else {
                keys.report(
                    place, "RUL033", "the rule has no parameter `\(name)`",
                    advice: Suggestion.nearest(to: name, among: parameters.keys.sorted()).map {
                        "did you mean `\($0)`?"
                    }
                        ?? "an area may only change what the rule declares")
                continue
            }
            guard own.type.joined(with: parameter.type) != nil else {
                keys.report(
                    place, "RUL033",
                    "`\(name)` is \(own.type.described) in the rule, but \(parameter.type.described) here",
                    advice: "give it the rule's type")
                continue
            }
            if own == parameter { keys.warnOfNoChange(place, "`\(name)` is \(own.shown) already") }
            parameters[name] = parameter
        }
    }

    /// One value, or `[ { value: 1 }, { from: 2024-07-01, value: 2 } ]`.
    private static func parameter(_ node: YamlNode, _ keys: inout KeyReader) -> Parameter? {
        guard let elements = node.elements else { return constant(node, &keys).map { Parameter($0) } }
        let advice = "write [ { value: 1 }, { from: 2024-07-01, value: 2 } ]: the first without a day, then ascending"
        guard !elements.isEmpty, elements.count <= Parameter.stepsMax else {
            keys.report(
                node, "RUL037", "a dated parameter has 1 to \(Parameter.stepsMax) values", advice: advice)
            return nil
        }
        var first: Constant?
        var later: [Parameter.Step] = []
        for (index, element) in elements.enumerated() {
            guard element.pairs != nil else {
                keys.report(element, "RUL037", "a value of a dated parameter is a mapping", advice: advice)
                return nil
            }
            var inner = KeyReader(keys.document, element)
            let fromNode = inner.optional("from")
            let from = inner.day(fromNode, "from")
            let valueNode = inner.required("value", advice: advice)
            let value = valueNode.flatMap { constant($0, &inner) }
            inner.finish()
            keys.add(inner.diagnostics)
            guard let value, inner.diagnostics.isEmpty else { return nil }
            if let first, let valueNode, first.type.joined(with: value.type) == nil {
                keys.report(
                    valueNode, "RUL037",
                    "the first value is \(first.type.described), this one \(value.type.described)",
                    advice: "give all values one type")
                return nil
            }
            if index == 0, fromNode == nil {
                first = value
            } else if index > 0, let from, later.last.map({ $0.from < from.number }) ?? true {
                later.append(Parameter.Step(from: from.number, value: value))
            } else {
                keys.report(
                    fromNode ?? element, "RUL037",
                    index == 0
                        ? "the first value says what holds before all days and has none"
                        : "this value needs a day later than the one before", advice: advice)
                return nil
            }
        }
        return first.map { Parameter($0, later: later) }
    }

    private static func constant(_ node: YamlNode, _ keys: inout KeyReader) -> Constant? {
        guard let text = node.string, text.utf8.count <= 256 else {
            keys.report(node, "RUL025", "a parameter is one short value", advice: "for many values use a list")
            return nil
        }
        guard node.isPlain else { return .text(text) }
        switch text {
        case "true", "TRUE": return .boolean(true)
        case "false", "FALSE": return .boolean(false)
        default: break
        }
        if let day = Day(text) { return .day(day.number) }
        let digits = text.hasPrefix("-") ? String(text.dropFirst()) : text
        guard let first = digits.utf8.first, Lexer.isDigit(first), digits.utf8.last.map(Lexer.isDigit) == true,
            digits.utf8.allSatisfy({ Lexer.isDigit($0) || $0 == UInt8(ascii: ".") })
        else { return .text(text) }
        guard case .number(let mantissa, let scale)? = Constant(digits: digits) else {
            keys.report(
                node, "RUL014", "the number has more than 18 digits or more than 12 decimals",
                advice: "write a smaller number, or quote a code")
            return nil
        }
        return .number(text.hasPrefix("-") ? -mantissa : mantissa, scale: scale)
    }
}
