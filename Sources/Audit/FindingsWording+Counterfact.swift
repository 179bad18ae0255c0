import Claims
import Rules

extension FindingsWording {
    /// What would have to be different for the finding to fall away (反事实说明), in Chinese.
    package func counterfact(of record: FindingsRecord) -> String? {
        if record.outcome == "undetermined" { return record.cause.map { "若能得知" + Self.cause($0) + "，即可判定。" } }
        guard record.isConclusion, let rule = rule(record.rule) else { return nil }
        let verdict = record.outcome == "violation" ? "则不构成违规。" : "则不再可疑。"
        let terms = Terms(wording: self, rule: rule, record: record)
        guard let condition = terms.counterfact() else { return nil }
        return "若" + condition + "，" + verdict
    }

    /// A cause of being undetermined: `line.quantity` reads 费用明细的数量.
    package static func cause(_ cause: String) -> String {
        switch cause {
        case "coverage": return "数据覆盖期以外的记录"
        case "overflow": return "超出计算范围的数值"
        default:
            let parts = cause.split(separator: ".")
            guard parts.count == 2, let table = Table(rawValue: String(parts[0])) else { return cause }
            guard let index = table.index(of: String(parts[1])) else { return table.chinese + "的" + parts[1] }
            return table.chinese + "的" + table.fields[index].chinese
        }
    }
}

/// Reads a rule's test as Chinese terms, for the one finding at hand.
private struct Terms {
    let wording: FindingsWording
    let rule: Rule
    let record: FindingsRecord

    /// The opposite of the condition that decided: the first with an aggregate, else the first comparison of numbers,
    /// else the first condition that can be put into words.
    func counterfact() -> String? {
        let conditions = Self.conditions(of: rule.test, negated: false)
        let decisive =
            conditions.first { Self.hasAggregate($0.expression) }
            ?? conditions.first { condition in
                if case .compare(_, let left, _) = condition.expression.node, case .number = left.type {
                    true
                } else {
                    false
                }
            }
        for condition in [decisive].compactMap({ $0 }) + conditions {
            if let text = opposite(condition) { return text }
        }
        return nil
    }

    private struct Condition {
        let expression: Expression
        let negated: Bool
    }

    /// The conditions of the test, nots pushed down to them.
    private static func conditions(of expression: Expression, negated: Bool) -> [Condition] {
        switch expression.node {
        case .and(let parts), .or(let parts): parts.flatMap { conditions(of: $0, negated: negated) }
        case .not(let inner): conditions(of: inner, negated: !negated)
        default: [Condition(expression: expression, negated: negated)]
        }
    }

    private static func hasAggregate(_ expression: Expression) -> Bool {
        switch expression.node {
        case .aggregate: true
        case .compare(_, let left, let right), .arithmetic(_, let left, let right):
            hasAggregate(left) || hasAggregate(right)
        case .round(let inner, let divisor, _): hasAggregate(inner) || divisor.map(hasAggregate) ?? false
        case .negate(let inner), .absolute(let inner): hasAggregate(inner)
        case .greatest(let parts), .least(let parts), .coalesce(let parts): parts.contains(where: hasAggregate)
        default: false
        }
    }

    private func opposite(_ condition: Condition) -> String? {
        switch condition.expression.node {
        case .compare(let comparison, let left, let right):
            // Where the evidence names its value on the right, the comparison is read from right to left.
            let isMirrored = rule.value?.position == right.position && rule.value?.position != left.position
            let holds = condition.negated ? comparison.negation : comparison
            let (subject, object, sense) =
                isMirrored ? (right, left, holds.fromRightToLeft) : (left, right, holds)
            guard let what = term(subject) else { return nil }
            let isMeasured = rule.value?.position == subject.position
            let bound =
                (isMeasured ? record.limit.map { wording.text(of: $0, type: rule.limit?.type) } : nil) ?? term(object)
            guard let bound else { return nil }
            var text = what + sense.wordsForOpposite + bound
            if isMeasured, let value = record.value {
                text += "（现为" + wording.text(of: value, type: rule.value?.type) + "）"
            }
            return text
        case .aggregate(let aggregate) where aggregate.function == .exists:
            let place = window(aggregate.window)
            let rows = aggregate.window?.table.chinese ?? "记录"
            return condition.negated ? "\(place)有规则所要求的\(rows)" : "\(place)没有所涉及的\(rows)"
        case .inList(let list, _, let arguments):
            guard let what = arguments.first.flatMap(term) else { return nil }
            return what + (condition.negated ? "在" : "不在") + "清单“\(list)”中"
        case .startsWith(let inner, let prefix):
            return term(inner).map { $0 + (condition.negated ? "以" : "不以") + "“\(prefix)”开头" }
        case .covered(let table, _, _):
            return condition.negated ? "当日在\(table.chinese)期内" : "当日不在\(table.chinese)期内"
        default: return nil
        }
    }

    /// A number or a field in words; nil where words would only confuse.
    private func term(_ expression: Expression) -> String? {
        switch expression.node {
        case .number(let mantissa):
            if case .day = expression.type {
                return Int32(exactly: mantissa).map { FindingsWording.chineseDay(Day(number: $0)) }
            }
            guard case .number(let scale) = expression.type else { return nil }
            return DecimalText.format(mantissa, scale: scale, trimmed: true)
        case .text(let text): return "“\(text)”"
        case .field(let path, _): return field(path)
        case .listColumn(let match, let column):
            guard rule.lists.indices.contains(match) else { return nil }
            let name = rule.lists[match].list
            return wording.column(column, ofList: name, in: record)
        case .arithmetic(let operation, let left, let right):
            guard let left = term(left), let right = term(right) else { return nil }
            switch operation {
            case .add: return left + "加" + right
            case .subtract: return left + "减" + right
            case .multiply: return left + "乘以" + right
            }
        case .age: return "年龄"
        case .dayOf(let inner): return term(inner)
        case .round(let inner, let divisor, _):
            guard let divisor else { return term(inner) }
            guard let left = term(inner), let right = term(divisor) else { return nil }
            return left + "除以" + right
        case .absolute(let inner): return term(inner).map { $0 + "的绝对值" }
        case .coalesce(let parts): return parts.first.flatMap(term)
        case .aggregate(let aggregate): return self.aggregate(aggregate)
        default: return nil
        }
    }

    private func aggregate(_ aggregate: Aggregate) -> String? {
        let place = window(aggregate.window)
        let rows = (aggregate.window?.table ?? rule.unit.table).chinese
        let argument = aggregate.argument.flatMap(term)
        switch aggregate.function {
        case .count: return place + rows + "数"
        case .sum: return place + (argument ?? rows) + "合计"
        case .countDistinct: return place + "不同" + (argument ?? rows) + "的个数"
        case .min: return place + "最小" + (argument ?? rows)
        case .max: return place + "最大" + (argument ?? rows)
        case .exists: return nil
        }
    }

    /// 「同一人员、同一项目当日的」
    private func window(_ window: Window?) -> String {
        guard let window else { return "本组" }
        let keys = window.same.compactMap { same in term(same.related).map { "同一" + $0 } }
        return keys.joined(separator: "、") + range(window.range) + "的"
    }

    private func range(_ range: Window.Range?) -> String {
        func span(_ from: Int?, _ to: Int?, _ unit: String) -> String {
            switch (from, to) {
            case (0, 0): unit == "日" ? "当日" : "同时"
            case (let from?, let to?): "前\(max(0, -from))\(unit)至后\(max(0, to))\(unit)"
            case (let from?, nil): from <= 0 ? "前\(-from)\(unit)以来" : "\(from)\(unit)以后"
            case (nil, let to?): to < 0 ? "\(-to)\(unit)以前" : "截至后\(to)\(unit)"
            case (nil, nil): ""
            }
        }
        switch range {
        case .days(let from, let to): return span(from, to, "日")
        case .seconds(let from, let to):
            let parts = [from, to].compactMap { $0 }
            if parts.allSatisfy({ $0 % 3600 == 0 }) { return span(from.map { $0 / 3600 }, to.map { $0 / 3600 }, "小时") }
            if parts.allSatisfy({ $0 % 60 == 0 }) { return span(from.map { $0 / 60 }, to.map { $0 / 60 }, "分钟") }
            return span(from, to, "秒")
        case .run(let days): return "相隔不超过\(days)日的连续期间"
        case nil: return ""
        }
    }

    private func field(_ path: FieldPath) -> String {
        switch path.field {
        case .stored(let index): path.table.fields.indices.contains(index) ? path.table.fields[index].chinese : "字段"
        case .identity: path.table.chinese
        case .time: "时刻"
        case .start: "开始时刻"
        case .end: "结束时刻"
        case .day: "日期"
        }
    }
}

extension FindingsWording {
    /// A list column in words: its cell for this finding, else its name.
    fileprivate func column(_ index: Int, ofList id: String, in record: FindingsRecord) -> String? {
        guard let name = columnName(index, ofList: id) else { return nil }
        return cell(list: id, row: record, column: name).map { "清单规定的\($0)" } ?? "清单“\(id)”的\(name)"
    }
}

extension Comparison {
    fileprivate var negation: Comparison {
        switch self {
        case .equal: .notEqual
        case .notEqual: .equal
        case .less: .greaterOrEqual
        case .lessOrEqual: .greater
        case .greater: .lessOrEqual
        case .greaterOrEqual: .less
        }
    }

    /// The same comparison read from right to left.
    fileprivate var fromRightToLeft: Comparison {
        switch self {
        case .equal, .notEqual: self
        case .less: .greater
        case .lessOrEqual: .greaterOrEqual
        case .greater: .less
        case .greaterOrEqual: .lessOrEqual
        }
    }

    fileprivate var wordsForOpposite: String {
        switch self {
        case .equal: "不等于"
        case .notEqual: "等于"
        case .less: "不低于"
        case .lessOrEqual: "高于"
        case .greater: "不超过"
        case .greaterOrEqual: "低于"
        }
    }
}
