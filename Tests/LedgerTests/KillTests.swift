import Foundation
import Testing
import Trials

@Suite struct KillTests {
    /// `make campaign` does this 2,000 times; see Tests/Trials/Results.
    @Test func aWriterKilledAtRandomMomentsLosesInventsAndDoublesNothing() throws {
        let writer =
            Bundle.allBundles.map(\.bundleURL).map { $0.deletingLastPathComponent() }
            + [URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()]
        let program = try #require(
            writer.map { $0.appendingPathComponent("yijian-trials") }.first {
                FileManager.default.isExecutableFile(atPath: $0.path)
            }, "the program yijian-trials is built beside the tests")
        let folder = NSTemporaryDirectory() + "yijian-kills-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let outcome = try KillTrial.run(writer: program, folder: folder, count: 100, milliseconds: 40)
        #expect(outcome.isClean, "\(outcome.text)")
        #expect(outcome.kills == 100 && outcome.acknowledged > 100)
    }
}
