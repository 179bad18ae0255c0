import ArgumentParser

/// The command line's front door. Every way out of a command ends here, with one of the exit codes of
/// `docs/command-line.md`.
@main struct Main {
    static func main() async {
        Interrupt.listen()
        do {
            var command = try Yijian.parseAsRoot()
            if var waiting = command as? any AsyncParsableCommand {
                try await waiting.run()
            } else {
                try command.run()
            }
        } catch {
            exitReporting(error)
        }
    }
}

/// `yijian`: the tree of commands.
struct Yijian: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "yijian",
        abstract: "Supervision of medical-insurance funds (医保基金监管): from raw claims to proven findings.",
        discussion: """
            A first look:        yijian demo --once --out demo
            Your own claims:     yijian ingest FILES --mapping M.yaml --into dataset
                                 yijian audit dataset --into run
                                 yijian findings run --group rule
                                 yijian explain ID --run run

            Exit codes: 0 done, 1 a check found something, 2 wrong usage, 3 bad input, 4 disk or system, 130 interrupted.
            """,
        version: Release.text,
        subcommands: [
            DemoCommand.self, IngestCommand.self, DatasetCommand.self, RulesCommand.self, ListsCommand.self,
            ProceduresCommand.self,
            AuditCommand.self, FindingsCommand.self, ExplainCommand.self, ReplayCommand.self, WorkerCommand.self,
            StoreCommand.self, SignInCommand.self, PasswordCommand.self, PostsCommand.self, MattersCommand.self,
            ActCommand.self, EvidenceCommand.self, TriageCommand.self, SuperiorListCommand.self, TakeOverCommand.self,
            OutcomesCommand.self, StatsCommand.self, JournalCommand.self, LedgerCommand.self, ServeCommand.self,
            DoctorCommand.self,
            SchemaCommand.self, VersionCommand.self,
        ])
}

/// Which release this is.
enum Release {
    static let version = "0.1.0"
    static var text: String { "yijian \(version)" }
}
