import Casework
import Claims

/// One batch on its way from hit to decision.
struct BatchWork {
    let matter: String
    let institution: Triage.Institution
    /// What each finding of the batch is to go through, by item.
    var appealed: [String] = []
    var accepted: [String] = []
    var silent: [String] = []
}

extension Chapter {
    /// Who reviews: the agency in whose hands the batch lies.
    struct Reviewers {
        let first: String
        let second: String
    }

    func findings(of id: String, by name: String) throws -> [String] {
        try desk.matter(id, by: name).items.filter { $0.kind == "finding" }.map(\.key)
    }

    func items(_ states: Set<String>, of matter: Matter, track: String = "finding") -> [String] {
        matter.items.map(\.key).filter { states.contains(matter.state(track, item: $0) ?? "") }
    }

    /// First and second review: suspicions of every third kind do not stand up; then the rest is published and sent.
    func review(_ id: String, _ institution: Triage.Institution, _ who: Reviewers, number: Int) throws -> BatchWork {
        var work = BatchWork(matter: id, institution: institution)
        let matter = try desk.matter(id, by: who.first)
        let all = items(["hit"], of: matter)
        let doubtful = all.enumerated().filter { index, item in
            matter.fields[item]?["outcome"]?.description == "suspicion" && (index + number) % 3 == 0
        }.map(\.element)
        let sound = all.filter { !doubtful.contains($0) }
        try desk.each(doubtful, who.first, "first_drop", on: id, .init(fields: ["opinion": "病历已说明原因，不构成违规"]))
        try desk.each(sound, who.first, "first_review", on: id, .init(fields: ["opinion": "与结算明细相符"]))
        let weak = sound.enumerated().filter { ($0.offset + number) % 9 == 5 }.map(\.element)
        try desk.each(weak, who.second, "second_drop", on: id, .init(fields: ["opinion": "证据不足"]))
        try desk.each(sound.filter { !weak.contains($0) }, who.second, "second_review", on: id)
        try desk.act(who.first, "publish", on: id)
        let sent = sound.filter { !weak.contains($0) }
        try desk.each(sent, who.first, "send", on: id)
        for (index, item) in sent.enumerated() {
            guard cast.hospitals[institution.code] != nil else {
                work.silent.append(item)
                continue
            }
            switch (index + number) % 4 {
            case 0, 2: work.appealed.append(item)
            case 1: work.accepted.append(item)
            default: work.silent.append(item)
            }
        }
        return work
    }

    /// The institution's side: some it accepts, some it appeals, on the rest it is silent.
    func answer(_ work: BatchWork) throws {
        guard let name = cast.hospitals[work.institution.code] else { return }
        try desk.each(work.accepted, name, "accept", on: work.matter)
        try desk.each(
            work.appealed, name, "appeal", on: work.matter,
            .init(fields: ["channel": "web", "appeal_text": "附病程记录，请复核"], papers: ["record"]))
    }

    /// After the appeals: some are dropped, one by a panel of experts confirmed, the rest confirmed line by line.
    func decide(_ work: BatchWork, _ who: Reviewers, panel: Bool) throws {
        let id = work.matter
        let matter = try desk.matter(id, by: who.second)
        var appealed = items(["appealed"], of: matter)
        let won = appealed.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        try desk.each(won, who.second, "second_drop", on: id, .init(fields: ["opinion": "申诉成立，病历可以佐证"]))
        appealed.removeAll(where: won.contains)
        try judgeLines(of: appealed + items(["accepted"], of: matter), in: matter, who)
        if panel, let contested = appealed.first {
            try desk.act(who.second, "joint_confirm", on: id, .init(item: contested, fields: ["opinion": "合议"]))
            try desk.approve(["chen", "chu", "wei"], id, item: contested)
            try desk.conclude(who.second, id, item: contested)
            appealed.removeFirst()
        }
        try desk.each(
            appealed + items(["accepted"], of: matter), who.second, "confirm", on: id,
            .init(fields: ["opinion": "按明细认定"]))
    }

    /// Line by line: what its loss is known for is upheld, every eleventh is released.
    private func judgeLines(of findings: [String], in matter: Matter, _ who: Reviewers) throws {
        var rows: [(step: String, deed: Desk.Deed)] = []
        for finding in findings {
            for line in matter.items where line.parent == finding {
                if case .split(let claimed)? = matter.fields[line.key]?["claimed"], rows.count % 11 != 10,
                    claimed.values.contains(where: { $0 > 0 })
                {
                    rows.append(
                        ("uphold_line", .init(item: line.key, splits: ["loss": claimed.filter { $0.value > 0 }])))
                } else {
                    rows.append(
                        ("release_line", .init(item: line.key, fields: ["line_reason": "该明细未造成基金损失或者有医嘱"])))
                }
            }
        }
        try desk.form(rows, who.second, on: matter.id)
    }

    /// Deducted, and the batch closed with the money on its way; nil: nothing stood.
    @discardableResult
    func settle(_ work: BatchWork, _ who: Reviewers, sample: Bool, compensate: Bool) throws -> String? {
        let id = work.matter
        var matter = try desk.matter(id, by: who.first)
        let confirmed = items(["confirmed"], of: matter)
        if sample, let drawn = confirmed.first {
            try desk.act(who.second, "draw", on: id, .init(item: drawn))
            try desk.act("wei", "blind", on: id, .init(item: drawn, fields: ["agrees": "true"]))
        }
        try desk.each(confirmed, "shen", "deduct", on: id)
        var rest = confirmed
        if compensate, let wrong = rest.popLast() {
            let lines = matter.items.filter { $0.parent == wrong }
            let losses = lines.compactMap { line -> [String: Int64]? in
                if case .split(let loss)? = matter.fields[line.key]?["loss"] { loss } else { nil }
            }
            try desk.act(
                who.second, "compensate", on: id,
                .init(item: wrong, fields: ["opinion": "复核发现多扣一笔，补还"], splits: ["returned": losses.first ?? [:]]))
            try desk.approve(["jiang"], id, item: wrong)
        }
        try desk.each(rest, "shen", "finish", on: id)
        matter = try desk.matter(id, by: who.first)
        guard matter.balance("confirmed") > 0 else {
            try desk.act(who.first, "settle_none", on: id)
            return nil
        }
        try desk.act(who.first, "settle", on: id, .init(fields: ["result": rest.count > 1 ? "partly" : "established"]))
        let done = try desk.approve(["jiang"], id)
        return done?.children.last?.id
    }
}
