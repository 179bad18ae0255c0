import Audit
import Claims
import Foundation
import Rules
import Synchronization
import Testing

@testable import Web

/// A service without a network: messages go in as bytes, answers come out as JSON.
final class Rehearsal {
    let care: PointOfCare
    let records = VolatileRecords()
    private let desk: Desk

    init(
        plan: Plan, absent: Set<Table> = [.entitlement, .prescription, .stock, .scan],
        masters: [Table: [CaseRow]] = [:],
        settings: ServiceSettings = ServiceSettings(), keys: GatewayKeys = GatewayKeys(),
        coverage: CaseTables.Coverage? = nil, familiar: FamiliarCodes = FamiliarCodes()
    ) {
        let missing = Table.allCases.filter { $0.role == .master && masters[$0] == nil }
        let rulebook = Rulebook(
            plan: plan, names: FindingsNames(), masters: masters, absent: absent.union(missing),
            familiar: familiar, threads: 1)
        let verifier = SignatureVerifier(keys: keys)
        let histories = Histories(
            timelines: nil, keeper: records, tables: { settings.institution($0)?.tables ?? CodeTables() },
            decipher: { verifier.decipher($0, settings) })
        care = PointOfCare(
            settings: settings, rulebook: rulebook,
            reviewer: Reviewer(rulebook: rulebook, histories: histories, coverage: coverage), keeper: records,
            verifier: verifier, log: ServiceLog(level: .quiet))
        desk = Desk(care)
    }

    /// The whole answer as JSON.
    func ask(_ message: String, head: MessageHead = MessageHead()) -> [String: Any] {
        ask(Array(message.utf8), head: head)
    }

    func ask(_ body: [UInt8], head: MessageHead = MessageHead()) -> [String: Any] {
        let answer = Mutex<[UInt8]>([])
        desk.handle(Job(body: body, head: head, arrived: 0) { reply in answer.withLock { $0 = reply.body } })
        let bytes = answer.withLock { $0 }
        return (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [String: Any] ?? [:]
    }

    /// `output.result` of a review.
    func review(_ message: String) -> [[String: Any]] {
        let answer = ask(message)
        #expect(answer["infcode"] as? Int == 0, "\(answer["err_msg"] ?? "no answer")")
        return (answer["output"] as? [String: Any])?["result"] as? [[String: Any]] ?? []
    }
}

extension [String: Any] {
    var json: String {
        String(
            decoding: (try? JSONSerialization.data(withJSONObject: self, options: [.sortedKeys])) ?? Data(),
            as: UTF8.self)
    }
}

/// The shipped package.
enum Shipped {
    static let plan: Plan? = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return PlanLoader.load(package: root.appending(path: "knowledge").path()).plan
    }()
}
