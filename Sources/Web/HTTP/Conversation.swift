import NIOCore
import NIOHTTP1

/// One connection: requests in, answers out, one after the other.
///
/// What is too large, or has no room, is refused before its body is read; who sends too slowly is told so and let go.
final class Conversation: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State { case idle, reading, answering, refusing }

    private let service: PointOfCare
    private let api: API?
    private let connections: Connections
    private var state = State.idle
    private var body: [UInt8] = []
    private var head = MessageHead()
    private var isPost = false
    /// A call of the API, as far as it was read; nil: a message of the national interface or a page of the service's state.
    private var call: APIRequest?
    private var keepsAlive = true
    private var bodyBytesMax = 0
    private var line = WorkQueue.Line.review
    private var arrived: UInt64 = 0
    /// Ends the connection when nothing whole arrives in time.
    private var patience: Alarm?
    private var isIdle = false
    /// Answers a review that takes too long.
    private var budget: Alarm?
    private var waiting: Job?
    /// Answers are matched to the request they belong to.
    private var turn: UInt64 = 0

    private static let signingFields = [
        "x-tif-paasid", "x-tif-timestamp", "x-tif-nonce", "x-tif-signature", "_api_name", "_api_version",
        "_api_timestamp", "_api_access_key", "_api_signature", "authorization",
    ]
    private static let headBytesMax = 32_768

    init(_ service: PointOfCare, _ api: API?, _ connections: Connections) {
        self.service = service
        self.api = api
        self.connections = connections
    }

    func channelActive(context: ChannelHandlerContext) {
        service.figures.add(.connections)
        let (channel, service) = (context.channel, service)
        patience = Alarm(on: context.eventLoop) { [unowned self] in
            if !isIdle { service.figures.add(.httpErrors) }
            channel.close(promise: nil)
        }
        budget = Alarm(on: context.eventLoop) { [unowned self] in
            guard let job = waiting, !job.isClaimed else { return }
            service.expire(job, with: Desk(service))
        }
        wait(seconds: service.settings.headSecondsMax)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        patience?.end()
        budget?.end()
        waiting = nil
        connections.close(context.channel)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        service.figures.add(.httpErrors)
        context.close(promise: nil)
    }

    private func wait(seconds: Int, isIdle: Bool = false) {
        self.isIdle = isIdle
        patience?.set(.seconds(Int64(seconds)))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): begin(context, head)
        case .body(let part): read(context, part)
        case .end: if state == .reading { finish(context) } else if state == .refusing { state = .idle }
        }
    }

    private func begin(_ context: ChannelHandlerContext, _ request: HTTPRequestHead) {
        turn &+= 1
        bodyBytesMax = service.settings.bodyBytesMax
        body.removeAll(keepingCapacity: body.capacity <= 262_144)
        keepsAlive = request.isKeepAlive && !connections.isClosing
        isPost = request.method == .POST
        head = MessageHead()
        head.path = request.uri.split(separator: "?", maxSplits: 1).first.map(String.init) ?? "/"
        call = api != nil && API.takes(head.path) ? APIRequest(request.method.rawValue, request.uri) : nil
        connections.set(context.channel, busy: true)
        var bytes = request.uri.utf8.count
        for (name, value) in request.headers { bytes += name.utf8.count + value.utf8.count }
        guard bytes <= Self.headBytesMax, request.uri.utf8.count <= (call == nil ? 2_048 : APIRequest.targetBytesMax)
        else {
            return call == nil ? refuse(context, 431, .tooLarge(Self.headBytesMax)) : refuse(context, .headTooLarge)
        }
        let lengths = request.headers["content-length"]
        let isChunked = request.headers.contains(name: "transfer-encoding")
        // Two ways to say how long the body is are the beginning of request smuggling.
        guard lengths.count <= 1, !(isChunked && !lengths.isEmpty) else {
            return call == nil ? refuse(context, 400, .notAnEnvelope) : refuse(context, .twoLengths)
        }
        let length = lengths.first.flatMap { Int($0) }
        if call != nil { return begin(context, call: request, length: length) }
        guard isPost || request.method == .GET || request.method == .HEAD else {
            return refuse(context, 405, .notAnEnvelope)
        }
        if let length, length > service.settings.bodyBytesMax {
            return refuse(context, 413, .tooLarge(service.settings.bodyBytesMax))
        }
        state = .reading
        guard isPost else { return }
        for name in Self.signingFields {
            if let value = request.headers.first(name: name) { head.fields[name] = value }
        }
        line = PointOfCare.line(path: head.path, fields: head.fields, length: length)
        guard service.hasRoom(in: line) else {
            service.figures.add(.busy)
            return refuse(context, 503, .busy)
        }
        if let length { body.reserveCapacity(length) }
        if request.headers.first(name: "expect")?.lowercased() == "100-continue" {
            context.writeAndFlush(
                wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
        }
        wait(seconds: service.settings.bodySecondsMax)
    }

    /// The head of a call of the API: its body is bounded by what the operation takes.
    private func begin(_ context: ChannelHandlerContext, call request: HTTPRequestHead, length: Int?) {
        bodyBytesMax = API.bodyBytesMax(head.path)
        if let length, length > bodyBytesMax { return refuse(context, .tooLarge(bodyBytesMax)) }
        guard api?.hasRoom == true else {
            service.figures.add(.busy)
            return refuse(context, .busy)
        }
        for name in APIRequest.headerNames {
            if let value = request.headers.first(name: name) { call?.headers[name] = value }
        }
        state = .reading
        if request.headers.first(name: "expect")?.lowercased() == "100-continue" {
            context.writeAndFlush(
                wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
        }
        wait(seconds: service.settings.bodySecondsMax)
    }

    private func read(_ context: ChannelHandlerContext, _ part: ByteBuffer) {
        guard state == .reading else { return }
        guard body.count + part.readableBytes <= bodyBytesMax else {
            return call == nil
                ? refuse(context, 413, .tooLarge(bodyBytesMax)) : refuse(context, .tooLarge(bodyBytesMax))
        }
        part.withUnsafeReadableBytes { body.append(contentsOf: $0) }
    }

    private func finish(_ context: ChannelHandlerContext) {
        state = .answering
        patience?.clear()
        if let call { return finish(context, call) }
        guard isPost else { return answerState(context) }
        arrived = WallClock.steady
        let (channel, loop, turn, started) = (context.channel, context.eventLoop, turn, arrived)
        let bound = NIOLoopBound(self, eventLoop: loop)
        let service = service
        let job = Job(body: body, head: head, arrived: started) { reply in
            loop.execute {
                service.figures.note(answeredAfter: Int((WallClock.steady - started) / 1000))
                bound.value.answer(channel, reply, turn: turn)
            }
        }
        body = []
        if line == .review {
            waiting = job
            budget?.set(.milliseconds(Int64(service.settings.budgetMilliseconds)))
        }
        service.submit(job, to: line)
    }

    private func finish(_ context: ChannelHandlerContext, _ request: APIRequest) {
        var request = request
        request.body = body
        body = []
        let (channel, loop, turn) = (context.channel, context.eventLoop, turn)
        let bound = NIOLoopBound(self, eventLoop: loop)
        api?.submit(request) { reply in loop.execute { bound.value.answer(channel, reply, turn: turn) } }
    }

    // MARK: Answers

    private func answer(_ channel: any Channel, _ reply: Reply, turn: UInt64) {
        guard turn == self.turn, state == .answering, channel.isActive else { return }
        budget?.clear()
        waiting = nil
        write(channel, reply, type: reply.type)
    }

    private func write(_ channel: any Channel, _ reply: Reply, type: String) {
        let closes = reply.closes || !keepsAlive || connections.isClosing
        var headers = HTTPHeaders()
        headers.reserveCapacity(5)
        if reply.status != 204 {
            headers.add(name: "content-type", value: type)
            headers.add(name: "content-length", value: String(reply.body.count))
        }
        for (name, value) in reply.headers { headers.add(name: name, value: value) }
        if let seconds = reply.retryAfter { headers.add(name: "retry-after", value: String(seconds)) }
        headers.add(name: "connection", value: closes ? "close" : "keep-alive")
        let status = HTTPResponseStatus(statusCode: reply.status)
        channel.write(
            HTTPServerResponsePart.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers)),
            promise: nil)
        var buffer = channel.allocator.buffer(capacity: reply.body.count)
        buffer.writeBytes(reply.body)
        channel.write(HTTPServerResponsePart.body(.byteBuffer(buffer)), promise: nil)
        state = .idle
        connections.set(channel, busy: false)
        if closes {
            channel.writeAndFlush(HTTPServerResponsePart.end(nil)).whenComplete { _ in channel.close(promise: nil) }
        } else {
            channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
            wait(seconds: service.settings.headSecondsMax * 6, isIdle: true)
        }
    }

    /// Refuses before the body is there. The connection ends, as what follows on it is the body nobody reads.
    private func refuse(_ context: ChannelHandlerContext, _ status: Int, _ error: InterfaceError) {
        var reply = Reply(body: InterfaceAnswer.failure(error, area: nil))
        reply.status = status
        if status == 503 { reply.retryAfter = 1 }
        refuse(context, reply)
    }

    private func refuse(_ context: ChannelHandlerContext, _ problem: Problem) { refuse(context, API.reply(problem)) }

    private func refuse(_ context: ChannelHandlerContext, _ reply: Reply) {
        service.figures.add(.httpErrors)
        state = .refusing
        patience?.clear()
        var reply = reply
        reply.closes = true
        write(context.channel, reply, type: reply.type)
        state = .refusing
    }

    private func answerState(_ context: ChannelHandlerContext) {
        let (reply, type) = StatePages.answer(head.path, service, open: connections.count)
        write(context.channel, reply, type: type)
    }
}
