import Claims
import Knowledge

/// What a list's YAML file declares (清单声明): its columns, its keys, and how its rows are chosen.
package struct ListDeclaration: Sendable {
    package struct Column: Sendable {
        package let name: String
        package let kind: KnowledgeList.ColumnKind
    }

    package let id: String
    package let name: String
    package let columns: [Column]
    /// The columns that identify a row.
    package let keys: [Int]
    package let areaSelector: KnowledgeList.AreaSelector
    package let dateSelector: KnowledgeList.DateSelector
    package let source: String
    package let basis: String
    package let file: String
    /// Whether its keys are the codes that exist (目录).
    package var isCatalogue = false
    /// Whether its rows come from areas, so that it may be empty (由地方填写).
    package var awaitsAreas = false

    package static let columnsMax = 64
    package static let keysMax = 8

    package func columnIndex(_ name: String) -> Int? { columns.firstIndex { $0.name == name } }
}

extension KnowledgeList.ColumnKind {
    /// `item code`, `diagnosis prefix`, `text`, `integer`, `decimal(4)`, `day`, `flag`.
    init?(_ text: String) {
        let words = text.split(separator: " ")
        if words.count == 2, let system = CodeSystem(rawValue: String(words[0])) {
            switch words[1] {
            case "code": self = .code(system)
            case "prefix": self = .prefix(system)
            default: return nil
            }
            return
        }
        switch text {
        case "text": self = .text
        case "integer": self = .integer
        case "day": self = .day
        case "flag": self = .flag
        default:
            guard text.hasPrefix("decimal("), text.hasSuffix(")"),
                let scale = Int(text.dropFirst(8).dropLast()), (0...12).contains(scale)
            else { return nil }
            self = .decimal(scale: scale)
        }
    }

    package var type: ValueType {
        switch self {
        case .code, .prefix, .text: .text
        case .integer: .number(scale: 0)
        case .decimal(let scale): .number(scale: scale)
        case .day: .day
        case .flag: .boolean
        }
    }

    var system: CodeSystem? {
        switch self {
        case .code(let system), .prefix(let system): system == .other ? nil : system
        default: nil
        }
    }
}
