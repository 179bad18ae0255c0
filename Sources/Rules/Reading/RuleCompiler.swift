import Claims
import Knowledge

/// Checks the texts of one rule in the order in which they depend on each other: unit, lists, filter, test, evidence.
struct RuleCompiler {
    let declarations: [String: ListDeclaration]
    let parameters: [String: Parameter]
    private(set) var diagnostics: [Diagnostic] = []
    private(set) var matches: [Rule.ListMatch] = []
    private var bound: [Checker.BoundList] = []
    private var listOffsets: [SourceText] = []
    private var focus = Table.line
    private var keys: [Rule.Key] = []
    private var isGroup = false
    private var used: Set<Int> = []

    init(declarations: [String: ListDeclaration], parameters: [String: Parameter]) {
        self.declarations = declarations
        self.parameters = parameters
    }

    private func checker(_ source: SourceText) -> Checker {
        Checker(
            source: source, focus: focus, keys: keys, lists: bound, declarations: declarations,
            parameters: parameters)
    }

    private mutating func parsed<Result>(
        _ source: SourceText, _ parse: ([UInt8]) throws(Mistake) -> Result
    ) -> Result? {
        do {
            return try parse(source.bytes)
        } catch {
            diagnostics.append(
                source.diagnostic(at: error.offset, error.code, error.message, advice: error.advice))
            return nil
        }
    }

    // MARK: Unit

    mutating func unit(_ source: SourceText?) -> Rule.Unit? {
        guard let source, let syntax = parsed(source, { bytes throws(Mistake) in try ExpressionParser.unit(bytes) })
        else { return nil }
        var checker = checker(source)
        guard let table = checker.relatable(syntax.table) else {
            diagnostics += checker.diagnostics
            return nil
        }
        focus = table
        guard let written = syntax.keys else { return .row(table) }
        isGroup = true
        checker = self.checker(source)
        var found: [Rule.Key] = []
        for key in written {
            guard let expression = checker.check(key.expression, .focus) else { continue }
            let name = key.name?.text ?? key.written.split { $0.isWhitespace }.joined(separator: " ")
            if expression.type == .boolean || expression.isConstant {
                checker.report(
                    key.expression.offset, "RUL017", "`\(name)` cannot be a key of a group",
                    advice: "group by codes, rows, days or numbers")
                continue
            }
            if found.contains(where: { $0.name == name || ExpressionText.same($0.expression, expression) }) {
                checker.report(
                    key.expression.offset, "RUL017", "the key `\(name)` stands twice", advice: "remove one")
                continue
            }
            found.append(Rule.Key(name: name, expression: expression))
        }
        diagnostics += checker.diagnostics
        guard found.count == written.count else { return nil }
        keys = found
        return .group(table, keys: found)
    }

    // MARK: Lists

    mutating func list(_ source: SourceText) {
        guard let syntax = parsed(source, { bytes throws(Mistake) in try ExpressionParser.listMatch(bytes) }) else {
            return
        }
        var checker = checker(source)
        defer { diagnostics += checker.diagnostics }
        guard let declaration = checker.declaration(syntax.list) else { return }
        let alias = syntax.alias?.text ?? "list"
        let place = syntax.alias?.offset ?? syntax.list.offset
        if bound.contains(where: { $0.alias == alias }) {
            checker.report(
                place, "RUL035", "two lists are called `\(alias)`", advice: "write `other = \(syntax.list.text)(…)`")
            return
        }
        if alias.lowercased() == "this" || Names.references(from: focus).contains(alias) {
            checker.report(
                place, "RUL035", "`\(alias)` is already a name of \(focus.rawValue)",
                advice: "choose another name for the list")
            return
        }
        var on: [(column: Int, expression: Expression)] = []
        for (column, value) in syntax.on {
            guard let index = declaration.columnIndex(column.text) else {
                checker.report(
                    column.offset, "RUL010", "the list `\(declaration.id)` has no column `\(column.text)`",
                    advice: checker.columnAdvice(column.text, declaration))
                continue
            }
            guard let expression = checker.check(value, isGroup ? .group : .focus),
                checker.fits(expression, declaration.columns[index], of: declaration, value)
            else { continue }
            if isGroup { requireDerived(expression, &checker) }
            on.append((index, expression))
        }
        bound.append(Checker.BoundList(alias: alias, declaration: declaration))
        listOffsets.append(source)
        matches.append(Rule.ListMatch(alias: alias, list: declaration.id, on: on))
        for part in on { noteLists(in: part.expression) }
    }

    private mutating func noteLists(in expression: Expression) {
        Derivation.walk(expression) { part in
            if case .listColumn(let match, _) = part.node { used.insert(match) }
            return true
        }
    }

    /// Lists that only select rows are used by being matched; one that is never named may be a mistake, unless it is
    /// the rule's only one.
    mutating func warnOfUnusedLists(message: String) {
        guard matches.count > 1 else { return }
        for (index, match) in matches.enumerated() where !used.contains(index) && !message.contains("{\(match.alias).")
        {
            diagnostics.append(
                listOffsets[index].diagnostic(
                    at: 0, "RUL031", severity: .warning,
                    "the list `\(match.alias)` is matched but none of its columns is used",
                    advice: "use it, or leave it out; a row of it must match for the rule to speak"))
        }
    }

    // MARK: Conditions

    /// The filter chooses focus rows; in a group, the members.
    mutating func filter(_ source: SourceText) -> Expression? {
        condition(source, frame: .focus, aggregates: !isGroup)
    }

    /// The filter, and that no suppression holds.
    mutating func suppress(_ suppressions: [Suppression], in filter: Expression?) -> Expression? {
        var terms = filter.map { [$0] } ?? []
        for suppression in suppressions {
            let before = diagnostics.count
            guard let term = self.filter(SourceText(suppression.condition, file: suppression.file)) else {
                // What is wrong is the suppression, not the text made of it.
                let reason = diagnostics[before...].first?.message ?? ""
                diagnostics.replaceSubrange(
                    before...,
                    with: [
                        Diagnostic(
                            file: suppression.file, line: suppression.node.line, column: suppression.node.column,
                            code: "RUL039", message: "the rule cannot be silent about this: \(reason)",
                            advice: "name a subject that \(focus.rawValue) has")
                    ])
                continue
            }
            terms.append(term)
        }
        guard terms.count > 1, let first = terms.first else { return terms.first }
        return Expression(.and(terms), type: .boolean, at: first.position)
    }

    mutating func test(_ source: SourceText) -> Expression? {
        guard let test = condition(source, frame: isGroup ? .group : .focus, aggregates: true) else { return nil }
        if let truth = ConstantTruth.of(test) {
            diagnostics.append(
                source.diagnostic(
                    at: 0, "RUL019", severity: .warning, "the test is always \(truth)",
                    advice: truth
                        ? "every row that `where` and the lists let through is found" : "the rule never speaks"))
        }
        return test
    }

    private mutating func condition(_ source: SourceText, frame: Checker.Frame, aggregates: Bool) -> Expression? {
        guard let syntax = parsed(source, { bytes throws(Mistake) in try ExpressionParser.expression(bytes) }) else {
            return nil
        }
        var checker = checker(source)
        checker.allowsAggregates = aggregates
        let checked = checker.condition(syntax, frame)
        if let checked {
            if case .group = frame { requireDerived(checked, &checker) }
            noteLists(in: checked)
        }
        diagnostics += checker.diagnostics
        return checked
    }

    /// A `value` or `limit` of the rule's own.
    mutating func evidence(_ source: SourceText) -> Expression? {
        guard let syntax = parsed(source, { bytes throws(Mistake) in try ExpressionParser.expression(bytes) }) else {
            return nil
        }
        var checker = checker(source)
        checker.allowsAggregates = true
        var checked = checker.check(syntax, isGroup ? .group : .focus)
        if let expression = checked {
            if expression.type == .boolean {
                checker.mismatch(
                    syntax, "a value to be shown is needed, not a condition", advice: "write what is compared")
                checked = nil
            } else if isGroup {
                requireDerived(expression, &checker)
            }
            noteLists(in: expression)
        }
        diagnostics += checker.diagnostics
        return checked
    }

    private func requireDerived(_ expression: Expression, _ checker: inout Checker) {
        guard let free = Derivation.firstFree(expression, keys: keys) else { return }
        let names = keys.map(\.name).joined(separator: ", ")
        var message = "this differs within the group: `\(ExpressionText.text(free))` does not follow from its keys"
        if case .aggregate = free.node { message = "a range counts from a day or moment, which is no key of the group" }
        checker.diagnostics.append(
            Diagnostic(
                file: free.position.file, line: free.position.line, column: free.position.column, code: "RUL017",
                message: message,
                advice: "use the keys (\(names)), fold the members with SUM, COUNT, MIN or MAX, or add a key"))
    }

    // MARK: Amount and message

    mutating func amount(_ source: SourceText?, value: Expression?, limit: Expression?) -> Rule.AmountRule {
        guard let source else { return focus == .line ? .lines : .none }
        func refuse(_ message: String, _ advice: String) -> Rule.AmountRule {
            diagnostics.append(source.diagnostic(at: 0, "RUL030", message, advice: advice))
            return .none
        }
        switch KeyReader.trimmed(source.text) {
        case "none": return .none
        case "lines":
            guard focus == .line else {
                return refuse(
                    "`lines` sums violating lines, and the unit is \(focus.rawValue)", "write encounter or none")
            }
            return .lines
        case "encounter":
            guard focus != .stock, focus != .scan else {
                return refuse("\(focus.rawValue) belongs to no encounter", "write none, or an expression")
            }
            return .encounter
        case "excess":
            guard focus == .line else {
                return refuse(
                    "`excess` takes units off violating lines, and the unit is \(focus.rawValue)",
                    "write encounter or none")
            }
            guard let value, let limit, value.type.isNumber, limit.type.isNumber else {
                return refuse(
                    "`excess` needs a number as value and as limit, and the test compares none",
                    "write `value` and `limit`, or `amount: lines`")
            }
            return .excess
        default: break
        }
        guard let syntax = parsed(source, { bytes throws(Mistake) in try ExpressionParser.expression(bytes) }) else {
            return .none
        }
        var checker = checker(source)
        let checked = checker.number(syntax, .focus)
        diagnostics += checker.diagnostics
        guard let checked else { return .none }
        noteLists(in: checked)
        return .expression(checked)
    }

    /// Every `{name}` must be something that a finding of this rule has.
    mutating func message(_ source: SourceText, hasValue: Bool, hasLimit: Bool, amount: Rule.AmountRule) {
        let names = ["value", "limit", "amount", "item", "day", "person", "institution"]
        var index = 0
        while let open = source.bytes[index...].firstIndex(of: UInt8(ascii: "{")) {
            guard let close = source.bytes[open...].firstIndex(of: UInt8(ascii: "}")) else {
                diagnostics.append(
                    source.diagnostic(at: open, "RUL029", "this bracket is not closed", advice: "write {value}"))
                return
            }
            let name = String(decoding: source.bytes[(open + 1)..<close], as: UTF8.self)
            index = close + 1
            if let problem = placeholderProblem(name, hasValue, hasLimit, amount) {
                let parts = bound.flatMap { list in list.declaration.columns.map { "\(list.alias).\($0.name)" } }
                let own = parameters.keys.sorted().map { "$" + $0 }
                let guess = Suggestion.nearest(to: name, among: names + parts + own)
                diagnostics.append(
                    source.diagnostic(
                        at: open, "RUL029", problem,
                        advice: guess.map { $0 == name ? "leave it out" : "did you mean {\($0)}?" }
                            ?? "possible: \((names + parts + own).map { "{\($0)}" }.joined(separator: " "))"))
            }
        }
    }

    private func placeholderProblem(
        _ name: String, _ hasValue: Bool, _ hasLimit: Bool, _ amount: Rule.AmountRule
    ) -> String? {
        switch name {
        case "value": return hasValue ? nil : "the rule compares nothing that {value} could show"
        case "limit": return hasLimit ? nil : "the rule compares nothing that {limit} could show"
        case "amount":
            if case .none = amount { return "the rule has no amount that {amount} could show" }
            return nil
        case "item", "day", "person", "institution":
            let meaning = try? Names.resolve([name], from: focus)
            return meaning == nil ? "\(focus.rawValue) has no {\(name)}" : nil
        case _ where name.hasPrefix("$"):
            return parameters[String(name.dropFirst())] == nil ? "the rule has no parameter `\(name)`" : nil
        default:
            let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            if parts.count == 2, let list = bound.first(where: { $0.alias == parts[0] }),
                list.declaration.columnIndex(parts[1]) != nil
            {
                return nil
            }
            return "a finding of this rule has no `\(name)`"
        }
    }
}
