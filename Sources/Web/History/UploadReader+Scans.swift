import Audit
import Claims
import Rules

/// What sales and their returns (3505, 3506) say of trace codes, and withdrawals (3507) take back; in a batch the tables
/// `scan` of `mappings/national-messages.yaml` say the same.
extension UploadReader {
    private static let saleNames = NameTable([
        "fixmedins_bchno", "med_list_codg", "sel_retn_time", "psn_no", "trdn_flag", "drugtracinfo",
    ])
    private static let traceNames = NameTable(["drug_trac_codg|drug_trac_code"])
    private static let withdrawalNames = NameTable(["fixmedins_bchno", "inv_data_type"])

    private var sales: [JSONValue] {
        guard envelope.number == "3505" || envelope.number == "3506" else { return [] }
        for name in ["selinfo", "selinfoDetail"] as [StaticString] {
            let found = envelope.input.member(name)?.objects ?? []
            if !found.isEmpty { return found }
        }
        return []
    }

    /// The scans that it states. Rows with a value that cannot be read are left out, as in a batch.
    func scans(_ names: PersonNames) -> [TimelineRow] {
        sales.flatMap { value -> [TimelineRow] in
            let sale = MessageRecord(value, Self.saleNames)
            guard let number = sale.text(0), !envelope.institution.isEmpty else { return [] }
            var strict = Tolerance()
            let time = sale.moment(2, &strict, name: "sel_retn_time")
            let split = sale.text(4).map {
                ["1", "true"].contains($0) ? true : ["0", "false"].contains($0) ? false : nil
            }
            guard strict.unreadableCount == 0, split != .some(nil) else { return [] }
            return (sale.value(5)?.objects ?? []).compactMap { code in
                guard let trace = MessageRecord(code, Self.traceNames).text(0) else { return nil }
                var values = RowFields.unknown(.scan)
                let id = "\(envelope.institution)|\(number)|\(trace)|\(envelope.number)"
                values[RowFields.Scan.id] = id.value
                values[RowFields.Scan.trace] = trace.value
                values[RowFields.Scan.institution] = envelope.institution.value
                values[RowFields.Scan.item] = sale.code(1)?.value
                values[RowFields.Scan.day] = time.map { .day($0.day) }
                values[RowFields.Scan.second] = time?.second.map { .second($0) }
                values[RowFields.Scan.kind] = .text(envelope.number == "3505" ? "sale" : "return")
                values[RowFields.Scan.person] = sale.text(3).map { names($0).value }
                values[RowFields.Scan.split] = split.flatMap(\.self).map { .flag($0) }
                return TimelineRow(id: id, values: values)
            }
        }
    }

    /// The names under which the sales are found again: by each code, by buyer, by seller.
    var saleKeys: [RecordKey] {
        guard !sales.isEmpty else { return [] }
        var keys: [RecordKey] = [.seller(envelope.institution)]
        for value in sales {
            let sale = MessageRecord(value, Self.saleNames)
            if let buyer = sale.text(3) { keys.append(.sales(by: envelope.institution, to: buyer)) }
            for code in sale.value(5)?.objects ?? [] {
                if let trace = MessageRecord(code, Self.traceNames).text(0) { keys.append(.trace(trace)) }
            }
        }
        var seen: Set<RecordKey> = []
        return keys.filter { seen.insert($0).inserted }
    }

    /// Lays the scans over what was known.
    func apply(scansTo history: inout PersonHistory, _ names: PersonNames) {
        for row in scans(names) { _ = history.put(row, in: .scan, said: said) }
        guard envelope.number == "3507" else { return }
        for value in envelope.input.member("data")?.objects ?? [] {
            let record = MessageRecord(value, Self.withdrawalNames)
            guard let number = record.text(0), record.text(1) == "4" else { continue }
            history.withdrawScans(of: "\(envelope.institution)|\(number)|", kind: "|3505")
        }
    }
}
