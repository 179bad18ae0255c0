import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// The service's door on the network: HTTP/1.1 with bounds on everything a sender may do slowly, largely or often.
///
/// TLS is the work of a proxy in front (see `docs/operations.md`).
package final class HTTPServer: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let service: PointOfCare
    private let api: API?
    private let channel: Mutex<(any Channel)?> = Mutex(nil)
    private let connections = Connections()

    /// Without an API its addresses are unknown pages.
    package init(_ service: PointOfCare, api: API? = nil) {
        self.service = service
        self.api = api
        group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, min(4, service.settings.threads)))
    }

    /// Begins to listen; the port that was taken (settings may say 0: any).
    package func start() throws -> Int {
        let (service, api, connections) = (service, api, connections)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard connections.open(channel, max: service.settings.connectionsMax) else {
                        throw ChannelError.eof
                    }
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(HTTPResponseEncoder())
                    try pipeline.addHandler(
                        ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
                    try pipeline.addHandler(HTTPServerPipelineHandler())
                    try pipeline.addHandler(HTTPServerProtocolErrorHandler())
                    try pipeline.addHandler(Conversation(service, api, connections))
                }
            }
        let bound = try bootstrap.bind(host: service.settings.host, port: service.settings.port).wait()
        channel.withLock { $0 = bound }
        return bound.localAddress?.port ?? service.settings.port
    }

    /// Takes no new connections, lets those at hand end, and then ends (at most after `seconds`).
    package func stop(seconds: Int) {
        _ = try? channel.withLock { $0 }?.close().wait()
        connections.isClosing = true
        let deadline = WallClock.steady + UInt64(seconds) * 1_000_000_000
        connections.closeIdle()
        while connections.busyCount > 0, WallClock.steady < deadline { usleepMilliseconds(10) }
        try? group.syncShutdownGracefully()
    }

    package var openCount: Int { connections.count }
}

private func usleepMilliseconds(_ milliseconds: UInt32) { _ = Glibc.usleep(milliseconds * 1000) }

/// The connections that are open, and which of them wait for an answer.
final class Connections: Sendable {
    private struct State {
        var open: [ObjectIdentifier: any Channel] = [:]
        var busy: Set<ObjectIdentifier> = []
        var isClosing = false
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.open.count } }
    var busyCount: Int { state.withLock { $0.busy.count } }

    var isClosing: Bool {
        get { state.withLock { $0.isClosing } }
        set { state.withLock { $0.isClosing = newValue } }
    }

    /// False when there are too many.
    func open(_ channel: any Channel, max: Int) -> Bool {
        state.withLock { state in
            guard state.open.count < max, !state.isClosing else { return false }
            state.open[ObjectIdentifier(channel)] = channel
            return true
        }
    }

    func close(_ channel: any Channel) {
        state.withLock { state in
            state.open[ObjectIdentifier(channel)] = nil
            state.busy.remove(ObjectIdentifier(channel))
        }
    }

    func set(_ channel: any Channel, busy: Bool) {
        state.withLock { state in
            if busy {
                state.busy.insert(ObjectIdentifier(channel))
            } else {
                state.busy.remove(ObjectIdentifier(channel))
            }
        }
    }

    func closeIdle() {
        let idle = state.withLock { state in state.open.filter { !state.busy.contains($0.key) }.map(\.value) }
        for channel in idle { channel.close(promise: nil) }
    }
}
