import CZlib

/// From an entry to the body that is stored, and back: commitment, compression, cipher.
struct FrameBody: Sendable {
    let keys: KeyFile
    let hash: HashAlgorithm

    /// The frame of an entry with the codes of its keys, without its place in the chain. Salted, so that a commitment tells
    /// nothing of a guessable body.
    func frame(_ entry: JournalEntry, _ tags: [KeyTag]) -> Frame {
        let salt = RandomBytes.make(16)
        let commitment = Self.commitment(salt, entry.content, hash)
        let key = keys.current
        return Frame(
            kind: entry.kind, suite: key.suite.rawValue, codec: 0, hash: hash, keyIdentifier: key.identifier,
            commitment: commitment, tags: tags,
            stored: key.seal(entry.content, after: salt, associated: commitment))
    }

    /// The record of a frame; throws when the body cannot be opened or is not what the commitment says.
    func record(_ frame: Frame, path: String) throws(JournalError) -> JournalRecord {
        let plain = try plain(frame, path: path)
        guard plain.count >= 16 else { throw damage(frame, path, "its body has no salt") }
        return JournalRecord(
            sequence: frame.sequence, instant: frame.instant, kind: frame.kind, content: Array(plain[16...]),
            commitment: frame.commitment, salt: Array(plain[..<16]))
    }

    /// The same record compressed, under the key now in use.
    func compressed(_ frame: Frame, path: String, with compression: BodyCompression) throws(JournalError) -> Frame {
        if frame.isErased { return frame }
        let plain = try plain(frame, path: path)
        var packed: [UInt8] = []
        packed.appendLittle(UInt32(plain.count))
        let body = compression.pack(plain)
        let isSmaller = !body.isEmpty && body.count + 4 < plain.count
        let key = keys.current
        var result = frame
        result.suite = key.suite.rawValue
        result.keyIdentifier = key.identifier
        result.codec = isSmaller ? 1 : 0
        result.stored = key.seal(isSmaller ? packed + body : plain, associated: frame.commitment)
        return result
    }

    /// Salt and body of a frame, compared with its commitment.
    private func plain(_ frame: Frame, path: String) throws(JournalError) -> [UInt8] {
        guard !frame.isErased else {
            throw JournalError(
                .absent, "JRN041", "the body of record \(frame.sequence) was erased", at: path,
                advice: "That it was there, and that nothing else changed, is still provable")
        }
        guard let key = keys.key(frame.keyIdentifier) else {
            throw JournalError(
                .keys, "JRN023",
                "record \(frame.sequence) needs key \(frame.keyIdentifier), which is not in the key file",
                at: path, advice: "Restore the key file from its copy")
        }
        guard frame.suite == key.suite.rawValue, var plain = key.open(frame.stored[...], associated: frame.commitment)
        else { throw damage(frame, path, "its body cannot be opened: it was changed, or the key is another") }
        if frame.codec == 1 {
            guard plain.count >= 4 else { throw damage(frame, path, "its compressed body is cut") }
            var count = UInt(plain.little(UInt32.self, at: 0))
            guard count <= Frame.bodyBytesMax + 32 else { throw damage(frame, path, "its body is larger than can be") }
            let packed = plain
            plain = [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, filled in
                let status = packed.withUnsafeBufferPointer { source in
                    uncompress(
                        buffer.baseAddress, &count, source.baseAddress.map { $0 + 4 }, UInt(source.count - 4))
                }
                filled = status == Z_OK ? Int(count) : 0
            }
        }
        guard Self.commitment([], plain, frame.hash) == frame.commitment else {
            throw damage(frame, path, "its body is not what its commitment says")
        }
        return plain
    }

    /// Of a body in two parts: apart they need not be copied together.
    private static func commitment(_ head: [UInt8], _ rest: [UInt8], _ hash: HashAlgorithm) -> [UInt8] {
        let digest = Digest(hash)
        digest.add(UInt8(0))
        digest.add(head)
        digest.add(rest)
        return digest.finish()
    }

    private func damage(_ frame: Frame, _ path: String, _ what: String) -> JournalError {
        JournalError(
            .damaged, "JRN030", "record \(frame.sequence): \(what)", at: path,
            advice: "Run `yijian journal verify`; restore this segment from a copy")
    }
}
