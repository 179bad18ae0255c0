import Claims
import Columns

/// A chunk put together from several segments: the same person's rows side by side, in timeline order.
///
/// Of rows with equal identifiers the one of the newest segment counts. What a later segment took back is left out, an
/// encounter with all that belongs to it there.
enum MergedChunk {
    static func make(
        _ sources: [SegmentSource], _ fields: [Table: [Int]], _ withdrawn: WithdrawnRows?, from first: [UInt8]?,
        before next: [UInt8]?, only touched: TouchedPersons? = nil
    ) throws -> Chunk {
        var parts: [Chunk] = []
        var segments: [Int] = []
        var persons: [(id: [UInt8], reference: RowReference)] = []
        for (number, source) in sources.enumerated() {
            for block in 0..<source.segment.blockCount {
                if let next, !Array(source.segment.firstPerson(block).utf8).lexicographicallyPrecedes(next) { break }
                if let first, Array(source.segment.lastPerson(block).utf8).lexicographicallyPrecedes(first) { continue }
                let segment = source.segment
                if let touched,
                    !touched.hasAny(from: segment.firstPerson(block), through: segment.lastPerson(block))
                {
                    continue
                }
                let part = try source.chunk(block: block)
                let rows = part[.person]
                for row in 0..<rows.rows {
                    let id = Array(rows.slots[0].utf8(row))
                    if let first, id.lexicographicallyPrecedes(first) { continue }
                    if let next, !id.lexicographicallyPrecedes(next) { continue }
                    if let touched, !touched.contains(id) { continue }
                    persons.append((id, RowReference(source: Int32(parts.count), row: Int32(row))))
                }
                parts.append(part)
                segments.append(number)
            }
        }
        persons.sort { a, b in
            a.id == b.id ? a.reference.source < b.reference.source : a.id.lexicographicallyPrecedes(b.id)
        }
        return Builder(parts, segments, withdrawn, fields).build(persons)
    }

    private struct Builder {
        let parts: [Chunk]
        /// The segment of each part.
        let segments: [Int]
        let withdrawn: WithdrawnRows?
        let fields: [Table: [Int]]
        let chunk = Chunk()

        init(_ parts: [Chunk], _ segments: [Int], _ withdrawn: WithdrawnRows?, _ fields: [Table: [Int]]) {
            self.parts = parts
            self.segments = segments
            self.withdrawn = withdrawn
            self.fields = fields
            chunk.owners = parts
        }

        func build(_ persons: [(id: [UInt8], reference: RowReference)]) -> Chunk {
            var personRows: [RowReference] = []
            var rows: [Table: [RowReference]] = [:]
            var parents: [Table: [Int32]] = [:]
            var index = 0
            while index < persons.count {
                var end = index
                while end < persons.count, persons[end].id == persons[index].id { end += 1 }
                let same = persons[index..<end].map(\.reference)
                // The newest segment describes the person.
                personRows.append(same[same.count - 1])
                let person = Int32(personRows.count - 1)
                add(.entitlement, of: same, parent: person, &rows, &parents)
                addEncounters(of: same, person: person, &rows, &parents)
                index = end
            }
            fill(.person, personRows, parents: nil, parentRows: 0)
            fill(.encounter, rows[.encounter] ?? [], parents: parents[.encounter] ?? [], parentRows: personRows.count)
            fill(
                .entitlement, rows[.entitlement] ?? [], parents: parents[.entitlement] ?? [],
                parentRows: personRows.count)
            for table in [Table.diagnosis, .operation, .prescription, .line, .settlement] {
                fill(table, rows[table] ?? [], parents: parents[table] ?? [], parentRows: rows[.encounter]?.count ?? 0)
            }
            return chunk
        }

        private func add(
            _ table: Table, of parentRows: [RowReference], parent: Int32, _ rows: inout [Table: [RowReference]],
            _ parents: inout [Table: [Int32]]
        ) {
            for reference in parentRows {
                guard let starts = parts[Int(reference.source)][table].starts else { continue }
                for row in starts[Int(reference.row)]..<starts[Int(reference.row) + 1] {
                    rows[table, default: []].append(RowReference(source: reference.source, row: row))
                    parents[table, default: []].append(parent)
                }
            }
        }

        private func addEncounters(
            of same: [RowReference], person: Int32, _ rows: inout [Table: [RowReference]],
            _ parents: inout [Table: [Int32]]
        ) {
            var encounters: [[RowReference]] = []
            var places: [[UInt8]: Int] = [:]
            for reference in same {
                let part = parts[Int(reference.source)]
                guard let starts = part[.encounter].starts else { continue }
                for row in starts[Int(reference.row)]..<starts[Int(reference.row) + 1] {
                    let own = RowReference(source: reference.source, row: row)
                    if isHidden(.encounter, own) { continue }
                    let id = Array(part[.encounter].slots[0].utf8(Int(row)))
                    if let place = places[id] {
                        encounters[place].append(own)
                    } else {
                        places[id] = encounters.count
                        encounters.append([own])
                    }
                }
            }
            encounters.sort { order(.encounter, "start_day", "start_second", $0[$0.count - 1], $1[$1.count - 1]) }
            for versions in encounters {
                rows[.encounter, default: []].append(versions[versions.count - 1])
                parents[.encounter, default: []].append(person)
                let encounter = Int32((rows[.encounter]?.count ?? 1) - 1)
                for table in [Table.operation, .prescription, .settlement] {
                    addIdentified(table, of: versions, parent: encounter, &rows, &parents, sort: nil)
                }
                addIdentified(.line, of: versions, parent: encounter, &rows, &parents, sort: ("day", "second"))
                // Diagnoses have no identifier: the newest segment that has any counts.
                if let newest = versions.last(where: { count(.diagnosis, $0) > 0 }) {
                    add(.diagnosis, of: [newest], parent: encounter, &rows, &parents)
                }
            }
        }

        private func count(_ table: Table, _ encounter: RowReference) -> Int32 {
            guard let starts = parts[Int(encounter.source)][table].starts else { return 0 }
            return starts[Int(encounter.row) + 1] - starts[Int(encounter.row)]
        }

        private func addIdentified(
            _ table: Table, of versions: [RowReference], parent: Int32, _ rows: inout [Table: [RowReference]],
            _ parents: inout [Table: [Int32]], sort: (String, String)?
        ) {
            var found: [RowReference] = []
            var places: [[UInt8]: Int] = [:]
            for reference in versions {
                guard let starts = parts[Int(reference.source)][table].starts else { continue }
                for row in starts[Int(reference.row)]..<starts[Int(reference.row) + 1] {
                    let own = RowReference(source: reference.source, row: row)
                    if isHidden(table, own) { continue }
                    guard versions.count > 1 else {
                        found.append(own)
                        continue
                    }
                    let id = Array(parts[Int(own.source)][table].slots[0].utf8(Int(row)))
                    if let place = places[id] {
                        found[place] = own
                    } else {
                        places[id] = found.count
                        found.append(own)
                    }
                }
            }
            if versions.count > 1 {
                if let sort {
                    found.sort { order(table, sort.0, sort.1, $0, $1) }
                } else {
                    found.sort { bytes(table, $0).lexicographicallyPrecedes(bytes(table, $1)) }
                }
            }
            rows[table, default: []].append(contentsOf: found)
            parents[table, default: []].append(contentsOf: repeatElement(parent, count: found.count))
        }

        private func isHidden(_ table: Table, _ reference: RowReference) -> Bool {
            guard let withdrawn, withdrawn.mentions(table.rawValue) else { return false }
            return withdrawn.hides(
                table.rawValue, bytes(table, reference), segment: segments[Int(reference.source)])
        }

        private func bytes(_ table: Table, _ reference: RowReference) -> UnsafeBufferPointer<UInt8> {
            parts[Int(reference.source)][table].slots[0].utf8(Int(reference.row))
        }

        /// Day, then second with unknown first, then the bytes of the identifier.
        private func order(
            _ table: Table, _ day: String, _ second: String, _ a: RowReference, _ b: RowReference
        ) -> Bool {
            func time(_ reference: RowReference) -> (Int32, Int32) {
                let part = parts[Int(reference.source)]
                let day = part.slot(table, day)
                let second = part.slot(table, second)
                let row = Int(reference.row)
                return (
                    day.isValid(row) ? day.int32s[row] : Int32.min,
                    second.isValid(row) ? second.int32s[row] : Int32.min
                )
            }
            let (x, y) = (time(a), time(b))
            return x == y ? bytes(table, a).lexicographicallyPrecedes(bytes(table, b)) : x < y
        }

        private func fill(_ table: Table, _ references: [RowReference], parents: [Int32]?, parentRows: Int) {
            let tables = parts.map { $0[table] }
            var rows = chunk[table]
            rows.rows = references.count
            rows.isPresent = tables.contains { $0.isPresent }
            for field in fields[table] ?? [] {
                rows.slots[field] = Gather.slot(field, references, from: tables, arena: chunk.arena)
            }
            if let parents {
                let copy = chunk.arena.allocate(Int32.self, parents.count)
                for (index, parent) in parents.enumerated() { copy[index] = parent }
                rows.parent = copy
                rows.starts = Gather.starts(copy, rows: parents.count, parentRows: parentRows, arena: chunk.arena)
            }
            chunk[table] = rows
        }
    }
}
