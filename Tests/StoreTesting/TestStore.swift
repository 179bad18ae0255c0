import Database
import Foundation

/// Makes empty stores of one kind, and removes what it made.
package final class TestStore {
    package let store: Store
    private let folder: String?

    /// Both kinds where PostgreSQL is at hand; the suite `Presence` says "skipped" where it is not.
    package static let kinds: [StoreKind] = PostgresCluster.shared == nil ? [.sqlite] : [.sqlite, .postgresql]

    package init(_ kind: StoreKind, connectionsMax: Int = 8) throws {
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
}
