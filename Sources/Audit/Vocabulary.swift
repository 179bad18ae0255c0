import Columns
import Synchronization

/// Every text that a run compares, numbered once: codes of the dataset, of the lists and of the rules.
///
/// It grows while a run is bound and is read by all threads afterwards. Identifiers (line numbers, settlement
/// numbers) that a rule compares are added late, under a lock; no hot loop does that.
final class Vocabulary: @unchecked Sendable {
    private let words = StringDictionary()
    private var isFrozen = false
    private let late = Mutex<LateWords>(LateWords())

    private struct LateWords {
        var codes: [[UInt8]: Int32] = [:]
        var texts: [[UInt8]] = []
    }

    /// The number of texts that were first met during the run.
    var lateCount: Int { late.withLock { $0.texts.count } }

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
        let key = Array(bytes)
        let base = Int32(words.count)
        return late.withLock { table in
            if let code = table.codes[key] { return code }
            let code = base + Int32(table.texts.count)
            table.codes[key] = code
            table.texts.append(key)
            return code
        }
    }

    func string(_ code: Int32) -> String { String(decoding: bytes(of: code), as: UTF8.self) }

    func bytes(of code: Int32) -> [UInt8] {
        guard code >= 0 else { return [] }
        if Int(code) < words.count { return Array(words[code]) }
        let index = Int(code) - words.count
        return late.withLock { $0.texts.indices.contains(index) ? $0.texts[index] : [] }
    }

    /// The bytes of a code given out while binding, without a copy.
    @inline(__always) func view(_ code: Int32) -> UnsafeBufferPointer<UInt8> { words[code] }
}
