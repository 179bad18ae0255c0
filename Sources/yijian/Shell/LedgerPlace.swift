import ArgumentParser
import Database
import Foundation
import Ledger
import Supervision

/// A ledger that a command was pointed at: a live store, a folder, or an extract; told apart by what lies there.
struct LedgerPlace: ParsableArguments {
    @Argument(
        help: "The ledger: a store (a file of SQLite or postgresql://user@host/database), a folder, or an extract.")
    var ledger: String

    @Option(
        name: .long,
        help: "The key file its content is enciphered with (密钥文件). Default: YIJIAN_KEYS; not needed for an extract.")
    var keys: String?

    enum Opened {
        case store(Store, Seals)
        case folder(ActLedger)
        case extract(LedgerExtract)
    }

    var isStore: Bool {
        if case .server = try? StoreAddress(ledger) { return true }
        guard let file = FileHandle(forReadingAtPath: ledger) else { return false }
        return (try? file.read(upToCount: 15)) == Data("SQLite format 3".utf8)
    }

    func open() throws -> Opened {
        if isStore { return .store(try Self.openStore(ledger), try Seals.read(try keysPath())) }
        var isFolder = ObjCBool(false)
        guard FileManager.default.fileExists(atPath: ledger, isDirectory: &isFolder) else {
            throw CommandError(
                code: "YJ-506", what: "there is no ledger", place: ledger,
                advice: "name a store, the folder of a ledger, or an extract")
        }
        if isFolder.boolValue { return .folder(try openFolder()) }
        let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: ledger)), as: UTF8.self)
        let (extract, badLine) = LedgerExtract.parse(text)
        guard let extract else {
            throw CommandError(
                code: "LDG040", what: "this extract cannot be read", place: "\(ledger):\(badLine)",
                advice: "ask for it again; it begins with `yijian-ledger 1`")
        }
        return .extract(extract)
    }

    func openFolder(origin: String = "", toWrite: Bool = false) throws -> ActLedger {
        try ActLedger.open(ledger, origin: origin, keys: KeyFile.read(try keysPath()), toWrite: toWrite)
    }

    private func keysPath() throws -> String {
        guard let path = keys ?? ProcessInfo.processInfo.environment["YIJIAN_KEYS"] else {
            throw ValidationError("--keys FILE: the key file of what is enciphered there")
        }
        return path
    }

    /// A store that is there and whose tables are up to date.
    static func openStore(_ text: String) throws -> Store {
        let address = try StoreAddress(text)
        if case .file(let path) = address, !FileManager.default.fileExists(atPath: path) {
            throw CommandError(
                code: "YJ-501", what: "there is no store", place: path, advice: "name a store that is there")
        }
        let store = try Store(address)
        guard case .current = try store.schemaCondition([supervisionTables]) else {
            throw CommandError(
                code: "YJ-507", what: "the store's tables are not those of this program", place: address.shown,
                advice: "make a backup, then run `yijian store migrate`")
        }
        return store
    }
}
