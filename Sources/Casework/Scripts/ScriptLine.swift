import Claims
import Rules

/// One line of a case script (办案脚本), cut into words.
///
///     2026-03-02 li:officer verify #F1 reason="…" paper:record=p1 with=wang +row:R1{amount=12.00}
///       state verifying
///
/// A line that begins with a day says who does what; an indented line says what must hold then.
package struct ScriptLine: Sendable {
    package let number: Int
    package let isExpectation: Bool
    package let words: [String]

    /// Lines with something on them; `#` after a blank begins an item, a line that begins with `//` is a remark.
    package static func lines(_ script: String) -> [ScriptLine] {
        var lines: [ScriptLine] = []
        for (index, text) in script.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let trimmed = text.drop { $0 == " " }
            guard !trimmed.isEmpty, !trimmed.hasPrefix("//") else { continue }
            lines.append(
                ScriptLine(
                    number: index + 1, isExpectation: text.hasPrefix(" "), words: words(of: String(trimmed))))
        }
        return lines
    }

    /// Blanks separate, except within quotes and braces.
    static func words(of text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var quoted = false
        var depth = 0
        for character in text {
            switch character {
            case "\"": quoted.toggle()
            case "{" where !quoted:
                depth += 1
                word.append(character)
            case "}" where !quoted:
                depth -= 1
                word.append(character)
            case " " where !quoted && depth <= 0:
                if !word.isEmpty { words.append(word) }
                word = ""
            default: word.append(character)
            }
        }
        if !word.isEmpty { words.append(word) }
        return words
    }
}

extension ScriptLine {
    /// `name:role@organisation`; the organisation is the role's side when it is left out.
    static func actor(_ word: String, _ roles: Roles) -> Actor? {
        let halves = word.split(separator: "@", maxSplits: 1).map(String.init)
        let parts = (halves.first ?? "").split(separator: ":").map(String.init)
        if parts.count == 1, parts[0] == "machine" { return Docket.machine }
        guard parts.count == 2, let role = roles[parts[1]] else { return nil }
        return Actor(person: parts[0], role: role.id, organisation: halves.count > 1 ? halves[1] : role.side)
    }

    /// The words after the verb, as a command. Throws a text that says what cannot be read.
    static func fill(_ command: inout Command, _ words: [String], _ procedure: Procedure) throws(ScriptMistake) {
        for word in words {
            if word.hasPrefix("+") {
                command.adds.append(try item(String(word.dropFirst()), procedure))
                continue
            }
            guard let equal = word.firstIndex(of: "=") else { throw ScriptMistake("`\(word)` is not name=value") }
            let name = String(word[..<equal])
            let value = String(word[word.index(after: equal)...])
            if name.hasPrefix("past:") {
                command.history =
                    (command.history ?? []) + [
                        try paperStep(String(name.dropFirst(5)), value, procedure)
                    ]
            } else if name.hasPrefix("paper:") {
                command.papers[String(name.dropFirst(6))] = value
            } else if name.hasPrefix("party:") {
                command.parties[String(name.dropFirst(6))] = value
            } else {
                switch name {
                case "with": command.together = value.split(separator: ",").map(String.init)
                case "target": command.target = value
                case "signer": command.signer = value
                case "effective":
                    guard let day = Day(value) else { throw ScriptMistake("`\(value)` is not a day") }
                    command.effective = day
                default: command.fields[name] = try field(name, value, procedure)
                }
            }
        }
    }

    /// `past:STEP#item=day/person+person{field=value,number:paper=…,+kind:key<parent}`: one step of a paper file.
    private static func paperStep(_ place: String, _ text: String, _ procedure: Procedure) throws(ScriptMistake)
        -> PaperStep
    {
        let head = text.prefix { $0 != "{" }
        let body = text.dropFirst(head.count).dropFirst().dropLast()
        let parts = head.split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2, let day = Day(parts[0]) else { throw ScriptMistake("`\(text)` is not day/persons") }
        var fields: [String: FieldValue] = [:]
        var numbers: [String: String] = [:]
        var adds: [Command.Item] = []
        for pair in body.split(separator: ",") {
            if pair.hasPrefix("+") {
                adds.append(try item(String(pair.dropFirst()), procedure))
                continue
            }
            guard let equal = pair.firstIndex(of: "=") else { throw ScriptMistake("`\(pair)` is not name=value") }
            let name = String(pair[..<equal])
            let value = String(pair[pair.index(after: equal)...])
            if name.hasPrefix("number:") {
                numbers[String(name.dropFirst(7))] = value
            } else {
                fields[name] = try field(name, value, procedure)
            }
        }
        let at = place.split(separator: "#", maxSplits: 1).map(String.init)
        return PaperStep(
            step: at.first ?? "", item: at.count > 1 ? at[1] : "", day: day,
            persons: parts[1].split(separator: "+").map(String.init), fields: fields, adds: adds, numbers: numbers)
    }

    /// The same, written.
    static func text(_ past: PaperStep) -> String {
        let fields = past.fields.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return "past:\(past.step)" + (past.item.isEmpty ? "" : "#\(past.item)") + "=\(past.day)/"
            + past.persons.joined(separator: "+") + "{" + fields.joined(separator: ",") + "}"
    }

    private static func field(_ name: String, _ value: String, _ procedure: Procedure) throws(ScriptMistake)
        -> FieldValue
    {
        guard let field = procedure.field(name) else { throw ScriptMistake("there is no field `\(name)`") }
        guard let parsed = field.value(of: value) else { throw ScriptMistake("`\(value)` is no value of `\(name)`") }
        return parsed
    }

    /// `kind:key<parent{name=value,…}`.
    private static func item(_ text: String, _ procedure: Procedure) throws(ScriptMistake) -> Command.Item {
        let head = text.prefix { $0 != "{" }
        let body = text.dropFirst(head.count).dropFirst().dropLast()
        let parts = head.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw ScriptMistake("`\(text)` is not kind:key{…}") }
        let key = parts[1].split(separator: "<", maxSplits: 1).map(String.init)
        var fields: [String: FieldValue] = [:]
        for pair in body.split(separator: ",") {
            guard let equal = pair.firstIndex(of: "=") else { throw ScriptMistake("`\(pair)` is not name=value") }
            let name = String(pair[..<equal]).trimmingBlanks
            fields[name] = try field(name, String(pair[pair.index(after: equal)...]).trimmingBlanks, procedure)
        }
        return Command.Item(kind: parts[0], key: key[0], parent: key.count > 1 ? key[1] : nil, fields: fields)
    }
}

/// What in a script cannot be read.
struct ScriptMistake: Error {
    let text: String
    init(_ text: String) { self.text = text }
}

extension String {
    var trimmingBlanks: String { String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
}
