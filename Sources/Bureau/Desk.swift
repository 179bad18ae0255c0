import Casework
import Claims
import Columns
import Supervision

/// Where the invented people sit down and work: each acts in his own session, through the one door, like anybody.
final class Desk {
    let book: Casebook
    let clock: StoryClock
    private(set) var accounts: [String: String] = [:]
    private(set) var people: [BureauRecord.Person] = []
    private(set) var acts = 0
    private(set) var refused = 0
    private var sessions: [String: (token: SessionToken, began: Int, used: Int)] = [:]
    private var authenticators: [String: OneTimeCode] = [:]
    /// Of matters that were seen before: it never changes while the story lasts.
    private var procedures: [String: Procedure] = [:]

    init(book: Casebook, clock: StoryClock) {
        self.book = book
        self.clock = clock
    }

    // MARK: People

    /// A first password is changed before anything else.
    func enter(_ name: String, _ access: FirstAccess, role: String) throws {
        guard let code = OneTimeCode(address: access.authenticator) else {
            throw BureauMistake("the authenticator of \(name) cannot be read")
        }
        accounts[name] = access.account
        authenticators[name] = code
        people.append(.init(name: name, role: role, account: access.account, authenticator: access.authenticator))
        clock.pass(seconds: 60)
        try book.door.changePassword(
            name: name, old: access.password, code: code.code(at: clock.now), new: BureauRecord.password)
    }

    func token(_ name: String) throws -> SessionToken {
        let now = clock.now
        if let session = sessions[name], now - session.used < 600, now - session.began < 25_000 {
            sessions[name]?.used = now
            return session.token
        }
        guard let code = authenticators[name] else { throw BureauMistake("there is nobody called \(name)") }
        clock.pass(seconds: 60)
        let token = try book.door.signIn(name: name, password: BureauRecord.password, code: code.code(at: clock.now))
        sessions[name] = (token, clock.now, clock.now)
        return token
    }

    // MARK: Acting

    struct Deed {
        var item = ""
        var fields: [String: String] = [:]
        var splits: [String: [String: Int64]] = [:]
        var together: [String] = []
        var papers: [String] = []
        var adds: [Command.Item] = []
        var parties: [String: String] = [:]
        var target = ""
        var history: [PaperStep]?
    }

    func open(_ procedure: String, by name: String, as role: String, _ deed: Deed) throws -> String {
        guard let chosen = book.library.procedure(procedure) else {
            throw BureauMistake("there is no procedure \(procedure)")
        }
        let command = try command("open", deed, of: chosen, on: procedure, by: name)
        clock.pass(seconds: 30)
        acts += 1
        let id = try book.open(procedure, command, as: role, by: try token(name)).matter.id
        procedures[id] = chosen
        return id
    }

    /// Takes a step; the matter as it is then.
    @discardableResult
    func act(_ name: String, _ step: String, on id: String, _ deed: Deed = Deed()) throws -> Matter {
        let token = try token(name)
        let command = try command(step, deed, of: try procedure(of: id, token), on: id, by: name)
        clock.pass(seconds: 30)
        do {
            let outcome = try book.act(command, on: id, by: token)
            acts += 1
            return outcome.matter
        } catch let refusal as Refusal {
            throw BureauMistake("\(name) \(step) \(id)#\(deed.item): \(refusal)")
        } catch let refusal as DoorRefusal {
            throw BureauMistake(
                "\(name) \(step) \(id)#\(deed.item): \(refusal.code) \(refusal.message) (\(refusal.place))")
        }
    }

    /// One step with many items, which all must take it.
    func each(_ items: [String], _ name: String, _ step: String, on id: String, _ deed: Deed = Deed()) throws {
        guard !items.isEmpty else { return }
        let token = try token(name)
        let command = try command(step, deed, of: try procedure(of: id, token), on: id, by: name)
        clock.pass(seconds: 30)
        for row in try book.act(batch: items, command, on: id, by: token) {
            guard row.refusal == nil else {
                throw BureauMistake("\(name) \(step) \(id)#\(row.item): \(row.refusal ?? "")")
            }
            acts += 1
        }
    }

    /// A form filled in row by row: each row has fields of its own, all must be taken.
    func form(_ rows: [(step: String, deed: Deed)], _ name: String, on id: String) throws {
        guard !rows.isEmpty else { return }
        let token = try token(name)
        let procedure = try procedure(of: id, token)
        let commands = try rows.map { try command($0.step, $0.deed, of: procedure, on: id, by: name) }
        clock.pass(seconds: 60)
        for row in try book.act(commands, on: id, by: token) {
            guard row.refusal == nil else { throw BureauMistake("\(name) \(id)#\(row.item): \(row.refusal ?? "")") }
            acts += 1
        }
    }

    @discardableResult
    func approve(_ names: [String], _ id: String, item: String = "") throws -> Matter? {
        var matter: Matter?
        for name in names {
            var command = Command(.approve)
            command.item = item
            clock.pass(seconds: 30)
            do {
                matter = try book.act(command, on: id, by: try token(name)).matter
            } catch let refusal as Refusal {
                throw BureauMistake("\(name) approve \(id)#\(item): \(refusal)")
            }
            acts += 1
        }
        return matter
    }

    func conclude(_ name: String, _ id: String, item: String) throws {
        var command = Command(.conclude)
        command.item = item
        clock.pass(seconds: 30)
        _ = try book.act(command, on: id, by: try token(name))
        acts += 1
    }

    /// Somebody tries what he may not do; how he is answered. Done all the same, it is a mistake of ours.
    func refusal(_ name: String, _ step: String, on id: String, _ deed: Deed = Deed()) throws -> String {
        do {
            try act(name, step, on: id, deed)
        } catch let mistake as BureauMistake {
            refused += 1
            return mistake.text
        }
        throw BureauMistake("\(name) \(step) \(id) should have been refused")
    }

    private func procedure(of id: String, _ token: SessionToken) throws -> Procedure {
        if let known = procedures[id] { return known }
        let found = try book.matter(id, by: token).matter.procedure
        procedures[id] = found
        return found
    }

    func matter(_ id: String, by name: String) throws -> Matter { try book.matter(id, by: try token(name)).matter }

    private func command(
        _ step: String, _ deed: Deed, of procedure: Procedure, on id: String, by name: String
    ) throws -> Command {
        var command = Command(.take(step))
        command.item = deed.item
        for (name, text) in deed.fields {
            guard let field = procedure.field(name) else {
                throw BureauMistake("\(procedure.id) has no field \(name)")
            }
            let given = field.kind == .person ? accounts[text] ?? text : text
            guard let value = field.value(of: given) else { throw BureauMistake("\(name)=\(text) cannot be read") }
            command.fields[name] = value
        }
        for (name, split) in deed.splits { command.fields[name] = .split(split) }
        command.together = deed.together.compactMap { accounts[$0] }
        for paper in deed.papers {
            let kind = procedure.paper(paper)?.name ?? paper
            let text = "\(kind)（虚构）\n事项：\(id)\n步骤：\(procedure.step(step)?.name ?? step)\n"
            command.papers[paper] =
                try book.addEvidence(
                    Array(text.utf8), named: "\(kind).txt", to: id, by: try token(name)
                ).hash
        }
        command.adds = deed.adds
        command.parties = deed.parties
        command.target = deed.target
        command.history = deed.history
        return command
    }
}

/// The story did something that the procedures or the door did not let it do: a fault of ours, named with its place.
package struct BureauMistake: Error, CustomStringConvertible {
    let text: String
    init(_ text: String) { self.text = text }
    package var description: String { "BUR001: the story of the bureau stumbled: \(text)" }
}
