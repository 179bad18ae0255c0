import Dispatch

/// Work that nobody waits for: binding rules anew, reading a package again.
enum BackgroundWork {
    private static let queue = DispatchQueue(label: "yijian.background", qos: .utility)

    static func run(_ body: @escaping @Sendable () -> Void) { queue.async(execute: body) }
}
