import NIOCore

/// Something that is to happen at a time unless it is called off (限时): one for each connection and purpose.
///
/// Setting and clearing it costs nothing while a clock of it runs: when that goes off it looks whether the time has come, and
/// else runs on. So a connection that is asked a thousand times a second has a few clocks, not thousands. Lives on one event loop.
final class Alarm {
    private let loop: any EventLoop
    private let action: () -> Void
    private var due: NIODeadline?
    private var clock: Scheduled<Void>?
    private var goesOff = NIODeadline.distantFuture

    init(on loop: any EventLoop, _ action: @escaping () -> Void) {
        self.loop = loop
        self.action = action
    }

    func set(_ time: TimeAmount) {
        let due = NIODeadline.now() + time
        self.due = due
        if clock != nil {
            guard due < goesOff else { return }
            clock?.cancel()
        }
        run(until: due)
    }

    func clear() { due = nil }

    /// For good: nothing of it is kept.
    func end() {
        due = nil
        clock?.cancel()
        clock = nil
    }

    private func run(until time: NIODeadline) {
        goesOff = time
        let bound = NIOLoopBound(self, eventLoop: loop)
        clock = loop.scheduleTask(deadline: time) { bound.value.ring() }
    }

    private func ring() {
        clock = nil
        guard let due else { return }
        if due <= .now() {
            self.due = nil
            action()
        } else {
            run(until: due)
        }
    }
}
