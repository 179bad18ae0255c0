import Claims
import Knowledge
import Rules

/// A case that was begun on paper, as somebody wrote it down to be taken over (纸质案卷接续表).
///
///     procedure: penalty
///     paper_file: 〔2025〕31号卷
///     fields: { cause: 超标准收费, suspect: 甲医院, discovered: inspection }
///     parties: { subject: H37990200001 }
///     items: [{ subject: T1, role: institution }]
///     steps:
///       - { step: investigate, day: 2026-01-12, by: [li, sun] }
///       - { step: add, day: 2026-01-13, by: [li], adds: [{ behaviour: B1, of: T1 }] }
///       - { step: notify, day: 2026-02-26, by: [li], fields: { hearing_right: false }, numbers: { notice: 医保罚告〔2025〕31号 } }
package struct PaperFile: Sendable {
    package let procedure: Procedure
    /// Opens the matter.
    package let opening: Command
    /// Proposes the history; the scan's hash is added by whoever has it.
    package let takeOver: Command

    package static func read(_ bytes: [UInt8], file: String, in library: ProcedureLibrary) -> (
        file: PaperFile?, diagnostics: [Diagnostic]
    ) {
        let (document, problems) = YamlDocument.read(bytes, file: file)
        guard let document else { return (nil, problems) }
        var yaml = YamlReading(document)
        let root = document.root
        yaml.only(root, ["procedure", "paper_file", "fields", "parties", "items", "steps"], in: "a paper file")
        guard let id = yaml.text(root["procedure"], "procedure", of: "the paper file"),
            let procedure = library.procedure(id), procedure.steps.contains(where: { $0.power == .takeOver })
        else {
            let able = library.procedures.filter { $0.steps.contains { $0.power == .takeOver } }.map(\.id)
            yaml.note(
                root["procedure"], "PRC005", "there is no such procedure, or its cases cannot be taken over",
                advice: "procedures: \(able.joined(separator: ", "))")
            return (nil, problems + yaml.diagnostics)
        }
        var opening = Command(.take("open"))
        opening.fields = Self.fields(root["fields"], of: nil, procedure, &yaml)
        for pair in root["parties"]?.pairs ?? [] {
            if let side = pair.key.string, let organisation = pair.value.string { opening.parties[side] = organisation }
        }
        opening.adds = (root["items"]?.elements ?? []).compactMap { item($0, procedure, &yaml) }
        var takeOver = Command(.take(Step.Power.takeOver.rawValue))
        if let number = yaml.text(root["paper_file"], "paper_file", of: "the paper file") {
            takeOver.fields["paper_file"] = .single(.text(number))
        }
        var history: [PaperStep] = []
        for node in root["steps"]?.elements ?? [] {
            yaml.only(node, ["step", "item", "day", "by", "fields", "adds", "numbers"], in: "a step on paper")
            guard let word = yaml.text(node["step"], "step", of: "a step", under: node), let dayNode = node["day"],
                let day = yaml.day(dayNode, "day")
            else {
                if node["day"] == nil { yaml.note(node, "PRC001", "a step on paper has a day", advice: "write `day:`") }
                continue
            }
            guard let step = procedure.step(word) else {
                let guess = Suggestion.nearest(to: word, among: procedure.stepNames)
                yaml.note(
                    node["step"], "PRC005", "there is no step `\(word)`",
                    advice: guess.map { "did you mean `\($0)`?" } ?? "see `yijian procedures show \(id)`")
                continue
            }
            var numbers: [String: String] = [:]
            for pair in node["numbers"]?.pairs ?? [] {
                if let paper = pair.key.string, let number = pair.value.string { numbers[paper] = number }
            }
            history.append(
                PaperStep(
                    step: word, item: node["item"]?.string ?? "", day: day,
                    persons: yaml.words(node["by"], "by").map(\.word),
                    fields: Self.fields(node["fields"], of: procedure.track(step.track)?.per, procedure, &yaml),
                    adds: (node["adds"]?.elements ?? []).compactMap { item($0, procedure, &yaml) }, numbers: numbers))
        }
        takeOver.history = history
        let isSound = yaml.diagnostics.isEmpty
        return (
            isSound ? PaperFile(procedure: procedure, opening: opening, takeOver: takeOver) : nil,
            problems + yaml.diagnostics
        )
    }

    private static func fields(_ node: YamlNode?, of item: String?, _ procedure: Procedure, _ yaml: inout YamlReading)
        -> [String: FieldValue]
    {
        var fields: [String: FieldValue] = [:]
        for pair in node?.pairs ?? [] {
            let name = pair.key.string ?? ""
            guard let field = procedure.field(name), field.item == nil || field.item == item else {
                let guess = Suggestion.nearest(to: name, among: procedure.fields.map(\.id))
                yaml.note(
                    pair.key, "PRC005", "there is no field `\(name)` here",
                    advice: guess.map { "did you mean `\($0)`?" } ?? "see `yijian procedures show \(procedure.id)`")
                continue
            }
            guard let text = pair.value.string, let value = field.value(of: text) else {
                yaml.note(pair.value, "PRC003", "this is no value of `\(name)`", advice: "write a \(field.name)")
                continue
            }
            fields[name] = value
        }
        return fields
    }

    /// `{ behaviour: B1, of: T1, field: value }`.
    private static func item(_ node: YamlNode, _ procedure: Procedure, _ yaml: inout YamlReading) -> Command.Item? {
        for kind in procedure.items {
            guard let key = node[kind.id]?.string else { continue }
            var fields: [String: FieldValue] = [:]
            for pair in node.pairs ?? [] where pair.key.string != kind.id && pair.key.string != "of" {
                let name = pair.key.string ?? ""
                guard let field = procedure.field(name), field.item == kind.id, let text = pair.value.string,
                    let value = field.value(of: text)
                else {
                    yaml.note(
                        pair.key, "PRC005", "`\(kind.id)` has no field `\(name)` with such a value", advice: "remove it"
                    )
                    continue
                }
                fields[name] = value
            }
            return Command.Item(kind: kind.id, key: key, parent: node["of"]?.string, fields: fields)
        }
        yaml.note(
            node, "PRC005", "an item begins with its kind",
            advice: "kinds: \(procedure.items.map(\.id).joined(separator: ", "))")
        return nil
    }
}
