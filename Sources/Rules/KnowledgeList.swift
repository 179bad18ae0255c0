import Claims
import Columns

/// A list of experts (知识点清单): code → limit, code × code, ranges, dated prices; one CSV with declared columns.
///
/// Columns are stored column-wise: texts as bytes, numbers, days and flags as Int64. Rows keep the order of the file.
package struct KnowledgeList: Sendable {
    package enum ColumnKind: Sendable, Hashable {
        /// A value of a code system; equal or not.
        case code(CodeSystem)
        /// The beginning of a code: matches by STARTS WITH.
        case prefix(CodeSystem)
        case text
        case integer
        case decimal(scale: Int)
        case day
        case flag
    }

    package struct Column: Sendable {
        package let name: String
        package let kind: ColumnKind
        /// For code, prefix and text columns.
        package var texts: StringTable
        /// For the others: the mantissa, day number, or 0/1.
        package var numbers: [Int64]
        /// Rows in which the cell is empty; empty array: none is.
        package var isNull: [Bool]
        package init(name: String, kind: ColumnKind, texts: StringTable, numbers: [Int64], isNull: [Bool]) {
            self.name = name
            self.kind = kind
            self.texts = texts
            self.numbers = numbers
            self.isNull = isNull
        }
    }

    /// Which area of a focus row selects rows of the list, and which of its dates.
    package enum AreaSelector: String, Sendable { case care, home, none }
    package enum DateSelector: String, Sendable { case fee, discharge, settlement }

    package let id: String
    package let name: String
    package let columns: [Column]
    package let keys: [Int]
    package let areaSelector: AreaSelector
    package let dateSelector: DateSelector
    package let rowCount: Int
    /// A run of rows that come from one file.
    package struct Extent: Sendable, Hashable {
        package let file: String
        package let firstRow: Int
        package init(file: String, firstRow: Int) {
            self.file = file
            self.firstRow = firstRow
        }
    }

    /// Per row; empty arrays when no row is dated, or none is bound to an area. A row without a first day has
    /// `Int32.min`, one without a last day `Int32.max`, one for every area an empty text.
    package let from: [Int32]
    package let to: [Int32]
    package let areas: [String]
    /// Line number of each row in its CSV file.
    package let lineNumbers: [Int32]
    package let version: String
    package let file: String
    /// The provision that the list rests on, and where its rows were published; empty when the list does not say.
    package let basis: String
    package let source: String
    /// Whether its keys are the codes that exist, which other lists may use (目录).
    package let isCatalogue: Bool
    /// Whether the national list is empty on purpose: its rows come from areas (由地方填写).
    package let awaitsAreas: Bool
    /// The files that the rows come from, when areas add to the package's own.
    package let extents: [Extent]

    package init(
        id: String, name: String, columns: [Column], keys: [Int], areaSelector: AreaSelector,
        dateSelector: DateSelector, rowCount: Int, from: [Int32], to: [Int32], areas: [String],
        lineNumbers: [Int32], version: String, file: String,
        extents: [Extent] = [], basis: String = "", source: String = "", isCatalogue: Bool = false,
        awaitsAreas: Bool = false
    ) {
        self.id = id
        self.name = name
        self.columns = columns
        self.keys = keys
        self.areaSelector = areaSelector
        self.dateSelector = dateSelector
        self.rowCount = rowCount
        self.from = from
        self.to = to
        self.areas = areas
        self.lineNumbers = lineNumbers
        self.version = version
        self.file = file
        self.extents = extents
        self.basis = basis
        self.source = source
        self.isCatalogue = isCatalogue
        self.awaitsAreas = awaitsAreas
    }

    /// Where a row stands: the file, and the line in it.
    package func place(ofRow row: Int) -> (file: String, line: Int) {
        let origin = extents.last { $0.firstRow <= row }?.file ?? file
        return (origin, lineNumbers.indices.contains(row) ? Int(lineNumbers[row]) : 0)
    }

    /// What lists with the same rows have in common, quickly told.
    package struct Outline: Hashable {
        let rows: Int
        let columns: [String]
    }

    package var outline: Outline { Outline(rows: rowCount, columns: columns.map(\.name)) }

    /// Whether another list says the same row by row, wherever the rows stand and whatever the list is called.
    package func hasRows(of other: KnowledgeList) -> Bool {
        rowCount == other.rowCount && keys == other.keys && areaSelector == other.areaSelector
            && dateSelector == other.dateSelector && from == other.from && to == other.to && areas == other.areas
            && columns.count == other.columns.count
            && zip(columns, other.columns).allSatisfy { own, column in
                own.name == column.name && own.kind == column.kind && own.numbers == column.numbers
                    && own.isNull == column.isNull && own.texts == column.texts
            }
    }

    package func columnIndex(_ name: String) -> Int? { columns.firstIndex { $0.name == name } }
}

/// Everything an audit needs to know: checked rules and the lists they use, with one hash over all of it.
package struct Plan: Sendable {
    package let rules: [Rule]
    package let lists: [String: KnowledgeList]
    package let packageName: String
    package let packageVersion: String
    /// SHA-256 over the package's files, hexadecimal.
    package let packageHash: String

    package init(
        rules: [Rule], lists: [String: KnowledgeList], packageName: String, packageVersion: String,
        packageHash: String
    ) {
        self.rules = rules
        self.lists = lists
        self.packageName = packageName
        self.packageVersion = packageVersion
        self.packageHash = packageHash
    }

    /// The same knowledge with some of the rules.
    package func keeping(_ isKept: (Rule) -> Bool) -> Plan {
        Plan(
            rules: rules.filter(isKept), lists: lists, packageName: packageName, packageVersion: packageVersion,
            packageHash: packageHash)
    }
}
