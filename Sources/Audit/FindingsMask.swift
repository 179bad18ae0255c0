/// Hides who a person is (脱敏): a pseudonym is shown as its first four and last two characters.
///
/// Short pseudonyms show less, and very short ones nothing, so that a mask never leaves the whole in sight.
package struct FindingsMask: Sendable, Hashable {
    package let isOn: Bool

    package init(isOn: Bool = true) { self.isOn = isOn }

    package func person(_ pseudonym: String) -> String {
        guard isOn else { return pseudonym }
        switch pseudonym.count {
        case 10...: return pseudonym.prefix(4) + "…" + pseudonym.suffix(2)
        case 4...9: return pseudonym.prefix(1) + "…" + pseudonym.suffix(1)
        default: return "…"
        }
    }

    /// The record with every mention of its person masked, in the key as well.
    package func apply(to record: FindingsRecord) -> FindingsRecord {
        guard isOn else { return record }
        var masked = record
        masked.person = record.person.map(person)
        masked.key = key(of: record)
        if record.violatingTable == "person" { masked.violating = record.violating.map(person) }
        if record.involvedTable == "person" { masked.involved = record.involved.map(person) }
        return masked
    }

    private func key(of record: FindingsRecord) -> String {
        if record.unit == "person", let colon = record.key.firstIndex(of: ":") {
            return record.key[...colon] + person(String(record.key[record.key.index(after: colon)...]))
        }
        let parts = record.key.split(separator: "|", omittingEmptySubsequences: false).map { part in
            guard let equals = part.firstIndex(of: "=") else { return String(part) }
            let value = String(part[part.index(after: equals)...])
            let namesPerson = part[..<equals] == "person" || part[..<equals].hasSuffix(".person")
            return namesPerson || value == record.person ? part[...equals] + person(value) : String(part)
        }
        return parts.joined(separator: "|")
    }
}
