import Foundation

@testable import Database

/// Makes empty stores of one kind, and removes what it made.
final class TestStore {
    let store: Store
    private let folder: String?

    /// Both kinds where PostgreSQL is at hand; the suite `Presence` says "skipped" where it is not.
    static let kinds: [StoreKind] = PostgresCluster.shared == nil ? [.sqlite] : [.sqlite, .postgresql]

    init(_ kind: StoreKind, connectionsMax: Int = 8) throws {
        switch kind {
        case .sqlite:
            let folder = FileManager.default.temporaryDirectory.path + "/yijian-store-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            self.folder = folder
            store = try Store(.file(path: folder + "/store.sqlite"), connectionsMax: connectionsMax)
        case .postgresql:
            guard let cluster = PostgresCluster.shared else {
                throw StoreError(.unreachable, "no server", at: "the tests", advice: "install PostgreSQL")
            }
            folder = nil
            store = try Store(try cluster.makeDatabase(), connectionsMax: connectionsMax)
        }
    }

    deinit {
        store.close()
        if let folder { try? FileManager.default.removeItem(atPath: folder) }
    }

    /// A small table to play with.
    static let play = MigrationFamily(
        "play",
        [
            Migration(
                1, "account",
                """
                CREATE TABLE account (
                    id TEXT NOT NULL PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0), note TEXT, seal BLOB,
                    version INTEGER NOT NULL DEFAULT 0
                ) STRICT;
                """),
            Migration(2, "account-kind", "ALTER TABLE account ADD COLUMN kind TEXT NOT NULL DEFAULT 'open';"),
            Migration(
                3, "account-order",
                """
                CREATE TABLE entry (
                    account TEXT NOT NULL REFERENCES account (id), number INTEGER NOT NULL, amount INTEGER NOT NULL,
                    PRIMARY KEY (account, number)
                ) STRICT;
                CREATE INDEX account_by_kind ON account (kind, balance, id);
                """),
        ])
}
