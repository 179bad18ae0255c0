import Claims
import Rules

/// The reference page of a procedure (程序说明), generated from its file.
package struct ProcedurePage {
    private let procedure: Procedure
    private let roles: Roles
    private let report: [ReportLine]

    package init(_ procedure: Procedure, _ common: Common) {
        self.procedure = procedure
        roles = common.roles
        report = common.report
    }

    /// Markdown; the picture lies beside it.
    package var markdown: String {
        var page = "# \(procedure.name)\n\n"
        page += "<!-- Generated from knowledge/\(procedure.file): do not edit. -->\n\n"
        page += "`\(procedure.id)`，第\(procedure.version)版，自\(procedure.from)起。\(procedure.summary)\n\n"
        page += "依据：\(procedure.basis.joined(separator: "；"))。\n\n"
        page += "![\(procedure.name)流程图](\(procedure.id).svg)\n\n"
        page += opening
        for track in procedure.tracks { page += self.track(track) }
        page += powers + clocks + parameters + money + papers + balances + statistics
        page += "## 用例\n\n" + procedure.cases.map { "- \($0.title)\n" }.joined()
        return page
    }

    private func names(_ list: [String]) -> String { list.map { roles[$0]?.name ?? $0 }.joined(separator: "、") }
    private func fieldNames(_ list: [String]) -> String {
        list.map { procedure.field($0)?.name ?? $0 }.joined(separator: "、")
    }

    private var opening: String {
        var text = "## 开立\n\n由\(names(procedure.opening.who))开立"
        if !procedure.opening.needs.isEmpty { text += "；必填：\(fieldNames(procedure.opening.needs))" }
        if procedure.opening.levels.count > 1 { text += "；可以不予告知或者封存" }
        return text + "。\n\n"
    }

    private func track(_ track: Track) -> String {
        var text = "## \(track.name)\n\n"
        if let kind = track.per, let item = procedure.items.first(where: { $0.id == kind }) {
            text += "每个\(item.name)一条。"
        }
        text += "状态：" + track.states.map { $0.name + ($0.isEnd ? "（办结）" : "") }.joined(separator: "、") + "。\n\n"
        text += "| 步骤 | 何时 | 到 | 谁 | 填写与材料 | 条件 | 依据 |\n|---|---|---|---|---|---|---|\n"
        for step in procedure.steps where step.track == track.id && step.power == nil { text += row(step, track) }
        return text + "\n"
    }

    private func row(_ step: Step, _ track: Track) -> String {
        let from = step.from.map { track.state($0)?.name ?? $0 }.joined(separator: "、")
        let to =
            step.targets.isEmpty
            ? "不变" : step.targets.map { track.state($0.state)?.name ?? $0.state }.joined(separator: "／")
        var who = names(step.who)
        if step.together > 1 { who += "（\(step.together)人）" }
        if !step.apart.isEmpty {
            who += "，未办过" + step.apart.map { procedure.step($0)?.name ?? $0 }.joined(separator: "、")
        }
        for signature in step.signatures {
            who += " → \(roles[signature.role]?.name ?? signature.role)\(signature.name)"
        }
        if let panel = step.panel { who += " → \(roles[panel.role]?.name ?? panel.role)表决" }
        var content: [String] = []
        if !step.needs.isEmpty { content.append("填" + fieldNames(step.needs)) }
        if !step.papers.isEmpty { content.append("附" + step.papers.map(paperName).joined()) }
        if !step.issues.isEmpty { content.append("出" + step.issues.map(paperName).joined()) }
        for side in step.names {
            content.append("写明" + (roles.all.first { $0.side == side }?.name ?? side))
        }
        for child in step.opens {
            content.append("派生" + (procedure.children.first { $0.id == child.kind }?.name ?? child.kind))
        }
        let conditions =
            step.conditions.map { $0.message.isEmpty ? "`\($0.expression.source)`" : "非“\($0.message)”" }
            + step.awaits.map(wait)
        return "| \(step.name) `\(step.id)` | \(from) | \(to) | \(who) | \(content.joined(separator: "；")) | "
            + "\(conditions.joined(separator: "；")) | \(step.basis.joined(separator: "；")) |\n"
    }

    private func wait(_ wait: Step.Await) -> String {
        let name: String
        switch wait.what {
        case .children(let kind): name = procedure.children.first { $0.id == kind }?.name ?? kind
        case .track(let id): name = procedure.track(id)?.name ?? id
        }
        return wait.all ? "\(name)全部办结" : "\(name)有一项办结"
    }

    private func paperName(_ id: String) -> String { "《\(procedure.paper(id)?.name ?? id)》" }

    private var powers: String {
        let powers = procedure.steps.filter { $0.power != nil }
        guard !powers.isEmpty else { return "" }
        var text = "## 其他行为\n\n| 行为 | 谁 | 签批 |\n|---|---|---|\n"
        for step in powers {
            text +=
                "| \(step.name) `\(step.id)` | \(names(step.who)) | \(step.signatures.map { roles[$0.role]?.name ?? $0.role }.joined(separator: " → ")) |\n"
        }
        return text + "\n"
    }

    private var clocks: String {
        guard !procedure.clocks.isEmpty else { return "" }
        func steps(_ list: [String]) -> String {
            list.map { $0 == "begins" ? "开始之日" : procedure.step($0)?.name ?? $0 }.joined(separator: "、")
        }
        var text = "## 期限\n\n| 期限 | 长短 | 起算 | 停止 | 扣除、延长 | 届满后果 | 依据 |\n|---|---|---|---|---|---|---|\n"
        for clock in procedure.clocks {
            var changes: [String] = []
            if !clock.pauses.isEmpty { changes.append("\(steps(clock.pauses))至\(steps(clock.resumes))不计") }
            for more in clock.extensions {
                changes.append(
                    "“\(procedure.step(more.step)?.name ?? more.step)”延长\(length(more.length, clock.unit))，至多\(more.timesMax)次"
                )
            }
            var ends: [String] = []
            if let lapse = clock.lapse { ends.append("自动“\(procedure.step(lapse)?.name ?? lapse)”") }
            if !clock.until.isEmpty { ends.append("不能再\(steps(clock.until))") }
            if !clock.earliest.isEmpty { ends.append("方可\(steps(clock.earliest))") }
            if ends.isEmpty { ends.append("逾期提示") }
            text +=
                "| \(clock.name) | \(length(clock.length, clock.unit)) | \(steps(clock.starts)) | \(steps(clock.stops)) | "
                + "\(changes.joined(separator: "；")) | \(ends.joined(separator: "；")) | \(clock.basis.joined(separator: "；")) |\n"
        }
        return text + "\n"
    }

    private func length(_ length: ClockRule.Length, _ unit: ClockRule.Unit) -> String {
        let amount: String
        switch length {
        case .fixed(let count): amount = String(count)
        case .parameter(let id):
            amount = procedure.parameter(id)?.values.last.map { $0.value.description } ?? "$" + id
        case .field(let id):
            return "按“\(procedure.field(id)?.name ?? id)”" + (unit == .months ? "（月）" : "")
        }
        switch unit {
        case .workingDays: return amount + "个工作日"
        case .days: return amount + "日"
        case .hours: return amount + "小时"
        case .months: return amount + "个月"
        case .settlementDay: return "次月\(amount)日"
        case .date: return amount
        }
    }

    private var parameters: String {
        guard !procedure.parameters.isEmpty else { return "" }
        let words: [Parameter.Evidence: String] = [.seen: "原文", .secondHand: "转述", .memory: "待核", .own: "平台约定"]
        var text = "## 参数\n\n各地可以另定；“待核”“平台约定”的数字不是法定数字。\n\n| 参数 | 值 | 来源 | 可靠程度 |\n|---|---|---|---|\n"
        for parameter in procedure.parameters {
            let values = parameter.values.map { pair in
                pair.from.number == 0 ? pair.value.description : "\(pair.value)（自\(pair.from)）"
            }
            text +=
                "| \(parameter.name) `\(parameter.id)` | \(values.joined(separator: "，")) | \(parameter.source) | \(words[parameter.evidence] ?? "") |\n"
        }
        return text + "\n"
    }

    private var money: String {
        guard !procedure.accounts.isEmpty else { return "" }
        var text = "## 账户\n\n复式记账；账外以外的账户不得为负。\n\n"
        for step in procedure.steps {
            for posting in step.postings {
                func name(_ id: String) -> String { procedure.accounts.first { $0.id == id }?.name ?? id }
                let amount =
                    posting.field.map { procedure.field($0)?.name ?? $0 } ?? "`\(posting.amount?.source ?? "")`"
                text += "- \(step.name)：\(name(posting.from)) → \(name(posting.to))，\(amount)\n"
            }
        }
        return text + "\n"
    }

    private var papers: String {
        let numbered = procedure.papers.filter { $0.number != nil }
        guard !numbered.isEmpty else { return "" }
        return "## 文书编号\n\n" + numbered.map { "- 《\($0.name)》 `\($0.number ?? "")`\n" }.joined() + "\n"
    }

    private var statistics: String {
        guard !procedure.statistics.isEmpty else { return "" }
        var text = "## 月报口径\n\n"
        for statistic in procedure.statistics {
            let name = report.first { $0.id == statistic.line }?.name ?? statistic.line
            text += "- \(name)：\(procedure.step(statistic.step)?.name ?? statistic.step)"
            if let amount = statistic.field.map({ procedure.field($0)?.name ?? $0 }) ?? statistic.amount?.source {
                text += "，计\(amount)"
            }
            if let when = statistic.when { text += "，`\(when.source)`" }
            text += "\n"
        }
        return text + "\n"
    }

    private var balances: String {
        guard !procedure.balances.isEmpty else { return "" }
        var text = "## 平衡\n\n"
        for balance in procedure.balances {
            text +=
                "- \(procedure.track(balance.track)?.name ?? balance.track)：收到 ＝ "
                + balance.groups.map(\.name).joined(separator: " ＋ ") + " ＋ 未办结\n"
        }
        return text + "\n"
    }
}
