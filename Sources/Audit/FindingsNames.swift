import Claims
import Columns

/// What codes are called: names of institutions, items, departments, wards from the dataset's master tables.
///
/// A code without a name is shown as it is. Practitioners are named by code only: their names are personal data.
package struct FindingsNames: Sendable {
    private var names: [Table: [String: String]] = [:]
    /// What somebody else calls them, where the dataset has no name.
    private var others: [Table: [String: String]] = [:]

    package init() {}

    package init(dataset: Dataset) throws(ColumnsError) {
        for table in [Table.institution, .department, .ward, .item] {
            guard let file = try dataset.master(table.rawValue), let code = file.index(of: "code"),
                let name = file.index(of: "name")
            else { continue }
            let codes = file.fields[code].type == .dictionary ? try file.strings(code) : nil
            var found: [String: String] = [:]
            for batch in 0..<file.batchCount {
                let codeView = try file.column(code, batch: batch)
                let nameView = try file.column(name, batch: batch)
                for row in 0..<file.rowCount(ofBatch: batch) where codeView.isValid(row) && nameView.isValid(row) {
                    let key = codes.map { $0.string(Int(codeView.int32[row])) } ?? codeView.string(row)
                    found[key] = nameView.string(row)
                }
            }
            names[table] = found
        }
    }

    package init(_ names: [Table: [String: String]]) { self.names = names }

    package func name(of code: String, in table: Table) -> String? { names[table]?[code] ?? others[table]?[code] }

    /// These names, and where they are silent those that a message brings along.
    package func orElse(_ others: [Table: [String: String]]) -> FindingsNames {
        var result = self
        result.others = others
        return result
    }

    /// `name（code）`, or the bare code.
    package func nameAndCode(_ code: String, in table: Table) -> String {
        name(of: code, in: table).map { "\($0)（\(code)）" } ?? code
    }
}

extension Table {
    /// The Chinese term, as in the data dictionary.
    package var chinese: String {
        switch self {
        case .person: "参保人员"
        case .entitlement: "待遇享受"
        case .encounter: "就诊"
        case .diagnosis: "诊断"
        case .operation: "手术"
        case .prescription: "处方"
        case .line: "费用明细"
        case .settlement: "结算"
        case .stock: "进销存"
        case .scan: "扫码"
        case .institution: "定点机构"
        case .agreement: "服务协议"
        case .department: "科室"
        case .ward: "病区"
        case .practitioner: "医保医师"
        case .eligibility: "支付资格"
        case .item: "医保目录"
        }
    }
}
