import Claims
import Foundation
import Supervision

/// What an institution says about findings against it (3701 query, 3702 appeal, 3703 joint review, 3704 attachments), as read from its
/// message. Names are those of the national interface, in camelCase.
enum AppealMessage {
    static let numbers: Set<Substring> = ["3701", "3702", "3703", "3704"]

    struct Query {
        let stage: AppealStage
        let from: Day
        let through: Day
        let page: Int
        let size: Int
    }

    struct Entry {
        let finding: String
        /// Nil: the institution does not object.
        let statement: String?
        let amount: String?
        let bundle: String?
    }

    struct Document {
        let id: String
        let entries: [Entry]
    }

    struct Files {
        let bundle: String?
        let files: [(name: String, bytes: [UInt8])]
    }

    static let entriesMax = 1_000
    static let pageMax = 100
    static let filesMax = 5

    /// The members may lie beside `input` or in its `data`; the institution named must be the one that sends.
    static func content(_ envelope: Envelope) throws(InterfaceError) -> JSONValue {
        let input = envelope.input.member("data").flatMap { $0.kind == .object ? $0 : nil } ?? envelope.input
        if let named = input.member("medinsCodg")?.text, named != envelope.institution {
            throw .otherInstitution(named)
        }
        return input
    }

    static func query(_ input: JSONValue) throws(InterfaceError) -> Query {
        guard let stage = input.member("stage")?.text.flatMap(AppealStage.init) else { throw .missing("stage") }
        guard let from = input.member("startTime")?.text.flatMap({ Day(String($0.prefix(10))) }) else {
            throw .missing("startTime")
        }
        guard let through = input.member("endTime")?.text.flatMap({ Day(String($0.prefix(10))) }) else {
            throw .missing("endTime")
        }
        let page = input.member("currentPage")?.text.flatMap { Int($0) } ?? 1
        let size = input.member("pageSize")?.text.flatMap { Int($0) } ?? 20
        guard (1...10_000).contains(page) else { throw .missing("currentPage（1 至 10000）") }
        guard (1...pageMax).contains(size) else { throw .missing("pageSize（1 至 \(pageMax)）") }
        return Query(stage: stage, from: from, through: through, page: page, size: size)
    }

    static func documents(_ input: JSONValue) throws(InterfaceError) -> [Document] {
        var documents: [Document] = []
        var count = 0
        for document in input.member("docs")?.objects ?? [] {
            guard let id = document.member("docId")?.text else { throw .missing("docId") }
            var entries: [Entry] = []
            for entry in document.member("docSusptDTOS")?.objects ?? [] {
                guard let finding = entry.member("docSusptId")?.text else { throw .missing("docSusptId") }
                let applies = entry.member("applyFlag")?.text
                guard applies == "0" || applies == "1" else { throw .missing("applyFlag（0 或 1）") }
                let statement = entry.member("auditOpinion")?.text
                if applies == "1", statement == nil { throw .missing("auditOpinion") }
                entries.append(
                    Entry(
                        finding: finding, statement: applies == "1" ? statement : nil,
                        amount: entry.member("susptAmt")?.text, bundle: entry.member("attUploadId")?.text))
                count += 1
                guard count <= entriesMax else { throw .missing("docs（一次至多 \(entriesMax) 条疑点）") }
            }
            documents.append(Document(id: id, entries: entries))
        }
        guard count > 0 else { throw .missing("docs") }
        return documents
    }

    static func files(_ input: JSONValue) throws(InterfaceError) -> Files {
        var files: [(name: String, bytes: [UInt8])] = []
        for file in input.member("fsiAppealFileDTOList")?.objects ?? [] {
            guard let name = file.member("name")?.text, name.count <= 100,
                !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
            else { throw .missing("name（至多 100 字，不含控制字符）") }
            guard let text = file.member("bytes")?.text, let data = Data(base64Encoded: text), !data.isEmpty else {
                throw .missing("bytes（Base64）")
            }
            files.append((name, [UInt8](data)))
        }
        guard (1...filesMax).contains(files.count) else { throw .missing("fsiAppealFileDTOList（1 至 \(filesMax) 个文件）") }
        let bundle = input.member("attUploadId")?.text
        if let bundle, bundle.utf8.count > 200 { throw .missing("attUploadId（至多 200 字节）") }
        return Files(bundle: bundle, files: files)
    }
}
