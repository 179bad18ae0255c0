import Casework
import Synchronization

/// Matters as they were read from their acts, for the next time somebody looks at them (事项缓存).
///
/// One is taken from here only if the store still names the same last act; that leaf commits to the whole chain before it, and the
/// chain was proven when it was read. What the store holds is proven anew by `store check` and `ledger verify`, never from here.
final class MatterMemory: Sendable {
    /// Matters kept at most, and acts over all of them.
    static let mattersMax = 4_000
    static let actsMax = 200_000

    private struct Kept {
        let matter: Matter
        let leaf: [UInt8]
    }

    private struct Shelves {
        // Two generations: what is looked at moves to the younger; when that is full, the older is dropped.
        var young: [String: Kept] = [:]
        var old: [String: Kept] = [:]
        var acts = 0
    }

    private let shelves = Mutex(Shelves())

    func matter(_ id: String, endingWith leaf: [UInt8]) -> Matter? {
        let kept = shelves.withLock { $0.young[id] ?? $0.old[id] }
        guard let kept, kept.leaf == leaf else { return nil }
        keep(kept.matter, endingWith: leaf)
        return kept.matter
    }

    func holds(_ id: String) -> Bool { shelves.withLock { $0.young[id] != nil || $0.old[id] != nil } }

    func keep(_ matter: Matter, endingWith leaf: [UInt8]) {
        guard matter.acts.count <= Self.actsMax / 4 else { return }
        shelves.withLock { shelves in
            if let before = shelves.young.updateValue(Kept(matter: matter, leaf: leaf), forKey: matter.id) {
                shelves.acts -= before.matter.acts.count
            }
            shelves.acts += matter.acts.count
            guard shelves.young.count > Self.mattersMax / 2 || shelves.acts > Self.actsMax / 2 else { return }
            shelves.old = shelves.young
            shelves.young = [:]
            shelves.acts = 0
        }
    }
}
