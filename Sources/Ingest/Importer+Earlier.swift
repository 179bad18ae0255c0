import Claims

extension Importer {
    /// Takes over the persons and encounters that earlier generations know and this delivery tells of or refers to.
    func meet(_ earlier: EarlierGenerations, _ persons: HeaderTable, _ encounters: HeaderTable?) throws {
        if let encounters {
            let named = try foreignOwners(.encounter, besides: encounters.index)
            withdrawnEncounters = try earlier.meet(
                encounters, .encounter, tables, referenced: named, withdrawals: withdrawals[.encounter])
        }
        let named = try foreignOwners(.person, besides: persons.index)
        if let encounters, let slot = encounters.layout.slot(RowLayout.personText) {
            for row in encounters.rows {
                guard let row, row.has(slot) else { continue }
                let name = row.text(slot, encounters.layout)
                if persons.index.find(name) < 0 { _ = named.insert(name) }
            }
        }
        _ = try earlier.meet(persons, .person, tables, referenced: named)
    }

    /// Names of encounters or persons that rows of this delivery belong to and that it does not describe itself.
    private func foreignOwners(_ owner: Table, besides known: ByteIndex) throws -> ByteIndex {
        let found = ByteIndex()
        // Only the owner of each record is looked at.
        var probe = mapping
        probe.tables = mapping.tables.map { table in
            var table = table
            table.fields = table.fields.filter { $0.field == owner.rawValue }
            table.action = .withdraw
            table.clears = []
            return table
        }
        for file in files {
            let chosen = mapping.tables.indices.filter { number in
                let table = mapping.tables[number]
                return table.source == file.source.name && table.action != .withdraw && table.table != .encounter
                    && table.table.role == .timeline && !probe.tables[number].fields.isEmpty
            }
            if chosen.isEmpty { continue }
            let opened = try file.open()
            var binder = Binder(
                file: mappingFile, tables: tables, lookups: lookups, pseudonym: pseudonym, available: opened.header)
            let bound = binder.bind(probe, source: file.source, chosen: chosen)
            try Workers.run(threads) { _ in
                let feed = try opened.feed(bound)
                let batch = CellBatch(columns: bound.columns.count)
                let typed = bound.programs.map { TypedBatch($0) }
                let names = NameBatch()
                while try feed.next(batch) {
                    for one in typed {
                        one.read(batch)
                        let count = one.distinctOwners(batch.rows, into: names.cells)
                        known.findAll(names.cells, count, hashes: names.hashes, into: names.numbers)
                        for place in 0..<count where names.numbers[place] < 0 {
                            self.lock.held { _ = found.insert(names.cells[place], hash: names.hashes[place]) }
                        }
                    }
                }
            }
        }
        return found
    }
}
