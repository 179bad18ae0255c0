import Claims

/// Finds the settlement that paid a row (结算): the one a line names, else the only one of its encounter.
///
/// The row found is one of `settlements`. Reversed settlements, and those that reverse them, have left the chunk before.
extension Chunk {
    private static let settlementOfLine = Table.line.index(of: "settlement") ?? 0

    func settlement(of row: Int, in table: Int) -> Int? { settlement(of: row, in: table, tables[table]) }

    /// The settlement of a line of `encounterLines`, or of the chunk's lines where there are no others.
    func settlement(ofLine row: Int, amongAll: Bool) -> Int? {
        settlement(of: row, in: Table.line.position, amongAll ? encounterLines ?? self[.line] : self[.line])
    }

    /// What is the same in all copies of a settlement that gathered rows share.
    func identity(ofSettlement row: Int) -> Int64 {
        guard encounterSettlements != nil else { return identity(Table.settlement.position, row) }
        return encounterSettlementIdentities[row]
    }

    private func settlement(of row: Int, in table: Int, _ source: TableRows) -> Int? {
        guard let persons = self[.encounter].starts, let encounterParent = self[.encounter].parent else { return nil }
        let encounter = table == Table.encounter.position ? row : Int(source.parent?[row] ?? -1)
        guard encounter >= 0 else { return nil }
        let settlements = settlements
        guard let starts = settlements.starts else { return nil }
        let own = Int(starts[encounter])..<Int(starts[encounter + 1])
        if table == Table.line.position, source.slots[Self.settlementOfLine].isValid(row) {
            let name = source.slots[Self.settlementOfLine].utf8(row)
            let names = settlements.slots[0]
            for row in own where names.utf8(row).elementsEqual(name) { return row }
            let person = Int(encounterParent[encounter])
            let encounters = (first: Int(persons[person]), end: Int(persons[person + 1]))
            for row in Int(starts[encounters.first])..<Int(starts[encounters.end])
            where names.utf8(row).elementsEqual(name) {
                return row
            }
        }
        return own.count == 1 ? own.lowerBound : nil
    }
}
