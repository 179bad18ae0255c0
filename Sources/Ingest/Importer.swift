import Claims
import Columns
import Foundation

/// One import under way: sources in, one segment and the masters of the next generation out.
///
/// Three passes: persons and encounters first, so that the place of every other row is known; then all other rows,
/// straight to their partition; then each partition in order to the files.
final class Importer: @unchecked Sendable {
    let mapping: Mapping
    let mappingText: String
    let mappingFile: String
    let options: IngestOptions
    let dataset: String
    let tables: TableSet
    let files: [SourceFile]
    private(set) var lookups: [String: LookupTable] = [:]
    let pseudonym: PersonPseudonym?
    let lock = Mutex()
    let workFolder: String
    private let budget: MemoryBudget
    let work: WorkMemory
    private let spool: Spool
    var balances: [Table: Balance] = [:]
    var rejects: [Reject] = []
    private(set) var profiles: [(mapping: Int, profile: FieldProfile)] = []
    /// nil where nothing is kept: the mapping withdraws rows.
    private(set) var parts: ImportParts?
    /// How much of codes, profiles and identity numbers parts hold.
    private var keptCodes: [Table: [Int: Int]] = [:]
    private var keptProfiles = 0
    private var keptIdentityNumbers = (all: 0, wrong: 0)
    private var lastPart: ContinuousClock.Instant
    private(set) var diagnostics: [MappingDiagnostic] = []
    private(set) var withdrawals: [Table: Withdrawals] = [:]
    var staged: [Table: [StagedRows]] = [:]
    var logs: [Table: [IdentifierLog]] = [:]
    var phaseSeconds: [(String, Double)] = []
    let clock = ContinuousClock()
    let began: ContinuousClock.Instant
    var firstLineDay = Int32.max
    var lastLineDay = Int32.min
    private var progressRows = 0
    private var progressBytes = 0
    private var bytesTotal = 0
    private var lastProgress: ContinuousClock.Instant
    var segmentName = ""
    var blockCount = 0
    var personsByReference = 0
    var codes: [IngestReport.CodeSummary] = []
    var generation = 0
    let parent: Dataset?
    let earlier: EarlierGenerations?
    /// Encounters of earlier generations that this delivery takes back.
    var withdrawnEncounters: [String] = []
    var fieldNames: [Int: [String]] = [:]

    init(
        mapping: Mapping, text: String, file: String, sources: String, dataset: String, options: IngestOptions,
        pseudonym: PersonPseudonym?
    ) throws(IngestError) {
        self.mapping = mapping
        mappingText = text
        mappingFile = file
        self.dataset = dataset
        self.options = options
        self.pseudonym = pseudonym
        workFolder = options.workFolder ?? dataset + ".work"
        do {
            try FileManager.default.createDirectory(atPath: workFolder, withIntermediateDirectories: true)
        } catch {
            throw IngestError(
                "ING102", "The work folder cannot be made: \(error.localizedDescription)", at: workFolder,
                advice: "Check the path and its permissions")
        }
        budget = MemoryBudget(limit: options.stagedBytes)
        work = WorkMemory(folder: workFolder, limit: options.workBytes)
        spool = Spool(folder: workFolder)
        files = try SourceFile.all(mapping, in: sources, workFolder: workFolder)
        // An import that was stopped may have left a dataset without a generation.
        let exists = FileManager.default.fileExists(atPath: dataset + "/CURRENT")
        let isEmpty = Dataset.currentGeneration(dataset) == 0
        let parent =
            exists && !isEmpty ? try ColumnsCall.run { () throws(ColumnsError) in try Dataset.open(dataset) } : nil
        self.parent = parent
        var earlier: [Table: Set<String>] = [:]
        for table in Table.allCases where table.role == .master {
            let file = try ColumnsCall.run { () throws(ColumnsError) in try parent?.master(table.rawValue) }
            if let file { earlier[table] = Set(file.fields.map(\.name)) }
        }
        let generations = try EarlierGenerations(parent)
        if let generations {
            for table in [Table.person, .encounter] { earlier[table] = try generations.fields(table) }
        }
        self.earlier = generations
        tables = TableSet(mapping, earlier: earlier, strictCodes: options.strictCodes)
        began = clock.now
        lastProgress = began
        lastPart = began
        for table in tables.withdrawn { withdrawals[table] = Withdrawals() }
    }

    var threads: Int { max(1, options.threads) }

    /// Runs the import.
    func run() throws -> IngestReport {
        if let report = try knownImport() { return report }
        try loadLookups()
        // Withdrawals are gathered apart from the rows: such imports begin again.
        if tables.withdrawn.isEmpty {
            parts = ImportParts(folder: workFolder + "/parts", signature: signature(parent: parent, sources: files))
        }
        restoreCounts()
        let headerTables: Set<Table> = [.person, .encounter]
        bytesTotal = totalBytes { headerTables.contains($0) } + totalBytes { !headerTables.contains($0) }
        let order = try timed("headers") { try readHeaders() }
        try timed("rows") {
            try readAll(.rows, partitions: order.partitions, choose: { !headerTables.contains($0) }) {
                state, typed, batch, file in
                try state.take(typed, batch, file, order)
            }
        }
        let (segment, rejectsFile) = try timed("writing") { try write(order) }
        codes = try ColumnsCall.run { () throws(ColumnsError) in
            try IngestReport.codeSummaries(tables, try Dataset.open(dataset))
        }
        try? FileManager.default.removeItem(atPath: workFolder)
        return report(segment, rejectsFile)
    }

    private func timed<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
        let start = clock.now
        let result = try body()
        phaseSeconds.append((name, (clock.now - start).inSeconds))
        return result
    }

    private func totalBytes(_ choose: (Table) -> Bool) -> Int {
        files.filter { file in
            mapping.tables.contains { $0.source == file.source.name && choose($0.table) }
        }.reduce(0) { $0 + $1.bytes }
    }

    // MARK: Reading

    private func loadLookups() throws(IngestError) {
        for table in mapping.tables {
            for field in table.fields { try loadLookups(field.value) }
        }
    }

    private func loadLookups(_ value: ValueMapping) throws(IngestError) {
        switch value.form {
        case .column, .constant: return
        case .joined(let parts, _), .first(let parts): for part in parts { try loadLookups(part) }
        case .pseudonym(let kind, let number):
            if let kind { try loadLookups(kind) }
            try loadLookups(number)
        case .lookup(let source, let key, let match, let take):
            try loadLookups(key)
            let name = Binder.lookupName(source, match, take)
            if lookups[name] != nil { return }
            let table = LookupTable()
            for file in files where file.source.name == source {
                try file.readPairs(match, take, into: table)
            }
            lookups[name] = table
        }
    }

    private func readHeaders() throws -> TimelineOrder {
        let isHeader: (Table) -> Bool = { $0 == .person || $0 == .encounter }
        try readAll(.headers, partitions: 1, choose: isHeader) { state, typed, batch, file in
            try state.takeHeader(typed, batch, file)
        }
        guard let personLayout = tables.layouts[.person] else {
            throw IngestError(
                "ING215", "The mapping fills neither persons nor encounters", at: mappingFile,
                advice: "Add a table person or encounter")
        }
        let persons = try header(.person, personLayout)
        let encounters = try tables.layouts[.encounter].map { try header(.encounter, $0) }
        if let earlier { try meet(earlier, persons, encounters) }
        for table in [persons, encounters] {
            guard let table else { continue }
            table.finish()
            balances[table.layout.table, default: Balance()] += table.balance
            rejects += table.rejects
        }
        let order = try TimelineOrder(persons: persons, encounters: encounters, threads: threads)
        personsByReference = order.personsByReference
        balances[.person, default: Balance()].kept += order.personRows.count - personsByReference - persons.carried
        balances[.encounter, default: Balance()].kept += order.encounterRows.count - (encounters?.carried ?? 0)
        return order
    }

    private func header(_ table: Table, _ layout: RowLayout) throws(IngestError) -> HeaderTable {
        let rows = staged[table] ?? []
        let result = HeaderTable(
            layout: layout, dictionaries: tables.dictionaries[table] ?? [:],
            expecting: rows.reduce(0) { $0 + $1.rows }, in: work)
        try result.resolve(rows, merged: tables.merged.contains(table), withdrawals: withdrawals[table])
        return result
    }

    /// Reads every file that feeds a chosen table, with all threads on one file at a time.
    private func readAll(
        _ phase: IngestProgress.Phase, partitions: Int, choose: @escaping (Table) -> Bool,
        _ take: @escaping @Sendable (ThreadState, TypedBatch, CellBatch, SourceFile) throws -> Void
    ) throws {
        let states = (0..<threads).map { _ in ThreadState(self, partitions: partitions) }
        let restored = try restored(phase, partitions: partitions)
        // What the pass before this one read and did not keep is read again by who goes on.
        keptProfiles = profiles.count
        keptIdentityNumbers = (pseudonym?.identityNumbers ?? 0, pseudonym?.wrongIdentityNumbers ?? 0)
        var steps: [ImportParts.Step] = []
        for file in files {
            let chosen = mapping.tables.indices.filter {
                mapping.tables[$0].source == file.source.name && choose(mapping.tables[$0].table)
            }
            if chosen.isEmpty { continue }
            if let step = parts?.covered(phase.rawValue, file.number) {
                _ = try bind(file, chosen, header: step.header)
                if !step.fingerprint.isEmpty { file.fingerprint = step.fingerprint }
                progressBytes += file.bytes
                continue
            }
            let opened = try file.open()
            let bound = try bind(file, chosen, header: opened.header)
            try Workers.run(threads) { number in
                let state = states[number]
                let feed = try opened.feed(bound)
                let batch = CellBatch(columns: bound.columns.count)
                let typed = bound.programs.map { TypedBatch($0) }
                while try feed.next(batch) {
                    for one in typed {
                        one.read(batch)
                        try take(state, one, batch, file)
                    }
                    state.recordsRead += batch.rows
                    if state.recordsRead >= 16_384 {
                        let bytes = opened.bytesTaken
                        try self.showProgress(phase, state.recordsRead, opened.identity, bytes)
                        state.recordsRead = 0
                    }
                }
                self.lock.held {
                    for one in typed { self.profiles.append((one.program.number, one.profile)) }
                }
            }
            file.fingerprint = opened.fingerprint ?? file.fingerprint
            progressBytes += file.bytes
            steps.append(
                ImportParts.Step(
                    phase: phase.rawValue, file: file.number, fingerprint: file.fingerprint, header: opened.header))
            try keepPart(&steps, states, after: options.partSeconds)
        }
        try keepPart(&steps, states, after: options.partSeconds / 4)
        for state in states + (restored.map { [$0] } ?? []) { absorb(state) }
    }

    /// Keeps what was read when so many seconds have passed since the last time.
    private func keepPart(_ steps: inout [ImportParts.Step], _ states: [ThreadState], after seconds: Double) throws {
        guard parts != nil, !steps.isEmpty, (clock.now - lastPart).inSeconds >= seconds else { return }
        try keepPart(steps, states)
        steps = []
        lastPart = clock.now
    }

    private func bind(_ file: SourceFile, _ chosen: [Int], header: [String]?) throws(IngestError) -> BoundFile {
        var binder = Binder(
            file: mappingFile, tables: tables, lookups: lookups, pseudonym: pseudonym, available: header)
        let bound = binder.bind(mapping, source: file.source, chosen: chosen)
        note(binder.diagnostics)
        for program in bound.programs { fieldNames[program.number] = program.steps.map(\.field) }
        if let error = binder.diagnostics.first(where: \.isError) {
            throw IngestError(
                error.code, "\(error.message) (line \(error.line))", at: file.path, advice: error.advice)
        }
        return bound
    }

    // MARK: Parts

    /// Counts of an earlier part.
    func takeOver(_ head: ImportParts.Head) {
        for (table, balance) in head.balances { balances[table, default: Balance()] += balance }
        for place in stride(from: 0, to: head.rejects.count - 1, by: 2) {
            if let reject = Reject(packed: head.rejects[place], head.rejects[place + 1]) { rejects.append(reject) }
        }
        profiles += head.profiles.map { ($0.mapping, FieldProfile($0.profile)) }
        firstLineDay = min(firstLineDay, head.firstLineDay)
        lastLineDay = max(lastLineDay, head.lastLineDay)
    }

    /// The codes that are there now are in parts.
    func noteCodes() { keptCodes = tables.dictionaries.mapValues { $0.mapValues(\.count) } }

    func takeNewCodes() -> [Table: [Int: [String]]] {
        defer { noteCodes() }
        var new: [Table: [Int: [String]]] = [:]
        for (table, dictionaries) in tables.dictionaries {
            for (field, dictionary) in dictionaries {
                let known = keptCodes[table]?[field] ?? 0
                guard dictionary.count > known else { continue }
                new[table, default: [:]][field] = (known..<dictionary.count).map { dictionary.value(Int32($0)).text }
            }
        }
        return new
    }

    func takeNewProfiles() -> [ImportParts.Seen] {
        defer { keptProfiles = profiles.count }
        return profiles[keptProfiles...].map { ImportParts.Seen(mapping: $0.mapping, profile: $0.profile.counts) }
    }

    func takeNewIdentityNumbers() -> (all: Int, wrong: Int) {
        guard let pseudonym else { return (0, 0) }
        let now = (all: pseudonym.identityNumbers, wrong: pseudonym.wrongIdentityNumbers)
        defer { keptIdentityNumbers = now }
        return (now.all - keptIdentityNumbers.all, now.wrong - keptIdentityNumbers.wrong)
    }

    private func note(_ found: [MappingDiagnostic]) {
        for diagnostic in found where !diagnostics.contains(diagnostic) { diagnostics.append(diagnostic) }
    }

    private func showProgress(
        _ phase: IngestProgress.Phase, _ rows: Int, _ identity: ObjectIdentifier, _ bytes: Int
    ) throws {
        let now = clock.now
        let due: IngestProgress? = lock.held {
            progressRows += rows
            guard options.progress != nil, (now - lastProgress).inSeconds > 0.2 else { return nil }
            lastProgress = now
            return IngestProgress(
                phase: phase, rows: progressRows, bytes: progressBytes + bytes, bytesTotal: bytesTotal,
                seconds: (now - began).inSeconds)
        }
        if let due, let progress = options.progress, !progress(due) {
            throw IngestError(
                "ING104", "Stopped on request", at: dataset, advice: "Run the same command again to go on")
        }
    }

    private func absorb(_ state: ThreadState) {
        for (table, balance) in state.balances { balances[table, default: Balance()] += balance }
        rejects += state.rejects
        for (table, rows) in state.staged { staged[table, default: []].append(rows) }
        for (table, log) in state.logs { logs[table, default: []].append(log) }
        firstLineDay = min(firstLineDay, state.firstLineDay)
        lastLineDay = max(lastLineDay, state.lastLineDay)
    }

    /// New staged memory for a thread. Headers stay at hand: they are the price of knowing every row's place.
    func makeStaged(_ table: Table, partitions: Int) -> StagedRows? {
        guard let layout = tables.layouts[table] else { return nil }
        if table == .person || table == .encounter { return StagedRows(layout: layout, in: work) }
        return StagedRows(
            layout: layout, partitions: table.role == .timeline ? partitions : 1, budget: budget, spool: spool)
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

/// Turns the errors of `Columns` into those of an import.
enum ColumnsCall {
    static func run<Result>(_ body: () throws(ColumnsError) -> Result) throws(IngestError) -> Result {
        do { return try body() } catch { throw IngestError(error) }
    }
}
