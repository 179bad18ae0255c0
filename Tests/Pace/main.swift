import Claims
import Columns
import Foundation
import Glibc
import Rules

@testable import Audit
@testable import Web

// How long the parts of an answer take at the point of care, one thread, nothing else of the service running.
//
//   yijian-pace DATASET MESSAGES [KNOWLEDGE]      messages as Benchmarks/online/messages.py writes them, one a line
//
// Prints the mean of each part in microseconds of processor time a message, and the same for the messages without a finding;
// then what finding candidates takes, and the rules whose candidates take longest. For a profiler, YIJIAN_REPEAT asks the rules of
// every message so many times more.

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count >= 2, let plan = PlanLoader.load(package: arguments.count > 2 ? arguments[2] : "knowledge").plan
else {
    print("yijian-pace DATASET MESSAGES [KNOWLEDGE]")
    exit(2)
}
let timelines = try DatasetTimelines(Dataset.open(arguments[0]))
let histories = Histories(.init(timelines: timelines), keeper: VolatileRecords(), tables: { _ in CodeTables() })
/// The stage that messages of kind 3101 are asked at; `YIJIAN_STAGE=during` for 3102, `all` for every rule.
let stage = ProcessInfo.processInfo.environment["YIJIAN_STAGE"] ?? "before"
let asked = stage == "all" ? nil : stage
let door = TimelineAudit(
    plan: plan, masters: timelines.masters, absent: timelines.absent, familiar: timelines.familiarCodes,
    stages: [asked])
let rulebook = Rulebook(
    plan: plan, names: FindingsNames(), masters: timelines.masters, absent: timelines.absent,
    familiar: timelines.familiarCodes, threads: 1)
let reviewer = Reviewer(rulebook: rulebook, histories: histories, coverage: timelines.coverage)
let bodies = try String(contentsOfFile: arguments[1], encoding: .utf8).split(separator: "\n").map { Array($0.utf8) }

enum Part: String, CaseIterable { case json, message, history, columns, rules, words }

struct Times {
    var nanoseconds = [Part: UInt64]()
    var messages = 0
    var lines = 0
    var historyRows = 0
    var findings = 0
    var best: UInt64 = 0

    func show(_ title: String) {
        guard messages > 0 else { return }
        let parts = Part.allCases.map { part in
            "\(part.rawValue) " + String(format: "%.1f", Double(nanoseconds[part] ?? 0) / Double(messages) / 1000)
        }
        print(
            "\(title): \(messages) messages of \(lines / messages) lines, \(historyRows / messages) rows of history, "
                + "\(findings) findings; us a message: " + parts.joined(separator: ", ")
                + String(format: "; rules, the best of each message: %.1f", Double(best) / Double(messages) / 1000))
    }
}

/// Nanoseconds of processor time of this thread: what other processes take is not counted.
func processorTime() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// What looking at the clock costs itself.
let resolution: UInt64 =
    (0..<1000).map { _ -> UInt64 in
        let began = processorTime()
        return processorTime() - began
    }.min() ?? 0

let tape = JSONTape()
let inner = JSONTape()
let buffers = TextBuffers()
let rounds = 12
let repeats = ProcessInfo.processInfo.environment["YIJIAN_REPEAT"].flatMap { Int($0) } ?? 0

/// Where the time of the rules goes.
struct ByRule {
    var finding: UInt64 = 0
    var rules: [String: (nanoseconds: UInt64, messages: Int, candidates: Int)] = [:]
    var messages = 0

    mutating func note(_ door: TimelineAudit, _ laid: TimelineAudit.Laid) {
        let (asked, run) = (door.asked(laid.stage), door.bound.quick)
        run.enter(laid.chunk)
        var began = processorTime()
        asked.sieve.find(in: laid.chunk, written: laid.written.extent)
        finding += processorTime() - began - resolution
        messages += 1
        for hit in asked.sieve.hits {
            let rule = asked.rules[hit]
            let rows = laid.written.among(asked.sieve.candidates(hit), rule.table, door.bound.breadths[rule.number])
            began = processorTime()
            run.run(rule, candidates: rows)
            run.forgetTally(rule)
            let took = processorTime() - began
            let known = rules[rule.rule.id] ?? (0, 0, 0)
            rules[rule.rule.id] = (
                known.nanoseconds + (took > resolution ? took - resolution : 0), known.messages + 1,
                known.candidates + rows.count
            )
        }
        _ = run.takeDrafts()
    }

    func show() {
        print(String(format: "finding candidates: %.1f us a message", Double(finding) / Double(messages) / 1000))
        let order = rules.sorted { $0.value.nanoseconds > $1.value.nanoseconds }
        for (rule, own) in order.prefix(12) {
            print(
                String(
                    format: "  %@: %.2f us a message; %d messages, %d candidates", rule,
                    Double(own.nanoseconds) / Double(messages) / 1000, own.messages, own.candidates))
        }
    }
}

var byRule = ByRule()
var all = Times()
var clean = Times()
for body in bodies {
    var own = [Part: UInt64]()
    var best = UInt64.max
    var findings = 0
    var rows = 0
    var lines = 0
    func clock<T>(_ part: Part, _ work: () throws -> T) rethrows -> T {
        let began = processorTime()
        let result = try work()
        let whole = processorTime() - began
        let took = whole > resolution ? whole - resolution : 0
        own[part, default: 0] += took
        if part == .rules { best = min(best, took) }
        return result
    }
    for round in 0..<(rounds + 2) {
        if round == 2 { own = [:] }
        try body.withUnsafeBufferPointer { bytes in
            try clock(.json) { try tape.read(bytes) }
            let message = try clock(.message) {
                var tolerance = Tolerance()
                let envelope = try Envelope(.root(tape), inner: inner, buffers: buffers, &tolerance)
                return try ReviewMessage(envelope, tables: CodeTables(), &tolerance)
            }
            for patient in message.patients {
                let question = try clock(.history) {
                    reviewer.question(patient, try histories.settled(of: patient.identifier))
                }
                let laid = try clock(.columns) { try door.lay(question, at: asked, onlyMessage: true) }
                let drafts = clock(.rules) { door.judge(laid) }
                let records = clock(.words) { door.tell(drafts.filter { $0.outcome != .undetermined }, laid) }
                if round == rounds {
                    byRule.note(door, laid)
                    for _ in 0..<repeats { _ = door.judge(laid) }
                }
                if round == 2 {
                    findings += records.count
                    lines += patient.sheet.count(.line)
                    rows += question.parts.reduce(0) { $0 + $1.sheet.count(.line) } - patient.sheet.count(.line)
                }
            }
        }
    }
    func add(_ times: inout Times) {
        for (part, time) in own { times.nanoseconds[part, default: 0] += time / UInt64(rounds) }
        times.messages += 1
        times.lines += lines
        times.historyRows += rows
        times.findings += findings
        times.best += best
    }
    add(&all)
    if findings == 0 { add(&clean) }
}
all.show("all")
clean.show("without a finding")
byRule.show()
let paths = Dictionary(grouping: door.asked(asked).sieves.paths, by: { $0 }).mapValues(\.count)
print(
    "ways to find candidates: "
        + paths.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
print(
    "\(plan.rules.count) rules, \(door.notRun.count) of them not asked online, \(door.asked(asked).rules.count) at this stage; \(door.strangerCount) codes not familiar"
)
