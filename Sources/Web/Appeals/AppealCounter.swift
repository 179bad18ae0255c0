import Casework
import Claims
import Columns
import Supervision

/// Where findings are listed to the institution they are about, and its appeals are taken (申诉受理): a message becomes steps of matters,
/// through the door, as the institution's actor.
struct AppealCounter {
    let book: Casebook
    let log: ServiceLog

    /// The answer to a message, after what it asks was done; or why the whole of it is refused.
    func answer(_ envelope: Envelope) throws(InterfaceError) -> [UInt8] {
        let input = try AppealMessage.content(envelope)
        do {
            let sender = try book.counterpart(envelope.institution)
            switch envelope.number {
            case "3701": return try list(try AppealMessage.query(input), sender, envelope.careArea)
            case "3704":
                let files = try AppealMessage.files(input)
                let bundle = try book.keepAppealFiles(files.files, bundle: files.bundle, by: sender)
                return InterfaceAnswer.answer(area: envelope.careArea, capacity: 800) { writer in
                    writer.object { $0.text("attUploadId", bundle) }
                }
            default:
                let stage: AppealStage = envelope.number == "3702" ? .appeal : .jointReview
                let documents = try AppealMessage.documents(input)
                return take(stage, documents, sender, envelope.careArea)
            }
        } catch let error as InterfaceError {
            throw error
        } catch let refusal as DoorRefusal {
            throw .refused(code: refusal.code, sentence: refusal.message + "：" + refusal.place)
        } catch {
            log.event("appeal failed", [("why", "\(error)")])
            throw .busy
        }
    }

    /// Each finding succeeds or is refused by itself, with its reason (docsuspt).
    private func take(
        _ stage: AppealStage, _ documents: [AppealMessage.Document], _ sender: Counterpart, _ area: String?
    ) -> [UInt8] {
        let results = documents.map { document in
            document.entries.map { entry -> (finding: String, reason: String?) in
                // Not asking for a joint review changes nothing; not appealing accepts the finding.
                if entry.statement == nil, stage == .jointReview { return (entry.finding, nil) }
                do {
                    try book.answer(
                        stage, matter: document.id, finding: entry.finding, statement: entry.statement,
                        amount: entry.amount, bundle: entry.bundle, by: sender)
                    return (entry.finding, nil)
                } catch let refusal as Refusal {
                    return (entry.finding, "\(refusal)")
                } catch let error as any ExplainedError {
                    return (entry.finding, "\(error.code) \(error.message)")
                } catch {
                    log.event("appeal failed", [("why", "\(error)")])
                    return (entry.finding, InterfaceError.busy.message)
                }
            }
        }
        return InterfaceAnswer.answer(area: area, capacity: 1_024 + 128 * results.reduce(0) { $0 + $1.count }) {
            writer in
            writer.list { writer in
                for (document, rows) in zip(documents, results) {
                    let failed = rows.filter { $0.reason != nil }.count
                    writer.object { writer in
                        writer.text("docId", document.id)
                        writer.text("docCode", failed == 0 ? "0" : "1")
                        writer.text("docReason", failed == 0 ? "" : "\(failed)条疑点未能办理")
                        writer.name("docsuspt")
                        writer.list { writer in
                            for row in rows {
                                writer.object { writer in
                                    writer.text("susptId", row.finding)
                                    writer.text("susptCode", row.reason == nil ? "0" : "1")
                                    writer.text("susptReason", (row.reason ?? "").limited(to: 500))
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    private func list(_ query: AppealMessage.Query, _ sender: Counterpart, _ area: String?) throws -> [UInt8] {
        let all = try book.appealable(query.stage, of: sender, from: query.from, through: query.through)
        let page = all.dropFirst((query.page - 1) * query.size).prefix(query.size)
        return InterfaceAnswer.answer(area: area, capacity: 4_096) { writer in
            writer.object { writer in
                writer.number("recordCounts", all.count)
                writer.number("pageSize", query.size)
                writer.number("pageNum", query.page)
                writer.name("data")
                writer.list { writer in for document in page { Self.write(document, sender, to: &writer) } }
            }
        }
    }

    private static func write(_ document: Appealable, _ sender: Counterpart, to writer: inout AnswerWriter) {
        func text(_ values: [ShownMatter.Value], _ field: String) -> String? {
            values.first { $0.field == field }?.text
        }
        writer.object { writer in
            writer.text("rid", document.matter)
            writer.text("docId", document.matter)
            writer.text("taskId", document.matter)
            writer.text("medinsId", sender.code)
            writer.text("medinsName", sender.name)
            writer.text("applDdln", document.findings.compactMap(\.due).min().map { "\($0.day)" })
            writer.name("docSusptDTOS")
            writer.list { writer in
                for finding in document.findings {
                    writer.object { writer in
                        writer.text("docId", document.matter)
                        writer.text("docSusptId", finding.key)
                        writer.text("taskId", document.matter)
                        writer.text("taskName", document.procedureName)
                        writer.text("ruleCode", text(finding.values, "rule"))
                        writer.text("volaBhvrTypeName", text(finding.values, "outcome"))
                        writer.text("susptStas", finding.state)
                        writer.text("susptStasName", finding.stateName)
                        writer.text("applRea", text(finding.values, "appeal_text"))
                        writer.text("applUpldAttFlag", "1")
                        writer.name("violationDetailIds")
                        writer.list { writer in
                            for line in finding.lines {
                                writer.object { writer in
                                    writer.text("docId", document.matter)
                                    writer.text("docSusptId", finding.key)
                                    writer.text("docSusptDetlId", line.key)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
