import Rules

/// The shape of a rule file as JSON Schema (draft 2020-12), so that editors complete keys and words and underline slips.
///
/// It knows the form only; what expressions mean `yijian rules check` says.
package enum RuleSchema {
    package struct Property: Sendable {
        package let name: String
        package let isRequired: Bool
        /// What an editor shows.
        package let text: String
        /// JSON of the type.
        package let type: String
    }

    private static let text = "{ \"type\": \"string\" }"
    private static let expression = "{ \"type\": [\"string\", \"number\", \"boolean\"] }"
    private static let texts = "{ \"type\": [\"string\", \"array\"], \"items\": { \"type\": \"string\" } }"
    private static let day = "{ \"type\": \"string\", \"pattern\": \"^[0-9]{4}-[0-9]{2}-[0-9]{2}$\" }"
    private static let acts = words(["remind", "ask-reason", "block", "refuse-payment", "review", "clue"])

    private static func words(_ words: [String]) -> String {
        "{ \"enum\": [" + words.map { "\"\($0)\"" }.joined(separator: ", ") + "] }"
    }

    private static func list(_ words: [String]) -> String {
        "{ \"type\": \"array\", \"items\": \(self.words(words)) }"
    }

    package static let properties: [Property] = [
        Property(
            name: "rule", isRequired: true, text: "编号：字母、数字、- _ .，与文件名相同",
            type: "{ \"type\": \"string\", \"pattern\": \"^[A-Za-z0-9_.-]{1,64}$\" }"),
        Property(name: "name", isRequired: true, text: "规则名称", type: text),
        Property(
            name: "category", isRequired: true, text: "政策类、管理类、医疗类", type: words(["policy", "management", "medical"])),
        Property(name: "outcome", isRequired: true, text: "可达到的最强结论：违规、可疑", type: words(["violation", "suspicion"])),
        Property(name: "grade", isRequired: true, text: "严重程度，3 最重", type: "{ \"enum\": [1, 2, 3] }"),
        Property(name: "theme", isRequired: false, text: "框架中的规则编号：P01…、M01…、C01… 等", type: text),
        Property(
            name: "scenes", isRequired: false, text: "应用场景",
            type: list(Rule.Place.Scene.allCases.map(\.rawValue))),
        Property(
            name: "window", isRequired: false, text: "时间区间", type: words(Rule.Place.Window.allCases.map(\.rawValue))),
        Property(
            name: "subjects", isRequired: false, text: "监管对象",
            type: list(Rule.Place.Subject.allCases.map(\.rawValue))),
        Property(
            name: "disposition", isRequired: false, text: "事前、事中、事后的处置",
            type:
                "{ \"type\": \"object\", \"additionalProperties\": false, \"properties\": { \"before\": \(acts), \"during\": \(acts), \"after\": \(acts) } }"
        ),
        Property(name: "from", isRequired: false, text: "适用的首个服务日", type: day),
        Property(name: "to", isRequired: false, text: "适用的末个服务日", type: day),
        Property(
            name: "parameters", isRequired: false, text: "地区可改的常量；按日期取值写成 [ { value }, { from, value } ]",
            type: "{ \"type\": \"object\", \"maxProperties\": 64 }"),
        Property(
            name: "unit", isRequired: true, text: "审核单元：line、encounter … 或 group of line by person, item, day",
            type: text),
        Property(name: "list", isRequired: false, text: "清单匹配：cap = daily-cap(item = item)", type: texts),
        Property(name: "where", isRequired: false, text: "筛选条件", type: expression),
        Property(name: "when", isRequired: true, text: "判定条件", type: expression),
        Property(name: "value", isRequired: false, text: "作为证据显示的值", type: expression),
        Property(name: "limit", isRequired: false, text: "作为证据显示的限值", type: expression),
        Property(name: "amount", isRequired: false, text: "涉及金额：lines、excess、encounter、none 或表达式（元）", type: expression),
        Property(name: "behaviour", isRequired: false, text: "行为认定编码", type: text),
        Property(name: "basis", isRequired: true, text: "法律依据，至少一条", type: texts),
        Property(
            name: "message", isRequired: true,
            text: "一句话提示；可用 {value} {limit} {amount} {item} {day} {person} {institution}", type: text),
        Property(
            name: "cases", isRequired: true, text: "用例：至少一个命中、一个临近不命中、一个未决",
            type:
                "{ \"type\": \"array\", \"items\": { \"type\": \"object\", \"properties\": { \"hit\": \(text), \"near miss\": \(text), \"undetermined\": \(text), \"given\": \(text), \"expect\": \(text) }, \"required\": [\"given\", \"expect\"], \"additionalProperties\": false } }"
        ),
    ]

    package static var json: String {
        var json = "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
        json +=
            "  \"title\": \"Yijian rule (医保基金审核规则)\",\n  \"type\": \"object\",\n  \"additionalProperties\": false,\n"
        json +=
            "  \"required\": [" + properties.filter(\.isRequired).map { "\"\($0.name)\"" }.joined(separator: ", ")
            + "],\n"
        json += "  \"properties\": {\n"
        json += properties.map { property in
            "    \"\(property.name)\": { \"description\": \"\(property.text)\", \"allOf\": [\(property.type)] }"
        }.joined(separator: ",\n")
        return json + "\n  }\n}\n"
    }
}
