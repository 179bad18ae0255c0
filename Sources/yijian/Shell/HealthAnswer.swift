import Foundation
import Glibc

/// What the service that runs at a port says of itself at `/health` (运行中的服务).
struct HealthAnswer {
    let isRecording: Bool
    /// Name and version of the package in force, and its digest.
    let package: String
    let packageHash: String
    /// Why the package that was read last is not in force; nil when it is.
    let refusedRules: String?
    /// The dataset's generation in use; nil without one.
    let generation: Int?
    let recorded: Int

    /// nil when nobody answers there within two seconds, or somebody else does.
    static func ask(host: String, port: Int) -> HealthAnswer? {
        guard let body = body(host: host == "0.0.0.0" ? "127.0.0.1" : host, port: port),
            let said = (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any],
            let status = said["status"] as? String, let hash = said["package_hash"] as? String
        else { return nil }
        return HealthAnswer(
            isRecording: status == "ok", package: said["package"] as? String ?? hash, packageHash: hash,
            refusedRules: said["refused_rules"] as? String, generation: said["dataset_generation"] as? Int,
            recorded: said["recorded"] as? Int ?? 0)
    }

    private static let answerMax = 1 << 16

    /// The body of the answer: the connection is closed behind it.
    private static func body(host: String, port: Int) -> [UInt8]? {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { return nil }
        defer { close(socket) }
        var patience = timeval(tv_sec: 2, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(socket, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { return nil }
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        let request = Array("GET /health HTTP/1.1\r\nhost: \(host)\r\nconnection: close\r\n\r\n".utf8)
        guard isConnected, send(socket, request, request.count, Int32(MSG_NOSIGNAL)) == request.count
        else { return nil }
        var answer: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4096)
        while answer.count < answerMax {
            let count = recv(socket, &part, part.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            answer += part[..<count]
        }
        let gap = Array("\r\n\r\n".utf8)
        guard answer.starts(with: Array("HTTP/1.1 ".utf8)),
            let end = answer.indices.first(where: { answer[$0...].starts(with: gap) })
        else { return nil }
        return Array(answer[(end + gap.count)...])
    }
}
