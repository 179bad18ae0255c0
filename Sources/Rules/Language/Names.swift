import Claims

/// What a name or a dotted path means when it is read from a row of a table.
///
/// Own fields come before what lies behind the encounter: a line's `practitioner` is the line's. Codes of master data
/// are texts where they are stored; a step further leads into the master table.
struct Names {
    /// A field, or the calendar period that holds it.
    struct Meaning {
        let path: FieldPath
        let period: Period?
        let type: ValueType
    }

    /// Why a path has no meaning.
    struct Unknown: Error {
        /// Which part of the path, from 0.
        let part: Int
        let message: String
        let advice: String
    }

    /// Tables a rule may flag or relate rows of.
    static let tables: [Table] = [
        .line, .encounter, .diagnosis, .operation, .prescription, .settlement, .stock, .scan,
    ]

    static func resolve(_ parts: [String], from start: Table) throws(Unknown) -> Meaning {
        var steps: [Table] = []
        var table = start
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            if let reference = reference(part, from: table) {
                guard isLast else {
                    steps += reference.own
                    if reference.table != table { steps.append(reference.table) }
                    table = reference.table
                    continue
                }
                steps += reference.own
                if let stored = reference.stored {
                    return Meaning(
                        path: FieldPath(start: start, steps: steps, field: .stored(stored)), period: nil, type: .text)
                }
                if reference.table != table { steps.append(reference.table) }
                return Meaning(
                    path: FieldPath(start: start, steps: steps, field: .identity), period: nil,
                    type: .identity(reference.table))
            }
            guard isLast else { throw unknown(part, index, table, isLast: false) }
            if let derived = derived(part, start: start, steps: steps, table: table) { return derived }
            if let stored = table.index(of: part), let type = type(of: table.fields[stored].kind) {
                return Meaning(
                    path: FieldPath(start: start, steps: steps, field: .stored(stored)), period: nil, type: type)
            }
            throw unknown(part, index, table, isLast: true)
        }
        throw Unknown(part: 0, message: "an empty path", advice: "write a name")
    }

    /// The type of a stored field; nil for references to rows, which have names of their own.
    static func type(of kind: FieldKind) -> ValueType? {
        switch kind {
        case .identifier, .text, .code: .text
        case .row: nil
        case .day: .day
        case .second, .integer: .number(scale: 0)
        case .decimal(let scale): .number(scale: scale)
        case .flag: .boolean
        }
    }

    // MARK: References

    private struct Reference {
        /// The table it leads to.
        let table: Table
        /// Steps before the table that holds the reference.
        let own: [Table]
        /// The text field that stores it; nil for rows of timelines.
        let stored: Int?
    }

    private static let masters: [String: Table] = [
        "institution": .institution, "department": .department, "ward": .ward, "practitioner": .practitioner,
        "item": .item,
    ]

    private static func reference(_ name: String, from table: Table) -> Reference? {
        let behindEncounter = table != .encounter && rowField("encounter", of: table)
        switch name {
        case "encounter":
            guard table == .encounter || behindEncounter else { return nil }
            return Reference(table: .encounter, own: [], stored: nil)
        case "person":
            if table == .encounter { return Reference(table: .person, own: [], stored: nil) }
            return behindEncounter ? Reference(table: .person, own: [.encounter], stored: nil) : nil
        default:
            guard let master = masters[name] else { return nil }
            if let own = table.index(of: name), case .code = table.fields[own].kind {
                return Reference(table: master, own: [], stored: own)
            }
            guard name == "institution", behindEncounter, let stored = Table.encounter.index(of: name) else {
                return nil
            }
            return Reference(table: master, own: [.encounter], stored: stored)
        }
    }

    private static func rowField(_ name: String, of table: Table) -> Bool {
        guard let index = table.index(of: name), case .row = table.fields[index].kind else { return false }
        return true
    }

    // MARK: Derived fields

    private static func derived(_ name: String, start: Table, steps: [Table], table: Table) -> Meaning? {
        var steps = steps
        var table = table
        if table == .diagnosis, name != "start", name != "end" {
            steps.append(.encounter)
            table = .encounter
        }
        let hasDay = tables.contains(table)
        let hasTime = hasDay && table != .stock
        func meaning(_ leaf: FieldPath.Leaf, _ period: Period?, _ type: ValueType) -> Meaning {
            Meaning(path: FieldPath(start: start, steps: steps, field: leaf), period: period, type: type)
        }
        switch name {
        case "day": return hasDay ? meaning(.day, nil, .day) : nil
        case "time": return hasTime ? meaning(.time, nil, .moment) : nil
        case "start": return table == .encounter ? meaning(.start, nil, .moment) : nil
        case "end": return table == .encounter ? meaning(.end, nil, .moment) : nil
        case "hour": return hasTime ? meaning(.time, .hour, .number(scale: 0)) : nil
        default:
            guard let period = Period(rawValue: name), hasDay else { return nil }
            return meaning(.day, period, .day)
        }
    }

    // MARK: Advice

    /// Names that may be followed by a dot.
    static func references(from table: Table) -> [String] {
        (["encounter", "person"] + masters.keys.sorted()).filter { reference($0, from: table) != nil }
    }

    /// Everything that may be written after a row of the table.
    static func known(in table: Table) -> [String] {
        var names = table.fields.filter { type(of: $0.kind) != nil }.map(\.name)
        names += ["encounter", "person"].filter { reference($0, from: table) != nil }
        names += masters.keys.sorted().filter { reference($0, from: table) != nil && !names.contains($0) }
        names += ["day", "time", "start", "end", "week", "month", "quarter", "year", "hour"].filter {
            !names.contains($0) && derived($0, start: table, steps: [], table: table) != nil
        }
        return names
    }

    private static func unknown(_ part: String, _ index: Int, _ table: Table, isLast: Bool) -> Unknown {
        let what = isLast ? "has no field `\(part)`" : "has no reference `\(part)` to walk"
        let advice: String
        if let meant = Suggestion.nearest(to: part, among: known(in: table)) {
            advice = "did you mean `\(meant)`?"
        } else if table != .encounter, reference("encounter", from: table) != nil,
            known(in: .encounter).contains(part)
        {
            advice = "it is a field of the encounter: write `encounter.\(part)`"
        } else if reference("item", from: table) != nil, Table.item.index(of: part) != nil {
            advice = "it is a field of the item: write `item.\(part)`"
        } else if reference("person", from: table) != nil, Table.person.index(of: part) != nil {
            advice = "it is a field of the person: write `person.\(part)`"
        } else if reference("institution", from: table) != nil, Table.institution.index(of: part) != nil {
            advice = "it is a field of the institution: write `institution.\(part)`"
        } else {
            advice = "it has: \(known(in: table).joined(separator: ", "))"
        }
        return Unknown(part: index, message: "\(table.rawValue) \(what)", advice: advice)
    }
}
