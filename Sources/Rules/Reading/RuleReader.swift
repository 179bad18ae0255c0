import Claims
import Columns
import Knowledge

/// What an area's `parameters.yaml` says about one rule.
struct RuleOverride: Sendable {
    let area: String
    let document: YamlDocument
    let node: YamlNode
}

/// Makes a checked rule of a rule file, or says what is wrong with it.
struct RuleReader {
    enum Category: String, CaseIterable { case policy, management, medical }
    enum Strength: String, CaseIterable { case violation, suspicion }
    enum Stage: String, CaseIterable { case before, during, after }
    enum Disposition: String, CaseIterable {
        case remind
        case askReason = "ask-reason"
        case block
        case refusePayment = "refuse-payment"
        case review, clue
    }

    let file: KnowledgeFile
    let declarations: [String: ListDeclaration]
    let overrides: [RuleOverride]
    var suppressions: [Suppression] = []
    /// Whether examples and legal basis must be there.
    let demanding: Bool

    /// Reads the identifier only, to choose among files before they are checked.
    static func identifier(_ document: YamlDocument) -> String? {
        document.root["rule"]?.string.map(KeyReader.trimmed)
    }

    func read(_ document: YamlDocument) -> (rule: Rule?, diagnostics: [Diagnostic]) {
        guard document.root.pairs != nil else {
            let diagnostic = Diagnostic(
                file: document.file, line: document.root.line, column: document.root.column, code: "RUL025",
                message: "a rule file is a mapping of keys", advice: "begin with `rule: IDENTIFIER`")
            return (nil, [diagnostic])
        }
        var keys = KeyReader(document, document.root)
        let rule = compile(&keys)
        keys.finish()
        let hasErrors = keys.diagnostics.contains { $0.severity == .error }
        return (hasErrors ? nil : rule, keys.diagnostics.sorted())
    }

    private func compile(_ keys: inout KeyReader) -> Rule? {
        let id = identifier(&keys)
        let name = keys.text(keys.required("name", advice: "name the rule in Chinese"), "name")
        let category: Category? = keys.word(
            keys.required("category", advice: "write policy, management or medical"), "category")
        let outcome: Strength? = keys.word(
            keys.required("outcome", advice: "write violation, or suspicion when people must judge"), "outcome")
        let place = PlaceReader.read(&keys)
        var grade = grade(keys.required("grade", advice: "write 1, 2 or 3"), &keys)
        var disposition: [String: String] = [:]
        readDisposition(keys.optional("disposition"), into: &disposition, &keys)
        let from = keys.day(keys.optional("from"), "from")
        let toNode = keys.optional("to")
        let to = keys.day(toNode, "to")
        if let from, let to, let toNode, to < from {
            keys.report(toNode, "RUL025", "the rule ends before it begins", advice: "write `to` on or after `from`")
        }
        var parameters = ParameterReader.read(keys.optional("parameters"), &keys)
        apply(&parameters, &grade, &disposition, &keys)

        var compiler = RuleCompiler(declarations: declarations, parameters: parameters)
        let unit = compiler.unit(
            keys.source(keys.required("unit", advice: "write a table, or `group of line by person, item, day`"), "unit")
        )
        let lists = listSources(keys.optional("list"), &keys)
        let whereSource = keys.source(keys.optional("where"), "where")
        let whenSource = keys.source(
            keys.required("when", advice: "write the condition under which the rule speaks"), "when")
        let valueSource = keys.source(keys.optional("value"), "value")
        let limitSource = keys.source(keys.optional("limit"), "limit")
        let amountSource = keys.source(keys.optional("amount"), "amount")
        let messageNode = keys.required("message", advice: "say in one Chinese sentence what was found")
        let messageSource = keys.source(messageNode, "message")
        let behaviour = keys.text(keys.optional("behaviour"), "behaviour") ?? ""
        let basis = basis(&keys)
        let casesNode = keys.optional("cases")

        guard unit != nil else {
            keys.add(compiler.diagnostics)
            return nil
        }
        for source in lists { compiler.list(source) }
        let filter = compiler.suppress(suppressions, in: whereSource.flatMap { compiler.filter($0) })
        let test = whenSource.flatMap { compiler.test($0) }
        let decided = test.flatMap { Deciding.comparison(in: $0) }
        let value = valueSource.flatMap { compiler.evidence($0) } ?? decided?.value
        let limit = limitSource.flatMap { compiler.evidence($0) } ?? decided?.limit
        let amount = compiler.amount(amountSource, value: value, limit: limit)
        if let messageSource {
            compiler.message(messageSource, hasValue: value != nil, hasLimit: limit != nil, amount: amount)
        }
        compiler.warnOfUnusedLists(message: messageSource?.text ?? "")
        keys.add(compiler.diagnostics)
        let cases = CaseReader(declarations: declarations, demanding: demanding, unit: unit?.table)
            .read(casesNode, &keys)

        guard let id, let name, let category, let outcome, let grade, let unit, let test, let messageSource else {
            return nil
        }
        return Rule(
            id: id, name: name, place: place, version: version(parameters, grade, disposition),
            category: category.rawValue,
            outcome: outcome == .violation ? .violation : .suspicion, grade: grade, disposition: disposition,
            validFrom: from, validTo: to, unit: unit, lists: compiler.matches, filter: filter, test: test,
            value: value, limit: limit, amount: amount, behaviour: behaviour, basis: basis,
            message: KeyReader.trimmed(messageSource.text), cases: cases, file: file.path,
            parameters: parameters.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) },
            suppressions: suppressions)
    }

    private func identifier(_ keys: inout KeyReader) -> String? {
        guard let node = keys.required("rule", advice: "begin with `rule: IDENTIFIER`"),
            let id = keys.text(node, "rule")
        else { return nil }
        let allowed = id.utf8.allSatisfy {
            Lexer.isDigit($0) || (Lexer.isNameStart($0) && $0 < 0x80) || $0 == UInt8(ascii: "-")
                || $0 == UInt8(ascii: ".")
        }
        guard allowed, !id.isEmpty, id.utf8.count <= 64 else {
            keys.report(
                node, "RUL025", "`\(id.prefix(80))` cannot identify a rule",
                advice: "use up to 64 letters, digits, `-`, `_` and `.`: P17-day, 370000-D3, bench.R11")
            return nil
        }
        if file.stem != id {
            keys.report(
                node, "RUL034", severity: .warning, "the file is called \(file.stem).yaml, but holds the rule `\(id)`",
                advice: "call it \(id).yaml")
        }
        return id
    }

    private func grade(_ node: YamlNode?, _ keys: inout KeyReader) -> Int? {
        guard let node, let text = keys.text(node, "grade") else { return nil }
        if let grade = Int(text), (1...3).contains(grade) { return grade }
        keys.report(node, "RUL025", "`grade` must be 1, 2 or 3, not `\(text)`", advice: "3 is the gravest")
        return nil
    }

    private func readDisposition(_ node: YamlNode?, into disposition: inout [String: String], _ keys: inout KeyReader) {
        guard let node else { return }
        guard let pairs = node.pairs else {
            keys.report(
                node, "RUL025", "`disposition` is a mapping",
                advice: "write { before: remind, during: ask-reason, after: review }")
            return
        }
        for (key, value) in pairs {
            guard let stage: Stage = keys.word(key, "stage"), let act: Disposition = keys.word(value, stage.rawValue)
            else { continue }
            disposition[stage.rawValue] = act.rawValue
        }
    }

    private func listSources(_ node: YamlNode?, _ keys: inout KeyReader) -> [SourceText] {
        guard let node else { return [] }
        let nodes = node.elements ?? [node]
        guard nodes.count <= 8 else {
            keys.report(node, "RUL025", "a rule matches at most 8 lists", advice: "split the rule")
            return []
        }
        return nodes.compactMap { keys.source($0, "list") }
    }

    private func basis(_ keys: inout KeyReader) -> [String] {
        let node = keys.optional("basis")
        let texts = (node?.elements ?? node.map { [$0] } ?? []).compactMap { keys.text($0, "basis") }
            .filter { !$0.isEmpty }
        if texts.isEmpty {
            keys.report(
                node ?? keys.node, "RUL028", severity: demanding ? .error : .warning, "the rule names no legal basis",
                advice: "cite at least one provision: `basis: [ \"条例 第三十八条第（三）项\" ]`")
        }
        return texts
    }

    private func apply(
        _ parameters: inout [String: Parameter], _ grade: inout Int?, _ disposition: inout [String: String],
        _ keys: inout KeyReader
    ) {
        for change in overrides {
            var reader = KeyReader(change.document, change.node)
            if let node = reader.optional("grade"), let value = self.grade(node, &reader) {
                if value == grade { reader.warnOfNoChange(node, "the grade is \(value) already") }
                grade = value
            }
            let former = disposition
            if let node = reader.optional("disposition") {
                readDisposition(node, into: &disposition, &reader)
                for (key, value) in node.pairs ?? [] where former[key.string ?? ""] == value.string {
                    reader.warnOfNoChange(key, "`\(key.string ?? "")` means `\(value.string ?? "")` already")
                }
            }
            ParameterReader.override(reader.optional("parameters"), &parameters, &reader)
            reader.finish()
            keys.add(reader.diagnostics)
        }
    }

    /// Changes with the file, and with whatever an area changes in it.
    private func version(_ parameters: [String: Parameter], _ grade: Int, _ disposition: [String: String]) -> String {
        let effective = parameters.keys.sorted().map { "\($0)=\(parameters[$0].map { "\($0)" } ?? "")" }
        let acts = disposition.keys.sorted().map { "\($0)=\(disposition[$0] ?? "")" }
        let silent = suppressions.map(\.condition)
        let text = ([file.digest] + effective + ["grade=\(grade)"] + acts + silent).joined(separator: "\n")
        return String(SHA256.hex(of: text).prefix(12))
    }
}
