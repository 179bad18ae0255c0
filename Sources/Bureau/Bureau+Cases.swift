import Casework
import Claims
import Supervision

/// What becomes of the heaviest findings in the story: cases, the police, agreements, and their ends (故事：案件).
extension Bureau {
    /// The heaviest appealed finding of five batches goes to the administration.
    func handOver(_ works: [BatchWork]) throws -> [(clue: String, work: BatchWork, loss: [String: Int64])] {
        var clues: [(clue: String, work: BatchWork, loss: [String: Int64])] = []
        for work in works where clues.count < 5 {
            let matter = try desk.matter(work.matter, by: "zhou")
            for finding in chapter.items(["appealed"], of: matter) {
                var loss: [String: Int64] = [:]
                for line in matter.items where line.parent == finding {
                    if case .split(let claimed)? = matter.fields[line.key]?["claimed"] {
                        loss.merge(claimed.filter { $0.value > 0 }, uniquingKeysWith: +)
                    }
                }
                guard loss.values.contains(where: { $0 > 0 }) else { continue }
                clues.append((try chapter.handOver(finding, of: work.matter, why: "涉嫌违规使用基金，需行政调查"), work, loss))
                break
            }
        }
        return clues
    }

    mutating func cases(_ clues: [(clue: String, work: BatchWork, loss: [String: Int64])]) throws -> String {
        try chapter.morning("2026-03-12")
        for entry in clues { try chapter.verify(entry.clue) }
        var told: [String] = []
        for (number, entry) in clues.enumerated() {
            let total = entry.loss.values.reduce(0, +)
            let name = entry.work.institution.name
            switch number {
            case 0:
                let matter = try chapter.file(entry.clue, suspect: name, facts: "重复收费", amount: total)
                try chapter.investigate(matter)
                open.append((matter, entry.loss, name))
                record.worthSeeing.append((matter, "处罚案件，罚款入库"))
                told.append("立案处罚一件")
            case 1:
                let matter = try chapter.file(entry.clue, suspect: name, facts: "虚构医药服务", amount: total)
                try chapter.investigate(matter)
                let criminal = try chapter.toPolice(matter, facts: "虚构医药服务项目，涉嫌骗取基金")
                try desk.act("gong", "police_file", on: criminal, .init(papers: ["filing"]))
                try desk.act(
                    "li", "move_things", on: criminal, .init(together: ["sun"], papers: ["items_list"]))
                record.worthSeeing.append((criminal, "公安已立案"))
                told.append("公安立案一件")
            case 2:
                let matter = try chapter.file(entry.clue, suspect: name, facts: "串换项目收费", amount: total)
                try chapter.investigate(matter)
                let criminal = try chapter.toPolice(matter, facts: "串换项目，涉嫌骗取基金")
                try desk.act(
                    "gong", "police_refuse", on: criminal, .init(fields: ["reason": "未达到立案数额"], papers: ["refusal"]))
                try desk.act("gong", "take_back", on: criminal, .init(fields: ["reason": "退回行政机关处理"]))
                try desk.act("li", "back_from_police", on: matter, .init(fields: ["reason": "公安不立案，继续行政处罚"]))
                open.append((matter, entry.loss, name))
                record.worthSeeing.append((matter, "公安退回后继续处罚"))
                told.append("公安退回一件")
            case 3:
                let transfer = try chapter.toDepartment(
                    entry.clue, receiver: cast.health, reason: "涉及诊疗行为，属卫生健康部门职责")
                record.worthSeeing.append((transfer, "移送卫生健康部门"))
                told.append("移送卫健一件")
            default:
                let matter = try chapter.beginAgreement(entry.clue, facts: "超标准收费，情节较轻")
                try chapter.inform(matter, amount: total)
                if let hospital = cast.hospitals[entry.work.institution.code] {
                    try desk.act(hospital, "defend", on: matter, .init(fields: ["defence": "系统升级所致，已整改"]))
                } else {
                    try chapter.morning(try chapter.after(6, "2026-03-12"))
                }
                let recovery = try chapter.decideAgreement(
                    matter, amount: total, found: entry.loss, rectifyBy: "2026-04-15")
                try chapter.recover(
                    recovery, payer: name, plus: ("damages", ["违约金/379900": max(1, total * 30 / 100)]))
                agreement = (matter, recovery)
                record.worthSeeing.append((matter, "协议处理：约谈、整改、违约金、中止"))
                told.append("协议处理一件")
            }
        }
        try chapter.morning("2026-03-19")
        for entry in open {
            try chapter.bringToNotice(
                entry.matter, article: "a38", conduct: "2025-12-01", loss: entry.loss.values.reduce(0, +),
                multiple: "1.2")
        }
        return told.joined(separator: "，")
    }

    mutating func endCases() throws -> String {
        try chapter.morning("2026-03-30")
        var recoveries: [String] = []
        for entry in open {
            try chapter.bringToDecision(entry.matter, found: entry.loss)
            recoveries.append(try chapter.serve(entry.matter))
        }
        try chapter.morning("2026-04-08")
        for (entry, recovery) in zip(open, recoveries) {
            let total = entry.loss.values.reduce(0, +)
            try chapter.recover(
                recovery, payer: entry.payer, plus: ("fine", ["国库/379900": (total * 12 + 5) / 10]))
            try chapter.close(entry.matter)
        }
        try chapter.morning("2026-04-15")
        if let agreement {
            for (item, outcome) in [("D2", "复查合格"), ("D3", "已缴清")] {
                try desk.act(
                    "wu", "execute_measure", on: agreement.matter, .init(item: item, fields: ["outcome": outcome]))
            }
            record.refusals.append(
                try desk.refusal(
                    "wu", "execute_measure", on: agreement.matter, .init(item: "D4", fields: ["outcome": "期满"])))
        }
        return "\(open.count)件处罚结案，罚款缴入国库；一件中止协议期限未满"
    }
}
