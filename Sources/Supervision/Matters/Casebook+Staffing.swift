import Casework
import Database

extension Casebook {
    /// A step that nobody can take as posts are held now (无人可办的步骤), and why.
    package struct UnstaffedStep: Equatable, Sendable {
        package let procedure: String
        package let step: String
        package let reason: String
    }

    /// Every step of every procedure that lacks people: nobody in a role that takes it, too few to act together, a signature
    /// that no one but the proposer could give, a panel below its quorum. Roles of outsiders (courts, police) count as well: they
    /// can act only through a post that somebody holds for them.
    package func unstaffedSteps() throws -> [UnstaffedStep] {
        let now = door.surroundings.now()
        var holders: [String: Set<String>] = [:]
        try door.store.read { transaction in
            let rows = try transaction.rows(
                """
                SELECT DISTINCT r.role, h.account FROM holding h JOIN post_role r ON r.post = h.post
                JOIN account a ON a.id = h.account
                WHERE a.state = 'active' AND h.since <= \(now) AND (h.until IS NULL OR h.until > \(now))
                """, max: 100_000)
            for row in rows { holders[try row.text("role"), default: []].insert(try row.text("account")) }
        }
        return library.procedures.flatMap { procedure in
            procedure.steps.compactMap { step in
                shortage(of: step, holders).map { .init(procedure: procedure.id, step: step.id, reason: $0) }
            }
        }
    }

    private func shortage(of step: Casework.Step, _ holders: [String: Set<String>]) -> String? {
        func people(_ roles: [String]) -> Set<String> { roles.reduce(into: []) { $0.formUnion(holders[$1] ?? []) } }
        func name(_ roles: [String]) -> String { roles.map { library.roles[$0]?.name ?? $0 }.joined(separator: "、") }
        let isPersonal = step.who.contains { library.roles[$0]?.kind == .person }
        let isAutomatic = step.who.contains { library.roles[$0]?.kind != .person }
        let takers = people(step.who)
        if isPersonal, !isAutomatic, takers.count < max(1, step.together) {
            return "\(name(step.who))只有\(takers.count)人，须\(max(1, step.together))人"
        }
        for signature in step.signatures {
            let signers = people([signature.role] + (signature.absent.map { [$0] } ?? []))
            if signers.isEmpty { return "\(name([signature.role]))无人任职，不能签批" }
            if let only = signers.first, signers.count == 1, !isAutomatic, takers == [only] {
                return "呈报与签批只有同一人（\(name([signature.role]))）"
            }
        }
        if let panel = step.panel, let quorum = panel.quorumValue, people([panel.role]).count < quorum {
            return "\(name([panel.role]))只有\(people([panel.role]).count)人，集体讨论须\(quorum)人"
        }
        return nil
    }
}
