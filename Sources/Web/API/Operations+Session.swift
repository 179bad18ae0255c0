import Documents
import Supervision

extension Operation {
    static let whoShape = Shape.named(
        "Caller",
        .object([
            .init("account", .form(.identifier)), .init("name", .line(1...40)),
            .init(
                "posts",
                .list(
                    .object([
                        .init("holding", .form(.identifier)), .init("post", .form(.identifier)),
                        .init("organisation", .form(.identifier)), .init("department", .line(0...200)),
                        .init("roles", .list(.line(1...60), max: 100)),
                        .init("kind", .choice(["own", "lent", "delegated"])),
                    ]), max: 1_000)),
        ]))

    private static func who(_ caller: Caller) -> JSONText {
        .members([
            "account": .text(caller.account), "name": .text(caller.name),
            "posts": .array(
                caller.holdings.map { holding in
                    .members([
                        "holding": .text(holding.id), "post": .text(holding.post),
                        "organisation": .text(holding.organisation), "department": .text(holding.department),
                        "roles": .texts(holding.roles.sorted()), "kind": .text(holding.kind),
                    ])
                }),
        ])
    }

    static let session: [Operation] = [
        Operation(
            "signIn", .post, "/api/session", "登录",
            "Open a session with password and one-time code. `carrier: bearer` answers the token; `cookie` sets it as a cookie that scripts cannot read.",
            group: "Session", open: true,
            body: .named(
                "SignIn",
                .object([
                    .init("name", .line(1...40), "the account's name"), .init("password", .line(1...1_024)),
                    .init("code", .line(0...12), required: false, "the authenticator's six digits"),
                    .init(
                        "carrier", .choice(["bearer", "cookie"]), required: false,
                        "how the session is carried; default bearer"),
                ])), status: 201,
            .json(
                .named(
                    "Session",
                    .object([
                        .init("token", .orNone(.form(.digest)), "for `Authorization: Bearer …`; null with a cookie"),
                        .init("caller", whoShape),
                    ])))
        ) { call in
            let token = try call.door.signIn(
                name: call.string("name"), password: call.string("password"), code: call.string("code"))
            let isCookie = call.text("carrier") == "cookie"
            let answer = JSONText.members([
                "token": isCookie ? .null : .text(token.text), "caller": who(try call.door.caller(of: token)),
            ])
            return isCookie ? .session(token, answer) : .json(answer)
        },
        Operation(
            "whoAmI", .get, "/api/session", "当前登录人", "Who is signed in, with every post held now.", group: "Session",
            .json(whoShape)
        ) {
            call in .json(who(try call.door.caller(of: try call.session())))
        },
        Operation("signOut", .delete, "/api/session", "退出", "End the session.", group: "Session", status: 204, .nothing)
        { call in
            try call.door.signOut(try call.session())
            return .session(nil, .null)
        },
        Operation(
            "changePassword", .post, "/api/password", "修改口令",
            "Change one's own password with the old one and a code; every session of the account ends.",
            group: "Session",
            open: true,
            body: .object([
                .init("name", .line(1...40)), .init("old", .line(1...1_024)),
                .init("code", .line(0...12), required: false), .init("new", .line(1...1_024)),
            ]), status: 204, .nothing
        ) { call in
            try call.door.changePassword(
                name: call.string("name"), old: call.string("old"), code: call.string("code"), new: call.string("new"))
            return .nothing
        },
    ]
}
