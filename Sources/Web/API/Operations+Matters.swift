import Casework
import Claims
import Documents
import Foundation
import Supervision

extension Operation {
    static let after = Parameter.query("after", .form(.mark), "what the page before gave as `next`")
    static func size(_ usual: Int = 50, max: Int = 1_000) -> Parameter {
        .query("size", .integer(1...max), "rows of a page", otherwise: .integer(Int64(usual)))
    }
    static let matterParameter = Parameter.path("matter", "the matter's identifier")

    static let filters: [Parameter] = [
        .query("procedure", .line(1...120), "of this procedure"), .query("state", .line(1...120), "in this state"),
        .query("open", .flag, "open ones, or ended ones"),
        .query(
            "where", .list(.line(3...300), max: 20), "`attribute:value` of the counting attributes; may be repeated"),
    ]

    static func filter(_ call: Call) throws -> Casebook.Filter {
        var filter = Casebook.Filter()
        filter.procedure = call.text("procedure")
        filter.state = call.text("state")
        filter.isOpen = call.flag("open")
        for condition in call.texts("where") {
            let parts = condition.split(separator: ":", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                throw Problem(
                    422, "WEB136", "条件“\(condition)”不是 属性:取值", at: "where", advice: "例如 where=discovered:report")
            }
            filter.attributes[parts[0]] = parts[1]
        }
        return filter
    }

    static let summaryColumns: [Column] = [
        .init("id", "编号", .line(1...200), width: 26), .init("procedure", "程序", .line(1...120)),
        .init("procedure_name", "程序名称", .line(1...200), width: 20), .init("state", "状态", .line(1...120)),
        .init("state_name", "状态名称", .line(1...200)),
        .init("standing", "公开状态", .choice(["open", "closed", "covert", "sealed"])),
        .init("organisation", "办理单位", .line(0...200), width: 22), .init("department", "办理部门", .line(0...200)),
        .init("ended", "办结状态", .orNone(.line(1...120))), .init("parent", "上级事项", .orNone(.line(1...200)), width: 26),
        .init("opened", "开立时间", MatterShapes.minute, width: 18),
        .init("changed", "最近办理", MatterShapes.minute, width: 18),
        .init("due", "最近时限", .orNone(MatterShapes.minute), width: 18), .init("overdue", "已超期", .flag),
    ]

    static func cells(_ row: MatterSummary) -> [JSONText] {
        [
            .text(row.id), .text(row.procedure), .text(row.procedureName), .text(row.state), .text(row.stateName),
            .text(row.standing), .text(row.organisation), .text(row.department), .text(orNull: row.ended),
            .text(orNull: row.parent), .text("\(row.opened)"), .text("\(row.changed)"),
            .text(orNull: row.due.map { "\($0)" }), .flag(row.isOverdue),
        ]
    }

    static let matters: [Operation] = [
        Operation(
            "listTasks", .get, "/api/tasks", "我的待办",
            "Open matters in which the caller can do something now, by their next limit of time. A page may be short and still have a next one.",
            group: "Matters", parameters: [after, size(20, max: 100)],
            .rows(
                summaryColumns + [
                    .init("next", "可办步骤", .list(MatterShapes.nextStep, max: 1_000), width: 40, file: false)
                ])
        ) { call in
            let listed = try call.book.tasks(after: call.after, size: call.size, by: try call.session())
            return .rows(
                listed.rows.map { cells($0.matter) + [.array($0.next.map(MatterShapes.json))] }, next: listed.next,
                name: "tasks")
        },
        Operation(
            "listMatters", .get, "/api/matters", "事项列表",
            "Matters that the caller may know of, by their next limit of time. As a file: those that may be exported, and the trail says so.",
            group: "Matters", parameters: filters + [after, size()], .rows(summaryColumns)
        ) { call in
            let filter = try filter(call)
            let listed =
                call.isFile
                ? try call.book.exported(filter, after: call.after, size: call.size, by: try call.session())
                : try call.book.summaries(filter, after: call.after, size: call.size, by: try call.session())
            return .rows(listed.rows.map(cells), next: listed.next, name: "matters")
        },
        Operation(
            "openMatter", .post, "/api/matters", "开立事项", "Open a matter in one of the caller's roles.",
            group: "Matters",
            body: .named(
                "Opening",
                .object([
                    .init("procedure", .line(1...120)),
                    .init("role", .line(1...60), required: false, "default: the first role that may open it"),
                    .init("level", .choice(Secrecy.allCases.map(\.rawValue)), required: false),
                    ActReading.fields, ActReading.parties, ActReading.papers, ActReading.adds, ActReading.day,
                ])), status: 201, .json(ActReading.done)
        ) { call in
            guard let procedure = call.book.library.procedure(call.string("procedure")) else {
                throw Problem(
                    422, "WEB137", "没有程序“\(call.string("procedure"))”", at: "/procedure",
                    advice: "见 GET /api/procedures")
            }
            var command = try ActReading.command(.take("open"), call, of: procedure)
            command.target = call.text("level") ?? ""
            let outcome = try call.book.open(
                procedure.id, command, as: call.text("role") ?? procedure.opening.who.first ?? "",
                by: try call.session())
            return .json(ActReading.json(outcome))
        },
        Operation(
            "showMatter", .get, "/api/matters/{matter}", "查看事项",
            "A matter with its values (plain, masked or absent by the matrix), clocks, money, last acts and next lawful steps.",
            group: "Matters", parameters: [matterParameter], .json(MatterShapes.matter)
        ) { call in
            let (matter, token) = (call.string("matter"), try call.session())
            let shown = try call.book.shown(matter, by: token)
            let timeline = try call.book.timeline(
                matter, after: max(0, shown.acts - 50), size: 50, by: token)
            return .json(MatterShapes.json(shown, timeline: timeline.rows))
        },
        Operation(
            "listActs", .get, "/api/matters/{matter}/acts", "办理过程", "The acts of a matter, oldest first.",
            group: "Matters",
            parameters: [
                matterParameter,
                .query("after", .integer(0...10_000_000), "a number of an act", otherwise: .integer(0)), size(),
            ],
            .json(
                .object([
                    .init("rows", .list(MatterShapes.line, max: 1_000)),
                    .init("next", .orNone(.integer(1...10_000_000)), "asks for what follows, as `after`"),
                ]))
        ) { call in
            let listed = try call.book.timeline(
                call.string("matter"), after: call.integer("after") ?? 0, size: call.size, by: try call.session())
            return .json(
                .members([
                    "rows": .array(listed.rows.map(MatterShapes.json)),
                    "next": listed.next.flatMap { Int64($0) }.map { .integer($0) } ?? .null,
                ]))
        },
        Operation(
            "act", .post, "/api/matters/{matter}/acts", "办理",
            "Take a step, or answer what waits for a signature. With several `items` each succeeds or is refused by itself.",
            group: "Matters", parameters: [matterParameter],
            body: .named(
                "ActRequest",
                .object([
                    .init("verb", .choice(["take", "approve", "return", "conclude"]), required: false, "default take"),
                    .init("step", .line(1...120), required: false, "the step to take"),
                    .init(
                        "role", .line(1...60), required: false, "in which role; default: the first that the step admits"
                    ),
                    .init("items", .list(.line(1...200), max: 1_000), required: false, "about these items"),
                    .init(
                        "target", .line(0...200), required: false,
                        "what a power or an answer is about: an act's number, a matter, a person, a level"),
                    .init(
                        "seen", .integer(1...10_000_000), required: false,
                        "how many acts the matter had when it was read; another number refuses"),
                    .init(
                        "together", .list(.form(.identifier), max: 20), required: false, "accounts of who act together"),
                    .init("signer", .form(.identifier), required: false, "who signed on paper"),
                    ActReading.fields, ActReading.parties, ActReading.papers, ActReading.adds, ActReading.day,
                ])), .json(ActReading.done)
        ) { call in try ActReading.act(call) },
        Operation(
            "listItems", .get, "/api/matters/{matter}/items", "明细",
            "Items of a matter (findings, lines, rows of a list …) with their states and values.", group: "Matters",
            parameters: [
                matterParameter, .query("kind", .line(1...120), "of this kind"),
                .query("state", .line(1...120), "in this state"),
                .query("after", .line(1...200), "what the page before gave as `next`"), size(100, max: 10_000),
            ], .json(ItemSheet.shape)
        ) { call in try ItemSheet.answer(call) },
        Operation(
            "exportItems", .get, "/api/matters/{matter}/items/file", "导出明细",
            "The same items as a file, a column for each field of their kind; the trail says so.", group: "Matters",
            parameters: [
                matterParameter, .query("kind", .line(1...120), "of this kind", required: true),
                .query("state", .line(1...120), "in this state"),
                .query("file", .choice(["csv", "xlsx"]), "the form of the file", otherwise: .text("xlsx")),
            ], .file
        ) { call in try ItemSheet.file(call) },
        Operation(
            "showBalance", .get, "/api/matters/{matter}/balance", "平衡表",
            "What was received equals each end state once plus what is open; and the money of every account by fund and pool.",
            group: "Matters", parameters: [matterParameter],
            .json(
                .object([
                    .init("balances", .list(MatterShapes.balance, max: 100)),
                    .init("accounts", .list(MatterShapes.account, max: 200)),
                ]))
        ) { call in
            let shown = try call.book.shown(call.string("matter"), by: try call.session())
            return .json(
                .members([
                    "balances": .array(shown.balances.map(MatterShapes.json)),
                    "accounts": .array(shown.accounts.map(MatterShapes.json)),
                ]))
        },
        Operation(
            "unmask", .post, "/api/matters/{matter}/unmaskings", "查看明文",
            "Show the masked fields of a matter whole to the caller for ten minutes, for a reason that the trail keeps.",
            group: "Matters", parameters: [matterParameter],
            body: .object([.init("reason", .line(4...500), "what for")]), status: 204, .nothing
        ) { call in
            try call.book.unmask(call.string("matter"), reason: call.string("reason"), by: try call.session())
            return .nothing
        },
        Operation(
            "readPaper", .get, "/api/matters/{matter}/papers/{digest}", "查看申诉附件",
            "The files that an institution sent over the interface with an appeal; reading them is in the trail.",
            group: "Matters",
            parameters: [matterParameter, .path("digest", "as the paper of the act names it", .form(.digest))],
            .json(
                .list(
                    .object([
                        .init("name", .line(1...200)), .init("content", .line(0...8_000_000), "Base64"),
                    ]), max: Casebook.appealFilesMax))
        ) { call in
            let files = try call.book.appealFiles(
                call.string("digest"), of: call.string("matter"), by: try call.session())
            return .json(
                .array(
                    files.map {
                        .members([
                            "name": .text($0.name), "content": .text(Data($0.bytes).base64EncodedString()),
                        ])
                    }))
        },
        Operation(
            "listAssignees", .get, "/api/matters/{matter}/assignees", "承办人", "Who does a matter.", group: "Matters",
            parameters: [matterParameter],
            .json(
                .list(
                    .object([.init("account", .form(.identifier)), .init("since", .integer(0...1 << 40))]), max: 1_000))
        ) { call in
            let rows = try call.book.assignees(of: call.string("matter"), by: try call.session())
            return .json(
                .array(rows.map { .members(["account": .text($0.account), "since": .integer(Int64($0.since))]) }))
        },
        Operation(
            "assign", .post, "/api/matters/{matter}/assignees", "指定承办", "Make a person the one who does a matter.",
            group: "Matters", parameters: [matterParameter],
            body: .object([.init("account", .form(.identifier)), .init("reason", .line(1...500))]), status: 204,
            .nothing
        ) { call in
            try call.book.assign(
                call.string("matter"), to: call.string("account"), reason: call.string("reason"), by: try call.session()
            )
            return .nothing
        },
        Operation(
            "countMatters", .get, "/api/counts/{attribute}", "统计",
            "How many matters that the caller may know of, by a counting attribute.", group: "Matters",
            parameters: [.path("attribute", "discovered, area, institution_kind …", .line(1...120))] + filters,
            .rows([.init("value", "取值", .line(0...300), width: 24), .init("count", "件数", .integer(0...1 << 40))])
        ) { call in
            let counts = try call.book.count(by: call.string("attribute"), try filter(call), by: try call.session())
            return .rows(counts.map { [.text($0.value), .integer(Int64($0.count))] }, next: nil, name: "counts")
        },
        Operation(
            "monthlyReport", .get, "/api/reports/{month}", "监管月报",
            "The lines of a month's report over the matters that the caller may list: times, institutions, or yuan.",
            group: "Matters", parameters: [.path("month", "yyyy-mm", .line(7...7))] + filters,
            .rows([
                .init("line", "项目", .line(1...120), width: 20), .init("name", "名称", .line(1...200), width: 24),
                .init("counts", "口径", .choice(["times", "institutions", "money"])),
                .init("value", "数值", .line(1...30)),
            ])
        ) { call in
            let report = try call.book.report(
                month: call.string("month"), try filter(call), by: try call.session())
            return .rows(
                report.entries.map { entry in
                    let isMoney = entry.line.counts == .money
                    return [
                        .text(entry.line.id), .text(entry.line.name), .text(entry.line.counts.rawValue),
                        .text(isMoney ? MatterShapes.fen(entry.value) : "\(entry.value)"),
                    ]
                }, next: nil, name: "report")
        },
        Operation(
            "findPersons", .post, "/api/persons/searches", "按人员查询",
            "Persons with exactly this number or name, masked; every search is in the trail.", group: "Matters",
            body: .object([.init("wanted", .line(1...100)), .init("reason", .line(4...500))]),
            .json(
                .list(
                    .object([
                        .init("id", .line(1...200)), .init("name", .line(0...200)), .init("number", .line(0...100)),
                    ]), max: 1_000))
        ) { call in
            let found = try call.door.findPersons(
                call.string("wanted"), reason: call.string("reason"), by: try call.session())
            return .json(
                .array(
                    found.map {
                        .members(["id": .text($0.id), "name": .text($0.name), "number": .text($0.number)])
                    }))
        },
    ]
}
