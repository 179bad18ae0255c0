import ArgumentParser
import Casework
import Claims
import Columns
import Documents
import Foundation
import Supervision

/// `yijian superior-list`: a list from above comes in, every row is answered, the answer goes back in the sender's columns.
struct SuperiorListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "superior-list", abstract: "Lists of suspicious rows from above (上级疑点清单): 逐条核查、清仓见底.",
        subcommands: [
            SuperiorListReceiveCommand.self, SuperiorListAnswerCommand.self, SuperiorListBalanceCommand.self,
            SuperiorListReturnCommand.self,
        ])

    static let procedure = "superior_list"

    /// A sheet (xlsx or CSV) as the sender laid it out: the first row with anything in it is the head.
    static func table(_ path: String) throws -> (table: CommaTable, hash: String) {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError(
                code: "YJ-530", what: "the file cannot be read", place: path, advice: "check its name and your rights")
        }
        let bytes = [UInt8](data)
        let file = try SheetFile.open(bytes, name: path)
        var rows: [[String]] = []
        var lines: [Int] = []
        if !file.sheetNames.isEmpty {
            try file.rows(ofSheet: 0) { row in
                rows.append(row.cells.map(\.text))
                lines.append(row.number)
                return true
            }
        }
        guard let head = rows.first else {
            throw CommandError(
                code: "YJ-531", what: "the sheet is empty", place: path, advice: "put the list on the first sheet")
        }
        let width = rows.map(\.count).max() ?? head.count
        let filled = rows.map { $0 + Array(repeating: "", count: width - $0.count) }
        return (
            CommaTable(head: filled[0], rows: Array(filled.dropFirst()), lines: Array(lines.dropFirst())),
            SHA256.hex(of: bytes)
        )
    }

    static func mapping(_ path: String, for procedure: Procedure) throws -> SenderMapping {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError(
                code: "YJ-532", what: "the mapping cannot be read", place: path,
                advice: "see mappings/superior-list.yaml for one")
        }
        let (mapping, diagnostics) = SenderMapping.read([UInt8](data), file: path, for: procedure)
        guard let mapping else {
            throw CommandError(
                code: "YJ-532", what: "the mapping has mistakes", place: path,
                why: diagnostics.map(\.description).joined(separator: "; "), advice: "mend what it names")
        }
        return mapping
    }

    static func chosen(_ book: Casebook) throws -> Procedure {
        guard let found = book.library.procedure(procedure) else {
            throw CommandError(
                code: "YJ-510", what: "there is no procedure `\(procedure)`", advice: "see `yijian procedures show`")
        }
        return found
    }

    static func balance(_ matter: Matter) -> [String] {
        var lines: [String] = []
        for balance in matter.procedure.balances where balance.track == "row" {
            let sum = matter.sum(balance)
            lines.append(ReportWording.line("清单行", received: sum.received, sum.groups, open: sum.open))
        }
        for account in matter.procedure.accounts where !account.isFree {
            let fen: Int64 = matter.balance(account.id)
            lines.append("\(account.name)：\(DecimalText.format(fen, scale: 2))元")
        }
        return lines
    }
}

struct SuperiorListReceiveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receive", abstract: "Take a list in as a matter with the sender's deadline (接收清单).")

    @OptionGroup var options: DoorOptions
    @Argument(help: "The list as it came: xlsx or CSV.") var file: String
    @Option(name: .long, help: "Which of its columns is what (mappings/superior-list.yaml is one).") var mapping: String
    @Option(name: .long, help: "The number of the sender's letter.") var number: String
    @Option(name: .long, help: "Until when the sender wants the answer.") var deadline: DayArgument
    @Option(name: .long, help: "The sender's organisation.") var sender: String
    @Option(name: .long, help: "The agency that answers with us.") var agency: String?
    @Option(name: .customLong("as"), help: "In which role.") var role = "officer"
    @Flag(name: .long, help: "Take it in although some rows cannot be read; they are counted and answered as such.")
    var allowRejects = false

    func run() throws {
        let book = try options.casebook()
        let procedure = try SuperiorListCommand.chosen(book)
        let (table, hash) = try SuperiorListCommand.table(file)
        let list = SenderList(table, try SuperiorListCommand.mapping(mapping, for: procedure), for: procedure)
        let rejects = list.rejects.map { "  第\($0.line)行 \($0.column)：\($0.reason)" }
        guard list.rejects.isEmpty || allowRejects else {
            throw CommandError(
                code: "YJ-533", what: "\(list.rejects.count) of \(table.rows.count) rows cannot be read", place: file,
                why: rejects.prefix(20).joined(separator: "\n       "),
                advice: "mend the mapping, ask the sender, or take it in with --allow-rejects")
        }
        var command = Command(.take("open"))
        let given: [String: String] = [
            "discovered": "superior", "list_number": number, "source_list": number,
            "deadline": deadline.day.description, "file_hash": hash, "received": String(table.rows.count),
            "repeated": String(list.repeated), "rejected": String(list.rejects.count),
        ]
        for (name, text) in given { command.fields[name] = procedure.field(name)?.value(of: text) }
        command.adds = list.items
        command.parties = ["superior": sender]
        if let agency { command.parties["agency"] = agency }
        let matter = try ActCommand.refusing {
            try book.open(SuperiorListCommand.procedure, command, as: role, by: try options.token()).matter
        }
        let head =
            "\(matter.id)  收到\(table.rows.count)行：\(list.items.count)行立项，\(list.repeated)行重复，\(list.rejects.count)行无法读取"
        try Terminal.show([head] + rejects)
    }
}

struct SuperiorListAnswerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "answer", abstract: "Answer rows from a sheet that was filled in (逐条答复).",
        discussion: """
            The sheet has the sender's key column and the answer columns of the mapping; rows without an answer are left
            open. Each row is verified, its loss recorded where a column is mapped to found_loss (统筹/379900:80.00), and
            answered; each succeeds or is refused by itself.
            """)

    @OptionGroup var options: DoorOptions
    @Argument(help: "The matter.") var matter: String
    @Argument(help: "The sheet: xlsx or CSV.") var sheet: String
    @Option(name: .long, help: "The mapping it was received with.") var mapping: String
    @Option(name: .customLong("with"), help: "The account of who answers with you.") var together: String
    @Option(name: .long, help: "The working papers that prove the answers; they are handed in and go with each row.")
    var evidence: String

    func run() throws {
        let book = try options.casebook()
        let procedure = try SuperiorListCommand.chosen(book)
        let map = try SuperiorListCommand.mapping(mapping, for: procedure)
        let (table, _) = try SuperiorListCommand.table(sheet)
        let (answers, rejects) = map.answers(in: table, for: procedure)
        let token = try options.token()
        let proof = try options.handIn(evidence, to: matter, in: book).hash
        var lines = rejects.map { "第\($0.line)行 \($0.column)：\($0.reason)" }
        var done = 0
        for (key, fields) in answers {
            func take(_ step: String, _ fields: [String: FieldValue], papers: [String: String] = [:]) throws -> String?
            {
                var command = Command(.take(step))
                command.fields = fields
                command.papers = papers
                command.together = papers.isEmpty ? [] : [together]
                return try book.act(batch: [key], command, on: matter, by: token).first?.refusal
            }
            let state = try book.matter(matter, by: token).matter.state("row", item: key)
            var refusal: String?
            if state == "open" || state == "assigned" { refusal = try take("verify", [:]) }
            if refusal == nil, let loss = fields["found_loss"] {
                refusal = try take("record_loss", ["found_loss": loss])
            }
            if refusal == nil {
                refusal = try take(
                    "answer", fields.filter { $0.key != "found_loss" },
                    papers: ["evidence": proof])
            }
            if let refusal { lines.append("\(key)：\(refusal)") } else { done += 1 }
        }
        let now = try book.matter(matter, by: token).matter
        let refusals = lines
        lines.append("答复\(done)行")
        lines += SuperiorListCommand.balance(now)
        try Terminal.show(lines)
        if !refusals.isEmpty { throw CommandError.Quiet(status: .checkFailed) }
    }
}

struct SuperiorListBalanceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "balance", abstract: "received = each end once + merged + open, with the money (清单平衡).")

    @OptionGroup var options: DoorOptions
    @Argument(help: "The matter.") var matter: String

    func run() throws {
        let now = try options.casebook().matter(matter, by: try options.token()).matter
        try Terminal.show(SuperiorListCommand.balance(now))
    }
}

struct SuperiorListReturnCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "return", abstract: "Write the answers into the sender's columns (反馈表).",
        discussion: "The sender's file must be the one that was received, to the byte.")

    @OptionGroup var options: DoorOptions
    @Argument(help: "The matter.") var matter: String
    @Argument(help: "The list as it came.") var file: String
    @Option(name: .long, help: "The mapping it was received with.") var mapping: String
    @Option(name: .long, help: "The file to write; .xlsx makes a workbook, anything else CSV.") var output: String

    func run() throws {
        let book = try options.casebook()
        let procedure = try SuperiorListCommand.chosen(book)
        let (table, hash) = try SuperiorListCommand.table(file)
        let now = try book.matter(matter, by: try options.token()).matter
        guard now.field("file_hash")?.description == hash else {
            throw CommandError(
                code: "YJ-534", what: "this is not the file that was received", place: file,
                why: "its SHA-256 is \(hash)",
                advice: "answer in the sender's own file; it was \(now.field("file_hash")?.description ?? "not kept")")
        }
        let list = SenderList(table, try SuperiorListCommand.mapping(mapping, for: procedure), for: procedure)
        let answered = list.answered(by: now)
        let heads = answered.head.enumerated().map { ColumnHead("c\($0.offset)", $0.element) }
        let format: ListFormat = output.lowercased().hasSuffix(".xlsx") ? .xlsx : .csv
        let rows = try format.output(heads, title: "核查反馈", path: output, byteOrderMark: format == .csv)
        for row in answered.rows { try rows.write(row.map { .text($0) }) }
        try rows.finish()
        var lines = SuperiorListCommand.balance(now)
        lines.append("写入\(answered.rows.count)行：\(output)")
        try Terminal.show(lines)
    }
}
