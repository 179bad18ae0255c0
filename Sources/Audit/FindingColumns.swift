import Claims
import Columns

/// The columns of `findings.arrow`, in order. `docs/findings.md` explains them.
package enum FindingColumns {
    package enum Column: Int, CaseIterable, Sendable {
        case id, rule, version, category, outcome, grade, unit, key, person, institution, encounter, day, item
        case list, listRow, value, limit, violating, violatingTable, involved, involvedTable, stakes
        case gross, inScope, loss, lossBasic, lossLarge, lossAssistance, lossCivil, lossLongTermCare, lossOther
        case pool, lossMethod, cause, source, text, stated, package, packageHash
    }

    /// Value and limit carry six decimals.
    package static let evidenceScale = 6

    package static let fields: [ColumnField] = Column.allCases.map { column in
        ColumnField(column.name, column.type, nullable: column.isNullable)
    }
}

extension FindingColumns.Column {
    package var name: String {
        switch self {
        case .listRow: "list_row"
        case .violatingTable: "violating_table"
        case .involvedTable: "involved_table"
        case .inScope: "in_scope"
        case .lossBasic: "loss_basic"
        case .lossLarge: "loss_large"
        case .lossAssistance: "loss_assistance"
        case .lossCivil: "loss_civil"
        case .lossLongTermCare: "loss_long_term_care"
        case .lossOther: "loss_other"
        case .lossMethod: "loss_method"
        case .packageHash: "package_hash"
        default: "\(self)"
        }
    }

    /// What the rule gives.
    static let ofRule: [Self] = [.id, .rule, .version, .category, .grade, .list, .listRow]
    /// What is the same for every finding of a run, and what only findings from elsewhere have.
    static let ofRun: [Self] = [.source, .package, .packageHash]
    static let ofOthers: [Self] = [.text, .stated]
    /// What the rows give, and what follows from them.
    static let described = allCases.filter { !(ofRule + ofRun + ofOthers).contains($0) }

    package var type: ColumnType {
        switch self {
        case .id, .key, .person, .encounter, .text: .utf8
        case .grade, .listRow: .int32
        case .day: .date32
        case .value, .limit: .decimal64(scale: FindingColumns.evidenceScale)
        case .violating, .involved, .stakes: .listUtf8
        case .gross, .inScope, .loss, .lossBasic, .lossLarge, .lossAssistance, .lossCivil, .lossLongTermCare,
            .lossOther, .stated:
            .decimal64(scale: Schema.moneyScale)
        default: .dictionary
        }
    }

    package var isNullable: Bool {
        switch self {
        case .id, .rule, .version, .category, .outcome, .grade, .unit, .key, .violating, .violatingTable, .involved,
            .stakes, .source:
            false
        default: true
        }
    }
}
