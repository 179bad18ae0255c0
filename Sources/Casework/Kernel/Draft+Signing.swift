import Claims
import Rules

extension Draft {
    /// One opinion on what was proposed: the next in the chain of signatures, or a vote of the panel.
    mutating func opine(_ approves: Bool, _ command: Command) throws(Refusal) {
        what = approves ? "approve" : "return"
        let (proposal, step) = try self.proposal(command)
        let person: String
        var scan: String?
        if let signer = command.signer {
            guard step.who.contains(actor.role), let hash = command.papers.values.first else {
                throw Refusal("CAS010", "录入纸质签批须随附扫描件", advice: "请上传签批页")
            }
            person = signer
            scan = hash
        } else {
            person = actor.person
        }
        guard proposal.actor.person != person, !proposal.command.together.contains(person) else {
            throw Refusal("CAS018", "\(person)是呈报人，不得自己签批", advice: "由他人签批")
        }
        guard !proposal.opinions.contains(where: { $0.person == person }), !matter.recused.contains(person) else {
            throw Refusal("CAS007", "\(person)已经签过意见或已回避", advice: "由他人签批")
        }
        let role = try self.role(of: person, signedOnPaper: command.signer != nil, step, proposal)
        events.append(
            .opinion(proposal: proposal.act, approves: approves, role: role, person: person, paper: scan))
        if step.panel != nil { return }
        guard approves else {
            events.append(.proposalClosed(proposal: proposal.act, passed: false))
            return
        }
        guard proposal.opinions.count + 1 == step.signatures.count else { return }
        try pass(proposal, step)
    }

    /// Whose turn it is, and whether this person may take it.
    private func role(of person: String, signedOnPaper: Bool, _ step: Step, _ proposal: Matter.Proposal)
        throws(Refusal) -> String
    {
        let held = view.directory[person] ?? (signedOnPaper ? [] : [actor.role])
        func holds(_ role: String) -> Bool { signedOnPaper ? held.contains(role) : actor.role == role }
        if let panel = step.panel {
            guard holds(panel.role) else { throw Refusal.role(actor, [panel.role], view.roles, "表决") }
            return panel.role
        }
        guard proposal.opinions.count < step.signatures.count else { throw Refusal("CAS017", "签批已经完成") }
        let next = step.signatures[proposal.opinions.count]
        if holds(next.role) { return next.role }
        if let absent = next.absent, holds(absent) {
            guard view.absent.contains(next.role) else {
                throw Refusal("CAS019", "\(view.roles[next.role]?.name ?? next.role)在岗，须由其本人\(next.name)")
            }
            return absent
        }
        throw Refusal(
            "CAS019", "现在由\(view.roles[next.role]?.name ?? next.role)\(next.name)，\(person)不能签批",
            advice: "按签批顺序办理")
    }

    private func proposal(_ command: Command) throws(Refusal) -> (Matter.Proposal, Step) {
        let waiting = matter.proposals.filter {
            $0.item == command.item
                && (command.target.isEmpty || String($0.act) == command.target || $0.step == command.target)
        }
        guard let proposal = waiting.first, let step = procedure.step(proposal.step) else {
            throw Refusal("CAS017", "没有等待签批的呈报")
        }
        guard waiting.count == 1 else {
            throw Refusal("CAS017", "有\(waiting.count)件呈报等待签批", advice: "请指明呈报的步骤或序号")
        }
        return (proposal, step)
    }

    /// Ends a panel's vote: enough members, more than half of them for it.
    mutating func conclude(_ command: Command) throws(Refusal) {
        what = "conclude"
        let (proposal, step) = try self.proposal(command)
        guard let panel = step.panel else { throw Refusal("CAS017", "“\(step.name)”不经集体讨论") }
        guard step.who.contains(actor.role) else { throw Refusal.role(actor, step.who, view.roles, "宣布表决结果") }
        let quorum = panel.quorumValue ?? facts("", [:]).parameter(panel.quorum)?.mantissa(scale: 0).map(Int.init)
        guard let quorum, proposal.opinions.count >= quorum else {
            throw Refusal(
                "CAS020", "到会表决\(proposal.opinions.count)人，不足\(quorum.map(String.init) ?? "规定")人",
                provision: step.basis.first ?? "", advice: "请其余成员表决")
        }
        guard proposal.opinions.filter(\.approves).count * 2 > proposal.opinions.count else {
            events.append(.proposalClosed(proposal: proposal.act, passed: false))
            return
        }
        try pass(proposal, step)
    }

    /// What was proposed takes effect, if it still may.
    private mutating func pass(_ proposal: Matter.Proposal, _ step: Step) throws(Refusal) {
        var command = proposal.command
        command.effective = nil
        try checkPlace(step, command.item)
        try checkClocks(step, command.item)
        try checkContent(step, command)
        events.append(.proposalClosed(proposal: proposal.act, passed: true))
        matter.proposals.removeAll { $0.act == proposal.act }
        try perform(step, command, persons: [proposal.actor.person] + command.together)
    }
}
