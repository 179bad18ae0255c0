import ArgumentParser
import Casework
import Foundation
import Supervision
import Web

/// Where the service finds matters, when it is to serve them too: the store, its keys, the policy of sessions.
struct APIPlace: ParsableArguments {
    @Option(
        name: .long,
        help: "The store of matters: with it the HTTP/JSON API is served at /api (docs/api.md). Default: YIJIAN_STORE.")
    var store: String?

    @Option(
        name: .customLong("store-keys"),
        help: "The key file of what is sealed in the store. Default: YIJIAN_KEYS, else yijian.keys.")
    var storeKeys: String?

    @Option(name: .long, help: "The policy of passwords and sessions: dengbao or asvs.")
    var policy = "dengbao"

    @Option(name: .customLong("api-threads"), help: "Threads that answer calls of the API, 1 to 64.")
    var threads = 2

    /// The casebook of the store that was named; nil: no store, no API.
    func casebook(knowledge folder: String) throws -> Casebook? {
        guard let store = store ?? ProcessInfo.processInfo.environment["YIJIAN_STORE"], !store.isEmpty else {
            return nil
        }
        guard (1...64).contains(threads) else {
            throw CommandError.usage("YJ-211", "--api-threads \(threads) does not fit", advice: "1 to 64")
        }
        var options = DoorOptions()
        options.store = store
        options.keys = storeKeys
        options.policy = policy
        options.knowledge = folder
        options.session = nil
        return try options.casebook()
    }
}
