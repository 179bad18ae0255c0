import Claims
import Columns

/// Whether written codes have the form, and the check digit, that the national standard gives them (编码规则校验).
///
/// Only systems whose codes one type knows wholly are looked at; senders may use numbers of their own elsewhere.
enum CodeForm {
    /// Nil when the system's codes have no form that could be checked.
    static func check(_ system: CodeSystem) -> (@Sendable (String) -> CodeFault?)? {
        switch system {
        case .institution: { text in fault { () throws(CodeFault) in _ = try InstitutionCode(text) } }
        case .diagnosis: { text in fault { () throws(CodeFault) in _ = try DiagnosisCode(text) } }
        case .area: { text in fault { () throws(CodeFault) in _ = try AreaCode(text) } }
        default: nil
        }
    }

    private static func fault(_ make: () throws(CodeFault) -> Void) -> CodeFault? {
        do throws(CodeFault) {
            try make()
            return nil
        } catch {
            return error
        }
    }

    /// The master table that describes the codes of a system.
    static func catalogue(_ system: CodeSystem) -> Table? {
        switch system {
        case .institution: .institution
        case .department: .department
        case .ward: .ward
        case .practitioner: .practitioner
        case .item: .item
        default: nil
        }
    }
}

extension IngestReport {
    /// What is known about the codes of one field: distinct ones, however often they occur.
    package struct CodeSummary: Codable, Sendable, Equatable {
        package var table: Table
        package var field: String
        package var codes: Int
        /// How many the catalogue (the master table) describes; nil when there is none.
        package var known: Int?
        package var unknownExamples: [String]
        /// How many have the national form; nil where no form is checked.
        package var wellFormed: Int?
        package var malformedExamples: [String]
    }

    /// Profiles the codes that an import met, against the catalogue as it stands afterwards.
    static func codeSummaries(_ tables: TableSet, _ dataset: Dataset) throws(ColumnsError) -> [CodeSummary] {
        var catalogues: [Table: StringDictionary] = [:]
        for table in Table.allCases where table.role == .master {
            guard let file = try dataset.master(table.rawValue), let column = file.index(of: "code"),
                file.fields[column].type == .dictionary
            else { continue }
            catalogues[table] = StringDictionary(StringTable(try file.dictionary(column), owner: file))
        }
        var result: [CodeSummary] = []
        for table in Table.allCases {
            for (number, field) in table.fields.enumerated() {
                guard case .code(let system) = field.kind, let codes = tables.dictionaries[table]?[number],
                    codes.count > 0
                else { continue }
                let catalogue = CodeForm.catalogue(system).flatMap { $0 == table ? nil : catalogues[$0] }
                let check = CodeForm.check(system)
                if catalogue == nil, check == nil { continue }
                var summary = CodeSummary(
                    table: table, field: field.name, codes: codes.count, known: catalogue == nil ? nil : 0,
                    unknownExamples: [], wellFormed: check == nil ? nil : 0, malformedExamples: [])
                var unknown: [String] = []
                var malformed: [String] = []
                for code in 0..<codes.count {
                    let cell = codes.value(Int32(truncatingIfNeeded: code))
                    if let catalogue {
                        if catalogue.known(cell.buffer) != nil {
                            summary.known? += 1
                        } else {
                            unknown.append(cell.text)
                        }
                    }
                    if let check {
                        if let fault = check(cell.text) {
                            malformed.append("\(cell.text): \(fault)")
                        } else {
                            summary.wellFormed? += 1
                        }
                    }
                }
                summary.unknownExamples = Array(unknown.sorted().prefix(3))
                summary.malformedExamples = Array(malformed.sorted().prefix(3))
                result.append(summary)
            }
        }
        return result
    }

    /// The lines of the report about codes: only what needs a person's eye.
    var codeLines: [String] {
        codes.flatMap { summary -> [String] in
            var lines: [String] = []
            let name = "\(summary.table.rawValue).\(summary.field)"
            if let known = summary.known, known < summary.codes {
                lines.append(
                    "codes \(name): \(known) of \(summary.codes) are known to the catalogue (\(IngestReport.share(known, summary.codes))); not, for example, "
                        + summary.unknownExamples.joined(separator: ", "))
            }
            // A sender whose codes all have another form uses a numbering of his own.
            if let formed = summary.wellFormed, formed < summary.codes, formed * 2 >= summary.codes {
                lines.append(
                    "codes \(name): \(summary.codes - formed) of \(summary.codes) break the national form, for example "
                        + summary.malformedExamples.joined(separator: "; "))
            }
            return lines
        }
    }

    private static func share(_ part: Int, _ whole: Int) -> String {
        let tenths = whole == 0 ? 0 : part * 1000 / whole
        return "\(tenths / 10).\(tenths % 10) %"
    }
}
