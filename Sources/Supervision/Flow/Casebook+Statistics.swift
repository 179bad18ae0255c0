import Casework
import Claims
import Database

extension Casebook {
    /// The identifiers of all matters that the caller may list, in order: for what goes through every one of them.
    package func identifiers(_ filter: Filter = Filter(), by token: SessionToken) throws -> [String] {
        let caller = try door.caller(of: token)
        var ids: [String] = []
        try door.store.read { transaction in
            try transaction.eachRow(
                "SELECT id FROM (" + list(filter, for: caller, in: transaction) + ") AS m", by: ["id"]
            ) {
                ids.append(try $0.text("id"))
            }
        }
        return ids
    }

    /// The monthly report over the matters that the caller may list (监管月报): those acted on in the month are read from their
    /// acts; what only waits is counted.
    package func report(month: String, _ filter: Filter = Filter(), by token: SessionToken) throws -> MonthlyReport {
        let caller = try door.caller(of: token)
        guard door.authority.allows("statistics.read", caller) else {
            throw DoorRefusal.notGranted("statistics.read", door.authority)
        }
        guard var report = MonthlyReport(month: month, library) else {
            throw DoorRefusal(.badInput, "“\(month)”不是月份", at: "月份", advice: "写成 yyyy-mm，如 2026-03")
        }
        let from = Int(Instant(report.first).minute)
        let to = Int(Instant(Day(number: report.last.number + 1)).minute)
        try door.store.read { transaction in
            let shelf = MatterShelf(transaction: transaction, library: library, seals: door.seals)
            let visible = try list(filter, for: caller, in: transaction)
            try transaction.eachRow(
                "SELECT id, changed, opened FROM (" + visible + ") AS m WHERE changed >= \(from) AND opened < \(to)",
                by: ["id"]
            ) { row in
                if let matter = try shelf.matter(try row.text("id")) { report.add(matter) }
            }
            for row in try transaction.rows(
                "SELECT procedure, COUNT(*) AS number FROM (" + visible
                    + ") AS m WHERE changed < \(from) AND ended IS NULL GROUP BY procedure ORDER BY procedure")
            {
                guard let procedure = library.procedure(try row.text("procedure")) else { continue }
                report.add(waiting: try row.integer("number"), of: procedure)
            }
        }
        return report
    }
}
