import ArgumentParser
import Claims
import Supervision

/// A page of a list as JSON.
struct Paged<Row: Encodable>: Encodable {
    let rows: [Row]
    let next: String?
}

/// What a command of posts made, as the identifier alone or as JSON.
enum Made {
    private struct Access: Encodable { let account, password, authenticator: String }

    static func show(_ id: String, json: Bool) throws {
        try Terminal.show([json ? try Json.text(["id": id]) : id])
    }

    /// What was done to which one, where nothing new came of it.
    static func done(_ what: String, _ id: String, json: Bool) throws {
        try Terminal.show([json ? try Json.text([what: id]) : "\(what) \(id)"])
    }

    /// First secrets; they are printed once and kept nowhere.
    static func show(_ access: FirstAccess, json: Bool) throws {
        let own = Access(account: access.account, password: access.password, authenticator: access.authenticator)
        try Terminal.show(
            json
                ? [try Json.text(own)]
                : [own.account, "  password       \(own.password)", "  authenticator  \(own.authenticator)"])
    }
}

/// `yijian posts lend`.
struct LendCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lend",
        abstract: "Lend one's own person to a post of an organisation below, until a day (上级派员兼岗).")
    @OptionGroup var options: DoorOptions
    @Flag(help: "As JSON.") var json = false
    @Argument(help: "The post below.") var post: String
    @Option(help: "The account that is lent.") var account: String
    @Option(help: "On what ground.") var basis: String
    @Option(help: "The last day, yyyy-mm-dd.") var until: String

    func run() throws {
        let end = try LastDay.seconds(until)
        try Made.show(
            try options.open().lend(account, to: post, basis: basis, until: end, by: try options.token()), json: json)
    }
}

/// `yijian posts delegate`.
struct DelegateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delegate", abstract: "Let another stand in for a post of one's own, until a day (委托代岗).")
    @OptionGroup var options: DoorOptions
    @Flag(help: "As JSON.") var json = false
    @Argument(help: "One's own holding, as `posts mine` prints it.") var holding: String
    @Option(help: "The account that stands in.") var to: String
    @Option(help: "On what ground.") var basis: String
    @Option(help: "The last day, yyyy-mm-dd.") var until: String

    func run() throws {
        let end = try LastDay.seconds(until)
        try Made.show(
            try options.open().delegate(holding, to: to, basis: basis, until: end, by: try options.token()), json: json)
    }
}

/// `yijian posts end`.
struct EndHoldingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "end", abstract: "End what was lent or delegated before its day (撤回派员、代岗).")
    @OptionGroup var options: DoorOptions
    @Flag(help: "As JSON.") var json = false
    @Argument(help: "What `lend` or `delegate` printed.") var holding: String
    @Option(help: "Why.") var reason: String

    func run() throws {
        try options.open().end(holding, reason: reason, by: try options.token())
        try Made.done("ended", holding, json: json)
    }
}

/// `yijian posts hand-over`.
struct HandOverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hand-over", abstract: "Hand every matter that a leaver does to another person (在办移交).")
    @OptionGroup var options: DoorOptions
    @Flag(help: "As JSON.") var json = false
    @Argument(help: "The leaver's account.") var leaver: String
    @Option(help: "The account that goes on.") var to: String
    @Option(help: "Why.") var reason: String

    func run() throws {
        let count = try options.casebook().handOver(from: leaver, to: to, reason: reason, by: try options.token())
        try Terminal.show([json ? try Json.text(["handed_over": count]) : "\(count) handed over"])
    }
}

/// `yijian posts leave`.
struct LeaveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "leave",
        abstract: "End the account of who leaves; refused while work is open (离岗注销, system administrator).")
    @OptionGroup var options: DoorOptions
    @Flag(help: "As JSON.") var json = false
    @Argument(help: "The account.") var account: String

    func run() throws {
        try options.open().leave(account, by: try options.token())
        try Made.done("left", account, json: json)
    }
}

/// `yijian posts reset`.
struct ResetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset", abstract: "Give a new first password, end sessions (重置口令, security administrator).")
    @OptionGroup var options: DoorOptions
    @Flag(help: "As JSON.") var json = false
    @Argument(help: "The account.") var account: String

    func run() throws {
        let access = try options.open().reset(account, by: try options.token())
        try Made.show(access, json: json)
    }
}

/// `yijian posts set-code`.
struct InstitutionCodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set-code",
        abstract: "Say by which code the national interface names an organisation (登记机构编号, system administrator).")
    @OptionGroup var options: DoorOptions
    @Flag(help: "As JSON.") var json = false
    @Argument(help: "The organisation.") var organisation: String
    @Argument(help: "Its code.") var code: String

    func run() throws {
        try options.open().setInstitutionCode(code, of: organisation, by: try options.token())
        try Made.done("set", code, json: json)
    }
}

/// `yijian posts list`.
struct PostsListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Posts with their roles and who holds them now.")
    @OptionGroup var options: DoorOptions
    @Option(help: "Rows of a page, 1 to 1000.") var size = 100
    @Option(help: "What the page before printed as next.") var after: String?
    @Flag(help: "As JSON.") var json = false

    private struct Line: Encodable {
        struct Holder: Encodable {
            let holding, account, name, kind: String
            let until: Int?
        }
        let id, organisation, department, name: String
        let roles: [String]
        let holders: [Holder]
    }

    func run() throws {
        let page = try options.open().posts(after: after, size: min(max(size, 1), 1_000), by: try options.token())
        let lines = page.rows.map { post in
            Line(
                id: post.id, organisation: post.organisation, department: post.department, name: post.name,
                roles: post.roles,
                holders: post.holders.map {
                    .init(holding: $0.holding, account: $0.account, name: $0.name, kind: $0.kind, until: $0.until)
                })
        }
        if json { return try Terminal.show([try Json.text(Paged(rows: lines, next: page.next))]) }
        try Terminal.show(
            lines.flatMap { post in
                [
                    "\(post.id)  \(post.organisation)  \(post.department)  \(post.name)  \(post.roles.joined(separator: ","))"
                ]
                    + post.holders.map { "  \($0.holding)  \($0.name)  \($0.account)  \($0.kind)" }
            } + (page.next.map { ["next: --after \($0)"] } ?? []))
    }
}

/// `yijian posts organisations`.
struct OrganisationsListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "organisations", abstract: "Organisations (机构).")
    @OptionGroup var options: DoorOptions
    @Option(help: "Rows of a page, 1 to 1000.") var size = 100
    @Option(help: "What the page before printed as next.") var after: String?
    @Flag(help: "As JSON.") var json = false

    private struct Line: Encodable {
        let id: String
        let parent: String?
        let name, kind, area: String
        let codes: [String]
    }

    func run() throws {
        let page = try options.open().organisations(
            after: after, size: min(max(size, 1), 1_000), by: try options.token())
        let lines = page.rows.map {
            Line(id: $0.id, parent: $0.parent, name: $0.name, kind: $0.kind, area: $0.area, codes: $0.codes)
        }
        if json { return try Terminal.show([try Json.text(Paged(rows: lines, next: page.next))]) }
        try Terminal.show(
            lines.map { "\($0.id)  \($0.kind)  \($0.area)  \($0.name)  \($0.codes.joined(separator: ","))" }
                + (page.next.map { ["next: --after \($0)"] } ?? []))
    }
}

/// A last day, given as a day, as the second at which it is over in China Standard Time.
enum LastDay {
    static func seconds(_ text: String) throws -> Int {
        guard let day = Day(text) else { throw ValidationError("--until is yyyy-mm-dd, not \(text)") }
        return (Int(day.number) + 1) * 86_400 - 8 * 3_600
    }
}
