import Knowledge
import Rules

/// How the sheets of a published file become rows of a list (导入对照): which columns under which headers, joined by
/// what, read how. A mapping is a YAML file that an expert writes; nothing about a sheet is known in code.
///
/// `docs/lists.md` says what can be written.
package struct ListMapping: Sendable {
    /// Where a table is found: any sheet of any file that has all its headers in one row.
    package struct SheetTable: Sendable {
        package let name: String
        /// Only sheets whose name contains this.
        package let sheet: String?
        /// Our name of a column → the headers that it may stand under, folded.
        package let headers: [(column: String, titles: [String])]
        /// Rows count only where these columns hold one of these texts.
        package let only: [(column: String, texts: [String])]

        package init(
            name: String, sheet: String? = nil, headers: [(column: String, titles: [String])],
            only: [(column: String, texts: [String])] = []
        ) {
            self.name = name
            self.sheet = sheet
            self.headers = headers
            self.only = only
        }
    }

    /// A text that prose is searched for, and what is taken when it is found: `$1` is its first group.
    package struct Pattern: Sendable {
        package let match: String
        package let result: String
    }

    /// Where a column of the list comes from.
    package struct Column: Sendable {
        package enum Origin: Sendable, Equatable {
            case constant(String)
            case cell(table: Int, column: Int)
        }

        package let name: String
        package let origin: Origin
        package var values: [String: String] = [:]
        package var patterns: [Pattern] = []
        /// Taken when neither value nor pattern fits; nil: that is a mistake.
        package var otherwise: String?
        /// The signs between several values of one cell; each gives a row.
        package var separators: String?
        /// What a code must look like: letters for kinds of signs, see `CodeShape`.
        package var form: String?
        /// `list.column` whose values are the codes that exist.
        package var catalogue: (list: String, column: String)?
        package var mayBeEmpty = false

        package init(name: String, origin: Origin) {
            self.name = name
            self.origin = origin
        }
    }

    package let id: String
    package let list: String
    package let tables: [SheetTable]
    /// Our name of the column by which rows of the second table belong to rows of the first.
    package let join: String?
    package let columns: [Column]
    /// Rows in force that hold these texts are replaced; empty: all are.
    package let replaces: [(column: String, text: String)]
    /// A row that begins with one of these is a total or a remark.
    package let skip: [String]
    /// How much of what is replaced may vanish, in percent; more looks like half a file.
    package let lossMax: Int

    package static let usualSkip = ["合计", "总计", "小计", "共计", "备注", "注:", "注：", "说明:", "说明：", "填表", "制表", "附注"]
    package static let usualLossMax = 20

    /// The mapping of a list's own columns: for sheets that were exported from it.
    package static func own(_ list: ListDeclaration, header: [String]) -> ListMapping {
        let table = SheetTable(name: "rows", headers: header.map { ($0, [$0]) })
        var columns: [Column] = []
        for (index, name) in header.enumerated() {
            var column = Column(name: name, origin: .cell(table: 0, column: index))
            column.mayBeEmpty = !list.keys.contains { list.columns[$0].name == name }
            columns.append(column)
        }
        return ListMapping(
            id: "list:\(list.id)", list: list.id, tables: [table], join: nil, columns: columns, replaces: [],
            skip: [], lossMax: usualLossMax)
    }
}
