import Claims

/// Legal rules that nobody would think of, as texts of a knowledge package: every unit, window, fold, list and function,
/// over the small vocabulary of `RandomClaims`.
///
/// All windows of a rule share what divides the work: either the person (perhaps through the encounter), or one code
/// that every window and the group name first.
package struct RandomRules {
    private var random: Seeded
    /// Leave out what asks whether something is known: then knowing more may only settle what was open.
    private let isMonotone: Bool

    /// Cells of lists are sometimes empty: the expert left the value out, and it is unknown.
    ///
    /// Path in the package → text of the file.
    package static func package(seed: UInt64, rules count: Int, monotone: Bool = false) -> [String: String] {
        var maker = RandomRules(random: Seeded(seed), isMonotone: monotone)
        var files = ["package.yaml": "name: random\nversion: \"\(seed)\"\n"]
        for (path, text) in maker.lists() { files[path] = text }
        for index in 1...max(1, count) {
            let id = "x.R\(index)"
            files["rules/\(id).yaml"] = maker.rule(id)
        }
        return files
    }

    /// The package with every third rule and every list again under other names. The lists of the copies hold the same
    /// rows, but for one that lacks its last: some copies say the same as their rule, others nearly.
    package static func withCopies(_ files: [String: String]) -> [String: String] {
        var all = files
        for (path, text) in files where path.hasPrefix("lists/") {
            let id = String(path.dropFirst(6).prefix { $0 != "." })
            let copied = text.replacing("list: \(id)\n", with: "list: \(id)-again\n")
            let shorter = text.split(separator: "\n").dropLast().joined(separator: "\n") + "\n"
            all[path.replacing(id, with: "\(id)-again")] = id == "price" && path.hasSuffix("csv") ? shorter : copied
        }
        for number in stride(from: 1, through: 999, by: 3) {
            guard let text = files["rules/x.R\(number).yaml"] else { break }
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { part -> String in
                let line = String(part)
                if line.hasPrefix("rule: ") { return "rule: x.R\(number)again" }
                let lists = line.replacing(/IN LIST (\w+)/) { "IN LIST \($0.1)-again" }
                return line.hasPrefix("list: ") ? lists.replacing(/= (\w+)\(/) { "= \($0.1)-again(" } : lists
            }
            all["rules/x.R\(number)again.yaml"] = lines.joined(separator: "\n")
        }
        return all
    }

    // MARK: - Lists

    private mutating func lists() -> [(String, String)] {
        let items = RandomClaims.items
        var files: [(String, String)] = []
        func quoted(_ values: [String]) -> String { values.joined(separator: ",") }
        func declare(_ id: String, _ columns: String, keys: String, select: String, _ rows: [String]) {
            let header = columns.split(separator: ",").compactMap { $0.split(separator: ":").first }
                .map { $0.trimmingPrefix(while: { $0 == " " }) }.map(String.init)
            files.append(
                (
                    "lists/\(id).yaml",
                    "list: \(id)\nname: \(id)\ncolumns: { \(columns) }\nkeys: [\(keys)]\nselect: { \(select) }\n"
                        + "source: random\nbasis: random\n"
                ))
            let head = quoted(header + ["from", "to", "area"])
            files.append(("lists/\(id).csv", ([head] + rows).joined(separator: "\n") + "\n"))
        }
        func select(_ random: inout Seeded) -> String {
            "area: \(random.pick(["care", "home", "none"])), date: \(random.pick(["fee", "discharge", "settlement"]))"
        }
        declare(
            "cap", "item: item code, limit: decimal(4), unit: text", keys: "item", select: select(&random),
            items.prefix(4).map { "\($0),\(random.pick(["1", "1.5", "2", "3", ""])),piece,,," })
        // Several rows a key: a general one, one for an area, and one that takes over on a day.
        var prices: [String] = []
        for item in items.prefix(5) {
            prices.append("\(item),\(random.pick(["0.01", "0.02", "30", ""])),,2025-02-04,")
            prices.append("\(item),\(random.pick(["0.01", "0.3", ""])),2025-02-05,,")
            if random.chance(50) {
                prices.append("\(item),0.25,2025-01-01,,\(random.pick(["370000", "370100", "370101"]))")
            }
        }
        declare("price", "item: item code, price: decimal(6)", keys: "item", select: select(&random), prices)
        var pairs: Set<String> = []
        for _ in 0..<6 { pairs.insert("\(random.pick(items)),\(random.pick(items)),,,") }
        declare(
            "pair", "first: item code, second: item code", keys: "first, second", select: select(&random),
            pairs.sorted())
        var indications: Set<String> = []
        for _ in 0..<5 { indications.insert("\(random.pick(items)),\(random.pick(["I1", "I10", "E11.", "J"])),,,") }
        declare(
            "indication", "item: item code, start: diagnosis prefix", keys: "item, start", select: select(&random),
            indications.sorted())
        var places: Set<String> = []
        for item in items.prefix(4) {
            places.insert("\(item),\(random.pick(RandomClaims.departments)),\(random.pick(["2", "2", ""])),,,")
        }
        declare(
            "place", "item: item code, department: department code, limit: integer", keys: "item, department",
            select: select(&random), places.sorted())
        declare(
            "ages", "item: item code, low: integer, high: integer, strict: flag", keys: "item", select: select(&random),
            items.prefix(4).map {
                "\($0),\(random.pick(["", "1", "18"])),\(random.pick(["", "40", "60"])),\(random.pick(["true", "false"])),,,"
            })
        return files
    }

    // MARK: - Rules

    /// How the rows of a rule are divided: by person, or by one code.
    private enum Division {
        case person
        case code(String)
    }

    private struct Join {
        let text: String
        let columns: [String]
    }

    private mutating func rule(_ id: String) -> String {
        let table = random.pick(RandomVocabulary.weighted)
        let words = RandomVocabulary.of(table)
        let codes = words.divisions
        let division: Division =
            words.hasPerson && (codes.isEmpty || random.chance(75)) ? .person : .code(random.pick(codes))
        var lines = [
            "rule: \(id)", "name: \(id)", "category: policy", "outcome: \(random.pick(["violation", "suspicion"]))",
            "grade: \(random.number(1...3))", "disposition: { before: remind, during: ask-reason, after: review }",
            "behaviour: T0", "basis: [ \"random\" ]", "message: random",
        ]
        if random.chance(20) { lines.append("from: 2025-02-01") }
        if random.chance(10) { lines.append("to: 2025-02-20") }

        let isGroup = random.chance(25)
        var keys: [String] = []
        if isGroup {
            keys = [divisionKey(division, words)] + some(shareable(words, division) + words.periods, atMost: 2)
            keys = keys.enumerated().filter { !keys.prefix($0.offset).contains($0.element) }.map(\.element)
        }
        lines.append(
            "unit: " + (isGroup ? "group of \(table.rawValue) by \(keys.joined(separator: ", "))" : table.rawValue))

        let join = random.chance(40) ? self.join(isGroup ? keys : words.codes) : nil
        if let join { lines.append("list: \"\(join.text)\"") }
        if random.chance(45) {
            lines.append("where: \"\(condition(words, depth: 2, join: isGroup ? nil : join))\"")
        }
        let test = test(table, words, division, isGroup: isGroup, keys: keys, join: join)
        lines.append("when: \"\(test.text)\"")
        lines.append("amount: \(amount(table, canExceed: test.canExceed, isGroup: isGroup))")
        lines += [
            "cases:", "  - hit: h", "    given: |", "      person p1", "    expect: violation", "  - near miss: n",
            "    given: |", "      person p1", "    expect: none", "  - undetermined: u", "    given: |",
            "      person p1", "    expect: undetermined cause=line.item",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    /// An encounter belongs to one person; rules across persons leave it out.
    private func shareable(_ words: RandomVocabulary, _ division: Division) -> [String] {
        if case .person = division { return words.keys }
        return words.keys.filter { $0 != "encounter" }
    }

    private func divisionKey(_ division: Division, _ words: RandomVocabulary) -> String {
        switch division {
        case .person: "person"
        case .code(let code): code
        }
    }

    private mutating func some(_ choices: [String], atMost count: Int) -> [String] {
        guard !choices.isEmpty else { return [] }
        var picked: [String] = []
        for _ in 0..<random.number(0...count) {
            let choice = random.pick(choices)
            if !picked.contains(choice) { picked.append(choice) }
        }
        return picked
    }

    private mutating func join(_ names: [String]) -> Join? {
        guard names.contains("item") else { return nil }
        var choices: [Join] = [
            Join(text: "cap(item = item)", columns: ["list.limit"]),
            Join(text: "m = price(item = item)", columns: ["m.price"]),
            Join(text: "a = ages(item = item)", columns: ["a.low", "a.high"]),
            Join(text: "o = pair(second = item)", columns: []),
        ]
        if names.contains("department") {
            choices.append(Join(text: "d = place(item = item, department = department)", columns: ["d.limit"]))
        }
        return random.pick(choices)
    }

    private mutating func amount(_ table: Table, canExceed: Bool, isGroup: Bool) -> String {
        switch table {
        case .line:
            let choices = ["lines", "lines", "encounter", "none", "price * quantity", "amount - 0.05"]
            return canExceed && random.chance(50) ? "excess" : random.pick(choices)
        case .stock, .scan: return "none"
        default: return random.pick(["encounter", "none"])
        }
    }

    // MARK: - Tests

    private mutating func test(
        _ table: Table, _ words: RandomVocabulary, _ division: Division, isGroup: Bool, keys: [String], join: Join?
    ) -> (text: String, canExceed: Bool) {
        var parts: [String] = []
        var canExceed = false
        for _ in 0..<random.pick([1, 1, 1, 2]) {
            let kind = random.number(0...9)
            if isGroup, kind < 7 {
                parts.append(membersTest(words, join))
                canExceed = canExceed || parts.count == 1
            } else if kind < 5 {
                parts.append(totalTest(table, words, division, keys: isGroup ? keys : nil, join))
                canExceed = canExceed || parts.count == 1
            } else if kind < 8 {
                parts.append(existsTest(table, words, division, keys: isGroup ? keys : nil, join))
            } else if isGroup {
                parts.append(membersTest(words, join))
                canExceed = canExceed || parts.count == 1
            } else {
                parts.append(condition(words, depth: 2, join: join))
            }
        }
        if parts.count == 1 { return (parts[0], canExceed) }
        let joiner = random.chance(70) ? " AND " : " OR "
        return (parts.map { "(\($0))" }.joined(separator: joiner), canExceed)
    }

    private mutating func comparison() -> String { random.pick([">", ">", ">=", "<", "<=", "=", "<>"]) }

    private mutating func limit(_ join: Join?) -> String {
        if let join, !join.columns.isEmpty, random.chance(60) { return random.pick(join.columns) }
        return random.pick(["0", "1", "2", "2.5", "3", "4", "10", "30"])
    }

    private mutating func fold(_ words: RandomVocabulary) -> String {
        switch random.number(0...9) {
        case 0...3: words.numbers.isEmpty ? "COUNT(*)" : "SUM(\(random.pick(words.numbers)))"
        case 4...5: "COUNT(*)"
        case 6...7: "COUNT(DISTINCT \(random.pick(words.codes + ["day"])))"
        case 8: words.numbers.isEmpty ? "COUNT(*)" : "MIN(\(random.pick(words.numbers)))"
        default: words.numbers.isEmpty ? "COUNT(*)" : "MAX(\(random.pick(words.numbers)))"
        }
    }

    private mutating func membersTest(_ words: RandomVocabulary, _ join: Join?) -> String {
        "\(fold(words)) \(comparison()) \(limit(join))"
    }

    private mutating func totalTest(
        _ table: Table, _ words: RandomVocabulary, _ division: Division, keys: [String]?, _ join: Join?
    ) -> String {
        let (window, related) = window(table, words, division, keys: keys, join)
        let total = "\(fold(related)) OVER (\(window))"
        switch random.number(0...9) {
        case 0: return "ROUND(\(total) / 3, 2) \(comparison()) \(limit(join))"
        case 1: return "\(total) - 1 \(comparison()) \(limit(join))"
        case 2: return "GREATEST(\(total), 1) \(comparison()) \(limit(join))"
        default: return "\(total) \(comparison()) \(limit(join))"
        }
    }

    private mutating func existsTest(
        _ table: Table, _ words: RandomVocabulary, _ division: Division, keys: [String]?, _ join: Join?
    ) -> String {
        if table == .line, keys == nil, case .person = division, random.chance(20) { return partnerTest() }
        let (window, _) = window(table, words, division, keys: keys, join)
        return (random.chance(40) ? "NOT EXISTS (" : "EXISTS (") + window + ")"
    }

    /// Another line whose item goes badly with this one's, perhaps of the same kind of items.
    private mutating func partnerTest() -> String {
        let scope = random.pick(["encounter", "person", "encounter, day", "person, item.class"])
        let own = random.pick(["", "item.kind = 'herb' AND ", "item.class = 'c1' AND "])
        let pair = random.pick([
            "this.item.ingredient <> item.ingredient", "(this.item, item) IN LIST pair",
            "this.item.ingredient = item.ingredient AND this.item.kind <> item.kind",
            "this.item <> item AND this.item.class = item.class",
        ])
        return "EXISTS (SAME \(scope) WHERE \(own)\(pair))"
    }

    /// The inside of `OVER ( … )`, and the words of its table. In a group rule only its keys reach into the window.
    private mutating func window(
        _ focus: Table, _ words: RandomVocabulary, _ division: Division, keys: [String]?, _ join: Join?
    ) -> (String, RandomVocabulary) {
        let tables = RandomVocabulary.weighted.filter { table in
            let other = RandomVocabulary.of(table)
            switch division {
            case .person: return other.hasPerson
            case .code(let code): return other.divisions.contains(code)
            }
        }
        let table = random.chance(60) || tables.isEmpty ? focus : random.pick(tables)
        let related = RandomVocabulary.of(table)
        var same = [divisionKey(division, words)]
        if case .person = division, keys == nil || keys?.contains("encounter") == true, random.chance(30) {
            same = ["encounter"]
        }
        let common = (shareable(related, division) + related.periods).filter { name in
            (name != "code" || table == focus)
                && (keys.map { $0.contains(name) } ?? (words.keys + words.periods).contains(name))
        }
        for name in some(common, atMost: 2) where !same.contains(name) { same.append(name) }
        if let join, join.text.hasPrefix("o ="), related.codes.contains("item"), !same.contains("item"),
            random.chance(60)
        {
            same.append("item = o.first")
        }
        let canRange = keys.map { $0.contains("day") } ?? true
        let range =
            canRange
            ? self.range(
                sameTable: table == focus && keys == nil, hasTime: keys == nil && table != .stock && focus != .stock)
            : ""
        var filter = ""
        if random.chance(40) {
            filter = " WHERE " + condition(related, depth: 1, join: join, this: keys == nil ? words : nil)
        }
        let name = table == focus && random.chance(50) ? "" : "\(table.rawValue) "
        return ("\(name)SAME \(same.joined(separator: ", "))\(range)\(filter)", related)
    }

    private mutating func range(sameTable: Bool, hasTime: Bool) -> String {
        switch random.number(0...9) {
        case 0...2:
            let low = random.pick([-30, -7, -3, -1, 0])
            return " DAYS \(low)..\(random.pick([low, 0, 0, 3].filter { $0 >= low }))"
        case 3: return random.pick([" DAYS ..-1", " DAYS 0..", " DAYS ..0"])
        case 4 where hasTime:
            return random.pick([" SECONDS -600..0", " MINUTES -10..10", " HOURS -24..0", " HOURS 0..6"])
        case 5 where sameTable: return " RUN \(random.pick([0, 1, 3])) DAYS"
        default: return ""
        }
    }

    // MARK: - Conditions

    private mutating func condition(
        _ words: RandomVocabulary, depth: Int, join: Join?, this: RandomVocabulary? = nil
    ) -> String {
        if depth > 0, random.chance(35) {
            let a = condition(words, depth: depth - 1, join: join, this: this)
            let b = condition(words, depth: depth - 1, join: join, this: this)
            switch random.number(0...4) {
            case 0...1: return "(\(a) AND \(b))"
            case 2...3: return "(\(a) OR \(b))"
            default: return "NOT (\(a))"
            }
        }
        switch random.number(0...11) {
        case 0...2:
            let (name, values) = random.pick(words.texts)
            let value = random.pick(values)
            switch random.number(0...4) {
            case 0: return "\(name) <> '\(value)'"
            case 1: return "\(name) IN ('\(value)', '\(random.pick(values))')"
            case 2: return "\(name) STARTS WITH '\(value.prefix(1))'"
            default: return "\(name) = '\(value)'"
            }
        case 3...4 where !words.numbers.isEmpty:
            return "\(number(words)) \(comparison()) \(limit(join))"
        case 5: return "day \(comparison()) DATE '2025-02-\(random.pick(["01", "10"]))'"
        case 6 where !isMonotone:
            return "\(random.pick(words.codes)) IS \(random.pick(["KNOWN", "UNKNOWN"]))"
        case 7 where words.codes.contains("item"):
            return random.pick(["item IN LIST cap", "item NOT IN LIST price", "item IN LIST pair(second)"])
        case 8 where words.hasPerson:
            return random.pick([
                "AGE(person.birth, day) < 30", "entitled(person, day)", "day > person.death", "person.sex = 'F'",
            ])
        case 9 where words.codes.contains("practitioner"): return "eligible(practitioner, day)"
        case 10 where words.codes.contains("institution"):
            return random.pick([
                "contracted(institution, day)", "institution.level >= 2", "institution.area STARTS WITH '3701'",
            ])
        case 11:
            if let this {
                // The `code` of one table is of another code system than that of the next.
                let shared = words.codes.filter { $0 != "code" && this.codes.contains($0) }
                if let code = shared.isEmpty ? nil : random.pick(shared) {
                    return "\(code) \(random.pick(["=", "<>"])) this.\(code)"
                }
            }
            return "day \(comparison()) DATE '2025-02-05'"
        default:
            let (name, values) = random.pick(words.texts)
            return "\(name) = '\(random.pick(values))'"
        }
    }

    private mutating func number(_ words: RandomVocabulary) -> String {
        let a = random.pick(words.numbers)
        let b = random.pick(words.numbers)
        switch random.number(0...8) {
        case 0: return "\(a) + \(b)"
        case 1: return "\(a) - \(b)"
        case 2: return "ABS(\(a) - \(b))"
        case 3: return "ROUND(\(a) / \(b), 2)"
        case 4 where !isMonotone: return "COALESCE(\(a), 1)"
        case 5: return "CASE WHEN \(a) > 1 THEN \(a) ELSE \(b) END"
        case 6: return "LEAST(\(a), \(b))"
        default: return a
        }
    }
}
