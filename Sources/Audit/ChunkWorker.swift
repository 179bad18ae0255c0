import Claims
import Columns
import Rules

/// One thread's work on timelines: claim a chunk, sieve it, evaluate what passed, encode the findings.
final class ChunkWorker: @unchecked Sendable {
    private let binding: Binding
    private let reader: ClaimsReader
    private let sieves: SievePlan
    private let twins: RuleTwins
    private let finder: Sieve
    private let options: AuditOptions
    private let shared: SharedRun
    /// Rules about one person look at these alone; those across persons need all.
    private let touched: TouchedPersons?
    /// Used by one thread at a time; the pass across persons goes on with them.
    let encoder: FindingEncoder
    let keyedCounts: [KeyedCounter]
    let judge: RuleRun

    init(
        _ binding: Binding, _ reader: ClaimsReader, _ sieves: SievePlan, _ twins: RuleTwins,
        _ keyed: [KeyedPlan], _ dictionaries: FindingDictionaries, _ options: AuditOptions, _ shared: SharedRun,
        touched: TouchedPersons? = nil
    ) {
        self.touched = touched
        self.binding = binding
        self.reader = reader
        self.sieves = sieves
        self.twins = twins
        self.options = options
        self.shared = shared
        judge = RuleRun(binding, keepsUndetermined: options.undeterminedRows)
        judge.period = (options.from, options.to)
        finder = Sieve(sieves, binding, judge.evaluator)
        encoder = FindingEncoder(binding, dictionaries)
        let room = Self.keptRows / max(1, options.threads * keyed.count)
        keyedCounts = keyed.map {
            KeyedCounter($0, rows: $0.bins.map { reader.rows(of: $0.table) } ?? 0, room: room)
        }
    }

    /// So many rows that rules across persons counted are remembered by all workers together: 64 MiB.
    private static let keptRows = 1 << 23

    func run() {
        // The chunk before, of which nothing is left but its memory.
        var spare: Chunk?
        while let number = shared.claim() {
            do {
                var netting = ClaimsReader.NettingCounts()
                let chunk: Chunk
                if let touched {
                    chunk = try reader.touchedChunk(number, touched, &netting)
                    if !keyedCounts.isEmpty {
                        var unused = ClaimsReader.NettingCounts()
                        let whole = try reader.chunk(number, &unused)
                        for counter in keyedCounts { counter.count(whole) }
                    }
                } else {
                    chunk = try reader.chunk(number, &netting, in: spare)
                    spare = chunk
                }
                audit(chunk)
                if touched == nil { for counter in keyedCounts { counter.count(chunk) } }
                let (columns, rows) = encoder.take()
                shared.deposit(chunk, columns, rows: rows, netting)
                reader.release(number)
            } catch {
                shared.stop(error)
                return
            }
        }
    }

    /// Counts again what rules across persons need of chunks that an earlier run audited.
    func recount() {
        while let number = shared.claim() {
            do {
                var unused = ClaimsReader.NettingCounts()
                let chunk = try reader.chunk(number, &unused)
                for counter in keyedCounts { counter.count(chunk) }
                reader.release(number)
                try shared.goOn()
            } catch {
                shared.stop(error)
                return
            }
        }
    }

    /// What the rules looked at since the last call, by number of rule.
    func takeTallies() -> [RuleTally] {
        var tallies = judge.takeTallies()
        twins.spread(&tallies)
        return tallies
    }

    /// Evaluates all timeline rules on a chunk and encodes what they found, by person, rule and row.
    func audit(_ chunk: Chunk) {
        judge.enter(chunk)
        finder.find(in: chunk)
        for place in finder.hits { judge.run(sieves.rules[place], candidates: finder.candidates(place)) }
        let drafts = judge.takeDrafts()
        if twins.speakForOthers(drafts) {
            encoder.encode(drafts, as: twins.findings(of: drafts), in: chunk, evaluator: judge.evaluator)
        } else {
            encoder.encode(drafts, drafts.inFileOrder, in: chunk, evaluator: judge.evaluator)
        }
    }
}
