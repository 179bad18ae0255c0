import StoreTesting
import Testing

@testable import Database

@Suite("Pages")
struct PageTests {
    private func filled(_ kind: StoreKind) throws -> TestStore {
        let stored = try TestStore(kind)
        try stored.store.migrate([TestStore.play])
        try stored.store.write { transaction in
            for index in 0..<50 {
                try transaction.change(
                    """
                    INSERT INTO account (id, balance, kind)
                    VALUES (\("a\(index)"), \(index * 7 % 10), \(index % 5 == 0 ? "closed" : "open"))
                    """)
            }
        }
        return stored
    }

    private static let list: SQL = "SELECT id, balance FROM account WHERE kind = \("open")"

    @Test(arguments: TestStore.kinds)
    func pagesTogetherAreTheList(kind: StoreKind) throws {
        let stored = try filled(kind)
        for (direction, size) in [
            (Transaction.Direction.ascending, 7), (.descending, 1), (.ascending, 40), (.descending, 99),
        ] {
            var seen: [String] = []
            var balances: [Int] = []
            var after: Continuation?
            repeat {
                let page = try stored.store.read {
                    try $0.page(Self.list, by: ["balance", "id"], direction, after: after, size: size)
                }
                #expect(page.rows.count <= size)
                seen += try page.rows.map { try $0.text("id") }
                balances += try page.rows.map { try $0.integer("balance") }
                // As an address carries it.
                after = try page.next.map { try Continuation($0.text) }
            } while after != nil
            #expect(seen.count == 40 && Set(seen).count == 40)
            #expect(balances == balances.sorted { direction == .ascending ? $0 < $1 : $0 > $1 })
        }
    }

    @Test(arguments: TestStore.kinds)
    func whatComesBetweenNeitherRepeatsNorHides(kind: StoreKind) throws {
        let stored = try filled(kind)
        let first = try stored.store.read { try $0.page(Self.list, by: ["balance", "id"], size: 10) }
        try stored.store.write {
            try $0.change(
                "DELETE FROM account WHERE id IN (\(list: try first.rows.prefix(3).map { try $0.text("id") }))")
            try $0.change("INSERT INTO account (id, balance, kind) VALUES ('early', 0, 'open')")
        }
        let second = try stored.store.read {
            try $0.page(Self.list, by: ["balance", "id"], after: first.next, size: 99)
        }
        let ids = try (first.rows + second.rows).map { try $0.text("id") }
        #expect(ids.count == 40 && Set(ids).count == 40)
    }

    @Test(arguments: TestStore.kinds)
    func everyRowOnce(kind: StoreKind) throws {
        let stored = try filled(kind)
        var seen: [String] = []
        try stored.store.read { try $0.eachRow(Self.list, by: ["id"], size: 3) { seen.append(try $0.text("id")) } }
        #expect(seen.count == 40 && seen == seen.sorted())
    }

    @Test func foreignContinuationsAreRefused() throws {
        let good = Continuation(key: [.integer(-3), .text("甲|乙"), .text("")])
        #expect(try Continuation(good.text) == good)
        for bad in ["", "%%%", "eA", "aQ", good.text + "A", String(repeating: "A", count: 3_000), "gICA"] {
            #expect(throws: StoreError.self, "\(bad.prefix(20))") { try Continuation(bad) }
        }
        let stored = try filled(.sqlite)
        #expect(throws: StoreError.self) {
            try stored.store.read { try $0.page(Self.list, by: ["id"], after: good, size: 5) }
        }
    }
}
