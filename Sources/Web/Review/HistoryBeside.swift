import Audit
import Claims
import Rules

/// What of a history lies beside a message (历史与报文并列): what the message says itself is left out.
struct HistoryBeside {
    /// By table, the rows of the history's sheet that are not taken.
    let leftOut: [Table: [Bool]]
    /// A charge of a visit that the message describes names no order: it is left out, so that nothing is counted twice, and
    /// history is no longer complete.
    let isLinkMissing: Bool

    init(_ patient: ReviewMessage.Patient, _ history: SettledHistory) {
        let sheet = history.sheet
        let described = Self.names(.encounter, patient.sheet, in: sheet)
        let operations = Self.names(.operation, patient.sheet, in: sheet)
        // Mostly the message is about a visit and operations that history does not know.
        guard !described.isEmpty || !operations.isEmpty else {
            leftOut = history.homeless
            isLinkMissing = false
            return
        }
        // By number of a text: the message describes the visit of that name; the visit is known at all.
        var isDescribed = [Bool](repeating: false, count: sheet.texts.count)
        for name in described { isDescribed[Int(name)] = true }
        var isKnown = isDescribed
        for place in 0..<sheet.count(.encounter) { isKnown[Int(sheet.row(.encounter, place).name)] = true }
        var left: [Table: [Bool]] = [:]
        func leaveOut(_ table: Table, where condition: (TimelineSheet.Row) -> Bool) {
            var leaves = left[table] ?? Array(repeating: false, count: sheet.count(table))
            for place in leaves.indices where !leaves[place] { leaves[place] = condition(sheet.row(table, place)) }
            left[table] = leaves
        }
        leaveOut(.encounter) { isDescribed[Int($0.name)] }
        // A charge may come before its visit is registered: then nothing can be asked of it yet.
        for (table, field) in SettledHistory.owners where history.homeless[table] != nil {
            leaveOut(table) { row in row.text(field).map { !isKnown[Int($0)] } ?? true }
        }
        if !operations.isEmpty { leaveOut(.operation) { operations.contains($0.name) } }
        let diagnosed = Set(
            (0..<patient.sheet.count(.diagnosis)).compactMap { place in
                patient.sheet.row(.diagnosis, place).text(RowFields.Diagnosis.encounter).flatMap {
                    sheet.texts.known(patient.sheet.texts[$0])
                }
            })
        leaveOut(.diagnosis) { row in row.text(RowFields.Diagnosis.encounter).map(diagnosed.contains) ?? false }
        // A charge and an order are two things; what links them is the order or prescription number.
        let numbers = patient.orderNumbers
        func isOrdered(_ text: Int32) -> Bool {
            patient.sheet.texts.known(sheet.texts[text]).map { numbers[Int($0)] } ?? false
        }
        var isMissing = false
        leaveOut(.line) { row in
            guard let visit = row.text(RowFields.Line.encounter), isDescribed[Int(visit)] else { return false }
            guard let number = row.text(RowFields.Line.prescription) else {
                isMissing = true
                return true
            }
            return isOrdered(number) || isOrdered(row.name)
        }
        leftOut = left
        isLinkMissing = isMissing
    }

    /// The numbers in the history's sheet of the names that a table of the message has.
    private static func names(_ table: Table, _ message: TimelineSheet, in history: TimelineSheet) -> [Int32] {
        (0..<message.count(table)).compactMap { history.texts.known(message.texts[message.row(table, $0).name]) }
    }
}
