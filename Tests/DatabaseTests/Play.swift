import Database
import StoreTesting

extension TestStore {
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
