import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Where a relay passes messages on to: `http://host:port`, and a path when that of the message shall not be kept. TLS is
/// the work of a proxy, as on our own door.
package struct RelayAddress: Sendable, Equatable {
    package let host: String
    package let port: Int
    package let path: String?

    /// nil when it is not such an address.
    package init?(_ text: String) {
        guard text.hasPrefix("http://") else { return nil }
        let rest = text.dropFirst("http://".count)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = rest[..<slash].split(separator: ":", omittingEmptySubsequences: false)
        guard (1...2).contains(authority.count), let host = authority.first, !host.isEmpty,
            let port = authority.count == 2 ? Int(authority[1]) : 80, (1...65_535).contains(port)
        else { return nil }
        self.host = String(host)
        self.port = port
        let path = String(rest[slash...])
        self.path = path.isEmpty || path == "/" ? nil : path
    }
}

/// The platform behind a relay (上级平台): messages go there as they came, answers come back as they are.
///
/// Nobody waits here: the number of messages on the way is bounded, each has a deadline, and only a connection that could
/// not be made is tried once more. What was sent is never sent again by us: whether the platform did it is then unknown,
/// and the sender knows how to ask (2601).
final class Upstream: Sendable {
    enum Failure: Error, Equatable, Sendable {
        /// Nothing was sent.
        case unreachable, busy
        /// It was sent; whether it was done is unknown.
        case noAnswer

        var why: String {
            switch self {
            case .unreachable: "无法连接，报文未转发，请稍后重发"
            case .busy: "转发中的报文过多，报文未转发，请稍后重发"
            case .noAnswer: "报文已转发但未收到答复，结果未知，请查询或按 2601 冲正"
            }
        }
    }

    struct Answer: Sendable {
        var status = 200
        var body: [UInt8] = []
    }

    typealias Completion = @Sendable (Result<Answer, Failure>) -> Void

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let waiting = Atomic<Int>(0)
    private let waitingMax: Int
    private let secondsMax: Int
    private static let connectSeconds: Int64 = 3
    private static let tries = 2
    static let answerBytesMax = 16 << 20

    init(waitingMax: Int, secondsMax: Int) {
        self.waitingMax = waitingMax
        self.secondsMax = secondsMax
    }

    func close() { try? group.syncShutdownGracefully() }

    /// Passes a message on; `then` is called once, from a thread of its own.
    func send(_ body: [UInt8], _ head: MessageHead, to address: RelayAddress, then: @escaping Completion) {
        guard waiting.add(1, ordering: .relaxed).newValue <= waitingMax else {
            waiting.subtract(1, ordering: .relaxed)
            return then(.failure(.busy))
        }
        attempt(1, body, head, address) { result in
            self.waiting.subtract(1, ordering: .relaxed)
            then(result)
        }
    }

    private func attempt(
        _ number: Int, _ body: [UInt8], _ head: MessageHead, _ address: RelayAddress, then: @escaping Completion
    ) {
        let exchange = Exchange(secondsMax: secondsMax, then: then)
        let request = Self.request(body, head, address)
        ClientBootstrap(group: group)
            .connectTimeout(.seconds(Self.connectSeconds))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(ExchangeHandler(exchange))
                }
            }
            .connect(host: address.host, port: address.port)
            .whenComplete { result in
                switch result {
                case .success(let channel):
                    exchange.begin(on: channel)
                    channel.write(HTTPClientRequestPart.head(request), promise: nil)
                    channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: body))), promise: nil)
                    channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
                case .failure where number < Self.tries:
                    self.group.any().scheduleTask(in: .milliseconds(200)) {
                        self.attempt(number + 1, body, head, address, then: then)
                    }
                case .failure: then(.failure(.unreachable))
                }
            }
    }

    private static func request(_ body: [UInt8], _ head: MessageHead, _ address: RelayAddress) -> HTTPRequestHead {
        var headers = HTTPHeaders()
        headers.add(name: "host", value: "\(address.host):\(address.port)")
        headers.add(name: "content-type", value: "application/json; charset=utf-8")
        headers.add(name: "content-length", value: String(body.count))
        headers.add(name: "connection", value: "close")
        for (name, value) in head.fields.sorted(by: { $0.key < $1.key }) { headers.add(name: name, value: value) }
        let path = address.path ?? (head.path.hasPrefix("/") ? head.path : "/")
        return HTTPRequestHead(version: .http1_1, method: .POST, uri: path, headers: headers)
    }
}

/// One message on its way there and its answer: completed once.
private final class Exchange: Sendable {
    private let then: Mutex<Upstream.Completion?>
    private let secondsMax: Int

    init(secondsMax: Int, then: @escaping Upstream.Completion) {
        self.secondsMax = secondsMax
        self.then = Mutex(then)
    }

    func begin(on channel: any Channel) {
        let deadline = channel.eventLoop.scheduleTask(in: .seconds(Int64(secondsMax))) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in
            deadline.cancel()
            self.end(.failure(.noAnswer))
        }
    }

    func end(_ result: Result<Upstream.Answer, Upstream.Failure>) {
        let body = then.withLock { then in
            defer { then = nil }
            return then
        }
        body?(result)
    }
}

/// Gathers an answer; what is too large or breaks off is no answer.
private final class ExchangeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let exchange: Exchange
    private var answer = Upstream.Answer()

    init(_ exchange: Exchange) { self.exchange = exchange }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): answer.status = Int(head.status.code)
        case .body(let part):
            guard answer.body.count + part.readableBytes <= Upstream.answerBytesMax else {
                return context.close(promise: nil)
            }
            part.withUnsafeReadableBytes { answer.body.append(contentsOf: $0) }
        case .end:
            exchange.end(.success(answer))
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
