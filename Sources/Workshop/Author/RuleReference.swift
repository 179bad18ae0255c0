import Knowledge
import Rules

/// The reference of a package's rules as pages, one a theme (规则参考): logic in words, basis, parameters, lists, examples,
/// cost. Everything on them is taken from the rules themselves.
package struct RuleReference {
    package struct Page: Sendable {
        /// `P17.md`; `README.md` lists the others.
        package let name: String
        package let text: String
    }

    /// The theme of a rule that names none: its identifier up to the first `-`, of an area's rule with the next part.
    package static func theme(of id: String) -> String {
        let parts = id.split(separator: "-")
        guard let first = parts.first else { return id }
        return first.count == 6 && first.allSatisfy(\.isNumber) && parts.count > 1
            ? "\(first)-\(parts[1])" : String(first)
    }

    package static func pages(_ plan: Plan) -> [Page] {
        var themes: [String: [Rule]] = [:]
        for rule in plan.rules {
            themes[rule.place.theme.isEmpty ? theme(of: rule.id) : rule.place.theme, default: []].append(rule)
        }
        let sorted = themes.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        var index =
            "# 规则参考\n\n\(plan.packageName) \(plan.packageVersion)，\(plan.rules.count) 条规则，\(sorted.count) 个主题。由规则文件生成，改规则而不改本页。\n\n"
        index += "| 主题 | 规则 | 类别 | 结论 | 用例 |\n|---|---|---|---|---|\n"
        var pages: [Page] = []
        for (theme, rules) in sorted {
            var text = "# \(theme)　\(rules[0].name)\n\n"
            for rule in rules {
                text += page(rule, plan)
                index += "| [\(theme)](\(theme).md) | \(rule.id) \(rule.name) | \(category(rule.category)) | "
                index += "\(rule.outcome == .violation ? "违规" : "可疑") | \(rule.cases.count) |\n"
            }
            pages.append(Page(name: "\(theme).md", text: text))
        }
        return [Page(name: "README.md", text: index)] + pages
    }

    private static func page(_ rule: Rule, _ plan: Plan) -> String {
        var text = "## \(rule.id)　\(rule.name)\n\n"
        // The sheet's rows, each name with its content, as a table.
        let sheet = RuleSheet.text(rule, lists: plan.lists).split(separator: "\n").dropFirst()
        text += "| | |\n|---|---|\n"
        for line in sheet {
            let row = line.drop { $0 == " " }
            let name = row.prefix { $0 != " " }
            guard name != "用例" else { continue }
            let content = row.dropFirst(name.count).drop { $0 == " " }
            text += "| \(name) | \(content.replacing("|", with: "\\|")) |\n"
        }
        let cost = RuleCost(rule, lists: plan.lists)
        text += "| 开销估计 | 每个审核单元至多约 \(cost.rows) 行\(cost.staysWithPerson ? "" : "，涉及其他参保人") |\n\n"
        for example in rule.cases {
            let kind =
                switch example.kind {
                case .hit: "命中"
                case .nearMiss: "临近不命中"
                case .undetermined: "未决"
                }
            text +=
                "**\(kind)：\(example.title)**\n\n```\n\(example.given)\(example.given.hasSuffix("\n") ? "" : "\n")→ "
            text += "\(example.expect.hasSuffix("\n") ? String(example.expect.dropLast()) : example.expect)\n```\n\n"
        }
        return text
    }

    private static func category(_ category: String) -> String {
        switch category {
        case "policy": "政策类"
        case "management": "管理类"
        default: "医疗类"
        }
    }
}
