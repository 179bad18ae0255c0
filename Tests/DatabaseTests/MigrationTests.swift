import Foundation
import StoreTesting
import Testing

@testable import Database

@Suite("Migrations")
struct MigrationTests {
    private static let families = [
        TestStore.play, MigrationFamily("other", [Migration(1, "x", "CREATE TABLE x (y TEXT);")]),
    ]

    @Test(arguments: TestStore.kinds)
    func fromEveryEarlierSchema(kind: StoreKind) throws {
        for earlier in 0...3 {
            let stored = try TestStore(kind)
            let store = stored.store
            #expect(try store.schemaCondition(Self.families) == .empty)
            if earlier > 0 {
                try store.migrate(Self.families, upTo: ["play": earlier, "other": 0])
                try store.write { try $0.change("INSERT INTO account (id, balance) VALUES ('old', 5)") }
                #expect(try store.schemaCondition(Self.families) != .current)
            }
            let taken = try store.migrate(Self.families)
            #expect(taken.count == 4 - earlier)
            #expect(try store.schemaCondition(Self.families) == .current)
            #expect(try store.migrate(Self.families).isEmpty)
            let names = try store.read { try $0.columns(of: "account") }
            #expect(names == ["id", "balance", "note", "seal", "version", "kind"])
            if earlier > 0 {
                #expect(try store.read { try $0.row("SELECT kind FROM account")?.text("kind") } == "open")
            }
        }
    }

    @Test(arguments: TestStore.kinds)
    func newerAndChangedSchemasAreRefused(kind: StoreKind) throws {
        let stored = try TestStore(kind)
        try stored.store.migrate(Self.families)
        let older = MigrationFamily("play", Array(TestStore.play.migrations.prefix(2)))
        let changed = MigrationFamily(
            "play", TestStore.play.migrations.map { $0.number == 2 ? Migration(2, $0.name, $0.text + " ") : $0 })
        for families in [[older], [changed]] {
            for act in [
                { try stored.store.schemaCondition(families) != .current },
                { try stored.store.migrate(families).isEmpty },
            ] {
                do {
                    _ = try act()
                    Issue.record("a foreign schema was taken")
                } catch let error as StoreError {
                    #expect(error.kind == .otherSchema)
                    #expect(
                        error.message.contains(
                            families[0].migrations.count == 2 ? "at step 3" : "step 2 (account-kind)"))
                }
            }
        }
    }

    @Test(arguments: TestStore.kinds)
    func aFailingStepLeavesWholeSteps(kind: StoreKind) throws {
        let stored = try TestStore(kind)
        let broken = MigrationFamily(
            "play",
            TestStore.play.migrations.prefix(1) + [
                Migration(2, "half", "CREATE TABLE half (a TEXT); CREATE TABLE half (a TEXT);")
            ])
        #expect(throws: StoreError.self) { try stored.store.migrate([broken]) }
        #expect(try stored.store.read { try $0.columns(of: "half") }.isEmpty)
        #expect(try stored.store.schemaCondition([broken]) == .behind(["play/2-half"]))
        try stored.store.migrate([TestStore.play])
    }

    @Test(arguments: TestStore.kinds)
    func severalServersAtOnce(kind: StoreKind) throws {
        let stored = try TestStore(kind)
        let address = stored.store.address
        let failures = Failures()
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            do {
                let store = try Store(address, connectionsMax: 2)
                try store.migrate(Self.families)
                store.close()
            } catch {
                failures.add(error)
            }
        }
        #expect(failures.all.isEmpty)
        #expect(try stored.store.schemaCondition(Self.families) == .current)
    }
}

@Suite("A server that dies", .serialized)
struct ServerFaultTests {
    @Test(.enabled(if: PostgresCluster.shared != nil, PostgresCluster.reason))
    func connectionsThatDiedAreReplaced() throws {
        let stored = try TestStore(.postgresql)
        let store = stored.store
        try store.migrate([TestStore.play])
        // Ends every connection of this database but the one that asks.
        func killOthers() throws {
            _ = try store.read {
                try $0.rows(
                    """
                    SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()
                    """)
            }
        }
        let other = try Store(store.address, connectionsMax: 2)
        try other.write { try $0.change("INSERT INTO account (id, balance) VALUES ('a', 1)") }
        try killOthers()
        // The idle connection is dead; the next transaction takes a new one.
        #expect(try other.read { try $0.integer("SELECT COUNT(*) FROM account") } == 1)
        // Dying inside a transaction is an error, and leaves no trace.
        do {
            try other.write {
                try $0.change("INSERT INTO account (id, balance) VALUES ('b', 1)")
                try killOthers()
                try $0.change("INSERT INTO account (id, balance) VALUES ('c', 1)")
            }
            Issue.record("a dead connection went on")
        } catch let error as StoreError {
            #expect(error.kind == .unreachable || error.kind == .outcomeUnknown)
        }
        #expect(try other.read { try $0.integer("SELECT COUNT(*) FROM account") } == 1)
        other.close()
    }
}
