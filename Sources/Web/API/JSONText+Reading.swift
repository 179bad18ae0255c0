import Documents

extension JSONText {
    /// A JSON body as a tree, strictly: what the tape refuses is refused, and numbers are exact.
    static func read(_ bytes: [UInt8], limits: JSONTape.Limits) throws(JSONTape.Failure) -> JSONText {
        let tape = JSONTape(limits: limits)
        var result = Result<JSONText, JSONTape.Failure>.success(.null)
        bytes.withUnsafeBufferPointer { buffer in
            do throws(JSONTape.Failure) {
                try tape.read(buffer)
                result = .success(try withExtendedLifetime(tape) { () throws(JSONTape.Failure) in try tree(tape, 0) })
            } catch {
                result = .failure(error)
            }
        }
        return try result.get()
    }

    private static func tree(_ tape: JSONTape, _ number: Int) throws(JSONTape.Failure) -> JSONText {
        let node = tape.nodes[number]
        let value = JSONValue(tape: tape, node: number)
        switch node.kind {
        case .null: return .null
        case .yes: return .flag(true)
        case .no: return .flag(false)
        case .string: return .text(String(decoding: value.unescaped, as: UTF8.self))
        case .number:
            let digits = UnsafeBufferPointer(start: tape.bytes + Int(node.start), count: Int(node.count))
            guard let number = exact(digits) else {
                throw JSONTape.Failure(reason: .malformed, offset: Int(node.start))
            }
            return number
        case .array:
            var values: [JSONText] = []
            var child = number + 1
            while child < Int(node.after) {
                values.append(try tree(tape, child))
                child = Int(tape.nodes[child].after)
            }
            return .array(values)
        case .object:
            var members: [Member] = []
            var child = number + 1
            while child < Int(node.after) {
                let own = tape.nodes[child]
                let name = UnsafeBufferPointer(start: tape.bytes + Int(own.name.start), count: Int(own.name.count))
                members.append(Member(name: String(decoding: name, as: UTF8.self), value: try tree(tape, child)))
                child = Int(own.after)
            }
            return .object(members)
        }
    }

    /// Digits as an exact number: a whole one, also where it is written `2.0` or `2e3`; nil beyond 64 bits.
    private static func exact(_ digits: UnsafeBufferPointer<UInt8>) -> JSONText? {
        let text = String(decoding: digits, as: UTF8.self)
        if let whole = Int64(text) { return .integer(whole) }
        let halves = text.split(omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
        guard let mantissa = halves.first, halves.count <= 2, let power = halves.count == 2 ? Int(halves[1]) : 0,
            abs(power) <= 18
        else { return nil }
        let parts = mantissa.split(separator: ".", omittingEmptySubsequences: false)
        let fraction = parts.count == 2 ? String(parts[1]) : ""
        guard var number = Int64(String(parts[0]) + fraction) else { return nil }
        var scale = fraction.count - power
        while scale < 0 {
            let (product, overflow) = number.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            number = product
            scale += 1
        }
        while scale > 0, number % 10 == 0 {
            number /= 10
            scale -= 1
        }
        return scale == 0 ? .integer(number) : .decimal(number, scale: scale)
    }

    package subscript(name: String) -> JSONText? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }
}
