import ArgumentParser
import Audit
import Bureau
import City
import Columns
import Documents
import Glibc
import Ingest

/// How a command ends; the numbers are a promise to scripts.
enum ExitStatus: Int32 {
    case done = 0
    /// A check found something: failing rule cases, damaged datasets, differing replays.
    case checkFailed = 1
    case wrongUsage = 2
    case badInput = 3
    case worldFailed = 4
    case interrupted = 130
}

/// An error as the command line words it: what, where, why, what to do.
struct CommandError: Error, Equatable {
    let code: String
    let what: String
    var place: String?
    var why: String?
    var advice: String?
    var status: ExitStatus = .badInput

    static func usage(_ code: String, _ what: String, advice: String) -> CommandError {
        CommandError(code: code, what: what, advice: advice, status: .wrongUsage)
    }

    /// The command did its work and has said all there is to say; only the exit code is left.
    struct Quiet: Error { let status: ExitStatus }

    static let interrupted = CommandError(
        code: "YJ-130", what: "interrupted", advice: "nothing is half done; the same command goes on",
        status: .interrupted)

    /// Any error of a module, in the same four parts.
    init(_ error: any Error) {
        switch error {
        case let error as CommandError: self = error
        case let error as any ExplainedError:
            self.init(
                code: error.code, what: error.message, place: error.place, advice: error.advice,
                status: Self.isOfTheWorld(error.code) ? .worldFailed : .badInput)
        case let error as DocumentError:
            self.init(
                code: error.code, what: error.reason, place: error.path, advice: error.advice, status: .worldFailed)
        case let error as SheetError:
            self.init(
                code: error.code, what: error.message,
                place: error.place.isEmpty ? error.file : "\(error.file)#\(error.place)", advice: error.advice)
        case let error as CityError: self.init(code: "YJ-330", what: error.description, status: .worldFailed)
        case let error as BureauMistake: self.init(code: "YJ-331", what: error.description, status: .worldFailed)
        case let error as AuditCancelled:
            self.init(
                code: "YJ-130", what: "interrupted",
                advice: error.shareDone > 0
                    ? "\(max(1, Int(error.shareDone * 100))) % of the timelines are done; the same command goes on from there"
                    : Self.interrupted.advice, status: .interrupted)
        case let error as FindingsSelection.Mistake:
            self.init(
                code: "YJ-201", what: "the condition cannot be read", place: "--where", why: error.description,
                advice: "for example --where rule=P17*,outcome=violation,from=2025-01-01", status: .wrongUsage)
        default: self.init(code: "YJ-400", what: String(describing: error), status: .worldFailed)
        }
    }

    /// Codes about files and disks, as against what they hold.
    private static func isOfTheWorld(_ code: String) -> Bool {
        code.hasPrefix("YJ-4") || ["COL030", "ING102", "ING103", "JRN010", "JRN011", "JRN012"].contains(code)
    }

    init(
        code: String, what: String, place: String? = nil, why: String? = nil, advice: String? = nil,
        status: ExitStatus = .badInput
    ) {
        self.code = code
        self.what = what
        self.place = place
        self.why = why
        self.advice = advice
        self.status = status
    }

    /// `error YJ-310: there is no findings.arrow`, then where, why and what to do.
    func lines(style: TerminalStyle) -> [String] {
        var lines = [style.red(style.bold("error \(code)")) + ": " + what]
        if let place { lines.append("  where: " + place) }
        if let why { lines.append("  why:   " + why) }
        if let advice { lines.append("  do:    " + advice) }
        return lines
    }
}

/// Reports the error on standard error and ends the process.
func exitReporting(_ error: any Error) -> Never {
    if let quiet = error as? CommandError.Quiet { exit(quiet.status.rawValue) }
    if let known = known(error) {
        Progress.clear()
        Terminal.say(known.lines(style: Terminal.errorStyle))
        exit(known.status.rawValue)
    }
    // The parser's own: help and versions go to standard output, mistakes to standard error.
    let message = Yijian.fullMessage(for: error)
    if Yijian.exitCode(for: error).isSuccess {
        print(message)
        exit(ExitStatus.done.rawValue)
    }
    Terminal.say(message.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
    exit(ExitStatus.wrongUsage.rawValue)
}

private func known(_ error: any Error) -> CommandError? {
    switch error {
    case is CommandError, is any ExplainedError, is DocumentError, is SheetError, is CityError, is BureauMistake,
        is AuditCancelled,
        is FindingsSelection.Mistake:
        CommandError(error)
    case is ExitCode, is ValidationError, is CleanExit: nil
    default:
        // Errors of argument parsing are not public types; they alone know a usage text.
        Yijian.exitCode(for: error) == .validationFailure || Yijian.exitCode(for: error).isSuccess
            ? nil : CommandError(error)
    }
}
