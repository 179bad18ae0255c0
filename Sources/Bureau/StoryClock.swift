import Casework
import Claims
import Supervision
import Synchronization

/// The invented bureau's time and chance: a clock that only its story moves, and chance from a seed. The same story gives the
/// same acts on the same days, whenever it is played.
final class StoryClock: Sendable {
    private struct State {
        var seconds: Int
        var chance: UInt64
    }

    private let state: Mutex<State>

    init(from day: Day, seed: UInt64) {
        state = Mutex(State(seconds: Self.seconds(of: day, hour: 8), chance: seed &* 2 &+ 1))
    }

    var now: Int { state.withLock { $0.seconds } }

    /// Goes on to a moment; never back.
    func turn(to day: Day, hour: Int) {
        state.withLock { $0.seconds = max($0.seconds, Self.seconds(of: day, hour: hour)) }
    }

    func pass(seconds: Int) { state.withLock { $0.seconds += seconds } }

    func random(_ count: Int) -> [UInt8] {
        state.withLock { state in
            (0..<count).map { _ in
                state.chance = state.chance &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(truncatingIfNeeded: state.chance >> 40)
            }
        }
    }

    /// China Standard Time is eight hours ahead.
    private static func seconds(of day: Day, hour: Int) -> Int { Int(day.number) * 86_400 + (hour - 8) * 3_600 }

    var surroundings: Surroundings { Surroundings(now: { self.now }, random: { self.random($0) }) }
}
