import Claims
import Rules

/// Who acts: a person in a role for an organisation, the machine, or the clock.
package struct Actor: Hashable, Codable, Sendable {
    package let person: String
    package let role: String
    package let organisation: String

    package init(person: String, role: String, organisation: String) {
        self.person = person
        self.role = role
        self.organisation = organisation
    }
}

/// One thing that somebody did, with all that it changed (行为): what the ledger keeps.
///
/// It has an effective day, on which it counts in law, and a recorded instant, at which we learned of it.
package struct Act: Sendable, Equatable, Codable {
    package let number: Int
    package let actor: Actor
    package let effective: Day
    package let recorded: Instant
    /// The step taken, or the verb: `open`, `approve`, `lapse` …
    package let what: String
    package let item: String
    package let events: [Event]
}

/// A change of a matter. Status is read from these and never written.
package enum Event: Sendable, Equatable, Codable {
    case opened(procedure: String, version: Int, parties: [String: String], parent: String?)
    case itemAdded(kind: String, key: String, parent: String?)
    case moved(track: String, item: String, from: String?, to: String)
    case field(item: String, name: String, value: FieldValue)
    case posted(from: String, to: String, item: String, parts: [String: Int64])
    case taken(step: String, item: String, persons: [String])
    case issued(paper: String, number: String?, item: String)
    case received(paper: String, hash: String, item: String)
    case clockStarted(
        clock: String, item: String, at: Instant, unit: ClockRule.Unit, length: Int, day: Day?)
    case clockPaused(clock: String, item: String, at: Instant, elapsed: Int)
    case clockResumed(clock: String, item: String, at: Instant, shift: Int)
    case clockExtended(clock: String, item: String, by: Int, day: Day?)
    case clockStopped(clock: String, item: String)
    case clockLapsed(clock: String, item: String)
    case proposed(step: String, item: String, command: Command)
    case opinion(proposal: Int, approves: Bool, role: String, person: String, paper: String?)
    case proposalClosed(proposal: Int, passed: Bool)
    case child(kind: String, id: String, procedure: String)
    case childEnded(id: String, state: String)
    case mergedInto(String)
    case absorbed(String)
    /// The act that opened this matter was annulled before anybody worked on it.
    case voided
    case handedOver(side: String, from: String?, to: String)
    case recused(person: String)
    case classified(Secrecy)
    case annulled(act: Int)
    case corrected(act: Int, item: String, field: String, old: FieldValue, new: FieldValue)
    case reopened
    case migrated(version: Int, states: [String: String])
    /// A step taken on paper, before the matter was kept here: on its own day, by those who took it then.
    case takenOnPaper(step: String, item: String, persons: [String], day: Day)
}

/// A step that was taken on paper before the matter was kept here (纸质办理的步骤).
///
/// What the law asked of it then is not judged again; it must fit the procedure: its place, its fields, its money.
package struct PaperStep: Sendable, Equatable, Codable {
    package let step: String
    package let item: String
    package let day: Day
    package let persons: [String]
    package let fields: [String: FieldValue]
    package let adds: [Command.Item]
    /// The numbers that the papers it issued bear, by kind.
    package let numbers: [String: String]

    package init(
        step: String, item: String = "", day: Day, persons: [String], fields: [String: FieldValue] = [:],
        adds: [Command.Item] = [], numbers: [String: String] = [:]
    ) {
        self.step = step
        self.item = item
        self.day = day
        self.persons = persons
        self.fields = fields
        self.adds = adds
        self.numbers = numbers
    }
}

/// What somebody wants to do.
package struct Command: Sendable, Equatable, Codable {
    package enum Verb: Sendable, Equatable, Codable {
        case take(String)
        /// Agree with what was proposed (同意), or vote for it.
        case approve
        /// Send it back for correction (退回修改), or vote against it.
        case sendBack
        /// Close the vote of a panel (集体讨论结论).
        case conclude
        /// The clock has run out; only the clock actor says so.
        case lapse(clock: String)
        case childEnded(id: String, state: String)
        case absorb(String)
        case void
    }

    package struct Item: Sendable, Equatable, Codable {
        package let kind: String
        package let key: String
        package let parent: String?
        package let fields: [String: FieldValue]

        package init(kind: String, key: String, parent: String?, fields: [String: FieldValue]) {
            self.kind = kind
            self.key = key
            self.parent = parent
            self.fields = fields
        }
    }

    package var verb: Verb
    /// The item it is about; empty: the matter.
    package var item = ""
    package var fields: [String: FieldValue] = [:]
    /// Papers handed in: kind to the hash of the file.
    package var papers: [String: String] = [:]
    /// Who acts together with the actor.
    package var together: [String] = []
    package var adds: [Item] = []
    package var effective: Day?
    /// What a power is about: an act's number, a matter, a person, a level.
    package var target = ""
    package var parties: [String: String] = [:]
    /// Who signed on paper; the actor then enters the scan (纸质签批后扫描录入).
    package var signer: String?
    /// With the power to take over a case: what was done on paper, in the order of days.
    package var history: [PaperStep]?

    package init(_ verb: Verb) { self.verb = verb }
}

/// Why something may not be done, with the provision and what to do (不予受理).
package struct Refusal: Error, Sendable, Equatable {
    package let code: String
    package let message: String
    package let provision: String
    package let advice: String

    package init(_ code: String, _ message: String, provision: String = "", advice: String = "") {
        self.code = code
        self.message = message
        self.provision = provision
        self.advice = advice
    }
}

extension Refusal: CustomStringConvertible {
    package var description: String {
        "\(code) \(message)" + (provision.isEmpty ? "" : "（\(provision)）") + (advice.isEmpty ? "" : "；\(advice)")
    }
}

/// What must be done elsewhere in the same transaction, or sent from its outbox.
package enum Order: Sendable, Equatable {
    case open(kind: String, id: String, procedure: String, fields: [String: FieldValue], parties: [String: String])
    case tellParent(parent: String, child: String, state: String)
    case absorb(into: String, from: String)
    case void(child: String)
    case takeNumber(series: String, number: Int)
    case render(paper: String, number: String?, item: String)
    case notify(side: String, organisation: String?, step: String, item: String)
}

package struct Response: Sendable {
    /// nil: nothing happened, because it had already happened.
    package let act: Act?
    package let orders: [Order]
}

/// What the kernel may know of the world: versioned reads, taken before it is asked.
package struct View: Sendable {
    package struct Relative: Sendable {
        package let procedure: String
        /// The state its main track ended in; nil: it is open.
        package let ended: String?
        /// Whether anything was done to it since it was opened.
        package let isTouched: Bool
        package init(procedure: String, ended: String?, isTouched: Bool) {
            self.procedure = procedure
            self.ended = ended
            self.isTouched = isTouched
        }
    }

    package var roles: Roles
    package var calendar: WorkCalendar
    package var procedures: [String: Procedure] = [:]
    package var relatives: [String: Relative] = [:]
    /// Which roles a person holds; a person who is not in it holds the role acted in.
    package var directory: [String: Set<String>] = [:]
    package var absent: Set<String> = []
    /// The last number used in each series.
    package var numbers: [String: Int] = [:]
    /// Identifiers for children, in the order in which they will be used.
    package var freshIdentifiers: [String] = []

    package init(roles: Roles, calendar: WorkCalendar) {
        self.roles = roles
        self.calendar = calendar
    }
}
