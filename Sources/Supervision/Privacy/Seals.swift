import Ledger

/// The keys of what is sealed in the store (存储加密): a key file outside the store and apart from its backups. A sealed
/// value is the number of its key, then what the cipher made; it opens only in the column and row it was made for.
package struct Seals: Sendable {
    private let keys: KeyFile

    package init(keys: KeyFile) { self.keys = keys }

    package static func read(_ path: String) throws -> Seals { Seals(keys: try KeyFile.read(path)) }

    /// Where a value stands: moved to another row it does not open.
    struct Place {
        let column: StaticString
        let row: String
        var bytes: [UInt8] { Array("\(column)\0\(row)".utf8) }
    }

    func seal(_ plain: [UInt8], at place: Place) -> [UInt8] {
        let key = keys.current
        return withUnsafeBytes(of: key.identifier.littleEndian, Array.init) + key.seal(plain, associated: place.bytes)
    }

    func open(_ sealed: [UInt8], at place: Place) throws(DoorRefusal) -> [UInt8] {
        guard let plain = try openIfWhole(sealed, at: place) else { throw Self.damaged(place) }
        return plain
    }

    /// The value, or nil when it was changed or belongs elsewhere. A key that the key file lacks is an error all the same.
    func openIfWhole(_ sealed: [UInt8], at place: Place) throws(DoorRefusal) -> [UInt8]? {
        guard let identifier = Self.identifier(of: sealed) else { return nil }
        guard let key = keys.key(identifier) else {
            throw DoorRefusal(
                .setUp, "the key file has no key \(identifier), with which `\(place.column)` was sealed",
                at: "the key file",
                advice: "restore the key file from its copy in the safe")
        }
        return key.open(sealed.dropFirst(4), associated: place.bytes)
    }

    private static func identifier(of sealed: [UInt8]) -> UInt32? {
        sealed.count > 4 ? sealed.prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) } : nil
    }

    /// The number of the key in use.
    var currentKey: UInt32 { keys.current.identifier }

    /// Whether the value was sealed with the key in use.
    func isCurrent(_ sealed: [UInt8]) -> Bool {
        sealed.starts(with: withUnsafeBytes(of: keys.current.identifier.littleEndian, Array.init))
    }

    /// The keyed code of a whole value, for joins and search: equal values have equal codes, and without the key nobody can
    /// go back or try guesses.
    func code(_ space: StaticString, _ value: String) -> String { keys.code("\(space)\0\(value)") }

    private static func damaged(_ place: Place) -> DoorRefusal {
        DoorRefusal(
            .setUp, "a sealed value in `\(place.column)` was changed, or belongs to another row", at: "the store",
            advice: "stop and keep the store; compare it with the last backup")
    }
}
