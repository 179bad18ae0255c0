import Documents
import Foundation
import Supervision

/// Files of evidence over the API (证据文件). Longer ones than a call may carry are handed in by command.
extension Operation {
    /// Bytes of a file that a call may carry; Base64 makes a third more of them.
    static let evidenceBytesMax = 16 << 20

    private static let matter = Parameter.path("matter", "the matter")
    private static let file: [Column] = [
        .init("hash", "SHA-256", .form(.digest), width: 64),
        .init("kind", "类型", .choice(EvidenceKind.allCases.map(\.rawValue))),
        .init("bytes", "字节", .integer(0...1 << 40)), .init("name", "文件名", .line(1...300), width: 32),
        .init("account", "收件人", .form(.identifier)), .init("instant", "时间", .integer(0...1 << 40)),
    ]
    private static let fileMembers = file.map { Shape.Member($0.head.key, $0.shape) }

    static let evidence: [Operation] = [
        Operation(
            "addEvidence", .post, "/api/matters/{matter}/evidence", "收入证据",
            "Hand a file in to a matter; acts name it by the hash that comes back. The same file again is no second one.",
            group: "Matters", parameters: [matter],
            body: .object([
                .init("name", .line(1...255), "as it is called where it comes from"),
                .init("content", .line(0...(evidenceBytesMax / 3 + 1) * 4), "Base64"),
            ]), status: 201, .json(.object(fileMembers)), bodyBytesMax: evidenceBytesMax / 3 * 4 + (64 << 10)
        ) { call in
            guard let bytes = Data(base64Encoded: call.string("content")) else {
                throw DoorRefusal(.badInput, "content不是Base64", at: "content", advice: "按RFC 4648编码文件内容")
            }
            let file = try call.book.addEvidence(
                [UInt8](bytes), named: call.string("name"), to: call.string("matter"), by: try call.session())
            return .json(.object(members(file)))
        },
        Operation(
            "listEvidence", .get, "/api/matters/{matter}/evidence", "证据清单",
            "The files of a matter, in the order they came.", group: "Matters", parameters: [matter], .rows(file)
        ) { call in
            let files = try call.book.evidence(of: call.string("matter"), by: try call.session())
            return .rows(
                files.map { members($0).map(\.value) }, next: nil, name: "evidence")
        },
        Operation(
            "readEvidence", .get, "/api/matters/{matter}/evidence/{digest}", "查看证据",
            "A file of a matter; reading it is in the trail.", group: "Matters",
            parameters: [matter, .path("digest", "its SHA-256", .form(.digest))],
            .json(.object(fileMembers + [.init("content", .line(0...(evidenceBytesMax / 3 + 1) * 4), "Base64")]))
        ) { call in
            var content: [UInt8] = []
            let file = try call.book.readEvidence(
                call.string("digest"), of: call.string("matter"), by: try call.session()
            ) { piece in
                guard content.count + piece.count <= evidenceBytesMax else {
                    throw Problem.tooLarge(evidenceBytesMax)
                }
                content += piece
            }
            let text = JSONText.Member(name: "content", value: .text(Data(content).base64EncodedString()))
            return .json(.object(members(file) + [text]))
        },
    ]

    private static func members(_ one: EvidenceFile) -> [JSONText.Member] {
        let values: [JSONText] = [
            .text(one.hash), .text(one.kind.rawValue), .integer(Int64(one.bytes)), .text(one.name), .text(one.account),
            .integer(Int64(one.instant)),
        ]
        return zip(file, values).map { JSONText.Member(name: $0.head.key, value: $1) }
    }
}
