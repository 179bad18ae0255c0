import Foundation
import Glibc
import Rules
import Synchronization
import Testing

@testable import Web

/// As a relay (转发) the service passes messages on as they came and answers with the platform's own bytes.
@Suite struct RelayTests {
    private let at = Moments()

    private func service(_ port: Int, seconds: Int = 30) throws -> Rehearsal {
        var settings = ServiceSettings()
        settings.unlisted.relay = RelayAddress("http://127.0.0.1:\(port)")
        settings.relaySecondsMax = seconds
        return Rehearsal(plan: try #require(Shipped.plan), settings: settings)
    }

    private var settle: [String: Any] {
        at.message("2304", "11:00:00", ["data": ["psn_no": "P1", "mdtrt_id": "V1"]])
    }

    private let done =
        "{ \"infcode\" : 0,\"err_msg\":\"\",  \"output\":{\"setlinfo\":{\"setl_id\":\"S7\",\"mdtrt_id\":\"V1\",\"psn_no\":\"P1\",\"hifp_pay\":12.5}}}"

    @Test func theBytesOfBothSidesAreUntouched() throws {
        let platform = try FakePlatform { _ in self.done }
        defer { platform.stop() }
        let service = try service(platform.port)
        service.take(
            at.message("2401", "08:00:00", ["mdtrtinfo": ["psn_no": "P1", "mdtrt_id": "V1", "med_type": "21"]]))
        var head = MessageHead()
        head.path = "/fsi/api/settle"
        head.fields = ["x-tif-signature": "abc", "authorization": "Bearer t"]
        let body = Array(settle.json.utf8)
        #expect(service.answer(body, head: head) == Array(done.utf8))
        let seen = try #require(platform.requests.last)
        #expect(seen.body == body && seen.head.hasPrefix("POST /fsi/api/settle HTTP/1.1"))
        #expect(seen.head.contains("x-tif-signature: abc") && seen.head.contains("authorization: Bearer t"))
        // Both are recorded, and what the platform did is history.
        let kept = try #require(service.kept.last)
        #expect(kept.kind == .upload && kept.request == body && kept.answer == Array(done.utf8))
        let history = try service.care.histories.history(of: "P1")
        #expect(history.row(.settlement, "S7")?.values[RowFields.Settlement.basic] == .number(1250))
        // The same message again is answered from the record and not passed on twice.
        #expect(service.answer(body, head: head) == Array(done.utf8) && platform.requests.count == 2)
        // Messages that build no history pass through, each time.
        let query: [String: Any] = ["infno": "5203", "msgid": "q", "fixmedins_code": "H1", "input": ["data": ["a": 1]]]
        for _ in 0..<2 { #expect(service.answer(Array(query.json.utf8), head: head) == Array(done.utf8)) }
        #expect(platform.requests.count == 4 && service.kept.last?.kind == .relayed)
        // Reviews stay here.
        let review = "{\"infno\":\"3101\",\"input\":{\"data\":{}}}"
        #expect((service.ask(review)["err_msg"] as? String)?.contains("WEB110") == true && platform.requests.count == 4)
    }

    @Test func whatThePlatformRefusedIsNoHistory() throws {
        let refusal = "{\"infcode\":-1,\"err_msg\":\"余额不足\",\"output\":null}"
        let platform = try FakePlatform { _ in refusal }
        defer { platform.stop() }
        let service = try service(platform.port)
        let charges = Array(at.charges("09:00:00", nil, ["1": "1"]).json.utf8)
        #expect(service.answer(charges) == Array(refusal.utf8))
        #expect(service.kept.map(\.kind) == [.refused])
        #expect(try service.care.histories.history(of: "P1").rowCount == 0)
        // It may come again and be done then.
        platform.respond { _ in self.done }
        #expect(service.answer(charges) == Array(done.utf8))
        #expect(try service.care.histories.history(of: "P1").row(.line, "V1-1") != nil)
    }

    @Test func aSilentPlatformBlocksNobody() throws {
        let platform = try FakePlatform { _ in nil }
        defer { platform.stop() }
        let service = try service(platform.port, seconds: 1)
        let waiting = Answers()
        let isThere = DispatchSemaphore(value: 0)
        service.desk.handle(
            Job(body: Array(settle.json.utf8), head: MessageHead(), arrived: 0) {
                waiting.add($0.body)
                isThere.signal()
            })
        // The thread is free: others are answered meanwhile.
        #expect((service.ask("{\"infno\":\"3101\",\"input\":{\"data\":{}}}")["infcode"] as? Int) == -1)
        isThere.wait()
        #expect(waiting.texts.count == 1 && waiting.texts[0].contains("WEB123") && waiting.texts[0].contains("2601"))
        #expect(platform.requests.count == 1 && service.kept.map(\.kind) == [.refused])
        // Sent again it is passed on again.
        platform.respond { _ in self.done }
        #expect(service.answer(Array(settle.json.utf8)) == Array(done.utf8))
    }

    @Test func aPlatformThatIsNotThereIsSaid() throws {
        let platform = try FakePlatform { _ in nil }
        platform.stop()
        let service = try service(platform.port)
        let answer = service.ask(settle.json)
        #expect((answer["err_msg"] as? String)?.contains("WEB123") == true && answer["infcode"] as? Int == -1)
        #expect(service.care.figures.value(.relayFailed) == 1)
        for address in ["https://x", "http://", "http://x:0", "http://x:99999", "ftp://x", "http://:80"] {
            #expect(RelayAddress(address) == nil)
        }
        #expect(
            RelayAddress("http://platform:8080/fsi")?.path == "/fsi" && RelayAddress("http://platform/")?.path == nil)
    }
}

/// A platform of one thread that says what a test wants; nil: it says nothing and holds the line.
private final class FakePlatform: Sendable {
    struct Request: Sendable {
        let head: String
        let body: [UInt8]
    }

    let port: Int
    private let listener: Int32
    private let seen = Mutex<[Request]>([])
    private let held = Mutex<[Int32]>([])
    private let script: Mutex<@Sendable (Request) -> String?>

    var requests: [Request] { seen.withLock { $0 } }

    init(_ respond: @escaping @Sendable (Request) -> String?) throws {
        script = Mutex(respond)
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let (listener, length) = (listener, size)
        let isBound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, length) == 0 }
        }
        try #require(isBound && listen(listener, 16) == 0)
        withUnsafeMutablePointer(to: &address) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &size) }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        let platform = self
        Thread.detachNewThread { platform.serve() }
    }

    func respond(_ script: @escaping @Sendable (Request) -> String?) { self.script.withLock { $0 = script } }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        for line in held.withLock({ $0 }) { close(line) }
    }

    private func serve() {
        while true {
            let line = accept(listener, nil, nil)
            guard line >= 0 else { return }
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            var request: Request?
            while request == nil {
                let count = read(line, &buffer, buffer.count)
                guard count > 0 else { break }
                bytes += buffer[0..<count]
                request = Self.request(bytes)
            }
            guard let request else {
                close(line)
                continue
            }
            seen.withLock { $0.append(request) }
            guard let answer = script.withLock({ $0 })(request) else {
                held.withLock { $0.append(line) }
                continue
            }
            let text = "HTTP/1.1 200 OK\r\ncontent-length: \(answer.utf8.count)\r\n\r\n" + answer
            _ = Array(text.utf8).withUnsafeBytes { write(line, $0.baseAddress, $0.count) }
            close(line)
        }
    }

    /// nil while it is not whole.
    private static func request(_ bytes: [UInt8]) -> Request? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { return nil }
        let head = String(text[..<end.lowerBound])
        let length = head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
            .flatMap { Int($0.dropFirst("content-length:".count).trimmingCharacters(in: .whitespaces)) }
        let start = text[..<end.upperBound].utf8.count
        guard let length, bytes.count >= start + length else { return nil }
        return Request(head: head, body: Array(bytes[start..<start + length]))
    }
}
