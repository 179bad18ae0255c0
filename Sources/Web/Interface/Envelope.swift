/// The envelope of a message (交易报文): who sends, which transaction, and where its input is.
///
/// Dispatch is on `infno`, never on the path. Members that are not known are ignored.
package struct Envelope {
    package let infno: String
    package let messageIdentifier: String?
    package let institution: String
    package let careArea: String?
    package let homeArea: String?
    package let operatorCode: String?
    /// As written; corrections are ordered by it.
    package let sentAt: String?
    package let moment: Moment?
    package let signature: String?
    package let encryption: String?
    package let input: JSONValue
    /// The answer of the platform, where a message brings both (mirrored copies).
    package let output: JSONValue?

    private static let names = NameTable([
        "infno", "msgid", "fixmedins_code|medins_code", "mdtrtarea_admvs|mdtrtarea_admdvs",
        "insuplc_admdvs|insuplc_admvs",
        "opter", "inf_time", "cainfo", "enc_type|encType|enctype", "input", "output",
    ])

    /// Reads the envelope; `inner` takes an input that was written as text.
    package init(
        _ root: JSONValue, deciphered: UnsafeBufferPointer<UInt8>? = nil, inner: JSONTape, buffers: TextBuffers,
        _ tolerance: inout Tolerance
    ) throws(InterfaceError) {
        guard root.kind == .object else { throw .notAnEnvelope }
        let record = MessageRecord(root, Self.names)
        guard let number = record.text(0) else { throw .noTransaction }
        guard number.utf8.count <= 12, number.utf8.allSatisfy(Self.isPlain) else { throw .unknownTransaction(number) }
        infno = number
        messageIdentifier = record.text(1)
        if messageIdentifier == nil { tolerance.note(.noMessageIdentifier) }
        institution = record.text(2) ?? ""
        guard institution.utf8.count <= 64 else { throw .noInstitution }
        careArea = record.text(3)
        homeArea = record.text(4)
        operatorCode = record.text(5)
        sentAt = record.text(6)
        moment = record.moment(6, &tolerance, name: "inf_time")
        signature = record.text(7)
        encryption = record.text(8)
        output = record.value(10).flatMap { $0.kind == .object ? $0 : nil }
        if let deciphered {
            input = try Self.read(deciphered, inner)
            return
        }
        guard let given = record.value(9) else { throw .noInput }
        switch given.kind {
        case .object, .array: input = given
        case .string:
            tolerance.note(.inputAsText)
            input = try Self.opened(given, inner, buffers)
        default: throw .noInput
        }
    }

    /// An input that was written as text is JSON again (or a cipher text, which the caller opens first).
    static func opened(_ value: JSONValue, _ inner: JSONTape, _ buffers: TextBuffers) throws(InterfaceError)
        -> JSONValue
    {
        try read(buffers.keep(value.unescaped), inner)
    }

    private static func read(
        _ bytes: UnsafeBufferPointer<UInt8>, _ inner: JSONTape
    ) throws(InterfaceError) -> JSONValue {
        do {
            try inner.read(bytes)
        } catch {
            throw .malformed(error)
        }
        return .root(inner)
    }

    /// The national number without its A or B suffix, as letters differ by province.
    package var number: Substring {
        guard let last = infno.last, last.isLetter else { return Substring(infno) }
        return infno.dropLast()
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}

/// Bytes that must lie still while a message is read.
package final class TextBuffers {
    private var kept: [UnsafeMutableBufferPointer<UInt8>] = []

    package init() {}

    deinit { clear() }

    package func keep(_ bytes: [UInt8]) -> UnsafeBufferPointer<UInt8> {
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
        _ = copy.initialize(from: bytes)
        kept.append(copy)
        return UnsafeBufferPointer(copy)
    }

    package func clear() {
        for buffer in kept { buffer.deallocate() }
        kept = []
    }
}
