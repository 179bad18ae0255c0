/// What operations ask of the running service: is it there, is it able, what has it done.
enum StatePages {
    static func answer(_ path: String, _ service: PointOfCare, open: Int) -> (Reply, type: String) {
        switch path {
        case "/health", "/healthz": return (health(service), "application/json; charset=utf-8")
        case "/metrics":
            let text = service.figures.text(
                service.queue, service.keeper.figures, edition: service.rulebook.edition.number,
                persons: service.histories.personCount, open: open)
            return (Reply(body: Array(text.utf8)), "text/plain; version=0.0.4; charset=utf-8")
        default:
            var reply = Reply(body: Array("{\"error\":\"no such page\",\"code\":\"WEB130\"}".utf8))
            reply.status = 404
            return (reply, "application/json; charset=utf-8")
        }
    }

    /// 200 while requests can be recorded, 503 while they cannot (answers then say so).
    private static func health(_ service: PointOfCare) -> Reply {
        let figures = service.keeper.figures
        let edition = service.rulebook.edition
        var writer = AnswerWriter()
        writer.object { writer in
            writer.text("status", figures.isTaking ? "ok" : "not recording")
            writer.number("rules", edition.plan.rules.count)
            writer.text("package", edition.plan.packageName + " " + edition.plan.packageVersion)
            writer.text("package_hash", edition.plan.packageHash)
            writer.number("edition", edition.number)
            writer.text("refused_rules", service.refusedRules.withLock { $0 })
            if let generation = service.histories.generation { writer.number("dataset_generation", generation) }
            writer.number("recorded", figures.appended)
        }
        var reply = Reply(body: writer.bytes)
        reply.status = figures.isTaking ? 200 : 503
        return reply
    }
}
