import Claims
import Knowledge
import Rules

/// All procedures and calendars of a knowledge package (程序库), checked against each other.
package struct ProcedureLibrary: Sendable {
    package let common: Common
    /// By identifier; the version in force last.
    package let procedures: [Procedure]
    package let calendar: WorkCalendar
    package let packageHash: String

    package var roles: Roles { common.roles }

    package func procedure(_ id: String) -> Procedure? { procedures.last { $0.id == id } }

    /// The kernel's view of the world as far as the package tells it.
    package var view: View {
        var view = View(roles: roles, calendar: calendar)
        for procedure in procedures { view.procedures[procedure.id] = procedure }
        return view
    }

    /// Reads a package. nil when its procedures cannot be used; the diagnostics say why.
    package static func load(_ folder: String, areas: [String] = []) -> (
        library: ProcedureLibrary?, diagnostics: [Diagnostic]
    ) {
        let (package, problems) = KnowledgePackage.open(folder, areas: areas)
        guard let package else { return (nil, problems) }
        var diagnostics = problems
        let files = package.files(.procedure)
        guard let shared = files.last(where: { $0.stem == "common" }) else {
            diagnostics.append(
                Diagnostic(
                    file: "procedures/common.yaml", line: 0, column: 0, code: "PRC001",
                    message: "the file with the roles is missing", advice: "write procedures/common.yaml"))
            return (nil, diagnostics)
        }
        let (document, errors) = YamlDocument.read(shared.bytes, file: shared.path)
        diagnostics += errors
        guard let document else { return (nil, diagnostics) }
        let (common, commonProblems) = Common.read(document)
        diagnostics += commonProblems
        var procedures: [Procedure] = []
        var figures: [YamlDocument] = []
        for file in files where file.stem != "common" {
            let (document, errors) = YamlDocument.read(file.bytes, file: file.path)
            diagnostics += errors
            guard let document else { continue }
            if file.stem == "parameters" {
                figures.append(document)
                continue
            }
            let (procedure, found) = ProcedureReader.read(document, common: common)
            diagnostics += found
            guard let procedure else { continue }
            if let twin = procedures.first(where: { $0.id == procedure.id && $0.version == procedure.version }) {
                // A file of an area stands in for the nation's.
                guard file.area != nil else {
                    diagnostics.append(
                        Diagnostic(
                            file: file.path, line: 1, column: 1, code: "PRC004",
                            message: "the procedure `\(procedure.id)` is also in \(twin.file)",
                            advice: "rename one, or raise its version"))
                    continue
                }
                procedures.removeAll { $0.id == procedure.id && $0.version == procedure.version }
            }
            procedures.append(procedure)
        }
        for document in figures { diagnostics += apply(document, to: &procedures) }
        procedures.sort { ($0.id, $0.version) < ($1.id, $1.version) }
        diagnostics += checkTogether(procedures)
        let (calendar, calendarProblems) = CalendarReader.read(package.files(.calendar))
        diagnostics += calendarProblems
        guard !diagnostics.contains(where: { $0.severity == .error }) else { return (nil, diagnostics.sorted()) }
        return (
            ProcedureLibrary(
                common: common, procedures: procedures, calendar: calendar, packageHash: package.hash),
            diagnostics.sorted()
        )
    }

    /// An area's own figures: `procedures/parameters.yaml` holds `clue: { verify_days: 10 }`, or a value by day.
    private static func apply(_ document: YamlDocument, to procedures: inout [Procedure]) -> [Diagnostic] {
        var yaml = YamlReading(document)
        for pair in document.root.pairs ?? [] {
            let id = pair.key.string ?? ""
            let chosen = procedures.indices.filter { procedures[$0].id == id }
            if chosen.isEmpty {
                yaml.note(
                    pair.key, "PRC005", "there is no procedure `\(id)`",
                    advice: "procedures: \(Set(procedures.map(\.id)).sorted().joined(separator: ", "))")
            }
            for entry in yaml.named(pair.value, id) {
                var values: [(from: Day, value: ScalarValue)] = []
                if let value = YamlReading.scalar(entry.value) { values = [(Day(number: 0), value)] }
                for dated in entry.value.pairs ?? [] {
                    guard let day = yaml.day(dated.key, "the day"), let value = YamlReading.scalar(dated.value) else {
                        continue
                    }
                    values.append((day, value))
                }
                values.sort { $0.from < $1.from }
                for index in chosen {
                    guard let place = procedures[index].parameters.firstIndex(where: { $0.id == entry.id }) else {
                        yaml.note(
                            entry.key, "PRC005", "`\(id)` has no parameter `\(entry.id)`",
                            advice: "parameters: \(procedures[index].parameters.map(\.id).joined(separator: ", "))")
                        continue
                    }
                    let national = procedures[index].parameters[place]
                    guard let first = values.first, first.value.type.joinsWith(national.type) else {
                        yaml.note(
                            entry.value, "PRC003", "this is no value of `\(entry.id)`",
                            advice: "write a value of its kind")
                        continue
                    }
                    procedures[index].parameters[place] = national.replacing(values, source: document.file)
                }
            }
        }
        return yaml.diagnostics
    }

    /// Children exist, and are given fields that they have.
    private static func checkTogether(_ procedures: [Procedure]) -> [Diagnostic] {
        var diagnostics: [Diagnostic] = []
        for procedure in procedures {
            for child in procedure.children {
                guard let target = procedures.last(where: { $0.id == child.procedure }) else {
                    diagnostics.append(
                        Diagnostic(
                            file: procedure.file, line: 1, column: 1, code: "PRC022",
                            message:
                                "the child `\(child.id)` follows the procedure `\(child.procedure)`, which is not there",
                            advice: "procedures: \(procedures.map(\.id).joined(separator: ", "))"))
                    continue
                }
                for step in procedure.steps {
                    for open in step.opens where open.kind == child.id {
                        for pair in open.with where !(target.opening.needs + target.opening.takes).contains(pair.field)
                        {
                            diagnostics.append(
                                Diagnostic(
                                    file: procedure.file, line: step.line, column: step.column, code: "PRC022",
                                    message: "`\(target.id)` does not take the field `\(pair.field)` when it is opened",
                                    advice:
                                        "it takes: \((target.opening.needs + target.opening.takes).joined(separator: ", "))"
                                ))
                        }
                    }
                }
            }
        }
        return diagnostics
    }
}

/// Reads the years' notices of holidays (放假安排).
enum CalendarReader {
    static func read(_ files: [KnowledgeFile]) -> (calendar: WorkCalendar, diagnostics: [Diagnostic]) {
        var years: [WorkCalendar.Year] = []
        var diagnostics: [Diagnostic] = []
        for file in files {
            let (document, problems) = YamlDocument.read(file.bytes, file: file.path)
            diagnostics += problems
            guard let document else { continue }
            var yaml = YamlReading(document)
            let root = document.root
            yaml.only(root, ["calendar", "notice", "source", "holidays", "workdays"], in: "a calendar")
            let year = yaml.whole(root["calendar"], "calendar")
            let notice = yaml.text(root["notice"], "notice", of: "the calendar")
            let source = yaml.text(root["source"], "source", of: "the calendar")
            var holidays: Set<Day> = []
            for span in root["holidays"]?.elements ?? [] {
                guard let from = yaml.day(span["from"], "from"), let to = yaml.day(span["to"], "to"), from <= to,
                    to.number - from.number < 32
                else {
                    yaml.note(span, "CAL001", "this is not a span of days", advice: "write { name: …, from: …, to: … }")
                    continue
                }
                for number in from.number...to.number { holidays.insert(Day(number: number)) }
            }
            var madeUp: Set<Day> = []
            for entry in yaml.words(root["workdays"], "workdays") {
                guard let day = yaml.day(entry.node, "workdays") else { continue }
                let weekday = ((Int(day.number) % 7) + 7 + 3) % 7
                if weekday < 5 || holidays.contains(day) {
                    yaml.note(
                        entry.node, "CAL002", "\(day) is not a weekend day made up for",
                        advice: "compare with the notice")
                }
                madeUp.insert(day)
            }
            if let year, holidays.isEmpty || holidays.contains(where: { abs($0.parts.year - year) > 1 }) {
                yaml.note(root, "CAL003", "the holidays are not those of \(year)", advice: "compare with the notice")
            }
            diagnostics += yaml.diagnostics
            guard let year, let notice, let source else { continue }
            years.append(
                WorkCalendar.Year(year: year, notice: notice, source: source, holidays: holidays, madeUp: madeUp))
        }
        return (WorkCalendar(years), diagnostics)
    }
}
