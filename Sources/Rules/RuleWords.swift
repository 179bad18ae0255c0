import Claims

/// Says an expression in Chinese, with the terms of the data dictionary.
struct RuleWords {
    let rule: Rule
    let lists: [String: KnowledgeList]
    private var isRelated = false

    init(rule: Rule, lists: [String: KnowledgeList]) {
        self.rule = rule
        self.lists = lists
    }

    /// For each list join, the names of its columns.
    var columnNames: [[String]] { rule.lists.map { lists[$0.list]?.columns.map(\.name) ?? [] } }

    static func name(_ table: Table) -> String {
        switch table {
        case .person: "人员"
        case .entitlement: "待遇"
        case .encounter: "就诊"
        case .diagnosis: "诊断"
        case .operation: "手术"
        case .prescription: "处方"
        case .line: "费用明细"
        case .settlement: "结算"
        case .stock: "进销存记录"
        case .scan: "扫码记录"
        case .institution: "定点机构"
        case .agreement: "协议"
        case .department: "科室"
        case .ward: "病区"
        case .practitioner: "医师"
        case .eligibility: "支付资格"
        case .item: "项目"
        }
    }

    func column(_ list: String, _ index: Int) -> String {
        guard let columns = lists[list]?.columns, columns.indices.contains(index) else { return "第 \(index + 1) 列" }
        return columns[index].name
    }

    func text(_ expression: Expression) -> String {
        switch expression.node {
        case .number(let mantissa):
            if expression.type == .day { return "\(Day(number: Int32(clamping: mantissa)))" }
            return DecimalText.text(mantissa, scale: expression.type.scale ?? 0)
        case .text(let text): return "“\(text)”"
        case .boolean(let flag): return flag ? "真" : "假"
        case .field(let path, let scope): return (isRelated && scope == .focus ? "本" : "") + name(path)
        case .listColumn(let match, let column):
            guard rule.lists.indices.contains(match) else { return "清单列" }
            return "清单 \(rule.lists[match].alias) 的 \(self.column(rule.lists[match].list, column))"
        case .not(let inner): return negation(inner)
        case .and(let terms): return terms.map(operand).joined(separator: "，且")
        case .or(let terms): return terms.map(operand).joined(separator: "，或")
        case .compare(let comparison, let a, let b): return "\(operand(a))\(word(comparison))\(operand(b))"
        case .startsWith(let inner, let prefix): return "\(operand(inner))以“\(prefix)”开头"
        case .inList(let list, _, let arguments):
            let name = lists[list]?.name ?? list
            return "\(arguments.map(text).joined(separator: "、"))在清单“\(name)”中"
        case .isKnown(let inner): return "\(operand(inner))已知"
        case .arithmetic(let operation, let a, let b):
            let sign =
                switch operation {
                case .add: " + "
                case .subtract: " − "
                case .multiply: " × "
                }
            return operand(a) + sign + operand(b)
        case .negate(let inner): return "−" + operand(inner)
        case .absolute(let inner): return "\(operand(inner))的绝对值"
        case .greatest(let terms): return terms.map(text).joined(separator: "、") + "中最大者"
        case .least(let terms): return terms.map(text).joined(separator: "、") + "中最小者"
        case .coalesce(let terms): return terms.map(text).joined(separator: "（未知时取 ") + String(repeating: "）", count: terms.count - 1)
        case .round(let above, let below, let digits):
            let value = below.map { "\(operand(above)) ÷ \(operand($0))" } ?? text(above)
            return "（\(value)，保留 \(digits) 位小数）"
        case .age(let birth, let day): return "\(text(day))时的周岁年龄（自\(text(birth))）"
        case .dayOf(let inner): return "\(text(inner))的日期"
        case .period(let period, let inner): return text(inner) + word(period)
        case .prefix(let inner, let count): return "\(text(inner))前 \(count) 位"
        case .choose(let branches, let otherwise):
            return branches.map { "\(text($0.condition))时取\(text($0.result))" }.joined(separator: "，") + "，否则取\(text(otherwise))"
        case .covered(let table, let key, let day):
            let state =
                switch table {
                case .eligibility: "有支付资格"
                case .agreement: "在协议期内"
                default: "在待遇享受期内"
                }
            return "\(text(key))于\(text(day))\(state)"
        case .aggregate(let aggregate): return self.aggregate(aggregate)
        }
    }

    private func negation(_ inner: Expression) -> String {
        switch inner.node {
        case .isKnown(let value): return "\(operand(value))未知"
        case .aggregate(let aggregate) where aggregate.function == .exists: return "不" + self.aggregate(aggregate)
        case .inList: return text(inner).replacing("在清单", with: "不在清单")
        case .covered: return "并非" + text(inner)
        default: return "并非" + operand(inner)
        }
    }

    private func operand(_ expression: Expression) -> String {
        switch expression.node {
        case .and, .or, .arithmetic, .choose: "（\(text(expression))）"
        default: text(expression)
        }
    }

    private func word(_ comparison: Comparison) -> String {
        switch comparison {
        case .equal: " 等于 "
        case .notEqual: " 不等于 "
        case .less: " 小于 "
        case .lessOrEqual: " 不大于 "
        case .greater: " 大于 "
        case .greaterOrEqual: " 不小于 "
        }
    }

    private func word(_ period: Period) -> String {
        switch period {
        case .week: "所在周"
        case .month: "所在月"
        case .quarter: "所在季度"
        case .year: "所在年"
        case .hour: "所在小时"
        }
    }

    private func name(_ path: FieldPath) -> String {
        var parts: [String] = []
        // The person of a line is the line's person: the encounter on the way is not named.
        let steps = path.steps.count > 1 && path.steps[0] == .encounter ? Array(path.steps.dropFirst()) : path.steps
        parts += steps.map(Self.name)
        switch path.field {
        case .stored(let index):
            let field = path.table.fields.indices.contains(index) ? path.table.fields[index].chinese : "字段"
            parts.append(field)
        case .identity: if parts.isEmpty { parts.append(Self.name(path.start)) }
        case .time: parts.append("时刻")
        case .start: parts.append("开始时刻")
        case .end: parts.append("结束时刻")
        case .day: parts.append("日期")
        }
        return parts.joined(separator: "的")
    }

    private func aggregate(_ aggregate: Aggregate) -> String {
        var inner = self
        inner.isRelated = true
        let rows = aggregate.window.map { inner.rows($0) } ?? "组内的\(Self.name(rule.unit.table))"
        let argument = aggregate.argument.map(inner.text) ?? ""
        return switch aggregate.function {
        case .exists: "存在\(rows)"
        case .count: "\(rows)的条数"
        case .countDistinct: "\(rows)中不同\(argument)的个数"
        case .sum: "\(rows)的\(argument)之和"
        case .min: "\(rows)的\(argument)最小值"
        case .max: "\(rows)的\(argument)最大值"
        }
    }

    private func rows(_ window: Window) -> String {
        let keys = window.same.map { key -> String in
            let related = text(key.related)
            let focus = text(key.focus)
            return focus == "本" + related ? "同一\(related)" : "\(related) 等于 \(focus)"
        }
        var parts = [keys.joined(separator: "、")]
        if let range = window.range { parts.append(self.range(range)) }
        if let filter = window.filter { parts.append("满足（\(text(filter))）") }
        return "〔\(parts.joined(separator: "，"))〕的\(Self.name(window.table))"
    }

    private func range(_ range: Window.Range) -> String {
        func days(_ offset: Int) -> String {
            offset == 0 ? "当日" : offset < 0 ? "前 \(-offset) 日" : "后 \(offset) 日"
        }
        func seconds(_ offset: Int) -> String {
            offset == 0 ? "当时" : offset < 0 ? "前 \(-offset) 秒" : "后 \(offset) 秒"
        }
        switch range {
        case .days(let a, let b): return (a.map(days) ?? "此前") + "至" + (b.map(days) ?? "此后")
        case .seconds(let a, let b): return (a.map(seconds) ?? "此前") + "至" + (b.map(seconds) ?? "此后")
        case .run(let gap): return "间隔不超过 \(gap) 日的连续记录"
        }
    }
}
