import Claims

/// Finds the settlement that paid a row (结算): the one a line names, else the only one of its encounter.
///
/// Reversed settlements, and those that reverse them, have left the chunk before.
extension Chunk {
    private static let settlementOfLine = Table.line.index(of: "settlement") ?? 0

    func settlement(of row: Int, in table: Int) -> Int? { settlement(of: row, in: table, tables[table]) }

    /// The settlement of a line of `encounterLines`, or of the chunk's lines where there are no others.
    func settlement(ofLine row: Int, amongAll: Bool) -> Int? {
        settlement(of: row, in: Table.line.position, amongAll ? encounterLines ?? self[.line] : self[.line])
    }

    private func settlement(of row: Int, in table: Int, _ source: TableRows) -> Int? {
        guard let persons = self[.encounter].starts, let encounterParent = self[.encounter].parent else { return nil }
        if table == Table.settlement.position { return row }
        let encounter = table == Table.encounter.position ? row : Int(source.parent?[row] ?? -1)
        guard encounter >= 0 else { return nil }
        let position = Table.settlement.position
        let own = rows(position, encounters: encounter..<encounter + 1)
        if table == Table.line.position, source.slots[Self.settlementOfLine].isValid(row) {
            let name = source.slots[Self.settlementOfLine].utf8(row)
            let names = self[.settlement].slots[0]
            for row in own where names.utf8(row).elementsEqual(name) { return row }
            let person = Int(encounterParent[encounter])
            for row in rows(position, encounters: Int(persons[person])..<Int(persons[person + 1]))
            where names.utf8(row).elementsEqual(name) {
                return row
            }
        }
        return own.count == 1 ? own.lowerBound : nil
    }
}
