import Columns
import Foundation

/// The end of an import: the segment and the masters written, the generation committed, the report; and whether all that is there
/// already.
extension Importer {
    func write(_ order: TimelineOrder) throws -> (segment: String, rejectsFile: String?) {
        segmentName = options.segment ?? contentName()
        let draft = try ColumnsCall.run { () throws(ColumnsError) in try GenerationDraft(dataset: dataset) }
        let segment = try ColumnsCall.run { () throws(ColumnsError) in try draft.addSegment(segmentName) }
        let writer = SegmentWriter(
            order: order, tables: tables, staged: staged, logs: logs, withdrawals: withdrawals, options: options,
            earlier: earlier, withdrawnEncounters: withdrawnEncounters)
        let outcome = try writer.write(into: segment, threads: threads)
        segment.blocks = outcome.blocks
        blockCount = outcome.blocks.count
        for (table, balance) in outcome.balances { balances[table, default: Balance()] += balance }
        rejects += outcome.rejects
        let masters = MasterWriter(tables: tables, staged: staged, parent: parent)
        for (table, outcome) in try masters.write(into: draft) {
            balances[table, default: Balance()] += outcome.balance
            rejects += outcome.rejects
        }
        let covered =
            mapping.coverage
            ?? Coverage(
                from: firstLineDay <= lastLineDay ? firstLineDay : 0, to: firstLineDay <= lastLineDay ? lastLineDay : 0,
                closedWorld: false)
        var notes = parent?.notes ?? [:]
        notes["import." + segmentName] = signature
        notes.merge(options.notes) { $1 }
        // Before the rows are there: who is killed in between must not lose sight of those that are not.
        let rejectsFile = try writeRejects(segmentName)
        let united = parent.map { Importer.united($0.coverage, covered) } ?? covered
        generation = try ColumnsCall.run { () throws(ColumnsError) in try draft.commit(coverage: united, notes: notes) }
        return (segmentName, rejectsFile)
    }

    /// Both periods together; the world is closed only when both were, without a gap between them.
    private static func united(_ a: Coverage, _ b: Coverage) -> Coverage {
        let touches = max(a.from, b.from) <= min(a.to, b.to) &+ 1
        return Coverage(
            from: min(a.from, b.from), to: max(a.to, b.to), closedWorld: a.closedWorld && b.closedWorld && touches)
    }

    /// What tells cheaply that an import may be a repeat: number and size of files. The content decides.
    var signature: String {
        "\(files.count) files, \(files.reduce(0) { $0 + $1.bytes }) bytes, mapping \(mapping.name)"
    }

    /// A report when these very sources are in the dataset already.
    func knownImport() throws -> IngestReport? {
        guard let parent, !options.repeats else { return nil }
        let candidates = parent.notes.filter { $0.key.hasPrefix("import.") && $0.value == signature }
        if candidates.isEmpty { return nil }
        for file in files { try file.takeFingerprint() }
        let name = contentName()
        // The segment is there, or its rows went into a compacted one.
        guard candidates["import." + name] != nil,
            parent.segments.contains(where: { $0.name == name }) || parent.notes["compacted." + name] != nil
        else { return nil }
        try? FileManager.default.removeItem(atPath: workFolder)
        var known = report(name, nil)
        known.alreadyImported = true
        known.generation = parent.generation
        return known
    }

    private func writeRejects(_ segment: String) throws -> String? {
        if rejects.isEmpty { return nil }
        let folder = options.rejectsFolder ?? dataset + ".rejects"
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw IngestError(
                "ING102", "The folder for rejects cannot be made: \(error.localizedDescription)", at: folder,
                advice: "Check the path and its permissions")
        }
        let path = folder + "/" + segment + ".csv"
        try RejectsFile(files: files, mapping: mapping, fields: fieldNames).write(rejects, to: path)
        return path
    }

    /// A name made of what was read, so that the same sources give the same segment wherever they lie.
    private func contentName() -> String {
        let prints = files.map { "\($0.fingerprint) \($0.bytes)" }.sorted().joined(separator: "\n")
        return "s" + SHA256.hex(of: mappingText + "\n" + prints).prefix(16)
    }

    func report(_ segment: String, _ rejectsFile: String?) -> IngestReport {
        var report = IngestReport.make(
            mapping: mapping, mappingName: mapping.name, segment: segment, blocks: blockCount, balances: balances,
            rejects: rejects, profiles: profiles, diagnostics: diagnostics, personsByReference: personsByReference,
            seconds: phaseSeconds, total: (clock.now - began).inSeconds)
        report.rejectsFile = rejectsFile
        report.generation = generation
        report.filesTakenOver = parts?.found.reduce(0) { $0 + $1.steps.count } ?? 0
        report.codes = codes
        report.identityNumbers = pseudonym?.identityNumbers ?? 0
        report.wrongIdentityNumbers = pseudonym?.wrongIdentityNumbers ?? 0
        precondition(
            report.balances.allSatisfy(\.isBalanced), "rows read and rows accounted for differ: \(report.balances)")
        return report
    }
}
