import Documents
import Supervision

extension Operation {
    private static let identifierAnswer = Shape.object([.init("id", .form(.identifier))])
    private static func identifier(_ id: String) -> Answer { .json(.members(["id": .text(id)])) }
    private static let seconds = Shape.integer(0...1 << 40)
    private static let firstAccess = Shape.named(
        "FirstAccess",
        .object([
            .init("account", .form(.identifier)),
            .init("password", .line(1...200), "shown once, to be changed at once"),
            .init("authenticator", .line(1...500), "otpauth:// address, shown once"),
        ]))
    private static func json(_ access: FirstAccess) -> Answer {
        .json(
            .members([
                "account": .text(access.account), "password": .text(access.password),
                "authenticator": .text(access.authenticator),
            ]))
    }

    static let posts: [Operation] = [
        Operation(
            "listOrganisations", .get, "/api/organisations", "机构", "Organisations in the order of their identifiers.",
            group: "Posts", parameters: [after, size(100)],
            .rows([
                .init("id", "编号", .line(1...120), width: 24), .init("parent", "上级", .orNone(.line(1...120)), width: 24),
                .init("name", "名称", .line(1...300), width: 28), .init("kind", "类别", .line(1...60)),
                .init("area", "行政区划", .line(0...20)),
                .init("codes", "接口编号", .list(.line(1...60), max: 200), width: 20),
            ])
        ) { call in
            let listed = try call.door.organisations(after: call.after, size: call.size, by: try call.session())
            return .rows(
                listed.rows.map {
                    [
                        .text($0.id), .text(orNull: $0.parent), .text($0.name), .text($0.kind), .text($0.area),
                        .texts($0.codes),
                    ]
                }, next: listed.next, name: "organisations")
        },
        Operation(
            "addOrganisation", .post, "/api/organisations", "增加机构",
            "Add an organisation below another (system administrator).",
            group: "Posts",
            body: .object([
                .init("name", .line(1...200)), .init("under", .form(.identifier)),
                .init("kind", .line(1...60), "bureau, agency, hospital …"),
                .init("area", .line(1...12), "division code"),
            ]), status: 201, .json(identifierAnswer)
        ) { call in
            identifier(
                try call.door.addOrganisation(
                    call.string("name"), under: call.string("under"), kind: call.string("kind"),
                    area: call.string("area"),
                    by: try call.session()))
        },
        Operation(
            "setInstitutionCode", .post, "/api/organisations/{organisation}/codes", "登记机构编号",
            "Give an organisation the code by which the national interface names it.", group: "Posts",
            parameters: [.path("organisation", "the organisation")], body: .object([.init("code", .line(1...40))]),
            status: 204, .nothing
        ) { call in
            try call.door.setInstitutionCode(
                call.string("code"), of: call.string("organisation"), by: try call.session())
            return .nothing
        },
        Operation(
            "addAccount", .post, "/api/accounts", "开立账户", "Open an account for a person (system administrator).",
            group: "Posts",
            body: .object([.init("name", .line(2...40)), .init("title", .line(0...100), required: false)]), status: 201,
            .json(firstAccess)
        ) { call in
            json(try call.door.addAccount(call.string("name"), title: call.string("title"), by: try call.session()))
        },
        Operation(
            "endAccount", .delete, "/api/accounts/{account}", "注销账户",
            "End the account of who leaves; refused while work is open.", group: "Posts",
            parameters: [.path("account", "the account")],
            status: 204, .nothing
        ) { call in
            try call.door.leave(call.string("account"), by: try call.session())
            return .nothing
        },
        Operation(
            "resetAccount", .post, "/api/accounts/{account}/reset", "重置口令",
            "End sessions and failures, give a new first password (security administrator).", group: "Posts",
            parameters: [.path("account", "the account")], .json(firstAccess)
        ) { call in json(try call.door.reset(call.string("account"), by: try call.session())) },
        Operation(
            "handOver", .post, "/api/accounts/{account}/hand-over", "移交在办工作",
            "Hand every matter that a leaver does to another person of the same organisation.", group: "Posts",
            parameters: [.path("account", "the leaver")],
            body: .object([.init("to", .form(.identifier)), .init("reason", .line(1...500))]),
            .json(.object([.init("handed_over", .integer(0...1 << 40))]))
        ) { call in
            let count = try call.book.handOver(
                from: call.string("account"), to: call.string("to"), reason: call.string("reason"),
                by: try call.session())
            return .json(.members(["handed_over": .integer(Int64(count))]))
        },
        Operation(
            "listPosts", .get, "/api/posts", "岗位", "Posts with their roles and who holds them now.", group: "Posts",
            parameters: [after, size(100)],
            .rows([
                .init("id", "编号", .line(1...120), width: 24), .init("organisation", "机构", .line(1...120), width: 24),
                .init("department", "部门", .line(0...200)), .init("name", "名称", .line(1...200), width: 18),
                .init("roles", "角色", .list(.line(1...60), max: 100), width: 20),
                .init(
                    "holders", "任职",
                    .list(
                        .object([
                            .init("holding", .line(1...120)), .init("account", .line(1...120)),
                            .init("name", .line(1...60)),
                            .init("kind", .choice(["own", "lent", "delegated"])), .init("until", .orNone(seconds)),
                        ]), max: 1_000), file: false),
            ])
        ) { call in
            let listed = try call.door.posts(after: call.after, size: call.size, by: try call.session())
            return .rows(
                listed.rows.map { post in
                    [
                        .text(post.id), .text(post.organisation), .text(post.department), .text(post.name),
                        .texts(post.roles),
                        .array(
                            post.holders.map { holder in
                                .members([
                                    "holding": .text(holder.holding), "account": .text(holder.account),
                                    "name": .text(holder.name), "kind": .text(holder.kind),
                                    "until": holder.until.map { .integer(Int64($0)) } ?? .null,
                                ])
                            }),
                    ]
                }, next: listed.next, name: "posts")
        },
        Operation(
            "addPost", .post, "/api/posts", "增加岗位", "Add a post with its roles (system administrator).", group: "Posts",
            body: .object([
                .init("name", .line(1...100)), .init("organisation", .form(.identifier)),
                .init("department", .line(0...100), required: false), .init("roles", .list(.line(1...60), max: 30)),
            ]), status: 201, .json(identifierAnswer)
        ) { call in
            identifier(
                try call.door.addPost(
                    call.string("name"), in: call.string("organisation"), department: call.string("department"),
                    roles: Set(call.texts("roles")), by: try call.session()))
        },
        Operation(
            "grantPost", .post, "/api/posts/{post}/holders", "授岗", "Give a post to a person (security administrator).",
            group: "Posts", parameters: [.path("post", "the post")],
            body: .object([.init("account", .form(.identifier)), .init("basis", .line(1...300))]), status: 201,
            .json(identifierAnswer)
        ) { call in
            identifier(
                try call.door.grant(
                    call.string("post"), to: call.string("account"), basis: call.string("basis"), by: try call.session()
                ))
        },
        Operation(
            "lendPerson", .post, "/api/posts/{post}/lendings", "上级派员兼岗",
            "Lend one's own person to a post of an organisation below, until an instant (seconds since 1970 UTC).",
            group: "Posts", parameters: [.path("post", "the post")],
            body: .object([
                .init("account", .form(.identifier)), .init("basis", .line(1...300)), .init("until", seconds),
            ]), status: 201, .json(identifierAnswer)
        ) { call in
            identifier(
                try call.door.lend(
                    call.string("account"), to: call.string("post"), basis: call.string("basis"),
                    until: call.integer("until") ?? 0, by: try call.session()))
        },
        Operation(
            "delegatePost", .post, "/api/holdings/{holding}/delegations", "委托代岗",
            "Let another person stand in for a post of one's own, until an instant (seconds since 1970 UTC).",
            group: "Posts",
            parameters: [.path("holding", "one's own holding")],
            body: .object([
                .init("account", .form(.identifier)), .init("basis", .line(1...300)), .init("until", seconds),
            ]), status: 201, .json(identifierAnswer)
        ) { call in
            identifier(
                try call.door.delegate(
                    call.string("holding"), to: call.string("account"), basis: call.string("basis"),
                    until: call.integer("until") ?? 0, by: try call.session()))
        },
        Operation(
            "revokePost", .delete, "/api/holdings/{holding}", "撤岗",
            "Take an appointment back, at once (security administrator).",
            group: "Posts", parameters: [.path("holding", "the holding")], status: 204, .nothing
        ) { call in
            try call.door.revoke(call.string("holding"), by: try call.session())
            return .nothing
        },
        Operation(
            "endHolding", .post, "/api/holdings/{holding}/end", "撤回派员、代岗",
            "End what was lent or delegated before its day.", group: "Posts",
            parameters: [.path("holding", "the holding")],
            body: .object([.init("reason", .line(1...300))]), status: 204, .nothing
        ) { call in
            try call.door.end(call.string("holding"), reason: call.string("reason"), by: try call.session())
            return .nothing
        },
        Operation(
            "markAbsent", .post, "/api/absences", "离岗",
            "Mark oneself, or another (security administrator), as away until an instant (seconds since 1970 UTC).",
            group: "Posts",
            body: .object([
                .init("account", .form(.identifier), required: false), .init("until", seconds),
                .init("reason", .line(1...300)),
            ]), status: 204, .nothing
        ) { call in
            try call.door.markAbsent(
                call.text("account"), until: call.integer("until") ?? 0, reason: call.string("reason"),
                by: try call.session())
            return .nothing
        },
        Operation(
            "markPresent", .delete, "/api/absences/{account}", "返岗",
            "Mark oneself, or another (security administrator), as there again.", group: "Posts",
            parameters: [.path("account", "the account")], status: 204, .nothing
        ) { call in
            try call.door.markPresent(call.string("account"), by: try call.session())
            return .nothing
        },
        Operation(
            "checkPosts", .get, "/api/staffing", "无人可办的步骤", "Each step that nobody can take as posts are held now.",
            group: "Posts",
            .rows([
                .init("procedure", "程序", .line(1...120)), .init("step", "步骤", .line(1...120), width: 20),
                .init("reason", "原因", .line(1...500), width: 40),
            ])
        ) { call in
            let token = try call.session()
            _ = try call.door.posts(size: 1, by: token)
            return .rows(
                try call.book.unstaffedSteps().map { [.text($0.procedure), .text($0.step), .text($0.reason)] },
                next: nil,
                name: "staffing")
        },
        Operation(
            "readTrail", .get, "/api/trail", "操作轨迹", "Who did what at the door, newest first (audit administrator).",
            group: "Posts", parameters: [after, size(100)],
            .rows([
                .init("number", "序号", .integer(1...1 << 60)), .init("instant", "时间", seconds, width: 16),
                .init("account", "账户", .line(0...120), width: 24), .init("feature", "功能", .line(1...60)),
                .init("object", "对象", .line(0...3_000), width: 30), .init("allowed", "是否准许", .flag),
                .init("reason", "理由或代码", .prose(0...3_000), width: 30),
            ])
        ) { call in
            let listed = try call.door.trailEntries(after: call.after, size: call.size, by: try call.session())
            return .rows(
                listed.rows.map {
                    [
                        .integer(Int64($0.number)), .integer(Int64($0.instant)), .text($0.account), .text($0.feature),
                        .text($0.object), .flag($0.isAllowed), .text($0.reason),
                    ]
                }, next: listed.next, name: "trail")
        },
    ]
}
