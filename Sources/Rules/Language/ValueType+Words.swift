import Claims

extension ValueType {
    /// How the type is named in a message.
    var described: String {
        switch self {
        case .boolean: "true or false"
        case .number(let scale): scale == 0 ? "a whole number" : "a number with \(scale) decimals"
        case .text: "a text"
        case .day: "a day"
        case .moment: "a moment"
        case .identity(let table): "a row of \(table.rawValue)"
        }
    }

    var scale: Int? {
        if case .number(let scale) = self { scale } else { nil }
    }

    var isNumber: Bool { scale != nil }

    /// Whether values of the type have an order.
    var isOrdered: Bool {
        switch self {
        case .number, .day, .moment: true
        case .boolean, .text, .identity: false
        }
    }

    /// The type that holds values of both; numbers take the larger scale.
    func joined(with other: ValueType) -> ValueType? {
        if let a = scale, let b = other.scale { return .number(scale: max(a, b)) }
        return self == other ? self : nil
    }
}

extension Expression {
    /// The code system that its texts come from, when one is known.
    func codeSystem(lists: [ListDeclaration]) -> CodeSystem? {
        switch node {
        case .field(let path, _):
            guard case .stored(let index) = path.field, path.table.fields.indices.contains(index),
                case .code(let system) = path.table.fields[index].kind
            else { return nil }
            return system == .other || system == .flagText ? nil : system
        case .listColumn(let match, let column):
            guard lists.indices.contains(match), lists[match].columns.indices.contains(column) else { return nil }
            switch lists[match].columns[column].kind {
            case .code(let system), .prefix(let system): return system == .other ? nil : system
            case .text, .integer, .decimal, .day, .flag: return nil
            }
        case .prefix(let inner, _): return inner.codeSystem(lists: lists)
        default: return nil
        }
    }

    /// Whether it is a literal.
    var isConstant: Bool {
        switch node {
        case .number, .text, .boolean: true
        default: false
        }
    }
}

/// The words of small vocabularies, so that a misspelt literal is noticed before a rule silently never fires.
package enum Vocabulary {
    package static func words(of system: CodeSystem) -> [String]? {
        switch system {
        case .sex: ["M", "F"]
        case .setting:
            ["outpatient", "emergency", "inpatient", "pharmacy", "internet", "chronic", "long-term-care"]
        case .institutionKind: ["hospital", "clinic", "pharmacy", "care-assessor", "care-provider"]
        case .ownership: ["public", "private"]
        case .itemKind: ["western-drug", "patent-drug", "herb", "service", "consumable"]
        case .stockKind: ["opening", "purchase", "purchase-return", "sale", "sale-return", "loss", "closing"]
        case .scanKind: ["sale", "return", "purchase"]
        default: nil
        }
    }
}
