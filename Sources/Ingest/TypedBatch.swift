import Claims

/// One thread's typed values of a batch.
final class TypedBatch {
    let program: TableProgram
    /// Slot-major, `CellBatch.capacity` values a slot; texts in `texts`.
    let values: UnsafeMutablePointer<Int64>
    let texts: UnsafeMutablePointer<Cell>
    let presence: UnsafeMutablePointer<UInt32>
    let owners: UnsafeMutablePointer<Cell>
    let versions: UnsafeMutablePointer<Int64>
    /// False for records the conditions leave out.
    let isIncluded: UnsafeMutablePointer<Bool>
    /// 0 or the raw value of a `RejectReason`, and the step that found it.
    let faults: UnsafeMutablePointer<UInt8>
    let faultySteps: UnsafeMutablePointer<UInt8>
    private let cells: UnsafeMutablePointer<Cell>
    private let trimmed: UnsafeMutablePointer<Cell>
    private let codes: UnsafeMutablePointer<Int32>
    private var readers: [MomentReader]
    private var caches: [CodeCache?]
    let profile: FieldProfile

    init(_ program: TableProgram) {
        self.program = program
        let slots = max(1, program.layout.slots.count)
        let capacity = CellBatch.capacity
        values = .allocate(capacity: slots &* CellBatch.stride)
        values.initialize(repeating: 0, count: slots &* CellBatch.stride)
        texts = .allocate(capacity: slots &* CellBatch.stride)
        texts.initialize(repeating: .absent, count: slots &* CellBatch.stride)
        presence = .allocate(capacity: capacity)
        presence.initialize(repeating: 0, count: capacity)
        owners = .allocate(capacity: capacity)
        owners.initialize(repeating: .absent, count: capacity)
        versions = .allocate(capacity: capacity)
        versions.initialize(repeating: Int64.min, count: capacity)
        isIncluded = .allocate(capacity: capacity)
        isIncluded.initialize(repeating: true, count: capacity)
        faults = .allocate(capacity: capacity)
        faults.initialize(repeating: 0, count: capacity)
        faultySteps = .allocate(capacity: capacity)
        faultySteps.initialize(repeating: 0, count: capacity)
        cells = .allocate(capacity: capacity)
        cells.initialize(repeating: .absent, count: capacity)
        trimmed = .allocate(capacity: capacity)
        trimmed.initialize(repeating: .absent, count: capacity)
        codes = .allocate(capacity: capacity)
        codes.initialize(repeating: 0, count: capacity)
        readers = program.steps.map { step in
            switch step.target {
            case .day(_, let pattern), .moment(_, _, let pattern): MomentReader(pattern: pattern)
            default: MomentReader()
            }
        }
        caches = program.steps.map { step in
            if case .code(_, let dictionary) = step.target { return CodeCache(dictionary) }
            return nil
        }
        profile = FieldProfile(program)
    }

    deinit {
        values.deallocate()
        texts.deallocate()
        presence.deallocate()
        owners.deallocate()
        versions.deallocate()
        isIncluded.deallocate()
        faults.deallocate()
        faultySteps.deallocate()
        cells.deallocate()
        trimmed.deallocate()
        codes.deallocate()
    }

    @inline(__always)
    private func fail(_ row: Int, _ step: Int, _ reason: RejectReason) {
        if faults[row] == 0 {
            faults[row] = reason.rawValue
            faultySteps[row] = UInt8(truncatingIfNeeded: step)
        }
    }

    /// Understands every record of the batch.
    func read(_ batch: CellBatch) {
        let rows = batch.rows
        for row in 0..<rows {
            presence[row] = 0
            isIncluded[row] = true
            faults[row] = 0
            owners[row] = .absent
            versions[row] = Int64.min
        }
        for row in 0..<rows {
            if let reason = RejectReason(batch.damage[row]) { fail(row, 255, reason) }
        }
        applyConditions(batch)
        for index in program.steps.indices {
            let step = program.steps[index]
            if case .column(let column) = step.expression.kind, !step.expression.hasNulls {
                read(step, index, batch.column(column), rows)
            } else {
                step.expression.evaluate(batch, into: cells)
                read(step, index, cells, rows)
            }
        }
    }

    /// The owners that sound records name, neighbours with one name once. Returns how many there are.
    func distinctOwners(_ rows: Int, into names: UnsafeMutablePointer<Cell>) -> Int {
        var count = 0
        for row in 0..<rows where isIncluded[row] && faults[row] == 0 && !owners[row].isAbsent {
            if count > 0, names[count &- 1].equals(owners[row]) { continue }
            names[count] = owners[row]
            count &+= 1
        }
        return count
    }

    private func applyConditions(_ batch: CellBatch) {
        let rows = batch.rows
        for condition in program.conditions {
            switch condition {
            case .isOneOf(let expression, let words, let negated):
                expression.evaluate(batch, into: cells)
                for row in 0..<rows where faults[row] == 0 && (words.find(cells[row]) >= 0) == negated {
                    isIncluded[row] = false
                }
            case .isAbsent(let expression, let negated):
                expression.evaluate(batch, into: cells)
                for row in 0..<rows where faults[row] == 0 && cells[row].isAbsent == negated { isIncluded[row] = false }
            }
        }
        for expression in program.skipWhenAbsent {
            expression.evaluate(batch, into: cells)
            for row in 0..<rows where faults[row] == 0 && cells[row].isAbsent { isIncluded[row] = false }
        }
    }

    private func read(_ step: TableProgram.Step, _ index: Int, _ cells: UnsafeMutablePointer<Cell>, _ rows: Int) {
        switch step.target {
        case .text(let slot):
            let bit = UInt32(1) << UInt32(slot)
            let out = texts + slot &* CellBatch.stride
            var row = 0
            while row < rows {
                let cell = cells[row].trimmed
                if cell.isAbsent {
                    absent(step, index, row)
                    out[row] = .absent
                } else if cell.start == PersonPseudonym.refused.start {
                    fail(row, index, .wrongCheckDigit)
                } else if cell.count > CodeCache.lengthLimit {
                    fail(row, index, .textTooLong)
                } else if !cell.isCleanText {
                    fail(row, index, .notText)
                } else {
                    out[row] = cell
                    presence[row] |= bit
                }
                row &+= 1
            }
        case .code(let slot, _): readCodes(step, index, slot, cells, rows)
        case .decimal(let slot, let scale, let shift):
            let bit = UInt32(1) << UInt32(slot)
            let out = values + slot &* CellBatch.stride
            var row = 0
            while row < rows {
                let cell = cells[row].trimmed
                if cell.isAbsent {
                    absent(step, index, row)
                } else {
                    let misreading = Reading.decimal(cell, scale: scale, shift: shift, into: &out[row])
                    if misreading == .none { presence[row] |= bit } else { malformed(step, index, row, misreading) }
                }
                row &+= 1
            }
        case .integer(let slot):
            let bit = UInt32(1) << UInt32(slot)
            let out = values + slot &* CellBatch.stride
            var row = 0
            while row < rows {
                let cell = cells[row].trimmed
                if cell.isAbsent {
                    absent(step, index, row)
                } else {
                    var misreading = Reading.integer(cell, into: &out[row])
                    if misreading == .none, Int64(Int32(truncatingIfNeeded: out[row])) != out[row] {
                        misreading = .overflow
                    }
                    if misreading == .none { presence[row] |= bit } else { malformed(step, index, row, misreading) }
                }
                row &+= 1
            }
        case .second(let slot):
            let bit = UInt32(1) << UInt32(slot)
            let out = values + slot &* CellBatch.stride
            for row in 0..<rows {
                let cell = cells[row].trimmed
                if cell.isAbsent {
                    absent(step, index, row)
                } else if let second = Reading.secondOfDay(cell) {
                    out[row] = Int64(second)
                    presence[row] |= bit
                } else if step.onMalformed == .reject {
                    fail(row, index, .malformedDate)
                }
            }
        case .flag(let slot): readFlags(step, index, slot, cells, rows)
        case .day(let slot, _): readMoments(step, index, slot, nil, cells, rows)
        case .moment(let day, let second, _): readMoments(step, index, day, second, cells, rows)
        case .owner:
            for row in 0..<rows {
                owners[row] = cells[row].trimmed
                if owners[row].isAbsent { absent(step, index, row) }
                if owners[row].start == PersonPseudonym.refused.start { fail(row, index, .wrongCheckDigit) }
            }
        case .version: readVersions(step, index, cells, rows)
        }
    }

    private func readCodes(
        _ step: TableProgram.Step, _ index: Int, _ slot: Int, _ cells: UnsafeMutablePointer<Cell>, _ rows: Int
    ) {
        guard let cache = caches[index] else { return }
        let bit = UInt32(1) << UInt32(slot)
        let out = values + slot &* CellBatch.stride
        var row = 0
        while row < rows {
            trimmed[row] = cells[row].trimmed
            row &+= 1
        }
        cache.codes(trimmed, rows, into: codes)
        row = 0
        while row < rows {
            let code = codes[row]
            if trimmed[row].isAbsent {
                absent(step, index, row)
            } else if code >= 0 {
                out[row] = Int64(code)
                presence[row] |= bit
            } else if code == CodeCache.foreign {
                profile.countUnmapped(trimmed[row], in: index)
                if step.onUnmapped == .reject || step.isRequired { fail(row, index, .unmapped) }
            } else if code == CodeCache.malformed {
                fail(row, index, .wrongCheckDigit)
            } else {
                fail(row, index, code == CodeCache.tooLong ? .textTooLong : .notText)
            }
            row &+= 1
        }
    }

    private func readFlags(
        _ step: TableProgram.Step, _ index: Int, _ slot: Int, _ cells: UnsafeMutablePointer<Cell>, _ rows: Int
    ) {
        let bit = UInt32(1) << UInt32(slot)
        let out = values + slot &* CellBatch.stride
        for row in 0..<rows {
            let cell = cells[row].trimmed
            if cell.isAbsent {
                absent(step, index, row)
                continue
            }
            switch cell.text {
            case "1", "Y", "y", "true", "TRUE", "True", "是": out[row] = 1
            case "0", "N", "n", "false", "FALSE", "False", "否": out[row] = 0
            default:
                if step.onMalformed == .reject { fail(row, index, .malformedFlag) }
                continue
            }
            presence[row] |= bit
        }
    }

    private func readMoments(
        _ step: TableProgram.Step, _ index: Int, _ daySlot: Int, _ secondSlot: Int?,
        _ cells: UnsafeMutablePointer<Cell>, _ rows: Int
    ) {
        let dayBit = UInt32(1) << UInt32(daySlot)
        let days = values + daySlot &* CellBatch.stride
        let seconds = values + (secondSlot ?? daySlot) &* CellBatch.stride
        let secondBit: UInt32 = secondSlot.map { UInt32(1) << UInt32($0) } ?? 0
        var reader = readers[index]
        var moment = Moment()
        var row = 0
        while row < rows {
            let cell = cells[row].trimmed
            if cell.isAbsent {
                absent(step, index, row)
            } else {
                let misreading = reader.read(cell, into: &moment)
                if misreading == .none {
                    days[row] = Int64(moment.day)
                    presence[row] |= dayBit
                    if secondBit != 0, moment.second >= 0 {
                        seconds[row] = Int64(moment.second)
                        presence[row] |= secondBit
                    }
                    profile.see(day: moment.day, in: index)
                } else if step.onMalformed == .reject || step.isRequired {
                    fail(row, index, misreading == .impossibleDate ? .impossibleDate : .malformedDate)
                }
            }
            row &+= 1
        }
        readers[index] = reader
    }

    private func readVersions(
        _ step: TableProgram.Step, _ index: Int, _ cells: UnsafeMutablePointer<Cell>, _ rows: Int
    ) {
        var reader = MomentReader()
        var moment = Moment()
        for row in 0..<rows {
            let cell = cells[row].trimmed
            if cell.isAbsent { continue }
            var number: Int64 = 0
            // Fewer than eight digits are a counter; eighteen are seconds with a serial number behind them.
            if cell.count < 8 || cell.count == 18, Reading.integer(cell, into: &number) == .none {
                versions[row] = number
            } else if reader.read(cell, into: &moment) == .none {
                versions[row] = Int64(moment.day) &* 86_400 &+ Int64(max(0, moment.second))
            } else {
                malformed(step, index, row, .malformed)
            }
        }
    }

    @inline(__always)
    private func absent(_ step: TableProgram.Step, _ index: Int, _ row: Int) {
        if !isIncluded[row] { return }
        if step.isRequired { fail(row, index, .requiredAbsent) }
        profile.countAbsent(index)
    }

    private func malformed(_ step: TableProgram.Step, _ index: Int, _ row: Int, _ misreading: Misreading) {
        if step.onMalformed == .unknown, !step.isRequired { return }
        switch misreading {
        case .none: break
        case .malformed: fail(row, index, .malformedNumber)
        case .tooManyDecimals: fail(row, index, .tooManyDecimals)
        case .overflow: fail(row, index, .overflow)
        case .impossibleDate: fail(row, index, .impossibleDate)
        }
    }
}
