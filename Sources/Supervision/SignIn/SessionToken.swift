import Columns
import Ledger

/// What a signed-in person carries (会话令牌): 256 random bits. The store has only its hash, so that whoever reads the store
/// cannot be anybody.
package struct SessionToken: Hashable, Sendable {
    package let text: String

    init(bytes: [UInt8]) { text = HexText.text(bytes) }

    /// A text that was given out as a token; anything else is nobody's.
    package init?(_ text: String) {
        guard text.utf8.count == 64, HexText.bytes(text) != nil else { return nil }
        self.text = text
    }

    var hash: [UInt8] { Array(text.utf8).withUnsafeBytes { SHA256.digest(of: $0) } }
}
