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
    let records: any RecordKeeping
    let desk: Desk

    init(
        plan: Plan, absent: Set<Table> = [.entitlement, .prescription, .stock, .scan],
        masters: [Table: [CaseRow]] = [:],
        settings: ServiceSettings = ServiceSettings(), keys: GatewayKeys = GatewayKeys(),
        coverage: CaseTables.Coverage? = nil, familiar: FamiliarCodes = FamiliarCodes(),
        keeper: any RecordKeeping = VolatileRecords(), names: @escaping PersonNames = { $0 }
    ) {
        records = keeper
        let missing = Table.allCases.filter { $0.role == .master && masters[$0] == nil }
        let rulebook = Rulebook(
            plan: plan, names: FindingsNames(), masters: masters, absent: absent.union(missing),
            familiar: familiar, threads: 1)
        let verifier = SignatureVerifier(keys: keys)
        let histories = Histories(
            .init(timelines: nil), keeper: records, tables: { settings.institution($0)?.tables ?? CodeTables() },
            decipher: { verifier.decipher($0, settings) }, names: names)
        care = PointOfCare(
            settings: settings, rulebook: rulebook,
            reviewer: Reviewer(
                rulebook: rulebook, histories: histories, coverage: coverage,
                movementsSince: settings.movementsSince), keeper: records,
            verifier: verifier, log: ServiceLog(level: .quiet))
        desk = Desk(care)
    }

    /// The whole answer as JSON.
    func ask(_ message: String, head: MessageHead = MessageHead()) -> [String: Any] {
        ask(Array(message.utf8), head: head)
    }

    func ask(_ body: [UInt8], head: MessageHead = MessageHead()) -> [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(answer(body, head: head)))) as? [String: Any] ?? [:]
    }

    /// The answer's bytes. Journals and platforms answer from threads of their own.
    func answer(_ body: [UInt8], head: MessageHead = MessageHead()) -> [UInt8] {
        let answer = Mutex<[UInt8]>([])
        let isThere = DispatchSemaphore(value: 0)
        desk.handle(
            Job(body: body, head: head, arrived: 0) { reply in
                answer.withLock { $0 = reply.body }
                isThere.signal()
            })
        isThere.wait()
        return answer.withLock { $0 }
    }

    /// Everything that was recorded.
    var kept: [KeptRecord] { (records as? VolatileRecords)?.all ?? [] }

    /// Uploads that must be taken.
    func take(_ messages: [String: Any]...) {
        for message in messages {
            let answer = ask(message.json)
            #expect(answer["infcode"] as? Int == 0, "\(answer["err_msg"] ?? "no answer")")
        }
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
