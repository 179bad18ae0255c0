import ArgumentParser
import Audit
import Casework
import Columns
import Documents
import Foundation
import Supervision

/// `yijian triage`: the findings of a run become matters, once.
struct TriageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "triage",
        abstract: "Make matters of a run's findings (疑点分流): one batch for each institution's settlement month.",
        discussion: """
            Doing it twice opens nothing twice: a finding is known again by institution, theme and rows. One that was
            dropped stays dropped unless its evidence differs. Needs a session as auditor.

            yijian triage run
            yijian triage --withdraw P17-day --reason 规则撤回复核
            """)

    @OptionGroup var options: DoorOptions
    @Argument(help: "The folder that `yijian audit … --into FOLDER` wrote.") var folder: String?
    @Option(name: .long, help: "The dataset that was audited; default: `dataset` beside the run.") var dataset: String?
    @Option(name: .customLong("where"), help: "Only these findings, as for `yijian findings`.") var condition:
        [String] = []
    @Option(name: .long, help: "The procedure of the batches: findings, or findings_appeal_first.") var procedure =
        "findings"
    @Flag(
        name: .long, help: "Close open findings that this run looked for and did not find again (冲销); needs --reason.")
    var closeGone = false
    @Option(name: .long, help: "Close every open finding of a rule that was withdrawn; needs --reason.") var withdraw:
        String?
    @Option(name: .long, help: "What the institutions are told.") var reason: String?
    @Flag(help: "As JSON.") var json = false

    func validate() throws {
        if closeGone || withdraw != nil, (reason ?? "").allSatisfy(\.isWhitespace) {
            throw ValidationError("--reason TEXT is needed: institutions are told why their findings are closed")
        }
        if closeGone, !condition.isEmpty {
            throw ValidationError("--close-gone compares with the whole run: leave --where out")
        }
        if folder == nil, withdraw == nil { throw ValidationError("name a run, or a rule with --withdraw") }
    }

    func run() throws {
        let book = try options.casebook()
        let token = try options.token()
        if let withdraw {
            let open = try book.openFindings(ofRule: withdraw, by: token)
            return try show(
                closed: try book.close(findings: open, by: "withdraw_rule", opinion: reason ?? "", by: token))
        }
        guard let run = folder else { return }
        let audited =
            dataset ?? URL(fileURLWithPath: run).deletingLastPathComponent().appendingPathComponent("dataset").path
        let opened = try Dataset.open(audited)
        let plan = try KnowledgePlan.load(try options.knowledgeFolder(), areas: [], rules: nil)
        let found = try RunFindings(
            try FindingsRun(folder: run), dataset: opened, plan: plan,
            where: try FindingsSelection(condition.joined(separator: ",")))
        let triaged = try book.triage(
            found.findings, looked: try closeGone ? Self.looked(run) : nil, into: procedure, by: token)
        var closed: [(matter: String, item: String, refusal: String?)] = []
        if closeGone {
            closed = try book.close(findings: triaged.gone, by: "reverse", opinion: reason ?? "", by: token)
        }
        if json { return try Terminal.show([Self.object(triaged, found, closed).pretty]) }
        var table = TextTable([
            ColumnHead("matter", "事项", .identifier), ColumnHead("institution", "定点机构"), ColumnHead("period", "结算月度"),
            ColumnHead("findings", "疑点", .integer), ColumnHead("loss", "基金损失", .decimal(scale: 2)),
        ])
        for (matter, batch) in triaged.opened {
            table.append([
                .text(matter), .text(batch.institution.name), .text(batch.period),
                .integer(Int64(batch.findings.count)),
                .decimal(batch.loss, scale: 2),
            ])
        }
        var lines = triaged.opened.isEmpty ? [] : table.lines(width: Terminal.width, style: Terminal.style) + [""]
        lines.append(Self.sentence(triaged, found))
        for batch in triaged.unassigned.prefix(5) {
            lines.append("  就医地\(batch.area)没有由本单位管辖的经办机构：\(batch.institution.name)，疑点\(batch.findings.count)条")
        }
        try Terminal.show(lines)
        if closeGone { try show(closed: closed) }
    }

    private func show(closed: [(matter: String, item: String, refusal: String?)]) throws {
        let refused = closed.filter { $0.refusal != nil }
        var lines: [String] = []
        for row in refused { lines.append("  \(row.matter)#\(row.item)  \(row.refusal ?? "")") }
        lines.append("撤销疑点\(closed.count - refused.count)条，不予办理\(refused.count)条。")
        try Terminal.show(lines)
        if !refused.isEmpty { throw CommandError.Quiet(status: .checkFailed) }
    }

    private static func sentence(_ triaged: Casebook.Triaged, _ found: RunFindings) -> String {
        let opened = triaged.opened.reduce(0) { $0 + $1.batch.findings.count }
        let unassigned = triaged.unassigned.reduce(0) { $0 + $1.findings.count }
        var text = "疑点\(found.findings.count)条：新立\(triaged.opened.count)个批次、\(opened)条；已知\(triaged.skipped.count)条不重复立"
        if unassigned > 0 { text += "；不归本单位\(unassigned)条" }
        if found.withoutInstitution > 0 { text += "；另有\(found.withoutInstitution)条查不到机构" }
        return text + "。"
    }

    private static func looked(_ run: String) throws -> Casebook.Looked {
        let (rules, from, to) = try RunSummary.read(run)
        return Casebook.Looked(rules: rules, months: String(from.prefix(7))...String(to.prefix(7)))
    }

    private static func object(
        _ triaged: Casebook.Triaged, _ found: RunFindings, _ closed: [(matter: String, item: String, refusal: String?)]
    ) -> JSONText {
        func known(_ entry: (finding: String, why: Triage.Skipped)) -> JSONText {
            let (word, of): (String, String)
            switch entry.why {
            case .repeated(let id): (word, of) = ("repeated", id)
            case .open(let id): (word, of) = ("open", id)
            case .confirmed(let id): (word, of) = ("confirmed", id)
            case .dropped(let id): (word, of) = ("dropped", id)
            }
            return .members(["finding": .text(entry.finding), "why": .text(word), "of": .text(of)])
        }
        func opened(_ entry: (matter: String, batch: Triage.Batch)) -> JSONText {
            let batch = entry.batch
            return .members([
                "matter": .text(entry.matter), "institution": .text(batch.institution.code),
                "period": .text(batch.period), "area": .text(batch.area),
                "findings": .integer(Int64(batch.findings.count)), "loss": .decimal(batch.loss, scale: 2),
                "rank": .integer(Int64(batch.rank)),
            ])
        }
        func unassigned(_ batch: Triage.Batch) -> JSONText {
            .members([
                "institution": .text(batch.institution.code), "area": .text(batch.area),
                "findings": .integer(Int64(batch.findings.count)),
            ])
        }
        func ended(_ row: (matter: String, item: String, refusal: String?)) -> JSONText {
            let refused: JSONText? = row.refusal.map(JSONText.text)
            return .members(["matter": .text(row.matter), "finding": .text(row.item), "refused": refused])
        }
        return .members([
            "findings": .integer(Int64(found.findings.count)),
            "without_institution": .integer(Int64(found.withoutInstitution)),
            "opened": .array(triaged.opened.map(opened)), "known": .array(triaged.skipped.map(known)),
            "unassigned": .array(triaged.unassigned.map(unassigned)), "closed": .array(closed.map(ended)),
        ])
    }
}

/// What a run says of itself in `run.json`: which rules looked, and at which days.
enum RunSummary {
    private struct Rule: Decodable {
        let rule: String
        let notRunnable: String?
    }

    private struct Summary: Decodable {
        let coverageFrom: String
        let coverageTo: String
        let rules: [Rule]
    }

    static func read(_ run: String) throws -> (rules: Set<String>, from: String, to: String) {
        let path = run + "/run.json"
        guard let data = FileManager.default.contents(atPath: path),
            let summary = try? JSONDecoder().decode(Summary.self, from: data)
        else {
            throw CommandError(
                code: "YJ-520", what: "the run does not say what it looked at", place: path,
                advice: "audit again, then triage with --close-gone")
        }
        return (
            Set(summary.rules.filter { $0.notRunnable == nil }.map(\.rule)), summary.coverageFrom, summary.coverageTo
        )
    }
}
