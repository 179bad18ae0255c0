/// The plain input of a message that was sent enciphered; nil for all others.
package typealias Decipher = @Sendable (JSONValue) -> [UInt8]?

/// Opens kept messages again with tapes of its own.
package final class MessageOpener {
    private let tape = JSONTape()
    private let inner = JSONTape()
    private let answers = JSONTape()
    private let buffers = TextBuffers()

    private let decipher: Decipher

    package init(_ decipher: @escaping Decipher = { _ in nil }) { self.decipher = decipher }

    /// nil when the message cannot be read, which a kept upload can.
    package func read<Result>(_ record: KeptRecord, _ body: (Envelope, JSONValue?) -> Result) -> Result? {
        defer { buffers.clear() }
        return record.request.withUnsafeBufferPointer { request in
            record.answer.withUnsafeBufferPointer { answer in
                guard (try? tape.read(request)) != nil else { return nil }
                var tolerance = Tolerance()
                let plain = decipher(.root(tape)).map { buffers.keep($0) }
                guard
                    let envelope = try? Envelope(
                        .root(tape), deciphered: plain, inner: inner, buffers: buffers, &tolerance)
                else {
                    return nil
                }
                let answer = (try? answers.read(answer)) != nil ? JSONValue.root(answers) : nil
                return body(envelope, answer)
            }
        }
    }
}
