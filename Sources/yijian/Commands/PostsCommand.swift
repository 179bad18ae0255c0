import ArgumentParser
import Supervision

/// `yijian posts`: organisations, accounts, posts and who holds them.
struct PostsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "posts", abstract: "Organisations, accounts, posts and who holds them (机构、账户、岗位、任职).",
        subcommands: [
            AddOrganisationCommand.self, AddAccountCommand.self, AddPostCommand.self, GrantCommand.self,
            RevokeCommand.self,
            MineCommand.self, StaffingCommand.self, TrailCommand.self,
        ])
}

struct AddOrganisationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add-organisation", abstract: "Add an organisation (system administrator).")
    @OptionGroup var options: DoorOptions
    @Argument var name: String
    @Option(help: "The organisation above.") var under: String
    @Option(help: "bureau, agency, hospital …") var kind: String
    @Option(help: "Division code.") var area: String

    func run() throws {
        try Terminal.show([
            try options.open().addOrganisation(name, under: under, kind: kind, area: area, by: try options.token())
        ])
    }
}

struct AddAccountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add-account", abstract: "Open an account (system administrator).")
    @OptionGroup var options: DoorOptions
    @Argument var name: String
    @Option(help: "Who it is.") var title = ""

    func run() throws {
        let access = try options.open().addAccount(name, title: title, by: try options.token())
        try Terminal.show([
            access.account, "  password       \(access.password)", "  authenticator  \(access.authenticator)",
        ])
    }
}

struct AddPostCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a post with its roles (system administrator).")
    @OptionGroup var options: DoorOptions
    @Argument var name: String
    @Option(name: .customLong("in"), help: "The organisation.") var organisation: String
    @Option(help: "The department.") var department = ""
    @Option(help: "Roles, with commas between.") var roles: String

    func run() throws {
        let roles = Set(roles.split(separator: ",").map(String.init))
        try Terminal.show([
            try options.open().addPost(
                name, in: organisation, department: department, roles: roles, by: try options.token())
        ])
    }
}

struct GrantCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grant", abstract: "Give a post to an account (security administrator).")
    @OptionGroup var options: DoorOptions
    @Argument var post: String
    @Option(help: "The account's identifier.") var to: String
    @Option(help: "On what ground.") var basis: String

    func run() throws {
        try Terminal.show([try options.open().grant(post, to: to, basis: basis, by: try options.token())])
    }
}

struct RevokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Take a post back (security administrator).")
    @OptionGroup var options: DoorOptions
    @Argument(help: "What `grant` printed.") var holding: String

    func run() throws { try options.open().revoke(holding, by: try options.token()) }
}

struct MineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "mine", abstract: "The posts of whoever is signed in.")
    @OptionGroup var options: DoorOptions

    func run() throws {
        let caller = try options.open().caller(of: try options.token())
        try Terminal.show(
            ["\(caller.name)  \(caller.account)"]
                + caller.holdings.map {
                    "  \($0.kind)  organisation \($0.organisation)  department \($0.department)  \($0.roles.sorted().joined(separator: ","))"
                })
    }
}

struct TrailCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trail", abstract: "Who did what at the door (audit administrator).")
    @OptionGroup var options: DoorOptions
    @Option(help: "At most so many, the newest first.") var limit = 50

    func run() throws {
        let page = try options.open().trail(size: min(max(limit, 1), 1_000), by: try options.token())
        try Terminal.show(
            try page.rows.map { row in
                "\(try row.integer("number"))  \(try row.integer("instant"))  \(try row.text("account"))  \(try row.text("feature"))  \(try row.truth("allowed") ? "allowed" : "refused")  \(try row.text("object"))  \(try row.text("reason"))"
            })
    }
}

struct StaffingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Name each step of a procedure that nobody can take as posts are held (无人可办的步骤).")
    @OptionGroup var options: DoorOptions

    func run() throws {
        let steps = try options.casebook().unstaffedSteps()
        try Terminal.show(
            steps.map { "\($0.procedure)  \($0.step)  \($0.reason)" } + ["\(steps.count) steps that nobody can take"])
        if !steps.isEmpty { throw CommandError.Quiet(status: .checkFailed) }
    }
}
