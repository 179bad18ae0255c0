import Columns
import Glibc

/// Writes findings that come from elsewhere than the engine (foreign findings, selections) in the same layout.
///
/// Dictionaries of an Arrow file precede its rows, so the records are gathered first; foreign lists and selections
/// are small beside claims. At most `limit` records.
package struct FindingsRecordWriter {
    package static let limit = 20_000_000
    private static let batchRows = 65_536

    private var records: [FindingsRecord] = []

    package init() {}

    package var count: Int { records.count }

    package mutating func append(_ record: FindingsRecord) throws(ColumnsError) {
        guard records.count < Self.limit else {
            throw ColumnsError(
                "YJ-313", "more than \(Self.limit) findings", at: "findings",
                advice: "Split the input and import the parts")
        }
        records.append(record)
    }

    /// The file takes its name when it is complete, in the place of one that was there.
    package func write(to path: String, metadata: [String: String] = [:]) throws(ColumnsError) {
        let temporary = path + ".part"
        unlink(temporary)
        let coding = Coding(records)
        try coding.write(
            to: try ArrowWriter(
                path: temporary, fields: FindingColumns.fields, metadata: metadata, dictionaries: coding.tables))
        guard rename(temporary, path) == 0 else {
            throw ColumnsError(
                "YJ-401", "the file cannot take its name: \(String(cString: strerror(errno)))", at: path,
                advice: "Check the folder and its permissions, and run the same command again")
        }
    }

    /// As an Arrow stream, to a pipe for instance.
    package func write(to descriptor: Int32, name: String) throws(ColumnsError) {
        let coding = Coding(records)
        try coding.write(
            to: try ArrowWriter(
                descriptor: descriptor, name: name, fields: FindingColumns.fields, dictionaries: coding.tables))
    }

    /// The records with the dictionaries of their columns, sorted by bytes.
    private struct Coding {
        let records: [FindingsRecord]
        let codes: [StringDictionary?]
        let remap: [[Int32]]
        let tables: [Int: StringTable]

        init(_ records: [FindingsRecord]) {
            self.records = records
            codes = FindingColumns.Column.allCases.map { $0.type == .dictionary ? StringDictionary() : nil }
            for record in records {
                for column in FindingColumns.Column.allCases {
                    if let dictionary = codes[column.rawValue], let text = record.text(of: column) {
                        _ = dictionary.code(for: text)
                    }
                }
            }
            let sorted = codes.map { $0?.sorted() }
            remap = sorted.map { $0?.remap ?? [] }
            tables = Dictionary(
                uniqueKeysWithValues: sorted.enumerated().compactMap { index, entry in
                    entry.map { (index, $0.table) }
                })
        }

        func write(to writer: ArrowWriter) throws(ColumnsError) {
            let buffers = FindingColumns.Column.allCases.map { ColumnBuffer($0.type) }
            var start = 0
            repeat {
                let end = min(records.count, start + FindingsRecordWriter.batchRows)
                for buffer in buffers { buffer.reset() }
                for record in records[start..<end] {
                    for column in FindingColumns.Column.allCases {
                        append(record, column, to: buffers[column.rawValue])
                    }
                }
                try writer.write(buffers, rows: end - start)
                start = end
            } while start < records.count
            _ = try writer.finish()
        }

        private func append(_ record: FindingsRecord, _ column: FindingColumns.Column, to buffer: ColumnBuffer) {
            switch column.type {
            case .listUtf8:
                buffer.append(
                    list: column == .violating
                        ? record.violating : column == .involved ? record.involved : record.stakes)
            case .int32, .date32:
                if let number = record.integer(of: column) { buffer.append(number) } else { buffer.appendNull() }
            case .decimal64:
                if let number = record.number(of: column) { buffer.append(number) } else { buffer.appendNull() }
            default:
                guard let text = record.text(of: column) else { return buffer.appendNull() }
                guard let dictionary = codes[column.rawValue] else { return buffer.append(text) }
                guard let code = dictionary.known(text) else { return buffer.appendNull() }
                buffer.append(remap[column.rawValue][Int(code)])
            }
        }
    }
}

extension FindingsRecord {
    func text(of column: FindingColumns.Column) -> String? {
        switch column {
        case .id: id
        case .rule: rule
        case .version: version
        case .category: category
        case .outcome: outcome
        case .unit: unit
        case .key: key
        case .person: person
        case .institution: institution
        case .encounter: encounter
        case .item: item
        case .list: list
        case .violatingTable: violatingTable
        case .involvedTable: involvedTable
        case .pool: pool
        case .lossMethod: lossMethod
        case .cause: cause
        case .source: source
        case .text: text
        case .package: package
        case .packageHash: packageHash
        default: nil
        }
    }

    func integer(of column: FindingColumns.Column) -> Int32? {
        switch column {
        case .grade: grade
        case .listRow: listRow
        case .day: day?.number
        default: nil
        }
    }

    func number(of column: FindingColumns.Column) -> Int64? {
        switch column {
        case .value: value
        case .limit: limit
        case .gross: gross
        case .inScope: inScope
        case .loss: loss
        case .lossBasic: lossParts.basic
        case .lossLarge: lossParts.large
        case .lossAssistance: lossParts.assistance
        case .lossCivil: lossParts.civil
        case .lossLongTermCare: lossParts.longTermCare
        case .lossOther: lossParts.other
        case .stated: stated
        default: nil
        }
    }
}
