import Audit
import Bureau
import Casework
import Claims
import Columns
import Database
import Documents
import Foundation
import Ledger
import Rules
import Supervision

/// The demo's second half: what the city's audit found becomes work of an invented bureau, on a real store.
struct DemoBureau {
    let record: BureauRecord
    let seconds: Double
    let store: String
    /// What the ledger's own verifier says, given the checkpoint that an outsider would hold.
    let ledger: LedgerVerification
    private let out: String
    private let verifier: VerifierKey

    /// The store, the key file, the superior's list and its answer, and who is who go into the folder.
    init(
        in out: String, run: String, dataset: Dataset, plan: Plan, knowledge: String, mappings: String, seed: UInt64,
        progress: (String) throws -> Void = { _ in }
    ) throws {
        self.out = out
        store = out + "/bureau.sqlite"
        let keys = out + "/bureau.keys"
        // Only what an earlier demo made is taken away.
        let signing = out + "/bureau.signing-key"
        for file in [store, store + "-wal", store + "-shm", keys, signing]
        where FileManager.default.fileExists(atPath: file) {
            try FileManager.default.removeItem(atPath: file)
        }
        let (loaded, diagnostics) = ProcedureLibrary.load(knowledge)
        guard let library = loaded, let procedure = library.procedure(SuperiorListCommand.procedure) else {
            throw CommandError(
                code: "YJ-502", what: "the procedures have mistakes", place: knowledge,
                why: diagnostics.first?.description, advice: "run `yijian procedures check`")
        }
        let mapping = try SuperiorListCommand.mapping(mappings + "/superior-list.yaml", for: procedure)
        let began = Clock.seconds()
        let found = try RunFindings(try FindingsRun(folder: run), dataset: dataset, plan: plan)
        try KeyFile.generate(at: keys)
        let path = store
        record = try Bureau.play(
            found.findings, cityArea: "379900", countyArea: "379921", mapping: mapping, seed: seed, library: library,
            seconds: Clock.seconds, progress: progress
        ) { surroundings in
            try Door.open(
                Store(try StoreAddress(path)), knowledge: knowledge, keys: keys, surroundings: surroundings)
        }
        let opened = try LedgerPlace.openStore(store)
        let key = try SigningKey.generate(at: signing, name: "bureau")
        let note = try Sequencer(opened).checkpoint(key, origin: "yijian/379900")
        ledger = try StoreLedger.verify(opened, Seals.read(keys), held: [note], trusted: [key.verifier]).run
        verifier = key.verifier
        seconds = Clock.seconds() - began
        try Self.write(note.text, to: out + "/检查点.txt")
        try Self.write(record.sentList, to: out + "/上级清单.csv")
        try Self.write(record.answeredList, to: out + "/上级清单-反馈.csv")
        try Self.write(Self.people(record), to: out + "/人员.csv")
    }

    /// The people are invented, and so are their passwords; the file is for trying the demo's store out.
    private static func people(_ record: BureauRecord) -> String {
        var table = CommaTable(head: ["账户", "岗位", "账户编号", "口令", "动态口令"], rows: [])
        for person in record.people {
            table.rows.append([person.name, person.role, person.account, BureauRecord.password, person.authenticator])
        }
        return table.text
    }

    private static func write(_ text: String, to path: String) throws {
        let file = try OutputFile(path: path)
        try file.write(text)
        try file.finish()
    }

    // MARK: Wording

    func lines(style: TerminalStyle, width: Int) -> [String] {
        var lines = [style.bold("医保局的一个春天：疑点办到底（2026年3月至4月，人物虚构，时钟自走）"), ""]
        var phases = TextTable([
            ColumnHead("phase", "阶段"), ColumnHead("acts", "行为", .integer),
            ColumnHead("seconds", "秒", .decimal(scale: 2)), ColumnHead("what", "办了什么"),
        ])
        for phase in record.phases {
            phases.append([
                .text(phase.name), .integer(Int64(phase.acts)),
                .decimal(Int64((phase.seconds * 100).rounded()), scale: 2),
                .text(phase.what),
            ])
        }
        lines += phases.lines(width: width, style: style)
        lines.append("")
        lines.append(style.bold("逐条平衡（清仓见底）"))
        for balance in record.balances {
            lines.append(
                "  " + ReportWording.line(balance.what, received: balance.received, balance.groups, open: balance.open))
        }
        if record.unassigned > 0 { lines.append("  就医地在外市的疑点 \(record.unassigned) 条，不归本市办理，由就医地立案") }
        lines.append("")
        lines.append(style.bold("监管月报"))
        lines += ReportWording.lines(record.reports, width: width, style: style)
        lines.append("")
        lines.append(style.bold("规则准确率（结果回流）"))
        lines += ReportWording.lines(record.outcomes, width: width, style: style)
        if !record.refusals.isEmpty {
            lines.append("")
            lines.append(style.bold("不予受理的例子"))
            lines += record.refusals.map { "  " + $0 }
        }
        lines.append("")
        let sound = record.differences.isEmpty ? style.green("相符") : style.red("\(record.differences.count)处不符")
        lines.append("\(record.matters)个事项，人员办理\(record.acts)个行为；投影与行为\(sound)；\(Clock.text(seconds))")
        for difference in record.differences.prefix(10) { lines.append("  " + difference) }
        let whole = ledger.isWhole ? style.green("完好") : style.red("与检查点不符")
        lines.append("账本\(whole)：\(ledger.acts)个行为按序入树，与外部持有的已签名检查点核对")
        for problem in ledger.problems.prefix(10) { lines.append("  " + problem.description) }
        return lines
    }

    func next() -> [String] {
        var lines = ["  \(out)/上级清单.csv 来文，\(out)/上级清单-反馈.csv 反馈；\(out)/人员.csv 虚构人员"]
        for (matter, why) in record.worthSeeing { lines.append("  \(matter)  \(why)") }
        lines.append("  yijian store check --store \(store) --keys \(out)/bureau.keys")
        lines.append(
            "  yijian ledger verify \(store) --keys \(out)/bureau.keys --key \(verifier.text) --held \(out)/检查点.txt")
        return lines
    }
}
