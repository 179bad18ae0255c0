import Dispatch
import Foundation

/// Runs the same work on several threads and hands on the first error.
enum Workers {
    static func run(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
        let failure = FirstError()
        DispatchQueue.concurrentPerform(iterations: max(1, count)) { number in
            do { try body(number) } catch { failure.note(error) }
        }
        if let error = failure.error { throw error }
    }
}

/// The first error that any thread met; the others see that it is time to stop.
final class FirstError: @unchecked Sendable {
    private let lock = Mutex()
    private var first: (any Error)?

    func note(_ error: any Error) { lock.held { if first == nil { first = error } } }
    var error: (any Error)? { lock.held { first } }
}

/// Lets threads pass one after the other in the order of their numbers.
final class Turnstile: @unchecked Sendable {
    private let condition = NSCondition()
    private var turn = 0
    private var broken = false

    /// False when another thread failed and the work is given up.
    func wait(for number: Int) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        while turn != number, !broken { condition.wait() }
        return !broken
    }

    func pass() {
        condition.lock()
        turn += 1
        condition.broadcast()
        condition.unlock()
    }

    func breakDown() {
        condition.lock()
        broken = true
        condition.broadcast()
        condition.unlock()
    }
}
