import Claims
import Knowledge
import Rules

/// Reads one procedure file into a `Procedure`, with every mistake in its place.
struct ProcedureReader {
    static let keys = [
        "procedure", "name", "version", "from", "basis", "summary", "items", "fields", "parameters", "papers",
        "accounts", "children", "tracks", "opening", "steps", "powers", "clocks", "balances", "statistics", "migration",
        "cases",
    ]

    var yaml: YamlReading
    let root: YamlNode
    let common: Common
    var procedure: Procedure
    /// Where each name was declared, so that an unused one can be shown.
    var places: [String: YamlNode] = [:]
    var used: Set<String> = []

    static func read(_ document: YamlDocument, common: Common) -> (procedure: Procedure?, diagnostics: [Diagnostic]) {
        var reader = ProcedureReader(document, common)
        reader.readAll()
        let failed = reader.yaml.diagnostics.contains { $0.severity == .error }
        if !failed {
            var check = ProcedureCheck(reader)
            check.run()
            reader.yaml.take(check.diagnostics)
        }
        let sound = !reader.yaml.diagnostics.contains { $0.severity == .error }
        return (sound ? reader.procedure : nil, reader.yaml.diagnostics)
    }

    private init(_ document: YamlDocument, _ common: Common) {
        yaml = YamlReading(document)
        root = document.root
        self.common = common
        let id = document.root["procedure"]?.string ?? ""
        procedure = Procedure(
            id: id, name: document.root["name"]?.string ?? id, version: 1, from: Day(number: 0), basis: [],
            file: document.file)
    }

    private mutating func readAll() {
        yaml.only(root, Self.keys, in: "a procedure")
        let id = yaml.text(root["procedure"], "procedure", of: "the file") ?? ""
        let name = yaml.text(root["name"], "name", of: "the procedure") ?? ""
        let version = yaml.whole(root["version"], "version") ?? 1
        let from = yaml.day(root["from"], "from")
        if root["from"] == nil {
            yaml.note(
                root, "PRC001", "the procedure does not say from when it applies", advice: "write `from: yyyy-mm-dd`")
        }
        let basis = yaml.words(root["basis"], "basis").map(\.word)
        if basis.isEmpty {
            yaml.note(root["basis"], "PRC020", "the procedure names no legal basis", advice: "write `basis: [\"…\"]`")
        }
        procedure = Procedure(
            id: id, name: name, version: version, from: from ?? Day(number: 0), basis: basis, file: yaml.document.file)
        procedure.summary = root["summary"]?.string ?? ""
        readItems()
        readFields()
        readParameters()
        readPapersAndMoney()
        readTracks()
        procedure.stepNames =
            (root["steps"]?.pairs ?? []).compactMap(\.key.string)
            + (root["powers"]?.pairs ?? []).compactMap(\.key.string)
        procedure.clockNames = (root["clocks"]?.pairs ?? []).compactMap(\.key.string)
        readOpening()
        readSteps()
        readClocks()
        readBalances()
        readStatistics()
        readMigration()
        readCases()
    }

    /// A declared name, or a diagnostic with a suggestion.
    mutating func declared(_ word: String, _ node: YamlNode, _ what: String, among names: [String]) -> Bool {
        used.insert("\(what) \(word)")
        guard !names.contains(word) else { return true }
        let guess = Suggestion.nearest(to: word, among: names)
        yaml.note(
            node, "PRC005", "there is no \(what) `\(word)`",
            advice: guess.map { "did you mean `\($0)`?" }
                ?? (names.isEmpty ? "declare it" : "declared: \(names.joined(separator: ", "))"))
        return false
    }

    mutating func words(_ node: YamlNode?, _ key: String, _ what: String, among names: [String]) -> [String] {
        yaml.words(node, key).filter { declared($0.word, $0.node, what, among: names) }.map(\.word)
    }

    mutating func expression(_ node: YamlNode, item: String?, wanted: ValueType?) -> ScalarExpression? {
        guard let source = yaml.document.source(of: node) else {
            yaml.note(node, "PRC003", "a condition or an amount is needed here", advice: "write an expression")
            return nil
        }
        let procedure = procedure
        let (expression, diagnostics) = ScalarExpression.read(
            source, wanted: wanted, known: procedure.factNames(item: item)
        ) { procedure.factType($0, item: item) }
        yaml.take(diagnostics)
        for name in expression?.names ?? [] { use(name) }
        return expression
    }

    private mutating func use(_ name: String) {
        if name.hasPrefix("$") { used.insert("parameter \(name.dropFirst())") }
        let parts = name.split(separator: ".").map(String.init)
        if parts.count == 1 { used.insert("field \(name)") }
        guard parts.count > 1 else { return }
        let kinds = [
            "balance": "account", "children": "child", "ended": "child", "passed": "clock", "due": "clock",
            "has": "paper",
        ]
        if let kind = kinds[parts[0]] { used.insert("\(kind) \(parts[1])") }
    }

    // MARK: Declarations

    private mutating func readItems() {
        for entry in yaml.named(root["items"], "items") {
            let parent = entry.value["of"]?.string
            yaml.only(entry.value, ["name", "of"], in: "an item")
            procedure.items.append(
                ItemKind(
                    id: entry.id, name: entry.value["name"]?.string ?? entry.value.string ?? entry.id, parent: parent))
        }
        for entry in yaml.named(root["items"], "items") {
            guard let parent = entry.value["of"], let word = parent.string else { continue }
            _ = declared(word, parent, "item", among: procedure.items.map(\.id).filter { $0 != entry.id })
        }
    }

    private mutating func readFields() {
        procedure.fields = common.fields
        for entry in yaml.named(root["fields"], "fields") {
            guard procedure.field(entry.id) == nil else {
                yaml.note(
                    entry.key, "PRC004", "the field `\(entry.id)` is common to all procedures", advice: "remove it here"
                )
                continue
            }
            guard let field = Common.field(entry.id, entry.value, &yaml) else { continue }
            if let item = entry.value["of"], let word = item.string {
                _ = declared(word, item, "item", among: procedure.items.map(\.id))
            }
            places["field \(entry.id)"] = entry.key
            procedure.fields.append(field)
        }
    }

    private mutating func readParameters() {
        for entry in yaml.named(root["parameters"], "parameters") {
            let node = entry.value
            yaml.only(
                node, ["name", "value", "values", "evidence", "source", "substance", "lighter"], in: "a parameter")
            var values: [(from: Day, value: ScalarValue)] = []
            if let value = node["value"], let scalar = YamlReading.scalar(value) { values = [(Day(number: 0), scalar)] }
            for pair in node["values"]?.pairs ?? [] {
                guard let day = yaml.day(pair.key, "the day"), let scalar = YamlReading.scalar(pair.value) else {
                    continue
                }
                values.append((day, scalar))
            }
            values.sort { $0.from < $1.from }
            if values.isEmpty {
                yaml.note(
                    entry.key, "PRC001", "the parameter `\(entry.id)` has no value",
                    advice: "write `value: …`, or `values: { 2021-05-01: … }`")
                continue
            }
            let evidence = node["evidence"]?.string.flatMap(Parameter.Evidence.init)
            let source = node["source"]?.string ?? ""
            if evidence == nil || source.isEmpty {
                yaml.note(
                    entry.key, "PRC014", "the parameter `\(entry.id)` does not say where its figure comes from",
                    advice: "write `evidence: S` (seen), T (second-hand), M (memory) or O (ours), and `source: …`")
            }
            if let substance = node["substance"], let word = substance.string {
                _ = declared(word, substance, "field", among: procedure.fields.filter { $0.kind == .day }.map(\.id))
            }
            places["parameter \(entry.id)"] = entry.key
            procedure.parameters.append(
                Parameter(
                    id: entry.id, name: node["name"]?.string ?? entry.id, evidence: evidence ?? .own, source: source,
                    values: values, substance: node["substance"]?.string,
                    lighterIsLower: node["lighter"]?.string != "higher"))
        }
    }

    private mutating func readPapersAndMoney() {
        for entry in yaml.named(root["papers"], "papers") {
            yaml.only(entry.value, ["name", "number"], in: "a paper")
            let number = entry.value["number"]?.string
            if let number, !number.contains("{number}") {
                yaml.note(
                    entry.value["number"], "PRC003", "the number has no place for the serial number",
                    advice: "write {number} and {year} into it")
            }
            places["paper \(entry.id)"] = entry.key
            procedure.papers.append(
                PaperKind(
                    id: entry.id, name: entry.value["name"]?.string ?? entry.value.string ?? entry.id, number: number))
        }
        for entry in yaml.named(root["accounts"], "accounts") {
            yaml.only(entry.value, ["name", "free", "shared"], in: "an account")
            places["account \(entry.id)"] = entry.key
            procedure.accounts.append(
                Account(
                    id: entry.id, name: entry.value["name"]?.string ?? entry.value.string ?? entry.id,
                    isFree: yaml.flag(entry.value["free"], "free") ?? false,
                    isShared: yaml.flag(entry.value["shared"], "shared") ?? false))
        }
        for entry in yaml.named(root["children"], "children") {
            yaml.only(entry.value, ["name", "procedure"], in: "a child")
            places["child \(entry.id)"] = entry.key
            guard let target = yaml.text(entry.value["procedure"], "procedure", of: "the child", under: entry.key)
            else {
                continue
            }
            procedure.children.append(
                ChildKind(id: entry.id, name: entry.value["name"]?.string ?? entry.id, procedure: target))
        }
    }

    private mutating func readTracks() {
        for entry in yaml.named(root["tracks"], "tracks") {
            yaml.only(entry.value, ["name", "per", "begins", "states"], in: "a track")
            if let per = entry.value["per"], let word = per.string {
                _ = declared(word, per, "item", among: procedure.items.map(\.id))
            }
            var states: [State] = []
            for state in yaml.named(entry.value["states"], "states") {
                yaml.only(state.value, ["name", "end", "decision"], in: "a state")
                places["state \(entry.id).\(state.id)"] = state.key
                states.append(
                    State(
                        id: state.id, name: state.value["name"]?.string ?? state.value.string ?? state.id,
                        isEnd: yaml.flag(state.value["end"], "end") ?? false,
                        isDecision: yaml.flag(state.value["decision"], "decision") ?? false))
            }
            guard !states.isEmpty else {
                yaml.note(
                    entry.key, "PRC001", "the track `\(entry.id)` has no states",
                    advice: "write `states:`, the first one first")
                continue
            }
            places["track \(entry.id)"] = entry.key
            procedure.tracks.append(
                Track(
                    id: entry.id, name: entry.value["name"]?.string ?? entry.id, per: entry.value["per"]?.string,
                    begins: yaml.flag(entry.value["begins"], "begins") ?? true, states: states))
        }
        if procedure.tracks.isEmpty {
            yaml.note(root["tracks"], "PRC001", "the procedure has no track", advice: "write `tracks: main: states: …`")
        } else if procedure.tracks[0].per != nil {
            yaml.note(
                places["track \(procedure.tracks[0].id)"], "PRC003", "the first track is the matter's own",
                advice: "put a track without `per` first")
        }
    }

    private mutating func readOpening() {
        guard let node = root["opening"] else {
            yaml.note(
                root, "PRC001", "the procedure does not say who opens it", advice: "write `opening: { who: […] }`")
            return
        }
        yaml.only(node, ["who", "needs", "takes", "adds", "levels"], in: "the opening")
        let fields = procedure.fields.filter { $0.item == nil }.map(\.id)
        procedure.opening.who = words(node["who"], "who", "role", among: common.roles.all.map(\.id))
        procedure.opening.needs = words(node["needs"], "needs", "field", among: fields)
        procedure.opening.takes = words(node["takes"], "takes", "field", among: fields) + common.fields.map(\.id)
        procedure.opening.adds = words(node["adds"], "adds", "item", among: procedure.items.map(\.id))
        if node["levels"] != nil {
            procedure.opening.levels = words(
                node["levels"], "levels", "level", among: Secrecy.allCases.map(\.rawValue)
            ).compactMap(Secrecy.init)
        }
        if procedure.opening.who.isEmpty {
            yaml.note(node, "PRC006", "nobody may open this procedure", advice: "write `who: [role]`")
        }
    }

    private mutating func readBalances() {
        for node in root["balances"]?.elements ?? [] {
            yaml.only(node, ["track", "groups"], in: "a balance")
            guard let track = node["track"], let id = track.string,
                declared(id, track, "track", among: procedure.tracks.map(\.id))
            else { continue }
            let states = procedure.track(id)?.states.map(\.id) ?? []
            var groups: [(name: String, states: [String])] = []
            for pair in node["groups"]?.pairs ?? [] {
                let name = pair.key.string ?? ""
                groups.append((name, words(pair.value, name, "state", among: states)))
            }
            places["balance \(id)"] = node
            procedure.balances.append(Balance(track: id, groups: groups))
        }
    }

    private mutating func readStatistics() {
        for node in root["statistics"]?.elements ?? [] {
            yaml.only(node, ["line", "step", "when", "amount"], in: "a statistic")
            guard let line = node["line"], let id = line.string,
                declared(id, line, "line of the report", among: common.report.map(\.id)),
                let counts = common.report.first(where: { $0.id == id })?.counts,
                let stepNode = node["step"], let word = stepNode.string,
                declared(word, stepNode, "step", among: procedure.stepNames), let step = procedure.step(word)
            else {
                if node["line"] == nil || node["step"] == nil {
                    yaml.note(
                        node, "PRC001", "a statistic needs a line and a step", advice: "write { line: talks, step: … }")
                }
                continue
            }
            let kind = procedure.track(step.track)?.per
            let when = node["when"].flatMap { expression($0, item: kind, wanted: .boolean) }
            var field: String?
            var amount: ScalarExpression?
            if let given = node["amount"], let word = given.string {
                if procedure.factType(word, item: kind) != nil, procedure.field(word) != nil {
                    used.insert("field \(word)")
                    field = word
                } else {
                    amount = expression(given, item: kind, wanted: .number(scale: 2))
                }
            }
            if (counts == .money) != (node["amount"] != nil) {
                yaml.note(
                    node, "PRC003",
                    counts == .money
                        ? "the line `\(id)` is money and no amount is named" : "the line `\(id)` is not money",
                    advice: counts == .money ? "write `amount: field`" : "remove `amount`")
            }
            procedure.statistics.append(Statistic(line: id, step: word, when: when, field: field, amount: amount))
        }
    }

    private mutating func readMigration() {
        guard let node = root["migration"] else { return }
        yaml.only(node, ["from", "states"], in: "the migration")
        var states: [String: String] = [:]
        for pair in node["states"]?.pairs ?? [] {
            guard let old = pair.key.string, let new = pair.value.string, let dot = old.firstIndex(of: ".") else {
                yaml.note(pair.key, "PRC003", "this is not a state", advice: "write `track.old: new`")
                continue
            }
            let track = procedure.track(String(old[..<dot]))?.states.map(\.id) ?? []
            if declared(new, pair.value, "state", among: track) { states[old] = new }
        }
        procedure.migration = Migration(fromVersion: yaml.whole(node["from"], "from") ?? 0, states: states)
    }

    private mutating func readCases() {
        for node in root["cases"]?.elements ?? [] {
            yaml.only(node, ["title", "script"], in: "a case")
            guard let title = yaml.text(node["title"], "title", of: "the case", under: node),
                let script = node["script"], let text = yaml.text(script, "script", of: "the case", under: node)
            else { continue }
            // A block's text begins on the line after its mark.
            procedure.cases.append(ProcedureCase(title: title, script: text, line: script.line))
        }
        if procedure.cases.isEmpty {
            yaml.note(
                root["cases"], "PRC021", severity: .warning, "the procedure has no case script",
                advice: "write `cases:` with dated lines of who does what")
        }
    }
}
