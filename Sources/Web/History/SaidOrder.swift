/// When something was said (报文时间), to the second, and within a second the order in which it was received.
///
/// Statements are laid over each other in this order, never in that of their coming. A message that does not say when it
/// was sent counts as sent when it was received.
package struct SaidOrder: Comparable, Sendable {
    /// Since 1970, in China Standard Time.
    package let seconds: Int64
    /// The number in the journal.
    package let sequence: UInt64

    package init(seconds: Int64, sequence: UInt64) {
        self.seconds = seconds
        self.sequence = sequence
    }

    package init(_ moment: Moment?, received: Int64, sequence: UInt64) {
        let said = moment.map { Int64($0.day) * 86_400 + Int64($0.second ?? 0) }
        self.init(seconds: said ?? received / 1000 + 8 * 3600, sequence: sequence)
    }

    /// What the dataset holds was said before all that was received since.
    package static let dataset = SaidOrder(seconds: Int64.min, sequence: 0)

    package static func < (a: SaidOrder, b: SaidOrder) -> Bool {
        a.seconds == b.seconds ? a.sequence < b.sequence : a.seconds < b.seconds
    }

    /// As a version that ingest orders by: ten digits of seconds and eight of the number, which is enough to tell 100
    /// million messages of one second apart.
    package var version: String {
        let digits = String(max(0, seconds) % 10_000_000_000 * Self.serials + Int64(sequence % UInt64(Self.serials)))
        return String(repeating: "0", count: 18 - digits.count) + digits
    }

    private static let serials: Int64 = 100_000_000
}
