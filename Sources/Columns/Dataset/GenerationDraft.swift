import Glibc

/// A generation being written: segments and masters are added, then committed at once.
///
///     let draft = try GenerationDraft(dataset: path)
///     let segment = try draft.addSegment("2024-01")
///     let writer = try segment.writer(for: "line", fields: fields, dictionaries: dictionaries)
///     try writer.write(columns, rows: rows)
///     try segment.finish("line", writer)
///     segment.blocks.append(Block(rows: ["line": rows], firstPerson: first, lastPerson: last))
///     let generation = try draft.commit(coverage: coverage, notes: [:])
///
/// Holds the dataset's only writer's lock. Killed at any moment, or out of disk, it leaves the generation that was
/// there before; after the switch of `CURRENT`, the new one. What it left lying is removed by the next draft.
package final class GenerationDraft {
    /// The segments of the parent that stay. Take names out to leave segments out (compaction, correction).
    package var keptSegments: [String]
    /// Generations before this one are given up with the commit. At least that of the parent.
    package var oldestGeneration: Int?
    /// The parent's coverage and notes; nil for the first generation.
    package let parent: Manifest?

    private let folder: DatasetFolder
    private let disk: Disk
    private let parentPointer: DatasetFolder.Pointer
    private var lock: Int32 = -1
    private var segments: [SegmentDraft] = []
    private var masters: [String: TableFile]
    private var openMasters: [String: String] = [:]
    private var isClosed = false

    /// Takes the writer's lock, cleans up after interrupted writers, makes the dataset when there is none.
    package init(dataset path: String, disk: Disk = Disk()) throws(ColumnsError) {
        folder = DatasetFolder(path: path)
        self.disk = disk
        try Self.prepare(folder, disk)
        let lock = try disk.lock(folder.lock)
        do throws(ColumnsError) {
            if !Disk.exists(folder.current) {
                try disk.replace(folder.current, with: Array(DatasetFolder.Pointer.nothing.text.utf8), directory: path)
            }
            parentPointer = try folder.pointer()
            parent = try folder.manifests(from: parentPointer, downTo: parentPointer.generation).first
            for directory in [folder.generations, folder.segments, folder.masters] {
                try disk.makeDirectory(directory)
            }
            for path in folder.leftovers(try folder.manifests(from: parentPointer)) { try disk.remove(path) }
            for directory in [folder.staging, folder.staging + "/segments", folder.staging + "/masters"] {
                try disk.makeDirectory(directory)
            }
        } catch {
            try? disk.remove(folder.staging)
            Disk.unlock(lock)
            throw error
        }
        self.lock = lock
        keptSegments = parent?.segments.map(\.name) ?? []
        masters = parent?.masters ?? [:]
    }

    deinit { abandon() }

    package func addSegment(_ name: String) throws(ColumnsError) -> SegmentDraft {
        try Self.check(name, "segment")
        guard !Disk.exists(folder.segment(name)), !segments.contains(where: { $0.name == name }) else {
            throw ColumnsError(
                "COL048", "the dataset has a segment '\(name)' already", at: folder.segment(name),
                advice: "Segments are never changed: choose another name")
        }
        let segment = try SegmentDraft(name: name, path: folder.staging + "/segments/" + name, disk: disk)
        segments.append(segment)
        return segment
    }

    /// A writer for a master table, which replaces the parent's.
    package func masterWriter(
        for table: String, fields: [ColumnField], metadata: [String: String] = [:],
        dictionaries: [Int: StringTable] = [:]
    ) throws(ColumnsError) -> ArrowWriter {
        try Self.check(table, "table")
        let path = folder.staging + "/masters/\(table).arrow"
        openMasters[table] = path
        return try ArrowWriter(path: path, fields: fields, metadata: metadata, dictionaries: dictionaries, disk: disk)
    }

    /// Ends a master table.
    package func finishMaster(_ table: String, _ writer: ArrowWriter) throws(ColumnsError) {
        guard let path = openMasters[table] else { preconditionFailure("no writer was asked for master '\(table)'") }
        let summary = try writer.finish()
        openMasters[table] = nil
        if masters[table]?.sha256 == summary.sha256 { return try disk.remove(path) }
        let file = "\(table)-\(summary.sha256.prefix(8)).arrow"
        // A file of an older generation has this name: the same content, or, once in four billion, another.
        let existing = folder.masters + "/" + file
        if Disk.exists(existing), try MappedFile.sha256(existing) == summary.sha256 {
            try disk.remove(path)
            masters[table] = TableFile(file: file, summary)
            return
        }
        let name = Disk.exists(existing) ? "\(table)-\(summary.sha256).arrow" : file
        try disk.rename(path, to: folder.staging + "/masters/" + name)
        masters[table] = TableFile(file: name, summary)
    }

    /// Leaves a master table of the parent out.
    package func dropMaster(_ table: String) { masters[table] = nil }

    /// Makes everything durable and switches readers to the new generation. Returns its number.
    package func commit(coverage: Coverage, notes: [String: String] = [:]) throws(ColumnsError) -> Int {
        precondition(!isClosed, "this draft was committed or abandoned before")
        precondition(openMasters.isEmpty, "masters \(openMasters.keys.sorted()) are not finished")
        do throws(ColumnsError) {
            let generation = try publish(coverage, notes)
            isClosed = true
            // Everything is in place: a folder that stays behind is removed by the next draft.
            try? disk.remove(folder.staging)
            if oldestGeneration != nil { removeLeftovers() }
            release()
            return generation
        } catch {
            abandon()
            throw error
        }
    }

    /// Makes a generation like the current one that gives up all but the newest `count` generations, itself among them,
    /// and removes their files (清理). Returns its number and the oldest that is left; nil when there is nothing to give
    /// up.
    package static func prune(
        dataset path: String, keeping count: Int, disk: Disk = Disk()
    ) throws(ColumnsError) -> (generation: Int, oldest: Int)? {
        precondition(count >= 1, "the newest generation is always kept")
        let draft = try GenerationDraft(dataset: path, disk: disk)
        guard let parent = draft.parent else { return nil }
        let oldest = parent.generation + 2 - count
        guard oldest > (parent.oldest ?? 1) else { return nil }
        draft.oldestGeneration = oldest
        return (try draft.commit(coverage: parent.coverage, notes: parent.notes), oldest)
    }

    /// Removes what was written and not committed. Also happens when the draft is dropped.
    package func abandon() {
        guard !isClosed else { return }
        isClosed = true
        if lock >= 0 { removeLeftovers() }
        release()
    }

    /// What stays behind is removed by the next draft.
    private func removeLeftovers() {
        guard let pointer = try? folder.pointer(), let manifests = try? folder.manifests(from: pointer) else { return }
        for path in folder.leftovers(manifests) { try? disk.remove(path) }
    }

    private func publish(_ coverage: Coverage, _ notes: [String: String]) throws(ColumnsError) -> Int {
        var entries = parent?.segments.filter { keptSegments.contains($0.name) } ?? []
        for segment in segments { entries.append(try segment.seal()) }
        for segment in segments { try disk.rename(segment.path, to: folder.segment(segment.name)) }
        try disk.syncDirectory(folder.segments)
        for name in Disk.names(in: folder.staging + "/masters") {
            try disk.rename(folder.staging + "/masters/" + name, to: folder.masters + "/" + name)
        }
        try disk.syncDirectory(folder.masters)
        let generation = parentPointer.generation + 1
        let manifest = Manifest(
            format: Manifest.format, generation: generation,
            parent: parent.map { Manifest.Parent(generation: $0.generation, sha256: parentPointer.sha256) },
            coverage: coverage, segments: entries, masters: masters, notes: notes,
            oldest: [oldestGeneration, parent?.oldest].compactMap { $0 }.max())
        let bytes = try Json.encode(manifest)
        try disk.replace(folder.manifest(generation), with: bytes, directory: folder.generations)
        try disk.syncDirectory(folder.path)
        let pointer = DatasetFolder.Pointer(generation: generation, sha256: SHA256.hex(of: bytes))
        try disk.replace(folder.current, with: Array(pointer.text.utf8), directory: folder.path)
        return generation
    }

    private func release() {
        if lock >= 0 { Disk.unlock(lock) }
        lock = -1
    }

    /// Makes the folder, and refuses one that holds something else.
    private static func prepare(_ folder: DatasetFolder, _ disk: Disk) throws(ColumnsError) {
        if !Disk.exists(folder.path) {
            try disk.makeDirectory(folder.path)
            let above = folder.path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            try disk.syncDirectory(above.isEmpty ? "." : above.joined(separator: "/") + "/")
        }
        // The dot lets the name be a link to a folder.
        guard Disk.isDirectory(folder.path + "/.") else {
            throw ColumnsError("COL049", "this is not a folder", at: folder.path, advice: "Name a folder")
        }
        guard !Disk.exists(folder.current) else { return }
        let strangers = Disk.names(in: folder.path).filter { ![".lock", "CURRENT.new"].contains($0) }
        guard strangers.isEmpty else {
            throw ColumnsError(
                "COL049", "the folder holds '\(strangers[0])' and is no dataset (CURRENT is missing)", at: folder.path,
                advice: "Name an empty or new folder; if this was a dataset, restore CURRENT from a copy")
        }
    }

    fileprivate static func check(_ name: String, _ what: String) throws(ColumnsError) {
        guard FileName.isSound(name) else {
            throw ColumnsError(
                "COL048", "'\(name)' cannot be the name of a \(what)", at: name,
                advice: "Use up to 100 letters, digits, '.', '_' and '-', not beginning with a dot")
        }
    }
}

/// A segment being written.
package final class SegmentDraft {
    package let name: String
    /// The blocks, one for each record batch of every timeline table.
    package var blocks: [Block] = []
    let path: String
    private let disk: Disk
    private var tables: [String: TableFile] = [:]
    private var open: Set<String> = []

    init(name: String, path: String, disk: Disk) throws(ColumnsError) {
        self.name = name
        self.path = path
        self.disk = disk
        try disk.makeDirectory(path)
    }

    package func writer(
        for table: String, fields: [ColumnField], metadata: [String: String] = [:],
        dictionaries: [Int: StringTable] = [:]
    ) throws(ColumnsError) -> ArrowWriter {
        try GenerationDraft.check(table, "table")
        precondition(tables[table] == nil && open.insert(table).inserted, "table '\(table)' is written twice")
        return try ArrowWriter(
            path: "\(path)/\(table).arrow", fields: fields, metadata: metadata, dictionaries: dictionaries, disk: disk)
    }

    package func finish(_ table: String, _ writer: ArrowWriter) throws(ColumnsError) {
        precondition(open.contains(table), "no writer was asked for table '\(table)'")
        tables[table] = TableFile(file: "\(table).arrow", try writer.finish())
        open.remove(table)
    }

    /// Writes `segment.json` and makes the folder durable.
    fileprivate func seal() throws(ColumnsError) -> Manifest.SegmentEntry {
        precondition(open.isEmpty, "tables \(open.sorted()) of segment '\(name)' are not finished")
        let bytes = try Json.encode(SegmentContents(tables: tables, blocks: blocks))
        try disk.replace(path + "/segment.json", with: bytes, directory: path)
        return Manifest.SegmentEntry(name: name, sha256: SHA256.hex(of: bytes))
    }
}
