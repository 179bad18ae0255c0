import Columns
import Wire

/// What a hospital sends over the network: JSON, and every value of it read in every way a reader may.
let wireParsers = [
    FuzzedParser("json") { bytes in
        let tape = JSONTape()
        let text = bytes.bindMemory(to: UInt8.self)
        guard (try? tape.read(text)) != nil else { return }
        withExtendedLifetime(tape) { walk(.root(tape), depth: 0) }
    }
]

private let names = NameTable(["a", "cnt", "infno|x", "fee_ocur_time", "input"])

private func walk(_ value: JSONValue, depth: Int) {
    precondition(depth <= 33, "deeper than the limit")
    _ = value.text
    _ = value.texts
    let record = MessageRecord(value, names)
    var tolerance = Tolerance()
    let texts = StringDictionary()
    for place in 0..<names.count {
        _ = record.decimal(place, scale: 4, &tolerance, name: "fuzz")
        _ = record.moment(place, &tolerance, name: "fuzz")
        let text = record.text(place)
        precondition(
            record.flag(place) == nil || text != nil || record.value(place)?.kind != .string, "a flag of nothing")
        let number = record.number(place, texts)
        precondition(number.map { texts.string($0) } == record.code(place), "a text is read in two ways")
        if let child = record.value(place) { walk(child, depth: depth + 1) }
    }
    for child in value.objects where value.kind == .array { walk(child, depth: depth + 1) }
}
