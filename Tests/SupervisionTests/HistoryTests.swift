import Database
import Foundation
import StoreTesting
import Testing

@testable import Trials

@Suite("History")
struct HistoryTests {
    /// `make campaign` does this for minutes; see Tests/Trials/Results.
    @Test(arguments: TestStore.kinds)
    func killedOfficersAndSequencersLoseNothingAndOverwriteNobody(kind: StoreKind) throws {
        let places =
            Bundle.allBundles.map(\.bundleURL).map { $0.deletingLastPathComponent() }
            + [URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()]
        let program = try #require(
            places.map { $0.appendingPathComponent("yijian-trials") }.first {
                FileManager.default.isExecutableFile(atPath: $0.path)
            }, "the program yijian-trials is built beside the tests")
        let stored = try TestStore(kind)
        let folder = FileManager.default.temporaryDirectory.path + "/yijian-history-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var plan = HistoryTrial.Plan()
        plan.officers = 3
        plan.matters = 3
        plan.kills = 9
        let address = stored.store.address
        let text =
            switch address {
            case .file(let path): path
            case .server(let connection): connection
            }
        let outcome = try HistoryTrial.run(
            program: program, address: address, text: text, knowledge: Shipped.folder, folder: folder, plan: plan)
        #expect(outcome.isClean, "\(outcome.text)")
        #expect(outcome.acknowledged > 5 && outcome.kills == 6 && outcome.sequencerKills == 3, "\(outcome.text)")
    }

    /// The checker itself: a history with one fault of each kind is not clean.
    @Test func theCheckerSeesDisorder() {
        #expect(HistoryTrial.disorder([(0, 10, 20), (1, 30, 40), (2, 35, 60)]) == 0)
        #expect(HistoryTrial.disorder([(0, 10, 20), (1, 15, 40), (2, 5, 12)]) == 1, "answered at 12, placed behind 15")
        var told = HistoryTrial.Told()
        told.hear("T 1 m 3 100\nK 1 4 200\nT 2 m -1 150\nC 9\nE 10 DBS002\nK 2 5 99")
        #expect(told.sayings[1]?.number == 4 && told.sayings[1]?.seen == 3 && told.conflicts == 1)
        #expect(told.sayings[2]?.number == nil, "a line that the kill cut is not believed")
    }
}
