import Casework
import Columns
import Database
import Ledger

/// A file of evidence in a matter (证据文件), as the store knows it.
package struct EvidenceFile: Equatable, Sendable {
    /// SHA-256 of its content, 64 hexadecimal digits: what an act's paper names.
    package let hash: String
    package let kind: EvidenceKind
    package let bytes: Int
    package let name: String
    package let account: String
    /// Seconds since 1970 UTC.
    package let instant: Int
}

extension Casebook {
    /// Bytes of a part; each is sealed for its place.
    static let evidencePartBytes = 256 << 10

    /// Hands a file in to a matter that the caller may act on; says its hash, which acts then name as a paper. The same file
    /// again is no second one.
    package func addEvidence(
        _ bytes: [UInt8], named name: String, to id: String, by token: SessionToken
    ) throws -> EvidenceFile {
        try acting(by: token) { transaction, caller in
            try addEvidence(bytes, named: name, to: id, caller, transaction)
        }
    }

    func addEvidence(
        _ bytes: [UInt8], named name: String, to id: String, _ caller: Caller, _ transaction: Transaction
    ) throws -> EvidenceFile {
        let policy = door.evidence
        let name = name.precomposed
        let kind = try policy.kind(of: bytes, named: name)
        let digest = Digest.of(bytes, .sha256)
        let code = evidenceCode(digest)
        try require("matter.act", on: id, caller, transaction)
        let held = try transaction.integer("SELECT COUNT(*) FROM evidence_use WHERE matter = \(id)")
        guard held < policy.filesPerMatterMax else {
            throw DoorRefusal(
                .badFile, "本事项已有\(held)个文件，至多\(policy.filesPerMatterMax)个", at: id, advice: "合并文件，或移除无关文件后再收")
        }
        try keep(bytes, digest, code, kind, transaction)
        try transaction.change(
            """
            INSERT INTO evidence_use (matter, code, name, account, instant) VALUES (\(id), \(code),
                \(door.seals.seal(Array(name.utf8), at: Self.namePlace(id, code))), \(caller.account),
                \(door.surroundings.now()))
            ON CONFLICT (matter, code) DO NOTHING
            """)
        try door.leaveTrail(
            in: transaction, caller.account, "evidence.add", id, isAllowed: true, String(code.prefix(16)))
        guard let file = try files(of: id, only: code, transaction).first else {
            throw DoorRefusal.damaged("a file of evidence is not where it was put")
        }
        return file
    }

    /// Every paper that a command hands in is a file of the matter or of one that it came from or gave rise to: an act does not rest
    /// on a file that nobody can open. `attested` are papers that are kept elsewhere.
    func requireFiles(
        of command: Command, on matters: [String], attested: Set<String>, _ transaction: Transaction
    ) throws {
        for (paper, hash) in command.papers.sorted(by: { $0.key < $1.key }) where !attested.contains(hash) {
            if let digest = HexText.bytes(hash), digest.count == 32 {
                let code = evidenceCode(digest)
                let uses = try transaction.integer(
                    "SELECT COUNT(*) FROM evidence_use WHERE code = \(code) AND matter IN (\(list: matters))")
                if uses > 0 { continue }
            }
            throw DoorRefusal(
                .noFile, "《\(paper)》的文件\(hash.prefix(16))不在本事项", at: matters.first ?? "",
                advice: "先收入文件（yijian evidence add，或POST /api/matters/{matter}/evidence），再以其SHA-256办理")
        }
    }

    /// The files of a matter that the caller may read, in the order they came.
    package func evidence(of id: String, by token: SessionToken) throws -> [EvidenceFile] {
        let caller = try door.caller(of: token)
        return try door.store.read { transaction in
            try require("matter.read", on: id, caller, transaction)
            return try files(of: id, only: nil, transaction)
        }
    }

    /// Gives a file's content piece by piece to the closure. Reading leaves a trail.
    package func readEvidence(
        _ hash: String, of id: String, by token: SessionToken, _ body: ([UInt8]) throws -> Void
    ) throws -> EvidenceFile {
        guard let digest = HexText.bytes(hash), digest.count == 32 else { throw DoorRefusal.unknown("文件", hash) }
        let code = evidenceCode(digest)
        let file = try acting(by: token) { transaction, caller in
            try require("matter.read", on: id, caller, transaction)
            guard let file = try files(of: id, only: code, transaction).first else {
                throw DoorRefusal.unknown("文件", hash)
            }
            try door.leaveTrail(
                in: transaction, caller.account, "evidence.read", id, isAllowed: true, String(code.prefix(16)))
            return file
        }
        try door.store.read { transaction in
            if let problem = try readParts(code, transaction, body) { throw DoorRefusal.damaged(problem) }
        }
        return file
    }

    /// Reads every file of the store again: sizes, hashes, kinds, matters that name what is not there (证据核对).
    package func verifyEvidence() throws -> (files: Int, bytes: Int, problems: [String]) {
        var (files, bytes) = (0, 0)
        var problems: [String] = []
        try door.store.read { transaction in
            try transaction.eachRow("SELECT code FROM evidence", by: ["code"]) { row in
                files += 1
                if let problem = try readParts(try row.text("code"), transaction, { bytes += $0.count }) {
                    problems.append(problem)
                }
            }
            for row in try transaction.rows(
                "SELECT DISTINCT code FROM evidence_part p WHERE NOT EXISTS (SELECT 1 FROM evidence e WHERE e.code = p.code) LIMIT 1000"
            ) {
                problems.append("file \(try row.text("code").prefix(16)): parts without a file")
            }
        }
        return (files, bytes, problems)
    }

    // MARK: Pieces

    private func evidenceCode(_ digest: [UInt8]) -> String { door.seals.code("evidence", HexText.text(digest)) }

    static func namePlace(_ matter: String, _ code: String) -> Seals.Place {
        Seals.Place(column: "evidence_use.name", row: "\(matter)/\(code)")
    }

    static func partPlace(_ code: String, _ part: Int) -> Seals.Place {
        Seals.Place(column: "evidence_part.sealed", row: "\(code)/\(part)")
    }

    static func hashPlace(_ code: String) -> Seals.Place { Seals.Place(column: "evidence.hash", row: code) }

    private func require(_ feature: String, on id: String, _ caller: Caller, _ transaction: Transaction) throws {
        guard let row = try transaction.row("SELECT * FROM matter WHERE id = \(id)") else {
            throw DoorRefusal.unknown("事项", id)
        }
        let place = try place(of: row, transaction)
        let isNamed =
            try place.state != .sealed
            || transaction.integer(
                "SELECT COUNT(*) FROM matter_person WHERE matter = \(id) AND person = \(caller.account)") > 0
        guard isNamed, door.authority.decide("matter.list", caller, on: place).isAllowed else {
            throw DoorRefusal.unknown("事项", id)
        }
        guard door.authority.decide(feature, caller, on: place).isAllowed else {
            throw DoorRefusal.notGranted(feature, door.authority)
        }
    }

    private func keep(
        _ bytes: [UInt8], _ digest: [UInt8], _ code: String, _ kind: EvidenceKind, _ transaction: Transaction
    ) throws {
        let parts = (bytes.count + Self.evidencePartBytes - 1) / Self.evidencePartBytes
        let isNew = try transaction.change(
            """
            INSERT INTO evidence (code, hash, kind, bytes, parts) VALUES (\(code),
                \(door.seals.seal(digest, at: Self.hashPlace(code))), \(kind.rawValue), \(bytes.count), \(parts))
            ON CONFLICT (code) DO NOTHING
            """)
        guard isNew == 1 else { return }
        for part in 0..<parts {
            let piece = Array(bytes.dropFirst(part * Self.evidencePartBytes).prefix(Self.evidencePartBytes))
            try transaction.change(
                """
                INSERT INTO evidence_part (code, part, sealed)
                VALUES (\(code), \(part), \(door.seals.seal(piece, at: Self.partPlace(code, part))))
                """)
        }
    }

    private func files(of id: String, only code: String?, _ transaction: Transaction) throws -> [EvidenceFile] {
        var sql: SQL =
            """
            SELECT u.code, u.name, u.account, u.instant, e.hash, e.kind, e.bytes FROM evidence_use u
            JOIN evidence e ON e.code = u.code WHERE u.matter = \(id)
            """
        if let code { sql = sql + " AND u.code = \(code)" }
        return try transaction.rows(sql + " ORDER BY u.instant, u.code", max: 100_000).map { row in
            let code = try row.text("code")
            return EvidenceFile(
                hash: HexText.text(try door.seals.open(try row.bytes("hash"), at: Self.hashPlace(code))),
                kind: EvidenceKind(rawValue: try row.text("kind")) ?? .text, bytes: try row.integer("bytes"),
                name: String(
                    decoding: try door.seals.open(try row.bytes("name"), at: Self.namePlace(id, code)), as: UTF8.self),
                account: try row.text("account"), instant: try row.integer("instant"))
        }
    }

    /// Reads a file part by part; says what is wrong with it, if anything is.
    private func readParts(_ code: String, _ transaction: Transaction, _ body: ([UInt8]) throws -> Void) throws
        -> String?
    {
        let name = "file \(code.prefix(16))"
        guard let row = try transaction.row("SELECT hash, bytes, parts FROM evidence WHERE code = \(code)") else {
            return "\(name): it is not in the store"
        }
        let hasher = Digest(.sha256)
        var count = 0
        do {
            let digest = try door.seals.open(try row.bytes("hash"), at: Self.hashPlace(code))
            for part in 0..<(try row.integer("parts")) {
                guard
                    let sealed = try transaction.row(
                        "SELECT sealed FROM evidence_part WHERE code = \(code) AND part = \(part)")
                else { return "\(name): part \(part) is missing" }
                let piece = try door.seals.open(try sealed.bytes("sealed"), at: Self.partPlace(code, part))
                count += piece.count
                hasher.add(piece)
                try body(piece)
            }
            guard hasher.finish() == digest, evidenceCode(digest) == code, try row.integer("bytes") == count else {
                return "\(name): its content is not what its hash says"
            }
            return nil
        } catch let refusal as DoorRefusal {
            return "\(name): \(refusal.message)"
        }
    }
}
