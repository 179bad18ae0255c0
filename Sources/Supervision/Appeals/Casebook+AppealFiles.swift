import Columns
import Database

extension Casebook {
    /// Files of a bundle at most, and bytes of one file.
    package static let appealFilesMax = 20

    /// Keeps files that an institution sends to go with an appeal, sealed (申诉附件); says the bundle's name. With the name of a bundle
    /// that is there the files are added to it.
    package func keepAppealFiles(
        _ files: [(name: String, bytes: [UInt8])], bundle: String?, by institution: Counterpart
    )
        throws -> String
    {
        let bundle = bundle ?? door.surroundings.identifier()
        try door.store.write { transaction in
            let organisation = institution.organisation
            _ = try transaction.locked("organisation", key: "id", in: [organisation])
            let held = try transaction.rows(
                "SELECT digest FROM appeal_file WHERE organisation = \(organisation) AND bundle = \(bundle)"
            ).map { try $0.text("digest") }
            var place = held.count
            for file in files {
                let digest = SHA256.hex(of: file.bytes)
                // The same file sent again is no second one.
                if held.contains(digest) { continue }
                guard place < Self.appealFilesMax else {
                    throw DoorRefusal(
                        .badInput, "一组附件至多\(Self.appealFilesMax)个", at: bundle, advice: "另起一组附件，或合并文件")
                }
                let row = "\(organisation)/\(bundle)/\(place)"
                try transaction.change(
                    """
                    INSERT INTO appeal_file (organisation, bundle, place, digest, name, content) VALUES (\(organisation),
                        \(bundle), \(place), \(digest),
                        \(door.seals.seal(Array(file.name.utf8), at: .init(column: "appeal_file.name", row: row))),
                        \(door.seals.seal(file.bytes, at: .init(column: "appeal_file.content", row: row))))
                    """)
                place += 1
            }
            try door.leaveTrail(
                in: transaction, institution.caller.account, "appeal.files", bundle, isAllowed: true, "\(files.count)")
        }
        return bundle
    }

    /// What an act's paper names for a bundle: the digest of its file, or of the list of their digests, a line each.
    func digest(ofBundle bundle: String, of institution: Counterpart) throws -> String {
        let digests = try door.store.read { transaction in
            try transaction.rows(
                """
                SELECT digest FROM appeal_file WHERE organisation = \(institution.organisation) AND bundle = \(bundle)
                ORDER BY place
                """
            ).map { try $0.text("digest") }
        }
        guard let first = digests.first else { throw DoorRefusal.unknown("附件", bundle) }
        guard digests.count > 1 else { return first }
        return Self.digest(ofList: digests)
    }

    private static func digest(ofList digests: [String]) -> String {
        SHA256.hex(of: Array(digests.map { $0 + "\n" }.joined().utf8))
    }

    /// The files of a paper of a matter that an institution sent, for who may read the matter; reading is in the trail (查看附件).
    package func appealFiles(_ digest: String, of matter: String, by token: SessionToken) throws -> [(
        name: String, bytes: [UInt8]
    )] {
        let shown = try shown(matter, by: token)
        guard shown.papers.contains(where: { $0.isReceived && $0.number == digest }),
            let organisation = shown.parties["subject"]
        else { throw DoorRefusal.unknown("附件", digest) }
        let account = try door.caller(of: token).account
        return try door.store.write { transaction in
            var bundles: [String: [String]] = [:]
            for row in try transaction.rows(
                "SELECT bundle, digest FROM appeal_file WHERE organisation = \(organisation) ORDER BY bundle, place",
                max: 100_000)
            {
                bundles[try row.text("bundle"), default: []].append(try row.text("digest"))
            }
            let bundle = bundles.first { $0.value == [digest] || Self.digest(ofList: $0.value) == digest }?.key
            guard let bundle else { throw DoorRefusal.unknown("附件", digest) }
            try door.leaveTrail(
                in: transaction, account, "appeal.files", matter, isAllowed: true, String(digest.prefix(16)))
            return try transaction.rows(
                "SELECT * FROM appeal_file WHERE organisation = \(organisation) AND bundle = \(bundle) ORDER BY place"
            ).map { row in
                let place = "\(organisation)/\(bundle)/\(try row.integer("place"))"
                let name = try door.seals.open(
                    try row.bytes("name"), at: .init(column: "appeal_file.name", row: place))
                return (
                    String(decoding: name, as: UTF8.self),
                    try door.seals.open(try row.bytes("content"), at: .init(column: "appeal_file.content", row: place))
                )
            }
        }
    }
}
