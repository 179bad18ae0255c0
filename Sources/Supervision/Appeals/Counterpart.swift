import Casework
import Claims
import Database

/// The institution that stands behind a message of the national interface (接口另一端的机构): who signed the message acts as the
/// institution's actor, through the same door, matrix and trail as a person at a page.
package struct Counterpart: Sendable, Equatable {
    package let code: String
    package let organisation: String
    package let name: String
    let caller: Caller
}

extension Casebook {
    /// The organisation that the national interface names by a code; refused when nobody registered it.
    package func counterpart(_ code: String) throws -> Counterpart {
        try door.store.read { transaction in
            guard
                let row = try transaction.row(
                    """
                    SELECT o.id, o.path, o.name FROM institution_code c JOIN organisation o ON o.id = c.organisation
                    WHERE c.code = \(code)
                    """)
            else { throw DoorRefusal.unknown("机构编号", code) }
            let id = try row.text("id")
            let holding = Caller.Holding(
                id: "interface", post: "interface", organisation: id, path: try row.text("path"), department: "",
                roles: ["institution"], kind: "own")
            return Counterpart(
                code: code, organisation: id, name: try row.text("name"),
                caller: Caller(account: "interface:\(code)", name: code, holdings: [holding]))
        }
    }
}

/// What an institution may do with a finding over the interface: the step of the procedure that it takes.
package enum AppealStage: String, Sendable, CaseIterable {
    /// 申诉 (3702).
    case appeal = "1"
    /// 申请合议 (3703).
    case jointReview = "2"

    /// The step's identifier in procedures of findings; one that has no such step has no such stage.
    package var step: String {
        switch self {
        case .appeal: "appeal"
        case .jointReview: "ask_joint"
        }
    }
}
