/// The beginning of a new rule (规则模板): a file that loads, checks and passes its own examples, to be changed by hand.
package enum RuleTemplate: String, Sendable, CaseIterable {
    /// How often an item is charged on a day.
    case frequency
    /// A list says who an item is for.
    case limit
    /// Two items that must not stand together.
    case pair
    /// What a practitioner does on a day.
    case day
    /// Stays of one person.
    case stay

    package var title: String {
        switch self {
        case .frequency: "an item charged more often on a day than allowed"
        case .limit: "an item outside of what a list allows"
        case .pair: "two items that must not be charged together"
        case .day: "a practitioner's day with more than is possible"
        case .stay: "a stay soon after another"
        }
    }

    package func text(id: String) -> String {
        "rule: \(id)\n" + head + "\n" + logic + "basis: [ \"条例 第三十八条\" ]\n" + message + "\ncases:\n" + cases
    }

    private var head: String {
        """
        name: 待命名
        category: policy                 # policy | management | medical
        outcome: suspicion               # the strongest it can reach: violation | suspicion
        grade: 2                         # 1…3, 3 is the gravest
        disposition: { after: review }   # before, during, after: remind, ask-reason, block, refuse-payment, review, clue
        from: 2021-05-01
        """
    }

    private var logic: String {
        switch self {
        case .frequency:
            """
            parameters: { times: 1 }
            unit: group of line by person, item, day
            where: item STARTS WITH '0031'
            when: SUM(quantity) > $times
            amount: excess

            """
        case .limit:
            """
            unit: line
            list: limited = drug-sex(item = item)
            when: person.sex <> limited.sex

            """
        case .pair:
            """
            unit: line
            list: pair = duplicate-visit(item = item)
            when: EXISTS (SAME encounter, item = pair.main)

            """
        case .day:
            """
            parameters: { most: 100 }
            unit: group of encounter by practitioner, day
            where: setting = 'outpatient'
            when: COUNT(DISTINCT person) > $most

            """
        case .stay:
            """
            parameters: { days: 7 }
            unit: encounter
            where: setting = 'inpatient'
            when: >-
              EXISTS (SAME person, institution WHERE setting = 'inpatient' AND start < this.start
              AND DAY(this.start) - DAY(end) BETWEEN 0 AND $days)

            """
        }
    }

    private var message: String {
        switch self {
        case .frequency: "message: \"同日收取{item}{value}次，超过{limit}次。\""
        case .limit: "message: \"{item}限{limited.sex}使用，与参保人性别不符。\""
        case .pair: "message: \"{item}已含在同次就诊收取的{pair.main}内。\""
        case .day: "message: \"医师一日接诊{value}人，超过{limit}人。\""
        case .stay: "message: \"出院后短期内再次入住同一机构。\""
        }
    }

    private var cases: String {
        switch self {
        case .frequency:
            Self.example(
                "hit", "一日两次", lines: ["item=003101 day=2025-03-01 quantity=2 amount=40"],
                expect: "suspicion violating=l1 value=2 limit=1 amount=20.00")
                + Self.example("near miss", "一日一次", lines: ["item=003101 day=2025-03-01 quantity=1 amount=20"])
                + Self.example(
                    "undetermined", "数量未知", lines: ["item=003101 day=2025-03-01 amount=40"], expect: "undetermined")
        case .limit:
            Self.example(
                "hit", "性别不符", lines: ["item=A day=2025-03-01 quantity=1 amount=80"],
                extra: "list drug-sex item=A sex=M",
                expect: "suspicion violating=l1 amount=80.00")
                + Self.example(
                    "near miss", "性别相符", lines: ["item=A day=2025-03-01 quantity=1 amount=80"],
                    extra: "list drug-sex item=A sex=F")
                + Self.example(
                    "undetermined", "性别未知", lines: ["item=A day=2025-03-01 quantity=1 amount=80"],
                    extra: "list drug-sex item=A sex=F", sex: "", expect: "undetermined violating=l1")
        case .pair:
            Self.example(
                "hit", "同次就诊收取主项和从项",
                lines: ["item=A day=2025-03-01 quantity=1 amount=30", "item=B day=2025-03-01 quantity=1 amount=90"],
                extra: "list duplicate-visit item=A main=B", expect: "suspicion violating=l1 involved=l2 amount=30.00")
                + Self.example(
                    "near miss", "只收从项", lines: ["item=A day=2025-03-01 quantity=1 amount=30"],
                    extra: "list duplicate-visit item=A main=B")
                + Self.example(
                    "undetermined", "另一行项目未知",
                    lines: ["item=A day=2025-03-01 quantity=1 amount=30", "day=2025-03-01 quantity=1 amount=90"],
                    extra: "list duplicate-visit item=A main=B", expect: "undetermined violating=l1")
        case .day: Self.encounters(hit: 101, near: 100)
        case .stay:
            Self.stays(
                "hit", "三日后再住院", first: "2025-03-01", end: "2025-03-05", second: "2025-03-08",
                expect: "suspicion violating=e2")
                + Self.stays(
                    "near miss", "八日后再住院", first: "2025-03-01", end: "2025-03-05", second: "2025-03-13", expect: "none")
                + Self.stays(
                    "undetermined", "前次出院时间未知", first: "2025-03-01", end: "", second: "2025-03-08",
                    expect: "undetermined violating=e2")
        }
    }

    private static func example(
        _ kind: String, _ title: String, lines: [String], extra: String = "", sex: String = "F", expect: String = "none"
    ) -> String {
        var text = "  - \(kind): \(title)\n    given: |\n"
        if !extra.isEmpty { text += "      \(extra)\n" }
        text += "      person p1\(sex.isEmpty ? "" : " sex=\(sex)") birth=1960-02-01\n"
        text += "      encounter e1 person=p1 setting=outpatient start=2025-03-01T08:00 end=2025-03-01T09:00\n"
        for (index, line) in lines.enumerated() { text += "      line l\(index + 1) encounter=e1 \(line)\n" }
        return text + (expect == "none" ? "    expect: none\n" : "    expect: |\n      \(expect)\n")
    }

    private static func encounters(hit: Int, near: Int) -> String {
        func example(_ kind: String, _ title: String, _ count: Int, setting: String, expect: String) -> String {
            var text = "  - \(kind): \(title)\n    given: |\n"
            for index in 1...count {
                text += "      person p\(index)\n      encounter e\(index) person=p\(index) practitioner=D1"
                text +=
                    (index == count ? setting : " setting=outpatient")
                    + " start=2025-03-01T08:00 end=2025-03-01T09:00\n"
            }
            return text + (expect == "none" ? "    expect: none\n" : "    expect: |\n      \(expect)\n")
        }
        return example("hit", "一日一百零一人", hit, setting: " setting=outpatient", expect: "suspicion value=101 limit=100")
            + example("near miss", "一日一百人", near, setting: " setting=outpatient", expect: "none")
            + example("undetermined", "第一百零一人就诊方式未知", hit, setting: "", expect: "undetermined")
    }

    private static func stays(
        _ kind: String, _ title: String, first: String, end: String, second: String, expect: String
    ) -> String {
        var text =
            "  - \(kind): \(title)\n    given: |\n      person p1\n      coverage from=2025-01-01 to=2025-12-31 closed=true\n"
        text +=
            "      encounter e1 person=p1 institution=H1 setting=inpatient start=\(first)\(end.isEmpty ? "" : " end=\(end)")\n"
        text += "      encounter e2 person=p1 institution=H1 setting=inpatient start=\(second) end=2025-03-20\n"
        return text + (expect == "none" ? "    expect: none\n" : "    expect: |\n      \(expect)\n")
    }
}
