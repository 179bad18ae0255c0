import Claims
import Glibc

/// The persons or encounters of an import, one row each: repeats folded, corrections applied, withdrawals taken out.
///
/// Which row wins depends on versions and content alone, never on the order of reading.
///
/// Changed by one thread while it is resolved; read by many afterwards.
final class HeaderTable: @unchecked Sendable {
    let layout: RowLayout
    private let dictionaries: [Int: CodeDictionary]
    /// Identifier → number; numbers of refused and withdrawn rows stay, with no row behind them.
    let index: ByteIndex
    /// By number.
    private(set) var rows: [StagedRow?] = []
    private(set) var balance = Balance()
    private(set) var rejects: [Reject] = []
    /// Rows taken over from earlier generations: no part of the balance.
    private(set) var carried = 0
    /// Numbers of rows that were stated here and taken back by their group: earlier generations must not keep them.
    private(set) var takenBack: Set<Int> = []
    private var made: [UnsafeMutableRawPointer] = []
    private var kept: [StagedRows] = []
    private let identifierSlot: Int

    init(
        layout: RowLayout, dictionaries: [Int: CodeDictionary], expecting count: Int, in work: WorkMemory? = nil
    ) {
        self.layout = layout
        self.dictionaries = dictionaries
        index = ByteIndex(expecting: count, in: work)
        identifierSlot = layout.identifierSlot ?? 0
        rows.reserveCapacity(count)
    }

    deinit { for memory in made { memory.deallocate() } }

    var count: Int { rows.count }

    func identifier(_ number: Int) -> Cell { index[number] }

    /// Takes all staged rows.
    func resolve(_ staged: [StagedRows], merged: Bool, withdrawals: Withdrawals?) throws(IngestError) {
        var later: [(number: Int, row: StagedRow)] = []
        let names = NameBatch()
        var batch: [StagedRow] = []
        batch.reserveCapacity(NameBatch.capacity)
        func enter() {
            index.insertAll(names.cells, batch.count, hashes: names.hashes, into: names.numbers)
            for (place, row) in batch.enumerated() {
                let number = Int(names.numbers[place])
                if number == rows.count { rows.append(row) } else { later.append((number, row)) }
            }
            batch.removeAll(keepingCapacity: true)
        }
        for rowsOfThread in staged {
            for (start, count) in try rowsOfThread.readBack(0) {
                var at = 0
                while at < count {
                    let row = StagedRow(base: start + at)
                    at &+= row.length
                    names.cells[batch.count] = row.text(identifierSlot, layout)
                    batch.append(row)
                    if batch.count == NameBatch.capacity { enter() }
                }
            }
        }
        enter()
        if !later.isEmpty { fold(&later, merged: merged) }
        if let withdrawals {
            let group = withdrawals.hasGroups ? layout.slot(RowLayout.groupText) : nil
            for number in rows.indices {
                guard let row = rows[number] else { continue }
                let version = row.version(layout)
                let isOfGroup =
                    group.map { row.has($0) && withdrawals.covers(group: row.text($0, layout), version: version) }
                    == true
                if isOfGroup { takenBack.insert(number) }
                if isOfGroup || withdrawals.covers(identifier: index[number], version: version) {
                    rows[number] = nil
                    balance.corrected += 1
                    balance.withdrawn += 1
                }
            }
        }
    }

    /// A row that nothing but a reference tells of.
    func addByReference(_ identifier: Cell) -> Int {
        let number = index.insert(identifier)
        if number < rows.count { return number }
        let total = (layout.fixedBytes + identifier.count + 7) & ~7
        let memory = UnsafeMutableRawPointer.allocate(byteCount: total, alignment: 16)
        memset(memory, 0, total)
        made.append(memory)
        memory.storeBytes(of: UInt32(1) << UInt32(identifierSlot), toByteOffset: RowLayout.presence, as: UInt32.self)
        memory.storeBytes(of: UInt32(truncatingIfNeeded: total), toByteOffset: RowLayout.rowLength, as: UInt32.self)
        memory.storeBytes(
            of: UInt32(truncatingIfNeeded: identifier.count), toByteOffset: layout.slots[identifierSlot].offset,
            as: UInt32.self)
        memcpy(memory + layout.fixedBytes, identifier.start, identifier.count)
        rows.append(StagedRow(base: memory))
        return number
    }

    private func fold(_ later: inout [(number: Int, row: StagedRow)], merged: Bool) {
        later.sort { $0.number < $1.number }
        var at = 0
        while at < later.count {
            let number = later[at].number
            var group: [StagedRow] = []
            if let first = rows[number] { group.append(first) }
            while at < later.count, later[at].number == number {
                group.append(later[at].row)
                at += 1
            }
            let outcome = merged ? merge(group) : RowContest.decide(group, layout)
            rows[number] = outcome.kept
            balance.repeated += outcome.repeated
            balance.corrected += outcome.corrected
            balance.rejected += outcome.rejected.count
            for row in outcome.rejected {
                rejects.append(
                    Reject(origin: row.origin, length: row.sourceLength, reason: .conflict, mapping: .max, step: 255))
            }
        }
    }

    /// Parts of one thing: the newest statement about each value holds.
    private func merge(_ group: [StagedRow]) -> RowContest.Outcome {
        let ordered = group.sorted { a, b in
            let (left, right) = (a.version(layout), b.version(layout))
            return left != right ? left < right : a.contentOrder(b, layout, dictionaries) < 0
        }
        var outcome = RowContest.Outcome()
        var distinct: [StagedRow] = []
        for row in ordered {
            if let last = distinct.last, last.saysTheSame(as: row, layout) {
                outcome.repeated += 1
            } else {
                distinct.append(row)
            }
        }
        outcome.corrected = distinct.count - 1
        outcome.kept = distinct.count == 1 ? distinct[0] : combine(distinct)
        return outcome
    }

    /// One row of what several say, the newest last; this table owns its memory.
    func combine(_ parts: [StagedRow]) -> StagedRow {
        var chosen = [StagedRow?](repeating: nil, count: layout.slots.count)
        for part in parts {
            for slot in layout.slots.indices {
                if part.rank >> UInt32(slot) & 1 != 0 { chosen[slot] = nil }
                if part.has(slot) { chosen[slot] = part }
            }
        }
        var total = layout.fixedBytes
        for slot in layout.texts { total += chosen[slot]?.text(slot, layout).count ?? 0 }
        total = (total + 7) & ~7
        let memory = UnsafeMutableRawPointer.allocate(byteCount: total, alignment: 16)
        made.append(memory)
        memset(memory, 0, total)
        let newest = parts[parts.count - 1]
        memcpy(memory, newest.base, layout.isVersioned ? 32 : 24)
        var presence: UInt32 = 0
        var at = layout.fixedBytes
        for (slot, description) in layout.slots.enumerated() {
            guard let part = chosen[slot] else { continue }
            presence |= 1 << UInt32(slot)
            switch description.width {
            case .wide:
                memory.storeBytes(
                    of: part.wide(at: description.offset), toByteOffset: description.offset, as: Int64.self)
            case .narrow:
                memory.storeBytes(
                    of: part.narrow(at: description.offset), toByteOffset: description.offset, as: Int32.self)
            case .text:
                let text = part.text(slot, layout)
                memory.storeBytes(of: UInt32(text.count), toByteOffset: description.offset, as: UInt32.self)
                memcpy(memory + at, text.start, text.count)
                at += text.count
            }
        }
        // What these parts clear and do not set again, an earlier generation may have set.
        let cleared = parts.reduce(0) { ($0 | $1.rank) & ~$1.presence } & ~presence
        memory.storeBytes(of: cleared, as: UInt32.self)
        memory.storeBytes(of: presence, toByteOffset: RowLayout.presence, as: UInt32.self)
        memory.storeBytes(of: UInt32(truncatingIfNeeded: total), toByteOffset: RowLayout.rowLength, as: UInt32.self)
        return StagedRow(base: memory)
    }

    // MARK: Earlier generations

    /// What happens when a row meets one of an earlier generation.
    enum Meeting {
        /// Parts of one thing: what is stated now is laid over what was known.
        case merged
        /// The new row stands in the old one's place; without a version, other content is a conflict.
        case whole
        /// As `whole`, for rows to which nothing refers: what adds nothing is left out.
        case movement
    }

    /// Rows of this table may lie in the memory of `staged`.
    func keep(_ staged: StagedRows) { kept.append(staged) }

    /// A row of an earlier generation to which this delivery only refers.
    func carry(_ row: StagedRow) {
        let number = index.insert(row.text(identifierSlot, layout))
        precondition(number == rows.count, "a row that is stated here is not carried")
        rows.append(row)
        carried += 1
    }

    /// Decides between a row and the earlier one of the same name. True when the earlier one must be named as withdrawn.
    func meet(_ number: Int, _ earlier: StagedRow, _ meeting: Meeting) -> Bool {
        func fallBack() {
            rows[number] = meeting == .movement ? nil : earlier
            if meeting != .movement { carried += 1 }
        }
        guard let row = rows[number] else {
            // What was said here was refused: the earlier statement stands.
            fallBack()
            return false
        }
        if let slot = layout.slot(RowLayout.personText), row.has(slot),
            !row.text(slot, layout).equals(earlier.text(slot, layout))
        {
            refuse(row, .otherPerson)
            fallBack()
            return false
        }
        let stated = meeting == .merged ? combine([earlier, row]) : row
        stated.rank = 0
        if stated.saysTheSame(as: earlier, layout) {
            balance.repeated += 1
            fallBack()
        } else if meeting == .merged || row.version(layout) != Int64.min {
            rows[number] = stated
            return meeting == .movement
        } else {
            refuse(row, .earlierConflict)
            fallBack()
        }
        return false
    }

    /// Ends the taking in: masks of cleared values must not be taken for ranks, and an encounter of nobody is refused.
    func finish() {
        let owner = layout.slot(RowLayout.personText)
        for number in rows.indices {
            guard let row = rows[number] else { continue }
            row.rank = 0
            if let owner, !row.has(owner) {
                refuse(row, .requiredAbsent)
                rows[number] = nil
            }
        }
    }

    private func refuse(_ row: StagedRow, _ reason: RejectReason) {
        balance.rejected += 1
        rejects.append(
            Reject(origin: row.origin, length: row.sourceLength, reason: reason, mapping: .max, step: 255))
    }
}

/// Several rows with one identifier: which of them stays.
enum RowContest {
    struct Outcome {
        var kept: StagedRow?
        var repeated = 0
        var corrected = 0
        var rejected: [StagedRow] = []
    }

    /// Same content is a repeat; a newer version corrects; other content of the same version is a conflict, and then
    /// nothing tells which is right, so none of them is kept.
    static func decide(_ group: [StagedRow], _ layout: RowLayout) -> Outcome {
        var outcome = Outcome()
        guard let newest = group.map({ $0.version(layout) }).max() else { return outcome }
        let candidates = group.filter { $0.version(layout) == newest }
        let first = candidates[0]
        if candidates.dropFirst().allSatisfy({ $0.saysTheSame(as: first, layout) }) {
            outcome.kept = first
            outcome.repeated = candidates.count - 1
        } else {
            outcome.rejected = candidates
        }
        outcome.corrected = group.count - candidates.count
        return outcome
    }
}

/// What messages took back: rows named by identifier, group or owner, up to a version.
final class Withdrawals: @unchecked Sendable {
    private let lock = Mutex()
    private let identifiers = ByteIndex()
    private var identifierVersions: [Int64] = []
    private let groups = ByteIndex()
    private var groupVersions: [Int64] = []
    private let owners = ByteIndex()
    private var ownerVersions: [Int64] = []

    var isEmpty: Bool { identifiers.count + groups.count + owners.count == 0 }

    func add(identifier: Cell, group: Cell, owner: Cell, version: Int64) {
        // A message that states no time takes back whatever there is.
        let version = version == Int64.min ? Int64.max : version
        lock.lock()
        defer { lock.unlock() }
        if !identifier.isAbsent {
            Withdrawals.note(identifier, version, identifiers, &identifierVersions)
        } else if !group.isAbsent {
            Withdrawals.note(group, version, groups, &groupVersions)
        } else if !owner.isAbsent {
            Withdrawals.note(owner, version, owners, &ownerVersions)
        }
    }

    private static func note(_ cell: Cell, _ version: Int64, _ index: ByteIndex, _ versions: inout [Int64]) {
        let number = index.insert(cell)
        if number == versions.count {
            versions.append(version)
        } else {
            versions[number] = max(versions[number], version)
        }
    }

    func covers(identifier: Cell, version: Int64) -> Bool {
        let number = identifiers.find(identifier)
        return number >= 0 && version <= identifierVersions[number]
    }

    func covers(group: Cell, version: Int64) -> Bool {
        let number = groups.find(group)
        return number >= 0 && version <= groupVersions[number]
    }

    func covers(owner: Cell, version: Int64) -> Bool {
        let number = owners.find(owner)
        return number >= 0 && version <= ownerVersions[number]
    }

    var hasGroups: Bool { groups.count > 0 }
    var hasOwners: Bool { owners.count > 0 }
    var identifierCount: Int { identifiers.count }
    func identifier(_ number: Int) -> Cell { identifiers[number] }
}
