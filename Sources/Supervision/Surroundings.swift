import Foundation

/// What comes from outside (外部世界): time and chance, so that everything else can be replayed.
package struct Surroundings: Sendable {
    /// Seconds since 1970-01-01 00:00 UTC.
    package var now: @Sendable () -> Int
    /// Bytes nobody can foresee.
    package var random: @Sendable (Int) -> [UInt8]

    package init(now: @escaping @Sendable () -> Int, random: @escaping @Sendable (Int) -> [UInt8]) {
        self.now = now
        self.random = random
    }

    package static let system = Surroundings(
        now: { Int(Date().timeIntervalSince1970) },
        random: { count in
            var source = SystemRandomNumberGenerator()
            return (0..<count).map { _ in UInt8.random(in: 0...255, using: &source) }
        })

    /// A new identifier: 100 random bits in 20 characters that cannot be mistaken for each other.
    func identifier() -> String {
        let letters = Array("0123456789abcdefghjkmnpqrstvwxyz")
        return String(random(20).map { letters[Int($0 & 31)] })
    }
}
