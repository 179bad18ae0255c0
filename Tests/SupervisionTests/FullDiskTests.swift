import Database
import Foundation
import Testing

@Suite("Full disk")
struct FullDiskTests {
    /// Making a small file system takes rights that not every machine gives; then the test says "skipped".
    private static let mayMount: Bool = {
        let folder = NSTemporaryDirectory() + "yijian-mount-\(getpid())"
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return shell("unshare -m mount -t tmpfs -o size=1m tmpfs '\(folder)'").status == 0
    }()

    /// The server's log of what it will write lies elsewhere, as on a server that is set up well: what runs full is its data.
    private static let hasServer =
        !((try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []).isEmpty

    @Test(
        .enabled(if: mayMount, "no right to mount a file system of its own"),
        arguments: hasServer ? [StoreKind.sqlite, .postgresql] : [.sqlite])
    func aStoreOnAFullDiskRefusesAndGoesOnWhenThereIsRoom(kind: StoreKind) throws {
        let folder = NSTemporaryDirectory() + "yijian-full-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder + "/small", withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: folder + "/beside", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let places =
            Bundle.allBundles.map(\.bundleURL).map { $0.deletingLastPathComponent() }
            + [URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()]
        let program = try #require(
            places.map { $0.appendingPathComponent("yijian-trials").path }.first {
                FileManager.default.isExecutableFile(atPath: $0)
            })
        let arguments = "'\(folder)' '\(program)' '\(Shipped.folder)'"
        let root = URL(fileURLWithPath: Shipped.folder).deletingLastPathComponent().path
        let run = Self.shell(
            kind == .sqlite
                ? """
                unshare -m sh -c 'mount -t tmpfs -o size=6m tmpfs "$0/small" &&
                    exec "$1" full "$0/small/store.sqlite" "$0/small" "$0/beside" "$2"' \(arguments)
                """
                : """
                DATA_SIZE=80m unshare -m '\(root)/Scripts/postgres-cluster' sh -c \
                    'exec "$1" full "$YIJIAN_CLUSTER" "$YIJIAN_CLUSTER_DATA" "$0/beside" "$2"' \(arguments)
                """)
        #expect(run.status == 0, "\(run.text)")
    }

    private static func shell(_ command: String) -> (status: Int32, text: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        guard (try? process.run()) != nil else { return (-1, "there is no shell") }
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }
}
