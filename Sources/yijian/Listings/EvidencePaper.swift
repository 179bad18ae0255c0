import Audit
import Claims
import Documents

/// The evidence of one finding as a paper (证据单) and as JSON.
struct EvidencePaper {
    let sheet: FindingsEvidenceSheet
    let names: FindingsNames

    var paper: Paper {
        let record = sheet.record
        var blocks: [Paper.Block] = [.statement(sheet.statement)]
        if let counterfact = sheet.counterfact { blocks.append(.paragraph(counterfact)) }
        blocks.append(.heading("结论"))
        blocks.append(
            .entries([
                .init("结论", FindingsWording.outcomeName(record.outcome) + "（严重程度 \(record.grade)）"),
                .init("未决原因", record.cause.map(FindingsWording.cause) ?? ""), .init("人员", record.person ?? ""),
                .init("定点机构", record.institution.map { names.nameAndCode($0, in: .institution) } ?? ""),
                .init("就诊号", record.encounter ?? ""), .init("日期", record.day?.description ?? ""),
                .init("项目", record.item.map { names.nameAndCode($0, in: .item) } ?? ""),
                .init("数值", sheet.value ?? ""), .init("限值", sheet.limit ?? ""), .init("审核单元", unit),
                .init("来源", record.source == "yijian" ? "" : record.source),
                .init("来源认定金额", yuan(record.stated)),
            ]))
        blocks += [.heading("金额"), .entries(money)]
        blocks += ruleBlocks
        blocks += rowBlocks("违规\(sheet.violating.tableName)", sheet.violating)
        if !sheet.involved.ids.isEmpty { blocks += rowBlocks("涉及\(sheet.involved.tableName)", sheet.involved) }
        blocks += horizonBlocks
        return Paper(
            title: sheet.rule?.name ?? record.rule, subtitle: "审核疑点证据单  \(record.id)", blocks: blocks,
            foot: "疑点编号 \(record.id)；规则 \(record.rule) 版本 \(record.version)。人员标识已脱敏的，经授权后方可查看。")
    }

    private var unit: String {
        let record = sheet.record
        let parts = record.unit.split(separator: " ")
        let table = parts.last.flatMap { Table(rawValue: String($0))?.chinese } ?? record.unit
        return (parts.count > 1 ? table + "组" : table) + "  " + record.key
    }

    private var money: [Paper.Entry] {
        let record = sheet.record
        let parts = record.lossParts
        return [
            .init("涉及金额", yuan(record.gross, unknown: "未知")), .init("符合范围金额", yuan(record.inScope, unknown: "未知")),
            .init("基金损失", yuan(record.loss, unknown: "未知（没有对应的结算）")), .init("　基本统筹", yuan(parts.basic)),
            .init("　大额（大病）", yuan(parts.large)), .init("　医疗救助", yuan(parts.assistance)),
            .init("　公务员补助", yuan(parts.civil)), .init("　长护险", yuan(parts.longTermCare)),
            .init("　其他基金", yuan(parts.other)), .init("统筹区", record.pool ?? ""),
            .init("损失算法", record.lossMethod ?? ""),
        ]
    }

    private var ruleBlocks: [Paper.Block] {
        let record = sheet.record
        guard let rule = sheet.rule else {
            return [
                .heading("规则"), .entries([.init("规则", "\(record.rule)  版本 \(record.version)")]),
                .note("知识包中没有这条规则，因此缺少名称、依据和清单。请用 --knowledge 指明审核时所用的知识包。"),
            ]
        }
        var entries: [Paper.Entry] = [
            .init("规则", "\(rule.id) \(rule.name)"), .init("版本", record.version),
            .init("类别", Self.category(rule.category)),
            .init("行为认定", rule.behaviour),
        ]
        for (index, basis) in rule.basis.enumerated() { entries.append(.init(index == 0 ? "依据" : "", basis)) }
        let stages = [("before", "事前"), ("during", "事中"), ("after", "事后")]
        let disposition = stages.compactMap { stage, name in
            rule.disposition[stage].map { name + Self.disposition($0) }
        }
        entries.append(.init("处置", disposition.joined(separator: "，")))
        if let row = sheet.listRow {
            entries.append(.init("清单", "\(row.list.name)（\(row.list.id)）第 \(row.line) 行"))
            entries.append(
                .init(
                    "清单行", row.cells.filter { !$0.text.isEmpty }.map { "\($0.name)=\($0.text)" }.joined(separator: "，"))
            )
        }
        var blocks: [Paper.Block] = [.heading("规则"), .entries(entries)]
        if sheet.isOtherVersion {
            blocks.append(.note("注意：手头知识包中的规则版本是 \(rule.version)，与作出该疑点的版本不同；以上名称和依据取自手头版本。"))
        }
        return blocks
    }

    private func rowBlocks(_ title: String, _ rows: FindingsEvidenceSheet.Rows) -> [Paper.Block] {
        let shown = Array(rows.ids.prefix(200))
        var blocks: [Paper.Block] = [.heading("\(title)（\(rows.ids.count)）")]
        guard let table = rows.table, !rows.rows.isEmpty else {
            return blocks + [
                .paragraph(shown.joined(separator: " ")), .note("没有指明数据集，或数据集中没有这些行；请用 --dataset 指明。"),
            ]
        }
        let fields = sheet.fields(of: table)
        let isNamed = fields.contains { $0.name == "item" } && rows.rows.values.contains { itemName($0) != nil }
        let hasEncounter = !rows.encounters.isEmpty
        var heads = fields.map { ColumnHead($0.name, $0.chinese, Self.kind($0)) }
        if isNamed { heads.append(ColumnHead("item_name", "项目名称")) }
        if hasEncounter {
            heads.append(ColumnHead("encounter", "就诊号"))
            heads.append(ColumnHead("institution", "定点机构"))
        }
        if !rows.stakes.isEmpty { heads.append(ColumnHead("stake", "涉及违规金额", .decimal(scale: 2))) }
        let cells = shown.map { id -> [Cell] in
            guard let row = rows.rows[id] else {
                return [.text(id)] + [Cell](repeating: .empty, count: heads.count - 1)
            }
            var cells = fields.map { Self.cell(row[$0.name]) }
            if isNamed { cells.append(Cell(itemName(row))) }
            if hasEncounter {
                let encounter = rows.encounters[id]
                cells.append(Cell(encounter?.id))
                let institution = encounter?["institution"].text
                cells.append(Cell(institution.map { names.name(of: $0, in: .institution) ?? $0 }))
            }
            if !rows.stakes.isEmpty { cells.append(Cell(rows.stakes[id])) }
            return cells
        }
        blocks.append(.table(heads, rows: cells))
        if rows.ids.count > shown.count { blocks.append(.note("另有 \(rows.ids.count - shown.count) 行，见 --json。")) }
        return blocks
    }

    private var horizonBlocks: [Paper.Block] {
        guard let horizon = sheet.horizon else { return [] }
        return [
            .heading("审核视野"),
            .entries([
                .init(
                    "数据",
                    "第 \(horizon.generation) 代，覆盖 \(horizon.from) 至 \(horizon.to)，"
                        + (horizon.isClosedWorld ? "期外没有记录" : "期外可能另有记录")),
                .init("知识包", sheet.record.package ?? ""), .init("知识包摘要", sheet.record.packageHash ?? ""),
            ]),
        ]
    }

    // MARK: JSON

    var json: JSONText {
        let record = sheet.record
        let parts = record.lossParts
        return .members([
            "id": .text(record.id), "outcome": .text(record.outcome), "grade": .integer(Int64(record.grade)),
            "statement": .text(sheet.statement), "counterfact": sheet.counterfact.map(JSONText.text),
            "unit": .text(record.unit), "key": .text(record.key), "person": record.person.map(JSONText.text),
            "institution": record.institution.map(JSONText.text), "encounter": record.encounter.map(JSONText.text),
            "day": record.day.map { .text($0.description) }, "item": record.item.map(JSONText.text),
            "value": sheet.value.map(JSONText.text), "limit": sheet.limit.map(JSONText.text),
            "cause": record.cause.map(JSONText.text), "source": .text(record.source),
            "package": record.package.map(JSONText.text), "package_hash": record.packageHash.map(JSONText.text),
            "rule": .members([
                "id": .text(record.rule), "version": .text(record.version), "category": .text(record.category),
                "name": sheet.rule.map { .text($0.name) }, "behaviour": sheet.rule.map { .text($0.behaviour) },
                "basis": sheet.rule.map { .array($0.basis.map(JSONText.text)) },
                "other_version_at_hand": sheet.isOtherVersion ? sheet.rule.map { .text($0.version) } : nil,
            ]),
            "list_row": sheet.listRow.map { row in
                .members([
                    "list": .text(row.list.id), "name": .text(row.list.name), "line": .integer(Int64(row.line)),
                    "cells": .object(row.cells.map { .init(name: $0.name, value: .text($0.text)) }),
                ])
            },
            "money": .members([
                "gross": amount(record.gross), "in_scope": amount(record.inScope), "loss": amount(record.loss),
                "basic": amount(parts.basic), "large": amount(parts.large), "assistance": amount(parts.assistance),
                "civil": amount(parts.civil), "long_term_care": amount(parts.longTermCare),
                "other": amount(parts.other), "pool": record.pool.map(JSONText.text),
                "method": record.lossMethod.map(JSONText.text), "stated": amount(record.stated),
            ]),
            "violating": rows(sheet.violating), "involved": rows(sheet.involved),
            "horizon": sheet.horizon.map { horizon in
                .members([
                    "generation": .integer(Int64(horizon.generation)), "from": .text(horizon.from.description),
                    "to": .text(horizon.to.description), "closed_world": .flag(horizon.isClosedWorld),
                ])
            },
        ])
    }

    private func rows(_ rows: FindingsEvidenceSheet.Rows) -> JSONText {
        .members([
            "table": .text(rows.table?.rawValue ?? rows.tableName),
            "rows": .array(
                rows.ids.map { id in
                    guard let row = rows.rows[id] else { return .members(["id": .text(id)]) }
                    let known = zip(row.table.fields, row.values).compactMap { field, value in
                        value == .unknown ? nil : JSONText.Member(name: field.name, value: JSONText(Self.cell(value)))
                    }
                    let stake = rows.stakes[id].map { JSONText.Member(name: "stake", value: .text($0)) }
                    return .object(known + [stake].compactMap { $0 })
                }),
        ])
    }

    // MARK: Values

    private func itemName(_ row: FindingsEvidence.Row) -> String? {
        row["item"].text.flatMap { names.name(of: $0, in: .item) }
    }

    private func amount(_ fen: Int64?) -> JSONText? { fen.map { .decimal($0, scale: 2) } }

    private func yuan(_ fen: Int64?, unknown: String = "") -> String {
        fen.map { DecimalText.format($0, scale: 2) + " 元" } ?? unknown
    }

    private static func cell(_ value: FindingsEvidence.Value) -> Cell {
        switch value {
        case .unknown: .empty
        case .number(let mantissa, let scale):
            scale > 2
                ? .text(DecimalText.format(mantissa, scale: scale, trimmed: true)) : .decimal(mantissa, scale: scale)
        case .day(let day): .day(day)
        default: Cell(value.text)
        }
    }

    private static func kind(_ field: Field) -> ColumnHead.Kind {
        switch field.kind {
        case .decimal(let scale): .decimal(scale: scale)
        case .integer: .integer
        case .day: .day
        default: .text
        }
    }

    private static func category(_ category: String) -> String {
        switch category {
        case "policy": "政策类"
        case "management": "管理类"
        case "medical": "医疗类"
        default: category
        }
    }

    private static func disposition(_ disposition: String) -> String {
        switch disposition {
        case "remind": "提醒"
        case "ask-reason": "要求说明理由"
        case "block": "拦截"
        case "refuse-payment": "拒付"
        case "review": "复核"
        case "clue": "转为线索"
        default: disposition
        }
    }
}
