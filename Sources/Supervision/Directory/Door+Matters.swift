import Database

extension Door {
    /// Does something with a matter that the matrix grants at its place, or refuses it; both leave a trail. A matter that
    /// the caller may not know of is refused like one that does not exist.
    @discardableResult
    package func performOnMatter<T>(
        _ feature: String, by token: SessionToken, _ matter: String, lying place: MatterPlace, reason: String = "",
        _ body: (Transaction, Caller, Authority.Decision) throws -> T
    ) throws -> T {
        var account = ""
        do {
            return try store.write { transaction in
                let caller = try self.caller(of: token, in: transaction)
                account = caller.account
                let decision = authority.decide(feature, caller, on: place)
                guard decision.isAllowed else {
                    let mayKnow = authority.decide("matter.list", caller, on: place).isAllowed
                    throw mayKnow ? DoorRefusal.notGranted(feature, authority) : DoorRefusal.unknown("事项", matter)
                }
                let result = try body(transaction, caller, decision)
                try leaveTrail(in: transaction, caller.account, feature, matter, isAllowed: true, reason)
                return result
            }
        } catch let refusal as DoorRefusal {
            try store.write { try leaveTrail(in: $0, account, feature, matter, isAllowed: false, refusal.code) }
            throw refusal
        }
    }
}
