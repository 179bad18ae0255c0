import Database

extension Door {
    private enum Outcome {
        case signedIn(SessionToken)
        case refused(DoorRefusal)
    }

    /// Opens a session for whoever knows the password and holds the authenticator (登录). After too many failures the account
    /// is locked for a while; a wrong name takes as long as a wrong password.
    package func signIn(name: String, password: String, code: String) throws -> SessionToken {
        let found = try store.read { try $0.row("SELECT id, password FROM account WHERE name = \(name)") }
        let stored = try found.flatMap { StoredPassword(text: try $0.text("password")) }
        let isRight = (stored ?? nobody).isOpened(by: password) && stored != nil
        guard let found, let account = try? found.text("id") else { throw DoorRefusal.wrongCredentials(policy) }
        let outcome = try store.write { transaction in
            try decide(account, isRight: isRight, checked: try found.text("password"), code: code, in: transaction)
        }
        if isRight, stored?.isWeaker(than: policy.costLog2) == true {
            try? strengthen(account, password, from: try found.text("password"))
        }
        switch outcome {
        case .signedIn(let token): return token
        case .refused(let refusal): throw refusal
        }
    }

    private func decide(
        _ account: String, isRight: Bool, checked: String, code: String, in transaction: Transaction
    ) throws -> Outcome {
        let now = surroundings.now()
        guard let row = try transaction.locked("account", key: "id", in: [account]).first else {
            return .refused(.wrongCredentials(policy))
        }
        let lockedUntil = try row.integer("locked_until")
        guard lockedUntil <= now else {
            try leaveTrail(
                in: transaction, account, "sign-in", account, isAllowed: false, DoorRefusal.Kind.locked.rawValue)
            return .refused(.locked(seconds: lockedUntil - now))
        }
        let step = try secondFactorStep(row, account, code, now)
        // A password that was changed since it was checked counts as wrong.
        guard isRight, try row.text("password") == checked, try row.text("state") == "active", let step else {
            let failures = try row.integer("failures") + 1
            let isLocked = failures >= policy.failuresMax
            try transaction.change(
                """
                UPDATE account SET failures = \(isLocked ? 0 : failures),
                    locked_until = \(isLocked ? now + policy.lockMinutes * 60 : 0) WHERE id = \(account)
                """)
            try leaveTrail(
                in: transaction, account, "sign-in", account, isAllowed: false, isLocked ? "locked" : "wrong")
            return .refused(.wrongCredentials(policy))
        }
        try transaction.change("UPDATE account SET failures = 0, second_used = \(step) WHERE id = \(account)")
        let age = now - (try row.integer("password_since"))
        if try row.truth("must_change") || policy.ageDaysMax.map({ age > $0 * 86_400 }) == true {
            try leaveTrail(in: transaction, account, "sign-in", account, isAllowed: false, "password too old")
            return .refused(.passwordTooOld)
        }
        let token = SessionToken(bytes: surroundings.random(32))
        try transaction.change(
            "INSERT INTO session (token, account, began, used) VALUES (\(token.hash), \(account), \(now), \(now))")
        try leaveTrail(in: transaction, account, "sign-in", account, isAllowed: true, "")
        return .signedIn(token)
    }

    /// The period of the code that was given; 0 where none is needed; nil when it is wrong or was used.
    private func secondFactorStep(_ row: Row, _ account: String, _ code: String, _ now: Int) throws -> Int? {
        guard let sealed = try row.bytesIfAny("second_key") else { return policy.needsSecondFactor ? nil : 0 }
        let key = try seals.open(sealed, at: .init(column: "account.second_key", row: account))
        return OneTimeCode(key: key).step(of: code, at: now, usedUpTo: try row.integer("second_used"))
    }

    /// Changes one's own password, with the old one and a code; ends every session of the account (修改口令).
    package func changePassword(name: String, old: String, code: String, new: String) throws {
        if let objection = policy.objection(to: new, accountName: name) { throw DoorRefusal.badPassword(objection) }
        let found = try store.read { try $0.row("SELECT id, password FROM account WHERE name = \(name)") }
        let stored = try found.flatMap { StoredPassword(text: try $0.text("password")) }
        let isRight = (stored ?? nobody).isOpened(by: old) && stored != nil
        guard let found, let account = try? found.text("id") else { throw DoorRefusal.wrongCredentials(policy) }
        let before = try store.read { transaction in
            try transaction.rows(
                "SELECT password FROM earlier_password WHERE account = \(account) ORDER BY since DESC", max: 1_000
            ).prefix(policy.remembered).compactMap { StoredPassword(text: try $0.text("password")) }
        }
        let isRepeated = old == new || (isRight && before.contains { $0.isOpened(by: new) })
        let fresh = StoredPassword(new, salt: surroundings.random(16), costLog2: policy.costLog2)
        let outcome = try store.write { transaction -> DoorRefusal? in
            switch try decide(
                account, isRight: isRight, checked: try found.text("password"), code: code, in: transaction)
            {
            case .refused(let refusal) where refusal.kind != .passwordTooOld: return refusal
            default: break
            }
            if isRepeated { return .badPassword("新口令与最近用过的口令相同") }
            let now = surroundings.now()
            try transaction.change(
                """
                INSERT INTO earlier_password (account, since, password)
                VALUES (\(account), \(now), \(try found.text("password"))) ON CONFLICT DO NOTHING
                """)
            try transaction.change(
                """
                UPDATE account SET password = \(fresh.text), password_since = \(now), must_change = 0,
                    version = version + 1 WHERE id = \(account)
                """)
            try transaction.change("UPDATE session SET ended = \(now) WHERE account = \(account) AND ended IS NULL")
            try leaveTrail(in: transaction, account, "password", account, isAllowed: true, "")
            return nil
        }
        if let outcome { throw outcome }
    }

    /// Who carries this token, as of now; in a writing transaction it counts as use. A session that rested too long or lasted too long is nobody's.
    package func caller(of token: SessionToken, in transaction: Transaction) throws -> Caller {
        let now = surroundings.now()
        guard let row = try transaction.row("SELECT * FROM session WHERE token = \(token.hash)"),
            try row.value("ended") == .null, now - (try row.integer("used")) <= policy.idleMinutes * 60,
            now - (try row.integer("began")) <= policy.absoluteHours * 3_600
        else { throw DoorRefusal.notSignedIn }
        if transaction.isWriting, now - (try row.integer("used")) >= Self.useSeconds {
            try transaction.change("UPDATE session SET used = \(now) WHERE token = \(token.hash)")
        }
        return try caller(account: try row.text("account"), in: transaction)
    }

    /// Who carries this token; counts as use of the session.
    package func caller(of token: SessionToken) throws -> Caller {
        let (caller, used) = try store.read { transaction in
            (try self.caller(of: token, in: transaction), try lastUse(of: token, in: transaction))
        }
        // A minute's precision is enough, and a page of a list need not write.
        if surroundings.now() - used >= Self.useSeconds { try store.write { _ = try self.caller(of: token, in: $0) } }
        return caller
    }

    private static let useSeconds = 60

    private func lastUse(of token: SessionToken, in transaction: Transaction) throws -> Int {
        try transaction.integer("SELECT used FROM session WHERE token = \(token.hash)")
    }

    package func signOut(_ token: SessionToken) throws {
        try store.write {
            try $0.change(
                "UPDATE session SET ended = \(surroundings.now()) WHERE token = \(token.hash) AND ended IS NULL")
        }
    }

    private func strengthen(_ account: String, _ password: String, from old: String) throws {
        let fresh = StoredPassword(password, salt: surroundings.random(16), costLog2: policy.costLog2)
        try store.write {
            try $0.change("UPDATE account SET password = \(fresh.text) WHERE id = \(account) AND password = \(old)")
        }
    }

    /// Opened in the place of an account that is not there, so that both take the same time.
    private var nobody: StoredPassword {
        StoredPassword("", salt: [UInt8](repeating: 0, count: 16), costLog2: policy.costLog2)
    }
}

extension DoorRefusal {
    package static let notSignedIn = DoorRefusal(
        .notSignedIn, "尚未登录，或会话已过期", at: "会话", advice: "请重新登录（yijian sign-in）")

    static func wrongCredentials(_ policy: AccessPolicy) -> DoorRefusal {
        DoorRefusal(
            .wrongCredentials, "账户名、口令或动态口令不正确", at: "登录",
            advice: "连续失败\(policy.failuresMax)次将锁定\(policy.lockMinutes)分钟；每个动态口令只能使用一次")
    }

    static func locked(seconds: Int) -> DoorRefusal {
        DoorRefusal(.locked, "账户已锁定，\((seconds + 59) / 60)分钟后可再登录", at: "登录", advice: "等待，或请安全管理员解锁")
    }

    static let passwordTooOld = DoorRefusal(
        .passwordTooOld, "口令须先更换", at: "登录", advice: "更换口令后再登录（yijian password）")

    static func badPassword(_ objection: String) -> DoorRefusal {
        DoorRefusal(.badPassword, objection, at: "新口令", advice: "换一个更长、更少见的口令")
    }
}
