import Casework
import Claims

/// What the chapters of the story share: who there is, what day it is, and the sums they need again and again.
struct Chapter {
    let cast: Cast
    var desk: Desk { cast.desk }

    /// Goes on to the morning of a day, and lets every limit of time that has run out by then take effect.
    func morning(_ day: String, hour: Int = 9) throws {
        guard let day = Day(day) else { throw BureauMistake("\(day) is not a day") }
        desk.clock.turn(to: day, hour: hour)
        _ = try desk.book.lapse(atMost: 5_000)
    }

    /// A day that many working days later, as `yyyy-mm-dd`.
    func after(_ count: Int, _ day: String) throws -> String {
        guard let day = Day(day), let later = desk.book.library.calendar.day(workingDays: count, after: day) else {
            throw BureauMistake("\(day) and \(count) working days later cannot be computed")
        }
        return "\(later)"
    }

    static func text(_ split: [String: Int64]) -> String {
        FieldValue.split(split.filter { $0.value > 0 }).description
    }

    static func yuan(_ fen: Int64) -> String { DecimalText.format(fen, scale: 2) }

    static func item(_ kind: String, _ key: String, of parent: String? = nil, _ fields: [String: FieldValue] = [:])
        -> Command.Item
    {
        Command.Item(kind: kind, key: key, parent: parent, fields: fields)
    }

    // MARK: Money

    /// Brings in what was found, through its own matter: ordered, deducted by the core system, reconciled, closed.
    func recover(
        _ id: String, kind: String = "recovered", payer: String,
        plus other: (kind: String, split: [String: Int64])? = nil
    )
        throws
    {
        let found = try desk.matter(id, by: "wu")
        guard case .split(let owed)? = found.field("found") else {
            throw BureauMistake("\(id) was opened without a loss")
        }
        try desk.act("wu", "establish", on: id)
        let sums = [Self.item("sum", "S1")] + (other == nil ? [] : [Self.item("sum", "S2")])
        try desk.act("wu", "enter", on: id, .init(adds: sums))
        try desk.act(
            "wu", "order_principal", on: id,
            .init(
                item: "S1", fields: ["kind": kind, "route": "offset", "payer": payer, "payee": "医保基金"],
                splits: ["owed": owed]))
        try desk.act("shen", "core_deducted", on: id, .init(item: "S1", splits: ["deducted": owed]))
        try desk.act(
            "han", "reconcile", on: id,
            .init(item: "S1", fields: ["core_total": Self.yuan(owed.values.reduce(0, +))]))
        if let other {
            let isFine = other.kind == "fine"
            let total = Self.yuan(other.split.values.reduce(0, +))
            try desk.act(
                "wu", "order_other", on: id,
                .init(
                    item: "S2",
                    fields: [
                        "kind": other.kind, "route": isFine ? "treasury" : "offset", "payer": payer,
                        "payee": isFine ? "国库" : "经办机构",
                    ], splits: ["owed": other.split]))
            try desk.act(
                "shen", "paid_in", on: id,
                .init(item: "S2", fields: ["voucher": "V-\(id)"], splits: ["paid": other.split], papers: ["receipt"]))
            try desk.act("han", "reconcile", on: id, .init(item: "S2", fields: ["core_total": total]))
        }
        try desk.act("han", "close", on: id)
    }
}
