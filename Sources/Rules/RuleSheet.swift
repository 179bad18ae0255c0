import Claims

/// A rule on one page for people (规则说明): what it looks at, when it speaks, on what basis, with which examples.
package enum RuleSheet {
    /// `lists` give the columns their names; without them columns are numbered.
    package static func text(_ rule: Rule, lists: [String: KnowledgeList] = [:]) -> String {
        let words = RuleWords(rule: rule, lists: lists)
        var sheet = Sheet()
        sheet.title("\(rule.id)  \(rule.name)")
        sheet.row("类别", category(rule.category) + "，" + outcome(rule.outcome) + "，\(rule.grade) 级")
        for (name, words) in place(rule.place) { sheet.row(name, words) }
        sheet.row("版本", rule.version + validity(rule))
        sheet.row("审核单位", unit(rule.unit, words))
        for match in rule.lists {
            let on = match.on.map { words.column(match.list, $0.column) + " 等于 " + words.text($0.expression) }
            let name = lists[match.list].map { "\($0.name)（\(match.list)，\($0.rowCount) 行，版本 \($0.version)）" }
            sheet.row("清单 \(match.alias)", (name ?? match.list) + "：" + on.joined(separator: "，"))
        }
        for parameter in rule.parameters { sheet.row("参数 \(parameter.name)", parameter.value.shown) }
        if let filter = rule.filter { sheet.row("筛选", words.text(filter)) }
        sheet.row("判定", words.text(rule.test))
        if let value = rule.value { sheet.row("判定值", words.text(value)) }
        if let limit = rule.limit { sheet.row("限值", words.text(limit)) }
        sheet.row("涉及金额", amount(rule.amount, words))
        let acts = [("before", "事前"), ("during", "事中"), ("after", "事后")].compactMap { stage, name in
            rule.disposition[stage].map { "\(name)\(disposition($0))" }
        }
        if !acts.isEmpty { sheet.row("处置", acts.joined(separator: "，")) }
        if !rule.behaviour.isEmpty { sheet.row("行为认定", rule.behaviour) }
        for basis in rule.basis { sheet.row("依据", basis) }
        sheet.row("提示", rule.message)
        sheet.row("规则原文", ExpressionText.text(rule.test, lists: rule.lists, columns: words.columnNames))
        for example in rule.cases {
            let kind =
                switch example.kind {
                case .hit: "命中"
                case .nearMiss: "临近不命中"
                case .undetermined: "未决"
                }
            sheet.row("用例", "\(kind)：\(example.title)（\(example.position.file):\(example.position.line)）")
        }
        return sheet.text
    }

    private struct Sheet {
        var text = ""
        mutating func title(_ title: String) { text += title + "\n" }
        mutating func row(_ name: String, _ content: String) {
            let width = name.unicodeScalars.reduce(0) { $0 + ($1.value < 0x80 ? 1 : 2) }
            text += "  " + name + String(repeating: " ", count: max(1, 12 - width)) + content + "\n"
        }
    }

    private static func category(_ category: String) -> String {
        switch category {
        case "policy": "政策类"
        case "management": "管理类"
        default: "医疗类"
        }
    }

    private static func outcome(_ outcome: Outcome) -> String {
        switch outcome {
        case .violation: "明确违规"
        case .suspicion: "可疑"
        case .undetermined: "未决"
        case .clear: "合规"
        case .error: "出错"
        }
    }

    /// Where a rule stands in the framework, as pairs of the attribute's name and its words.
    package static func place(_ place: Rule.Place) -> [(name: String, words: String)] {
        var pairs: [(name: String, words: String)] = []
        if !place.theme.isEmpty { pairs.append(("规则编号", place.theme)) }
        if !place.scenes.isEmpty { pairs.append(("应用场景", place.scenes.map(scene).joined(separator: "、"))) }
        if let window = place.window { pairs.append(("时间区间", self.window(window))) }
        if !place.subjects.isEmpty { pairs.append(("监管对象", place.subjects.map(subject).joined(separator: "、"))) }
        return pairs
    }

    private static func scene(_ scene: Rule.Place.Scene) -> String {
        switch scene {
        case .inpatient: "住院"
        case .outpatient: "门（急）诊"
        case .pharmacy: "购药"
        case .internet: "互联网诊疗"
        case .crossArea: "异地就医"
        case .longTermCare: "长期照护"
        }
    }

    private static func window(_ window: Rule.Place.Window) -> String {
        switch window {
        case .visit: "当次就诊"
        case .stay: "当次住院"
        case .prescription: "单张处方"
        case .operation: "同台手术"
        case .hour: "同一小时"
        case .day: "单日"
        case .week: "自然周"
        case .month: "自然月"
        case .quarter: "自然季度"
        case .year: "自然年"
        case .insuranceYear: "医保年度"
        case .course: "一个疾病过程"
        case .any: "不限"
        }
    }

    private static func subject(_ subject: Rule.Place.Subject) -> String {
        switch subject {
        case .institution: "定点医药机构"
        case .practitioner: "相关人员"
        case .person: "参保人员"
        }
    }

    private static func validity(_ rule: Rule) -> String {
        var text = ""
        if let from = rule.validFrom { text += "，自 \(from) 起" }
        if let to = rule.validTo { text += "，至 \(to) 止" }
        return text
    }

    private static func disposition(_ word: String) -> String {
        switch word {
        case "remind": "提醒"
        case "ask-reason": "填写理由"
        case "block": "拦截"
        case "refuse-payment": "拒付"
        case "review": "复核"
        default: "作为线索"
        }
    }

    private static func unit(_ unit: Rule.Unit, _ words: RuleWords) -> String {
        switch unit {
        case .row(let table): return "每条" + RuleWords.name(table)
        case .group(let table, let keys):
            let names = keys.map { words.text($0.expression) }
            return RuleWords.name(table) + "，按" + names.joined(separator: "、") + "分组"
        }
    }

    private static func amount(_ amount: Rule.AmountRule, _ words: RuleWords) -> String {
        switch amount {
        case .lines: "违规明细的金额之和"
        case .excess: "超出限值的数量所对应的金额"
        case .encounter: "违规就诊的全部费用"
        case .none: "不计金额"
        case .expression(let expression): "每条违规记录按 \(words.text(expression)) 计"
        }
    }
}
