import Casework
import Database

extension Casebook {
    /// What a run of the audit became (疑点分流结果).
    package struct Triaged: Sendable {
        package let opened: [(matter: String, batch: Triage.Batch)]
        package let skipped: [(finding: String, why: Triage.Skipped)]
        /// Batches of areas for which no agency below the caller's is in the directory.
        package let unassigned: [Triage.Batch]
        /// Open findings that the run would have found again and did not: reversed, corrected, or excused by a newer rule.
        package let gone: [(matter: String, item: String)]
    }

    /// What a run looked at, so that what it did not find again can be told from what it did not look for.
    package struct Looked: Sendable {
        package let rules: Set<String>
        /// Settlement months, `yyyy-mm`, inclusive.
        package let months: ClosedRange<String>
        package init(rules: Set<String>, months: ClosedRange<String>) {
            self.rules = rules
            self.months = months
        }
    }

    /// Findings become matters: one batch for each institution's settlement period, in the hands of the agency of the place of
    /// care, or of insurance where only the person is at fault (就医地、参保地管辖). Doing it twice opens nothing twice.
    package func triage(
        _ findings: [Triage.Finding], looked: Looked? = nil, into procedure: String = "findings",
        as role: String = "auditor", by token: SessionToken
    ) throws -> Triaged {
        guard let chosen = library.procedure(procedure) else { throw DoorRefusal.unknown("程序", procedure) }
        let caller = try door.caller(of: token)
        guard let holding = caller.holdings.first(where: { $0.roles.contains(role) }) else {
            throw DoorRefusal.notGranted("matter.act", door.authority)
        }
        let (offices, earlier, gone) = try door.store.read { transaction in
            let institutions = Set(findings.map(\.institution.code))
            var fates: [Triage.Identity: [Triage.Earlier]] = [:]
            var gone: [(matter: String, item: String)] = []
            let found = Set(findings.map(\.identity))
            try eachMatterWithFindings(of: institutions, looked != nil, transaction) { matter in
                fates.merge(Triage.fates(in: [matter])) { $0 + $1 }
                if let looked { gone += self.gone(in: matter, found, looked) }
            }
            return (try Offices(transaction), fates, gone)
        }
        let triage = Triage(findings, earlier: earlier)
        var opened: [(matter: String, batch: Triage.Batch)] = []
        var unassigned: [Triage.Batch] = []
        for batch in triage.batches {
            guard let agency = offices.nearest("agency", to: batch.area), agency.path.hasPrefix(holding.path) else {
                unassigned.append(batch)
                continue
            }
            var command = batch.opening(of: chosen)
            command.parties["agency"] = agency.id
            command.parties["body"] = offices.nearest("bureau", to: batch.area)?.id
            command.parties["subject"] = batch.institution.code
            let outcome = try acting(by: token) { transaction, caller in
                let id = try batchIdentifier(procedure, batch, transaction)
                return try open(chosen, command, as: role, id: id, caller, transaction)
            }
            opened.append((outcome.matter.id, batch))
        }
        return Triaged(opened: opened, skipped: triage.skipped, unassigned: unassigned, gone: gone)
    }

    /// `findings-H37990200001-2025-03-1`: the same for whoever triages, so that two at once cannot open it twice.
    private func batchIdentifier(_ procedure: String, _ batch: Triage.Batch, _ transaction: Transaction) throws
        -> String
    {
        let stem = "\(procedure)-\(batch.institution.code)-\(batch.period)-"
        let known = try transaction.integer(
            "SELECT COUNT(*) FROM matter WHERE id >= \(stem) AND id < \(stem + "\u{10FFFF}") AND parent IS NULL")
        return stem + String(known + 1)
    }

    /// Takes one step with every open finding of the matters that the caller may act on and that are chosen: a withdrawn rule, a
    /// reversal sent in time. Each with its result.
    package func close(
        findings chosen: [(matter: String, item: String)], by step: String, opinion: String, by token: SessionToken
    ) throws -> [(matter: String, item: String, refusal: String?)] {
        guard !opinion.isEmpty else { throw DoorRefusal.reasonMissing }
        var rows: [(matter: String, item: String, refusal: String?)] = []
        for (matter, items) in Dictionary(grouping: chosen, by: \.matter).sorted(by: { $0.key < $1.key }) {
            var command = Command(.take(step))
            command.fields["opinion"] = .single(.text(opinion))
            for row in try act(batch: items.map(\.item), command, on: matter, by: token) {
                rows.append((matter, row.item, row.refusal))
            }
        }
        return rows
    }

    /// The open findings of a rule, in the matters that the caller may list.
    package func openFindings(ofRule rule: String, by token: SessionToken) throws -> [(matter: String, item: String)] {
        let caller = try door.caller(of: token)
        var found: [(matter: String, item: String)] = []
        try door.store.read { transaction in
            let shelf = MatterShelf(transaction: transaction, library: library, seals: door.seals)
            var filter = Filter()
            filter.isOpen = true
            try transaction.eachRow(
                "SELECT id, procedure FROM (" + list(filter, for: caller, in: transaction)
                    + ") AS m WHERE procedure IN (\(list: findingProcedures))",
                by: ["id"]
            ) { row in
                guard let matter = try shelf.matter(try row.text("id")) else { return }
                for item in matter.openFindings where matter.fields[item]?["rule"]?.description == rule {
                    found.append((matter.id, item))
                }
            }
        }
        return found
    }

    /// How often each rule was right, by kind of institution, as far as the caller may list the matters (规则准确率).
    package func outcomes(by token: SessionToken) throws -> FindingOutcomes {
        let caller = try door.caller(of: token)
        guard door.authority.allows("statistics.read", caller) else {
            throw DoorRefusal.notGranted("statistics.read", door.authority)
        }
        var outcomes = FindingOutcomes()
        try door.store.read { transaction in
            let shelf = MatterShelf(transaction: transaction, library: library, seals: door.seals)
            try transaction.eachRow(
                "SELECT id, procedure FROM (" + list(Filter(), for: caller, in: transaction)
                    + ") AS m WHERE procedure IN (\(list: findingProcedures))",
                by: ["id"]
            ) { row in
                if let matter = try shelf.matter(try row.text("id")) { outcomes.add(matter) }
            }
        }
        return outcomes
    }

    // MARK: Pieces

    private var findingProcedures: [String] {
        library.procedures.filter { $0.field("evidence")?.item == "finding" }.map(\.id)
    }

    private func eachMatterWithFindings(
        of institutions: Set<String>, _ all: Bool, _ transaction: Transaction, _ body: (Matter) throws -> Void
    ) throws {
        let shelf = MatterShelf(transaction: transaction, library: library, seals: door.seals)
        let of: SQL =
            "SELECT m.id AS id, a.value AS institution FROM matter m JOIN matter_attribute a ON a.matter = m.id AND a.name = 'institution' WHERE m.procedure IN (\(list: findingProcedures))"
        try transaction.eachRow("SELECT id, institution FROM (" + of + ") AS every", by: ["id"]) { row in
            guard try all || institutions.contains(row.text("institution")),
                let matter = try shelf.matter(try row.text("id"))
            else { return }
            try body(matter)
        }
    }

    private func gone(in matter: Matter, _ found: Set<Triage.Identity>, _ looked: Looked) -> [(
        matter: String, item: String
    )] {
        guard let period = matter.field("period")?.description, looked.months.contains(period),
            let institution = matter.field("institution")?.description
        else { return [] }
        return matter.openFindings.filter { item in
            guard let fields = matter.fields[item], let rule = fields["rule"]?.description,
                let theme = fields["theme"]?.description
            else { return false }
            let lines = matter.items.filter { $0.parent == item }.compactMap {
                matter.fields[$0.key]?["row"]?.description
            }
            let identity = Triage.Identity(institution: institution, theme: theme, lines: Set(lines))
            return looked.rules.contains(rule) && !found.contains(identity)
        }.map { (matter.id, $0) }
    }
}

extension Matter {
    /// The findings on which nothing was decided yet.
    fileprivate var openFindings: [String] {
        guard let track = procedure.track("finding") else { return [] }
        return items.map(\.key).filter { item in
            guard let state = state(track.id, item: item).flatMap(track.state) else { return false }
            return !state.isEnd && !state.isDecision
        }
    }
}

/// Which administration and which agency is in charge of an area: its own, else that of the city, else of the province.
private struct Offices {
    struct Office {
        let id: String
        let path: String
    }

    private var byArea: [String: Office] = [:]

    init(_ transaction: Transaction) throws {
        try transaction.eachRow(
            "SELECT id, kind, area, path FROM organisation WHERE kind IN ('agency', 'bureau')", by: ["id"]
        ) { row in
            let key = "\(try row.text("kind")) \(try row.text("area"))"
            if byArea[key] == nil { byArea[key] = Office(id: try row.text("id"), path: try row.text("path")) }
        }
    }

    func nearest(_ kind: String, to area: String) -> Office? {
        for digits in [6, 4, 2] where area.utf8.count == 6 {
            let wider = area.prefix(digits) + String(repeating: "0", count: 6 - digits)
            if let office = byArea["\(kind) \(wider)"] { return office }
        }
        return nil
    }
}
