import Database
import Foundation
import Testing

/// A PostgreSQL server of the tests' own: made by `initdb` with checksums, reached through a socket in its folder, and
/// removed when the tests end. As root it runs as the user `postgres`, because the server refuses root.
package final class PostgresCluster: Sendable {
    let folder: String
    private let tools: String

    /// Nil where PostgreSQL's programs are not installed or the server does not start; `reason` says which.
    package static let shared: PostgresCluster? = start().cluster
    package static let reason: Comment = "PostgreSQL's server programs were not found, or the server did not start"

    private static func start() -> (cluster: PostgresCluster?, reason: String) {
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        let newest = versions.compactMap { Int($0) }.max().map { "/usr/lib/postgresql/\($0)/bin" }
        guard let tools = newest, access(tools + "/initdb", X_OK) == 0 else { return (nil, "initdb was not found") }
        let folder = FileManager.default.temporaryDirectory.path + "/yijian-postgres-\(getpid())"
        let cluster = PostgresCluster(folder: folder, tools: tools)
        guard cluster.begin() else {
            cluster.remove()
            return (nil, "the server did not start")
        }
        atexit { PostgresCluster.shared?.remove() }
        return (cluster, "")
    }

    private init(folder: String, tools: String) {
        self.folder = folder
        self.tools = tools
    }

    private func begin() -> Bool {
        try? FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
        if getuid() == 0, let user = getpwnam("postgres") { chown(folder, user.pointee.pw_uid, user.pointee.pw_gid) }
        return run(["initdb", "-k", "-D", folder + "/data", "-A", "trust", "-U", "yijian", "-E", "UTF8", "--locale=C"])
            && startServer()
    }

    @discardableResult
    package func startServer() -> Bool {
        // fsync stays on: what the tests exercise is what runs.
        run([
            "pg_ctl", "-D", folder + "/data", "-w", "-l", folder + "/log", "-o",
            "-k \(folder) -c listen_addresses='' -c max_connections=60 -c shared_buffers=32MB", "start",
        ])
    }

    /// Stops the server as a power cut would: without a last checkpoint.
    package func stopAtOnce() { _ = run(["pg_ctl", "-D", folder + "/data", "-w", "-m", "immediate", "stop"]) }

    /// The address of a new, empty database.
    package func makeDatabase() throws -> StoreAddress {
        let name = "t" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        guard run(["createdb", "-h", folder, "-U", "yijian", name]) else {
            throw StoreError(.unreachable, "createdb failed", at: folder, advice: "read the server's log")
        }
        return .server(connection: "host=\(folder) user=yijian dbname=\(name)")
    }

    private func remove() {
        stopAtOnce()
        try? FileManager.default.removeItem(atPath: folder)
    }

    private func run(_ arguments: [String]) -> Bool {
        var command = [tools + "/" + arguments[0]] + arguments.dropFirst()
        if getuid() == 0 { command = ["/usr/sbin/runuser", "-u", "postgres", "--"] + command }
        // Not Foundation's Process: it waits until the server, which inherits its socket, has ended too.
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in 0...2 as ClosedRange<Int32> {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        var texts: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { for text in texts { free(text) } }
        var child: pid_t = 0
        guard posix_spawn(&child, command[0], &actions, nil, &texts, environ) == 0 else { return false }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        return status == 0
    }
}
