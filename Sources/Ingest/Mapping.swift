import Claims
import Columns

/// A mapping file (映射文件) as written: which files hold what, and how their columns become fields.
///
/// Nothing is bound yet: columns are names, and whether they exist is known only when a file is opened.
struct Mapping: Sendable {
    var name = ""
    var sources: [SourceMapping] = []
    var tables: [TableMapping] = []
    var coverage: Coverage?
}

struct SourceMapping: Sendable {
    enum Format: String, Sendable, CaseIterable { case csv, ndjson, json, arrow }

    var name: String
    var place: MappingPlace
    var files: [String] = []
    var format = Format.csv
    var encoding = "utf-8"
    var dialect = CSVDialect()
    /// Names of the columns when the file has no header.
    var columns: [String]?
    /// Words that mean "absent", besides the empty value.
    var nulls: [String] = []
    var isOptional = false
    /// For JSON: the path of the list whose elements are the records.
    var rows: String?
    var conditions: [ConditionMapping] = []
}

struct TableMapping: Sendable {
    var table: Table
    var source: String
    var place: MappingPlace
    var action = TableProgram.Action.rows
    /// A wide record makes this many rows; `{n}` in names and constants is 1, 2, …
    var repetitions = 1
    var conditions: [ConditionMapping] = []
    var skipWhenAbsent: [ValueMapping] = []
    var clears: [String] = []
    var fields: [FieldMapping] = []
}

struct FieldMapping: Sendable {
    var field: String
    var place: MappingPlace
    var value: ValueMapping
}

struct ConditionMapping: Sendable {
    enum Test: Sendable {
        case isOneOf([String])
        case isNoneOf([String])
        case isAbsent, isPresent
    }
    var value: ValueMapping
    var test: Test
}

/// How a value comes about; the few forms that integrators need.
indirect enum ValueForm: Sendable {
    case column(String)
    case constant(String)
    case joined([ValueMapping], separator: String)
    case first([ValueMapping])
    case pseudonym(kind: ValueMapping?, number: ValueMapping)
    case lookup(source: String, key: ValueMapping, match: String, take: String)
}

struct ValueMapping: Sendable {
    var form: ValueForm
    var place: MappingPlace
    var split: (by: UInt8, take: Int)?
    var slice: (from: Int, length: Int)?
    var letters: String?
    var stripZeros = false
    var map: [(String, String)]?
    var mapFor: (institution: String, maps: [String: [(String, String)]])?
    var other: String?
    var format = ""
    /// Decimal places to take away: 2 for fen.
    var shift = 0
    var onMalformed = TableProgram.Failure.reject
    var onUnmapped = TableProgram.Failure.unknown
    var nulls: [String] = []
}

/// Where in a mapping file something stands.
struct MappingPlace: Sendable, Equatable {
    var line: Int
    var column: Int
}

/// Something to say about a mapping file: an error that stops the import, or a warning.
package struct MappingDiagnostic: Sendable, Equatable, CustomStringConvertible {
    package let isError: Bool
    package let code: String
    package let file: String
    package let line: Int
    package let column: Int
    package let message: String
    package let advice: String

    package var description: String {
        "\(file):\(line):\(column): \(isError ? "error" : "warning") \(code) \(message). \(advice)"
    }
}
