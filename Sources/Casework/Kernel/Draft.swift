import Claims
import Rules

/// An act in the making: checks a command against a matter and gathers the events and orders it causes.
struct Draft {
    /// The matter as far as this act has changed it.
    var matter: Matter
    let actor: Actor
    let instant: Instant
    let day: Day
    let view: View
    var events: [Event] = []
    var orders: [Order] = []
    var what = ""
    private var usedIdentifiers = 0

    init(matter: Matter, actor: Actor, instant: Instant, day: Day, view: View) {
        self.matter = matter
        self.actor = actor
        self.instant = instant
        self.day = day
        self.view = view
    }

    var procedure: Procedure { matter.procedure }

    func facts(_ item: String, _ overlay: [String: FieldValue]) -> Facts {
        Facts(matter: matter, item: item, overlay: overlay, instant: moment, day: day, calendar: view.calendar)
    }

    /// When the act counts: now, or on its effective day.
    var moment: Instant { day == instant.day ? instant : RunningClock.endOf(day) }

    func requireMachine() throws(Refusal) {
        guard view.roles[actor.role]?.kind != .person else {
            throw Refusal("CAS003", "这一行为由系统记录，不由人办理")
        }
    }

    // MARK: Fields

    /// Every field is declared, may be given here, has its type; nothing needed is missing.
    func check(fields given: [String: FieldValue], needs: [String], takes: [String], item: String) throws(Refusal) {
        let kind = item.isEmpty ? nil : matter.kind(ofItem: item)
        for (name, value) in given.sorted(by: { $0.key < $1.key }) {
            guard let field = procedure.field(name), needs.contains(name) || takes.contains(name) else {
                throw Refusal("CAS009", "这一步骤不填“\(name)”", advice: "可填：\((needs + takes).joined(separator: "、"))")
            }
            guard field.accepts(value) else {
                throw Refusal("CAS009", "“\(field.name)”的值\(value)不合要求", advice: "请按字段类型填写")
            }
        }
        for name in needs where given[name] == nil {
            let isOwn = procedure.field(name)?.item == nil || procedure.field(name)?.item == kind
            guard isOwn, matter.field(name, item: item) == nil else { continue }
            throw Refusal("CAS008", "缺少“\(procedure.field(name)?.name ?? name)”", advice: "请填写\(name)")
        }
    }

    /// Puts fields where they belong: to the item, or to the matter.
    mutating func set(_ values: [String: FieldValue], item: String) {
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            let place = procedure.field(name)?.item == nil ? "" : item
            events.append(.field(item: place, name: name, value: value))
            matter.fields[place, default: [:]][name] = value
        }
    }

    // MARK: Items and tracks

    mutating func move(_ track: Track, item: String, from: String?, to: String) {
        events.append(.moved(track: track.id, item: item, from: from, to: to))
        matter.states[Matter.Place(track: track.id, item: item)] = to
    }

    mutating func add(_ additions: [Command.Item], allowed: [String]) throws(Refusal) {
        for addition in additions {
            guard allowed.contains(addition.kind), let kind = procedure.items.first(where: { $0.id == addition.kind })
            else {
                throw Refusal("CAS009", "这一步骤不能增加\(addition.kind)")
            }
            guard matter.itemKinds[addition.key] == nil, !addition.key.isEmpty else {
                throw Refusal("CAS030", "\(kind.name)\(addition.key)已经在案", advice: "每一条只登记一次")
            }
            if let parentKind = kind.parent {
                guard let parent = addition.parent, matter.itemKinds[parent] == parentKind else {
                    throw Refusal("CAS022", "\(kind.name)\(addition.key)没有写明所属的\(parentKind)")
                }
            }
            events.append(.itemAdded(kind: addition.kind, key: addition.key, parent: addition.parent))
            matter.items.append(Matter.Item(kind: addition.kind, key: addition.key, parent: addition.parent))
            matter.itemKinds[addition.key] = addition.kind
            let allowedFields = procedure.fields.filter { $0.item == addition.kind }.map(\.id)
            try check(fields: addition.fields, needs: [], takes: allowedFields, item: addition.key)
            set(addition.fields, item: addition.key)
            for track in procedure.tracks where track.per == addition.kind && track.begins {
                move(track, item: addition.key, from: nil, to: track.initial.id)
                try begin(track, item: addition.key)
            }
        }
    }

    mutating func freshIdentifier() throws(Refusal) -> String {
        guard usedIdentifiers < view.freshIdentifiers.count else {
            throw Refusal("CAS032", "没有可用的事项编号", advice: "请重试")
        }
        usedIdentifiers += 1
        return view.freshIdentifiers[usedIdentifiers - 1]
    }
}
