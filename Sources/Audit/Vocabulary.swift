import Columns
import Synchronization

/// Every text that a run compares, numbered once: codes of the dataset, of the lists and of the rules.
///
/// It grows while a run is bound and is read by all threads afterwards. Identifiers (line numbers, settlement
/// numbers) that a rule compares are added late, under a lock; no hot loop does that.
final class Vocabulary: @unchecked Sendable {
    private let words = StringDictionary()
    private var isFrozen = false
    /// Read and written under `lock` alone.
    private var late = StringDictionary(capacity: 16)
    private let lock = Mutex<Void>(())

    /// Forgets the texts that were first met during the run: where questions come one after the other, none of them
    /// speaks of another's.
    func forgetLate() {
        lock.withLock { _ in if late.count > 0 { late = StringDictionary(capacity: 16) } }
    }

    /// The number of codes given out before the run began.
    var count: Int { words.count }
    /// Items of the dataset's lines have the codes below this: they are interned before anything else.
    private(set) var itemCount = 0

    func endItems() { itemCount = words.count }

    func intern(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
        precondition(!isFrozen, "the vocabulary is frozen once a run has begun")
        return words.code(for: bytes)
    }

    func intern(_ text: String) -> Int32 {
        var text = text
        return text.withUTF8 { intern($0) }
    }

    /// The code of a text met while binding; nil when no data, list or rule has it.
    func known(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32? { words.known(bytes) }

    func freeze() { isFrozen = true }

    /// The code of a text that may first appear during the run.
    func lateCode(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
        if let code = words.known(bytes) { return code }
        let base = Int32(words.count)
        return lock.withLock { _ in base + late.code(for: bytes) }
    }

    func string(_ code: Int32) -> String { String(decoding: bytes(of: code), as: UTF8.self) }

    func bytes(of code: Int32) -> [UInt8] {
        guard code >= 0 else { return [] }
        if Int(code) < words.count { return Array(words[code]) }
        let index = Int(code) - words.count
        return lock.withLock { _ in index < late.count ? Array(late[Int32(index)]) : [] }
    }

    /// The bytes of a code given out while binding, without a copy.
    @inline(__always) func view(_ code: Int32) -> UnsafeBufferPointer<UInt8> { words[code] }
}
