import Claims

extension RandomClaims {
    /// What might be the truth behind data with gaps: unknown fields filled in at random.
    ///
    /// Left alone are fields by which rules are divided, and those whose absence means something (an open stay, a
    /// fallback to another field, a person not known to be dead).
    package static func completion(of data: ReferenceData, seed: UInt64) -> ReferenceData {
        var random = Seeded(seed)
        var complete = data
        for table in Table.allCases {
            for index in (data.rows[table] ?? []).indices {
                for (field, declaration) in table.fields.enumerated() {
                    guard data.rows[table]?[index].values[field] == nil,
                        let value = guess(table, declaration, &random)
                    else { continue }
                    complete.rows[table]?[index].values[field] = value
                }
                // A second is known only of a known day, and the days above may have been filled in.
                for (day, second) in [("day", "second"), ("start_day", "start_second")] {
                    guard let dayField = table.index(of: day), let field = table.index(of: second),
                        complete.rows[table]?[index].values[dayField] != nil,
                        complete.rows[table]?[index].values[field] == nil
                    else { continue }
                    complete.rows[table]?[index].values[field] = .second(Int32(random.pick([0, 28_800, 36_000])))
                }
            }
        }
        return complete
    }

    private static func guess(_ table: Table, _ field: Field, _ random: inout Seeded) -> FieldValue? {
        switch (table, field.name) {
        case (.line, "quantity"), (.stock, "quantity"): .number(Int64(random.pick([10_000, 20_000, 40_000])))
        case (.line, "price"): .number(Int64(random.pick([1_000_000, 40_000_000])))
        case (.line, "amount"), (.line, "in_scope"), (.settlement, "total"), (.settlement, "in_scope"),
            (.settlement, "basic"), (.settlement, "cash"):
            .number(Int64(random.pick([0, 1, 250, 100_000])))
        case (.line, "days_supply"), (.line, "minutes"), (.operation, "minutes"):
            .number(Int64(random.pick([0, 3, 30])))
        case (.line, "dose"): .number(10_000)
        case (.encounter, "care_level"): .number(Int64(random.number(0...5)))
        case (.line, "day"), (.encounter, "start_day"), (.operation, "day"), (.prescription, "day"),
            (.settlement, "day"), (.stock, "day"), (.scan, "day"):
            .day(firstDay + Int32(random.number(0...30)))
        case (.line, "department"), (.encounter, "department"): .text(random.pick(departments))
        case (.line, "body_site"): .text(random.pick(sites))
        case (.line, "operation"): .text(random.pick(operations))
        case (.encounter, "setting"): .text(random.pick(settings))
        case (.encounter, "diagnosis"), (.diagnosis, "code"): .text(random.pick(diagnoses))
        case (.encounter, "insurance"): .text(random.pick(["310", "390"]))
        case (.operation, "code"): .text(random.pick(["81.54", "81.51", "47.0"]))
        case (.person, "sex"): .text(random.pick(["M", "F"]))
        case (.person, "birth"): .day(Int32(random.number(-10_000...20_000)))
        case (.item, "kind"): .text(random.pick(["herb", "service"]))
        case (.item, "ingredient"): .text(random.pick(["x1", "x2"]))
        case (.institution, "kind"): .text(random.pick(["hospital", "clinic"]))
        case (.institution, "level"): .number(Int64(random.number(0...3)))
        case (.practitioner, "title"): .text(random.pick(["chief", "resident"]))
        case (.stock, "kind"): .text(random.pick(["purchase", "sale"]))
        case (.scan, "kind"): .text(random.pick(["sale", "return"]))
        default: nil
        }
    }
}
