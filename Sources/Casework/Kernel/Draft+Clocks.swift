import Claims
import Rules

extension Draft {
    /// Stops, halts, lengthens and starts the clocks that a step concerns.
    mutating func runClocks(after step: String, item: String) throws(Refusal) {
        for rule in procedure.clocks {
            let isOfItem = procedure.track(rule.track)?.per != nil
            guard isOfItem == false || !item.isEmpty else { continue }
            let place = Matter.Place(track: rule.id, item: isOfItem ? item : "")
            let clock = matter.clocks[place]
            let isLive = clock?.standing == .running || clock?.standing == .paused
            if rule.stops.contains(step), isLive { apply(.clockStopped(clock: rule.id, item: place.item)) }
            if let clock, rule.pauses.contains(step), clock.standing == .running {
                guard let elapsed = clock.elapsedUnits(at: moment, in: view.calendar) else {
                    throw calendarMissing(rule)
                }
                apply(.clockPaused(clock: rule.id, item: place.item, at: moment, elapsed: elapsed))
            }
            if let clock, rule.resumes.contains(step), clock.standing == .paused {
                let days = Int(moment.day.number) - Int(clock.pausedAt?.day.number ?? moment.day.number)
                let shift = clock.unit == .workingDays || clock.unit == .hours ? 0 : days
                apply(.clockResumed(clock: rule.id, item: place.item, at: moment, shift: shift))
            }
            for lengthening in rule.extensions where lengthening.step == step && isLive {
                let times = matter.taken[Matter.Place(track: step, item: item)]?.count ?? 0
                guard times <= lengthening.timesMax else {
                    throw Refusal(
                        "CAS033", "“\(rule.name)”已经延长\(lengthening.timesMax)次，不能再延长",
                        provision: rule.basis.first ?? "")
                }
                if rule.unit == .date {
                    guard let day = day(of: lengthening.length, item) else { throw lengthMissing(rule) }
                    apply(.clockExtended(clock: rule.id, item: place.item, by: 0, day: day))
                } else {
                    guard let count = count(of: lengthening.length, item) else { throw lengthMissing(rule) }
                    apply(.clockExtended(clock: rule.id, item: place.item, by: count, day: nil))
                }
            }
            if rule.starts.contains(step) { try start(rule, place, item) }
        }
    }

    /// Starts the clocks that run from the beginning of a track.
    mutating func begin(_ track: Track, item: String) throws(Refusal) {
        for rule in procedure.clocks where rule.track == track.id && rule.starts.contains("begins") {
            try start(rule, Matter.Place(track: rule.id, item: item), item)
        }
    }

    private mutating func start(_ rule: ClockRule, _ place: Matter.Place, _ item: String) throws(Refusal) {
        if let condition = rule.when {
            guard let holds = condition.holds(facts(item, [:]).value) else {
                throw Refusal("CAS012", "无法判断“\(rule.name)”是否起算", advice: condition.source)
            }
            guard holds else { return }
        }
        var length = 0
        var fixed: Day?
        switch rule.unit {
        case .date:
            guard let day = day(of: rule.length, item) else { throw lengthMissing(rule) }
            fixed = day
        case .settlementDay:
            guard let number = count(of: rule.length, item), let name = rule.month,
                case .text(let month) = matter.field(name, item: item)?.scalar,
                let day = RunningClock.settlementDay(number, month: month, later: rule.monthsLater)
            else { throw lengthMissing(rule) }
            fixed = day
        case .workingDays, .days, .hours, .months:
            guard let count = count(of: rule.length, item), (0...36_500).contains(count) else {
                throw lengthMissing(rule)
            }
            length = count
        }
        apply(
            .clockStarted(
                clock: rule.id, item: place.item, at: moment, unit: rule.unit, length: length, day: fixed))
    }

    /// The event, and the matter as it is after it.
    mutating func apply(_ event: Event) {
        events.append(event)
        let act = Act(
            number: 0, actor: actor, effective: day, recorded: instant, what: "", item: "", events: [event])
        matter.fold(act, corrections: [:])
    }

    mutating func stopClocks(of track: Track, item: String) {
        for rule in procedure.clocks where rule.track == track.id {
            let clock = matter.clocks[Matter.Place(track: rule.id, item: item)]
            if clock?.standing == .running || clock?.standing == .paused {
                apply(.clockStopped(clock: rule.id, item: item))
            }
        }
    }

    private func count(of length: ClockRule.Length, _ item: String) -> Int? {
        switch length {
        case .fixed(let count): count
        case .parameter(let name): facts(item, [:]).parameter(name)?.mantissa(scale: 0).map(Int.init)
        case .field(let name): matter.field(name, item: item)?.scalar?.mantissa(scale: 0).map(Int.init)
        }
    }

    private func day(of length: ClockRule.Length, _ item: String) -> Day? {
        guard case .field(let name) = length, case .day(let day) = matter.field(name, item: item)?.scalar else {
            return nil
        }
        return day
    }

    private func lengthMissing(_ rule: ClockRule) -> Refusal {
        Refusal("CAS034", "“\(rule.name)”的期限长短不明", provision: rule.basis.first ?? "", advice: "请补填期限所依据的日期或参数")
    }

    private func calendarMissing(_ rule: ClockRule) -> Refusal {
        Refusal("CAS027", "“\(rule.name)”无法计算：缺少放假安排", advice: "请在knowledge/calendars中补充该年度国务院办公厅通知")
    }

    /// The clock actor says that a clock has run out. Saying it twice changes nothing.
    mutating func lapse(_ id: String, _ command: Command) throws(Refusal) {
        what = "lapse"
        guard view.roles[actor.role]?.kind == .clock else {
            throw Refusal("CAS003", "期限届满由系统时钟记录，不由人办理")
        }
        guard let rule = procedure.clock(id), let clock = matter.clocks[Matter.Place(track: id, item: command.item)]
        else { throw Refusal("CAS022", "没有期限\(id)") }
        guard clock.standing == .running else { return }
        guard let passed = clock.hasPassed(at: instant, in: view.calendar) else { throw calendarMissing(rule) }
        guard passed else { throw Refusal("CAS014", "“\(rule.name)”尚未届满") }
        apply(.clockLapsed(clock: id, item: command.item))
        guard let step = rule.lapse.flatMap(procedure.step) else { return }
        // What the end of the term means is done only where it still fits.
        var trial = self
        do throws(Refusal) {
            var automatic = Command(.take(step.id))
            automatic.item = command.item
            try trial.checkPlace(step, command.item)
            try trial.checkContent(step, automatic)
            try trial.perform(step, automatic, persons: [])
            self = trial
        } catch {
            return
        }
    }
}

extension Matter {
    /// The clocks that have run out by the instant and mean something: commands for the clock actor.
    package func lapses(at instant: Instant, in calendar: WorkCalendar) -> [Command] {
        var due: [(at: Instant, command: Command)] = []
        for (place, clock) in clocks where clock.standing == .running {
            guard procedure.clock(place.track)?.lapse != nil, clock.hasPassed(at: instant, in: calendar) == true,
                let at = clock.due(in: calendar)
            else { continue }
            var command = Command(.lapse(clock: place.track))
            command.item = place.item
            due.append((at, command))
        }
        return due.sorted { ($0.at, $0.command.item) < ($1.at, $1.command.item) }.map(\.command)
    }
}
