import Foundation
import StoreTesting
import Testing

@testable import Database

@Suite("PostgreSQL is at hand")
struct Presence {
    @Test(.enabled(if: PostgresCluster.shared != nil, PostgresCluster.reason))
    func aServerOfTheTestsOwn() throws {
        let stored = try TestStore(.postgresql)
        let checksums = try stored.store.read {
            try $0.row("SELECT setting FROM pg_settings WHERE name = 'data_checksums'")
        }
        #expect(try checksums?.text("setting") == "on")
    }
}

@Suite("Store", .serialized)
struct StoreTests {
    private func kind<T>(of body: () throws -> T) -> StoreError.Kind? {
        do {
            _ = try body()
            return nil
        } catch {
            return (error as? StoreError)?.kind
        }
    }

    private func playing(_ kind: StoreKind) throws -> TestStore {
        let stored = try TestStore(kind)
        try stored.store.migrate([TestStore.play])
        return stored
    }

    private func insert(_ id: String, _ balance: Int, in store: Store) throws {
        try store.write { try $0.change("INSERT INTO account (id, balance) VALUES (\(id), \(balance))") }
    }

    @Test(arguments: TestStore.kinds)
    func valuesComeBackAsTheyWere(kind: StoreKind) throws {
        let stored = try playing(kind)
        let note = "骗取医保基金 '; DROP TABLE account; -- 𠮷 \u{7F}"
        let seal: [UInt8] = Array(0...255)
        try stored.store.write {
            try $0.change(
                """
                INSERT INTO account (id, balance, note, seal) VALUES (\("甲"), \(Int64.max), \(note), \(seal)),
                (\("乙"), \(0), \(optional: nil as String?), \(optional: nil as [UInt8]?))
                """)
        }
        let rows = try stored.store.read { try $0.rows("SELECT id, balance, note, seal FROM account ORDER BY id") }
        #expect(try rows.map { try $0.text("id") } == ["乙", "甲"], "texts are ordered by their bytes")
        #expect(try rows[1].integer("balance") == .max)
        #expect(try rows[1].text("note") == note)
        #expect(try rows[1].bytes("seal") == seal)
        #expect(try rows[0].textIfAny("note") == nil && rows[0].bytesIfAny("seal") == nil)
        #expect(throws: StoreError.self) { try rows[0].text("balance") }
        #expect(throws: StoreError.self) { try rows[0].text("absent") }
    }

    @Test(arguments: TestStore.kinds)
    func aFailedTransactionLeavesNoTrace(kind: StoreKind) throws {
        let stored = try playing(kind)
        try insert("a", 1, in: stored.store)
        #expect(self.kind { try insert("a", 2, in: stored.store) } == .notUnique)
        #expect(self.kind { try insert("b", -1, in: stored.store) } == .refusedBySchema)
        #expect(
            self.kind {
                try stored.store.write {
                    try $0.change("INSERT INTO entry (account, number, amount) VALUES ('nobody', 1, 1)")
                }
            } == .refusedBySchema)
        #expect(self.kind { try stored.store.write { try $0.change("UPDATE nowhere SET a = 1") } } == .badStatement)
        #expect(self.kind { try insert("nul\0", 1, in: stored.store) } == .badStatement)
        // A body that swallows a failure does not save what came before it: on both stores.
        #expect(
            self.kind {
                try stored.store.write {
                    try $0.change("INSERT INTO account (id, balance) VALUES ('c', 1)")
                    _ = try? $0.change("INSERT INTO account (id, balance) VALUES ('a', 1)")
                }
            } == .notUnique)
        #expect(try stored.store.read { try $0.integer("SELECT COUNT(*) FROM account") } == 1)
    }

    @Test(arguments: TestStore.kinds)
    func oneRowOfManyMayFail(kind: StoreKind) throws {
        let stored = try playing(kind)
        let failed = try stored.store.write { transaction in
            try ["a", "b", "a", "c", "b"].filter { id in
                do {
                    try transaction.attempt {
                        try transaction.change("INSERT INTO account (id, balance) VALUES (\(id), 1)")
                    }
                    return false
                } catch let error as StoreError where error.kind == .notUnique {
                    return true
                }
            }
        }
        #expect(failed == ["a", "b"])
        #expect(try stored.store.read { try $0.integer("SELECT COUNT(*) FROM account") } == 3)
    }

    @Test(arguments: TestStore.kinds)
    func twoOfficersNeverOverwriteEachOther(kind: StoreKind) throws {
        let stored = try playing(kind)
        try insert("a", 1, in: stored.store)
        let version = try stored.store.read { try $0.row("SELECT version FROM account")?.integer("version") ?? -1 }
        func change(_ balance: Int) throws {
            try stored.store.write {
                try $0.changeOne(
                    "the account",
                    "UPDATE account SET balance = \(balance), version = version + 1 WHERE id = 'a' AND version = \(version)"
                )
            }
        }
        try change(2)
        #expect(self.kind { try change(3) } == .changedMeanwhile)
        #expect(try stored.store.read { try $0.integer("SELECT balance FROM account") } == 2)
    }

    @Test(arguments: TestStore.kinds)
    func locksKeepSumsWhole(kind: StoreKind) throws {
        let stored = try playing(kind)
        let names = ["a", "b", "c", "d"]
        for name in names { try insert(name, 100, in: stored.store) }
        let store = stored.store
        let failures = Failures()
        DispatchQueue.concurrentPerform(iterations: 6) { worker in
            for round in 0..<25 {
                // Every worker names the two in another order; the lock takes them in one.
                let from = names[(worker + round) % 4]
                let to = names[(worker + round + 1 + worker % 3) % 4]
                do {
                    try store.write { transaction in
                        let rows = try transaction.locked("account", key: "id", in: [to, from])
                        guard let row = try rows.first(where: { try $0.text("id") == from }) else { return }
                        let balance = try row.integer("balance")
                        guard balance > 0 else { return }
                        try transaction.change("UPDATE account SET balance = \(balance - 1) WHERE id = \(from)")
                        try transaction.change("UPDATE account SET balance = balance + 1 WHERE id = \(to)")
                    }
                } catch {
                    failures.add(error)
                }
            }
        }
        #expect(failures.all.isEmpty)
        #expect(try store.read { try $0.integer("SELECT SUM(balance) FROM account") } == 400)
    }

    @Test(arguments: TestStore.kinds)
    func aReaderSeesOneState(kind: StoreKind) throws {
        let stored = try playing(kind)
        try insert("a", 1, in: stored.store)
        let counts = try stored.store.read { reader in
            let before = try reader.integer("SELECT COUNT(*) FROM account")
            let store = stored.store
            let written = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                _ = try? store.write { try $0.change("INSERT INTO account (id, balance) VALUES ('b', 1)") }
                written.signal()
            }
            written.wait()
            return [before, try reader.integer("SELECT COUNT(*) FROM account")]
        }
        #expect(counts == [1, 1])
        #expect(try stored.store.read { try $0.integer("SELECT COUNT(*) FROM account") } == 2)
    }

    @Test(arguments: TestStore.kinds)
    func listsAreBounded(kind: StoreKind) throws {
        let stored = try playing(kind)
        for index in 0..<5 { try insert("a\(index)", 1, in: stored.store) }
        #expect(
            self.kind { _ = try stored.store.read { try $0.rows("SELECT * FROM account", max: 4) } } == .tooManyRows)
        #expect(try stored.store.read { try $0.rows("SELECT * FROM account", max: 5).count } == 5)
        let none: [String] = []
        let found = try stored.store.read { try $0.rows("SELECT * FROM account WHERE id IN (\(list: none))") }
        #expect(found.isEmpty)
    }

    @Test(arguments: TestStore.kinds)
    func manyDifferentStatements(kind: StoreKind) throws {
        let stored = try playing(kind)
        try insert("a", 7, in: stored.store)
        try stored.store.read { transaction in
            for count in 1...300 {
                let ids = (0..<count).map { "x\($0)" } + ["a"]
                let sum = try transaction.integer("SELECT SUM(balance) FROM account WHERE id IN (\(list: ids))")
                #expect(sum == 7)
            }
        }
    }

    @Test(arguments: TestStore.kinds)
    func callsFromTasksHaveThreadsOfTheirOwn(kind: StoreKind) async throws {
        let stored = try playing(kind)
        let store = stored.store
        let threads = StoreThreads(count: 4)
        defer { threads.close() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<40 {
                group.addTask {
                    try await threads.run {
                        _ = try store.write {
                            try $0.change("INSERT INTO account (id, balance) VALUES (\("t\(index)"), 1)")
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try store.read { try $0.integer("SELECT COUNT(*) FROM account") } == 40)
    }

    @Test func aCopyOfTheFileIsWhole() throws {
        let stored = try playing(.sqlite)
        try insert("a", 1, in: stored.store)
        guard case .file(let path) = stored.store.address else { return }
        try stored.store.copy(to: path + ".copy")
        #expect(self.kind { try stored.store.copy(to: path + ".copy") } == .badAddress)
        let copy = try Store(.file(path: path + ".copy"))
        #expect(try copy.read { try $0.integer("SELECT balance FROM account WHERE id = 'a'") } == 1)
        #expect(try copy.schemaCondition([TestStore.play]) == .current)
        copy.close()
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o077 == 0, "nobody else may read the store")
    }

    @Test func whatIsNoDatabaseIsRefused() throws {
        let path = FileManager.default.temporaryDirectory.path + "/yijian-store-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data((0..<5_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }).write(to: URL(fileURLWithPath: path))
        #expect(self.kind { _ = try Store(.file(path: path)) } == .corrupt)
        #expect(self.kind { _ = try Store(.file(path: "/nowhere/at/all")) } == .unreachable)
        #expect(self.kind { _ = try Store(.server(connection: "host=/nowhere dbname=x")) } == .unreachable)
    }

    @Test func addressesHideTheirPassword() throws {
        #expect(try StoreAddress("postgresql://yi:geheim@db/yijian?x=1").shown == "postgresql://yi@db/yijian?x=1")
        #expect(
            try StoreAddress("postgresql://db/yijian?password=geheim&a=b").shown
                == "postgresql://db/yijian?password=…&a=b")
        #expect(try StoreAddress("host=db password=geheim").shown == "host=db password=…")
        #expect(try StoreAddress("data/store.sqlite") == .file(path: "data/store.sqlite"))
        #expect(self.kind { _ = try StoreAddress("mysql://x") } == .badAddress)
    }
}

/// Errors of several threads.
final class Failures: @unchecked Sendable {
    private let lock = NSLock()
    private var errors: [String] = []
    func add(_ error: any Error) { lock.withLock { errors.append(String(describing: error)) } }
    var all: [String] { lock.withLock { errors } }
}
