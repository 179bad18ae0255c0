import Audit
import Documents
import Rules

/// Why a rule flags a row, or does not, as a paper and as JSON.
struct InspectionPaper {
    let inspection: RowInspection
    let rule: Rule
    let mask: FindingsMask
    let generation: Int

    var paper: Paper {
        var blocks: [Paper.Block] = [
            .statement(conclusion),
            .entries([
                .init("规则", "\(rule.id) \(rule.name)  版本 \(rule.version)"),
                .init("审核对象", inspection.table.chinese + "  " + inspection.row),
                .init("人员", inspection.person.map(mask.person) ?? ""),
                .init("同一疑点的行", inspection.violating.joined(separator: "，")),
            ]),
        ]
        if !inspection.steps.isEmpty {
            blocks.append(.heading("逐项判断"))
            blocks.append(
                .table(
                    [
                        ColumnHead("kind", "步骤"), ColumnHead("truth", "结果"), ColumnHead("text", "条件"),
                        ColumnHead("values", "取值"),
                    ],
                    rows: inspection.steps.map { step in
                        [.text(Self.kind(step)), .text(Self.truth(step)), .text(step.text), .text(Self.values(step))]
                    }))
        }
        return Paper(
            title: "为何判、为何不判", subtitle: "\(inspection.row) × \(rule.id)", blocks: blocks,
            foot: "数据第 \(generation) 代；规则 \(rule.id) 版本 \(rule.version)。人员标识已脱敏的，经授权后方可查看。")
    }

    private var conclusion: String {
        switch inspection.conclusion {
        case .flagged: "该行属于一条疑点。"
        case .undetermined: "无法判定：判断所需的信息不全，见下表中“未知”的一项。"
        case .clear: "未判为疑点：下表中“否”的一项使规则不成立。"
        case .notRun: "规则未能运行：数据中缺少 \(inspection.reason ?? "所需的表或字段")。"
        case .acrossPersons: "该规则须看多名人员，这里只列出该行自身的条件；是否成为疑点以审核结果为准。"
        }
    }

    private static func kind(_ step: RowInspection.Step) -> String {
        switch step.kind {
        case .validity: "规则有效期"
        case .list: "清单" + (step.listLine.map { "第\($0)行" } ?? "")
        case .filter: "适用范围"
        case .test: "判断"
        }
    }

    private static func truth(_ step: RowInspection.Step) -> String {
        switch step.truth {
        case .yes: "是"
        case .no: "否"
        case .unknown: "未知"
        }
    }

    private static func values(_ step: RowInspection.Step) -> String {
        let sides = step.sides.map { "\($0.text) 为 \($0.value)" }
        let cause = step.cause.map { "缺少" + FindingsWording.cause($0) }
        return (sides + [cause].compactMap { $0 }).joined(separator: "；")
    }

    var json: JSONText {
        .members([
            "rule": .text(inspection.rule), "version": .text(inspection.version),
            "table": .text(inspection.table.rawValue), "row": .text(inspection.row),
            "person": inspection.person.map { .text(mask.person($0)) },
            "conclusion": .text(inspection.conclusion.rawValue), "reason": inspection.reason.map(JSONText.text),
            "generation": .integer(Int64(generation)),
            "violating": .array(inspection.violating.map(JSONText.text)),
            "steps": .array(
                inspection.steps.map { step in
                    .members([
                        "kind": .text(step.kind.rawValue), "text": .text(step.text),
                        "truth": .text(step.truth.rawValue), "cause": step.cause.map(JSONText.text),
                        "list_line": step.listLine.map { .integer(Int64($0)) },
                        "values": .array(
                            step.sides.map { .members(["text": .text($0.text), "value": .text($0.value)]) }),
                    ])
                }),
        ])
    }
}
