import Claims
import Foundation

extension IngestPlan {
    /// Explains what a mapping would do with the sources in a folder: for each field the column it comes from and its
    /// first values before and after, and what is wrong. Reads the first records of the first file of each source.
    package func check(sources folder: String, options: IngestOptions = IngestOptions()) throws -> IngestExplanation {
        let work = FileManager.default.temporaryDirectory.path + "/check-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: work) }
        let files = try SourceFile.all(mapping, in: folder, workFolder: work)
        let tables = TableSet(mapping)
        var explanation = IngestExplanation()
        var lookups: [String: LookupTable] = [:]
        for value in mapping.tables.flatMap(\.fields).map(\.value) { loadEmptyLookups(value, into: &lookups) }
        // A made-up key is enough to show what a pseudonym looks like.
        let key = PersonPseudonym(key: Array("only for this explanation".utf8))
        for source in mapping.sources {
            let own = files.filter { $0.source.name == source.name }
            guard let first = own.first else {
                explanation.lines.append("source \(source.name): no file (optional)")
                continue
            }
            explanation.lines.append(
                "source \(source.name): \(own.count) file\(own.count == 1 ? "" : "s"), \(source.format.rawValue), first \(first.path)"
            )
            let opened = try first.open()
            if let header = opened.header { explanation.lines.append("  columns: " + header.joined(separator: ", ")) }
            let chosen = mapping.tables.indices.filter { mapping.tables[$0].source == source.name }
            var binder = Binder(file: file, tables: tables, lookups: lookups, pseudonym: key, available: opened.header)
            let bound = binder.bind(mapping, source: source, chosen: chosen)
            let problems = binder.diagnostics
            explanation.lines += problems.map { "  \($0)" }
            explanation.isSound = explanation.isSound && !problems.contains(where: \.isError)
            if problems.contains(where: \.isError) { continue }
            let batch = CellBatch(columns: bound.columns.count)
            // The cells lie in memory of the feed.
            let feed = try opened.feed(bound)
            try withExtendedLifetime(feed) {
                _ = try feed.next(batch)
                for program in bound.programs { explain(program, batch, tables, &explanation) }
            }
        }
        return explanation
    }

    private func loadEmptyLookups(_ value: ValueMapping, into lookups: inout [String: LookupTable]) {
        if case .lookup(let source, _, let match, let take) = value.form {
            lookups[Binder.lookupName(source, match, take)] = LookupTable()
        }
    }

    private func explain(
        _ program: TableProgram, _ batch: CellBatch, _ tables: TableSet, _ explanation: inout IngestExplanation
    ) {
        let table = program.layout.table
        let typed = TypedBatch(program)
        typed.read(batch)
        let included = (0..<batch.rows).filter { typed.isIncluded[$0] }
        let faulty = included.filter { typed.faults[$0] != 0 }
        explanation.lines.append(
            "  → \(table.rawValue): \(included.count) of the first \(batch.rows) records, \(faulty.count) would be refused"
        )
        explanation.isSound = explanation.isSound && faulty.isEmpty
        let raw = UnsafeMutablePointer<Cell>.allocate(capacity: CellBatch.capacity)
        raw.initialize(repeating: .absent, count: CellBatch.capacity)
        defer { raw.deallocate() }
        for step in program.steps {
            step.expression.evaluate(batch, into: raw)
            let samples = included.prefix(3).map { row in
                "\(raw[row].isAbsent ? "—" : raw[row].text) → \(shown(step.target, typed, row, table, tables))"
            }
            explanation.lines.append("      \(step.field): \(samples.joined(separator: " | "))")
        }
        for row in faulty.prefix(3) {
            guard let reason = RejectReason(rawValue: typed.faults[row]) else { continue }
            let step = Int(typed.faultySteps[row])
            let field = step < program.steps.count ? program.steps[step].field : "record"
            explanation.lines.append("      ! \(field): \(reason.code) \(reason.sentence)")
        }
    }

    private func shown(
        _ target: TableProgram.Target, _ typed: TypedBatch, _ row: Int, _ table: Table, _ tables: TableSet
    ) -> String {
        func value(_ slot: Int) -> Int64? {
            typed.presence[row] >> UInt32(slot) & 1 != 0 ? typed.values[slot &* CellBatch.stride &+ row] : nil
        }
        let unknown = "unknown"
        switch target {
        case .text(let slot):
            return typed.presence[row] >> UInt32(slot) & 1 != 0
                ? typed.texts[slot &* CellBatch.stride &+ row].text : unknown
        case .code(let slot, let dictionary): return value(slot).map { dictionary.value(Int32($0)).text } ?? unknown
        case .decimal(let slot, let scale, _): return value(slot).map { IngestPlan.decimal($0, scale) } ?? unknown
        case .integer(let slot): return value(slot).map { String($0) } ?? unknown
        case .flag(let slot): return value(slot).map { $0 != 0 ? "true" : "false" } ?? unknown
        case .day(let slot, _): return value(slot).map { Day(number: Int32($0)).description } ?? unknown
        case .second(let slot): return value(slot).map(IngestPlan.clock) ?? unknown
        case .moment(let day, let second, _):
            guard let number = value(day) else { return unknown }
            let text = Day(number: Int32(number)).description
            guard let second, let time = value(second) else { return text }
            return "\(text) \(IngestPlan.clock(time))"
        case .owner: return typed.owners[row].isAbsent ? unknown : typed.owners[row].text
        case .version: return typed.versions[row] == Int64.min ? unknown : String(typed.versions[row])
        }
    }

    private static func clock(_ second: Int64) -> String {
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
    }

    private static func decimal(_ value: Int64, _ scale: Int) -> String {
        var digits = String(value.magnitude)
        if digits.count <= scale { digits = String(repeating: "0", count: scale - digits.count + 1) + digits }
        let whole = digits.dropLast(scale)
        return (value < 0 ? "-" : "") + whole + (scale > 0 ? "." + digits.suffix(scale) : "")
    }
}

/// What `ingest --check` prints.
package struct IngestExplanation: Sendable {
    package var lines: [String] = []
    /// False when something would stop the import or refuse one of the first records.
    package var isSound = true
    package var text: String { lines.joined(separator: "\n") }
}
