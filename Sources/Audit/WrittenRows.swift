import Claims

extension CompiledRule {
    /// How far apart the rows lie of which one finding of the rule speaks, violating and involved.
    enum Breadth { case row, encounter, person }

    var breadth: Breadth {
        var widest = Breadth.row
        if isGroup {
            guard isWithinEncounter else { return .person }
            widest = .encounter
        }
        for scope in evidenceScopes {
            switch scope {
            case .encounter: widest = .encounter
            case .members: break
            case .person, .partition: return .person
            }
        }
        return widest
    }

    /// Whether the groups of the rule have rows of one encounter each.
    var isWithinEncounter: Bool {
        guard case .group(_, let keys) = rule.unit else { return false }
        return keys.contains { $0.expression.isIdentity(of: .encounter) }
    }
}

/// The rows of a question that its message writes, as places in the chunk (本次书写的行).
///
/// A finding without any of them is not about the message. So a rule that looks at a row alone need be asked only of
/// these rows, and one that stays inside an encounter only of the encounters they lie in.
struct WrittenRows {
    /// Per table position: by place of the row as it was given.
    private let rows: [[Bool]]
    private var encounters: [Bool]
    /// All encounters with a row that is being written lie in here.
    private(set) var extent = 0..<0
    private let chunk: Chunk
    private let kept = Scratch<Int32>()

    /// `rows`: per table position, whether the rows are being written, as they were laid out before netting.
    init(_ rows: [[Bool]], _ chunk: Chunk) {
        self.chunk = chunk
        self.rows = rows
        encounters = Array(repeating: false, count: chunk[.encounter].rows)
        for table in [Table.encounter, .diagnosis, .operation, .prescription, .line, .settlement] {
            let marks = rows[table.position]
            guard !marks.isEmpty else { continue }
            let own = chunk[table]
            for row in 0..<own.rows where marks[Int(chunk.identity(table.position, row))] {
                if table == .encounter { note(row) } else if let parent = own.parent { note(Int(parent[row])) }
            }
        }
    }

    private mutating func note(_ encounter: Int) {
        encounters[encounter] = true
        extent =
            extent.isEmpty
            ? encounter..<encounter + 1
            : min(extent.lowerBound, encounter)..<max(extent.upperBound, encounter + 1)
    }

    func isWritten(_ table: Int, _ row: Int) -> Bool {
        let marks = rows[table]
        return !marks.isEmpty && marks[Int(chunk.identity(table, row))]
    }

    /// The candidates that may be flagged together with a row of the message. Valid until the next call.
    func among(
        _ candidates: UnsafeBufferPointer<Int32>, _ table: Int, _ breadth: CompiledRule.Breadth
    ) -> UnsafeBufferPointer<Int32> {
        guard breadth != .person, !candidates.isEmpty else { return candidates }
        let target = kept.pointer(candidates.count)
        var count = 0
        let parent = chunk.tables[table].parent
        for row in candidates {
            let mayConcern: Bool
            if breadth == .row {
                mayConcern = isWritten(table, Int(row))
            } else if table == Table.encounter.position {
                mayConcern = encounters[Int(row)]
            } else {
                mayConcern = parent.map { encounters[Int($0[Int(row)])] } ?? true
            }
            guard mayConcern else { continue }
            target[count] = row
            count &+= 1
        }
        return UnsafeBufferPointer(start: UnsafePointer(target), count: count)
    }

    /// Whether a finding speaks of a row of the message.
    func concern(_ draft: Draft, _ table: Int) -> Bool {
        draft.violating.contains { isWritten(table, Int($0)) }
            || draft.involved.contains { isWritten(Int($0.table), Int($0.row)) }
    }
}
