import ArgumentParser
import Supervision

/// `yijian posts`: organisations, accounts, posts and who holds them.
struct PostsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "posts", abstract: "Organisations, accounts, posts and who holds them (机构、账户、岗位、任职).",
        subcommands: [
            AddOrganisationCommand.self, AddAccountCommand.self, AddPostCommand.self, GrantCommand.self,
            RevokeCommand.self, LendCommand.self, DelegateCommand.self, EndHoldingCommand.self, HandOverCommand.self,
            LeaveCommand.self, ResetCommand.self, InstitutionCodeCommand.self, PostsListCommand.self,
            OrganisationsListCommand.self, MineCommand.self, StaffingCommand.self, TrailCommand.self,
        ])
}

struct AddOrganisationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add-organisation", abstract: "Add an organisation (system administrator).")
    @OptionGroup var options: DoorOptions
    @Flag(help: "As JSON.") var json = false
    @Argument var name: String
    @Option(help: "The organisation above.") var under: String
    @Option(help: "bureau, agency, hospital …") var kind: String
    @Option(help: "Division code.") var area: String

    func run() throws {
        try Made.show(
            try options.open().addOrganisation(name, under: under, kind: kind, area: area, by: try options.token()),
            json: json)
    }
}

struct AddAccountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add-account", abstract: "Open an account (system administrator).")
    @OptionGroup var options: DoorOptions
    @Flag(help: "As JSON.") var json = false
    @Argument var name: String
    @Option(help: "Who it is.") var title = ""

    func run() throws {
        let access = try options.open().addAccount(name, title: title, by: try options.token())
        try Made.show(access, json: json)
    }
}

struct AddPostCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a post with its roles (system administrator).")
    @OptionGroup var options: DoorOptions
    @Flag(help: "As JSON.") var json = false
    @Argument var name: String
    @Option(name: .customLong("in"), help: "The organisation.") var organisation: String
    @Option(help: "The department.") var department = ""
    @Option(help: "Roles, with commas between.") var roles: String

    func run() throws {
        let roles = Set(roles.split(separator: ",").map(String.init))
        try Made.show(
            try options.open().addPost(
                name, in: organisation, department: department, roles: roles, by: try options.token()), json: json)
    }
}

struct GrantCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grant", abstract: "Give a post to an account (security administrator).")
    @OptionGroup var options: DoorOptions
    @Flag(help: "As JSON.") var json = false
    @Argument var post: String
    @Option(help: "The account's identifier.") var to: String
    @Option(help: "On what ground.") var basis: String

    func run() throws {
        try Made.show(try options.open().grant(post, to: to, basis: basis, by: try options.token()), json: json)
    }
}

struct RevokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Take a post back (security administrator).")
    @OptionGroup var options: DoorOptions
    @Flag(help: "As JSON.") var json = false
    @Argument(help: "What `grant` printed.") var holding: String

    func run() throws {
        try options.open().revoke(holding, by: try options.token())
        try Made.done("revoked", holding, json: json)
    }
}

struct MineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "mine", abstract: "The posts of whoever is signed in.")
    @OptionGroup var options: DoorOptions
    @Flag(help: "As JSON.") var json = false

    private struct Mine: Encodable {
        struct Held: Encodable {
            let holding, post, organisation, department, kind: String
            let roles: [String]
        }
        let account, name: String
        let posts: [Held]
    }

    func run() throws {
        let caller = try options.open().caller(of: try options.token())
        if json {
            let posts = caller.holdings.map {
                Mine.Held(
                    holding: $0.id, post: $0.post, organisation: $0.organisation, department: $0.department,
                    kind: $0.kind, roles: $0.roles.sorted())
            }
            return try Terminal.show([try Json.text(Mine(account: caller.account, name: caller.name, posts: posts))])
        }
        try Terminal.show(
            ["\(caller.name)  \(caller.account)"]
                + caller.holdings.map {
                    "  \($0.id)  \($0.kind)  organisation \($0.organisation)  department \($0.department)  \($0.roles.sorted().joined(separator: ","))"
                })
    }
}

struct TrailCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trail", abstract: "Who did what at the door (audit administrator).")
    @OptionGroup var options: DoorOptions
    @Option(help: "At most so many, the newest first.") var limit = 50
    @Option(help: "What the page before printed as next.") var after: String?
    @Flag(help: "As JSON.") var json = false

    private struct Line: Encodable {
        let number, instant: Int
        let account, feature, object, reason: String
        let allowed: Bool
    }

    func run() throws {
        let page = try options.open().trailEntries(
            after: after, size: min(max(limit, 1), 1_000), by: try options.token())
        let lines = page.rows.map {
            Line(
                number: $0.number, instant: $0.instant, account: $0.account, feature: $0.feature, object: $0.object,
                reason: $0.reason, allowed: $0.isAllowed)
        }
        if json { return try Terminal.show([try Json.text(Paged(rows: lines, next: page.next))]) }
        try Terminal.show(
            lines.map {
                "\($0.number)  \($0.instant)  \($0.account)  \($0.feature)  \($0.allowed ? "allowed" : "refused")  \($0.object)  \($0.reason)"
            } + (page.next.map { ["next: --after \($0)"] } ?? []))
    }
}

struct StaffingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Name each step of a procedure that nobody can take as posts are held (无人可办的步骤).")
    @OptionGroup var options: DoorOptions
    @Flag(help: "As JSON.") var json = false

    private struct Step: Encodable { let procedure, step, reason: String }

    func run() throws {
        let steps = try options.casebook().unstaffedSteps()
        if json {
            try Terminal.show([
                try Json.text(steps.map { Step(procedure: $0.procedure, step: $0.step, reason: $0.reason) })
            ])
            if !steps.isEmpty { throw CommandError.Quiet(status: .checkFailed) }
            return
        }
        try Terminal.show(
            steps.map { "\($0.procedure)  \($0.step)  \($0.reason)" } + ["\(steps.count) steps that nobody can take"])
        if !steps.isEmpty { throw CommandError.Quiet(status: .checkFailed) }
    }
}
