import Synchronization

/// One immutable generation of a dataset, open for reading.
///
/// Opening reads the manifests, each verified by its SHA-256, and no table; tables are mapped when first asked for. A
/// generation stays readable while later ones are written.
package final class Dataset: Sendable {
    package let path: String
    package let manifest: Manifest
    package let segments: [Segment]
    private let masters = Mutex<[String: ArrowFile]>([:])

    package var generation: Int { manifest.generation }
    package var coverage: Coverage { manifest.coverage }
    package var notes: [String: String] { manifest.notes }
    package var masterTables: [String] { manifest.masters.keys.sorted() }

    private init(path: String, manifest: Manifest, segments: [Segment]) {
        self.path = path
        self.manifest = manifest
        self.segments = segments
    }

    /// Opens a generation, the current one if none is named.
    package static func open(_ path: String, generation: Int? = nil) throws(ColumnsError) -> Dataset {
        let folder = DatasetFolder(path: path)
        let pointer = try folder.pointer()
        guard pointer.generation > 0 else {
            throw ColumnsError(
                "COL045", "the dataset has no generation yet", at: path, advice: "Run `yijian ingest` into it first")
        }
        let wanted = generation ?? pointer.generation
        let chain = try folder.manifests(from: pointer, downTo: wanted)
        guard let manifest = chain.last, manifest.generation == wanted else {
            throw ColumnsError(
                "COL046",
                "there is no generation \(wanted); the current one is \(pointer.generation), and older ones may have been pruned",
                at: path,
                advice: "Name a generation that `generations/` holds")
        }
        var segments: [Segment] = []
        for entry in manifest.segments {
            segments.append(try Segment(name: entry.name, path: folder.segment(entry.name), sha256: entry.sha256))
        }
        return Dataset(path: path, manifest: manifest, segments: segments)
    }

    /// The number of the current generation: 0 when nothing was committed, nil when there is no dataset.
    package static func currentGeneration(_ path: String) -> Int? {
        try? DatasetFolder(path: path).pointer().generation
    }

    /// The file of a master table; nil when the generation has none.
    package func master(_ table: String) throws(ColumnsError) -> ArrowFile? {
        guard let entry = manifest.masters[table] else { return nil }
        if let file = masters.withLock({ $0[table] }) { return file }
        let opened = try entry.open(in: DatasetFolder(path: path).masters)
        return masters.withLock { files in
            if let file = files[table] { return file }
            files[table] = opened
            return opened
        }
    }
}

/// One immutable part of a dataset, usually the claims of one period.
package final class Segment: Sendable {
    package let name: String
    package let path: String
    package let blocks: [Block]
    /// The tables that are cut into blocks, and those that are not.
    package var tables: [String] { contents.tables.keys.sorted() }
    private let contents: SegmentContents
    private let files = Mutex<[String: ArrowFile]>([:])

    init(name: String, path: String, sha256: String) throws(ColumnsError) {
        self.name = name
        self.path = path
        let place = path + "/segment.json"
        let contents = try Json.decode(SegmentContents.self, place, sha256: sha256)
        let names = contents.tables.keys + contents.tables.values.map(\.file)
        guard let blocks = contents.list(), names.allSatisfy(FileName.isSound),
            contents.timelineTables.allSatisfy({ contents.tables[$0] != nil }),
            contents.tables.values.allSatisfy(\.isSound)
        else {
            throw ColumnsError(
                "COL044", "the file does not describe a segment", at: place,
                advice: "Use the build that wrote it, or a later one")
        }
        self.contents = contents
        self.blocks = blocks
    }

    package var blockCount: Int { blocks.count }
    package func rows(_ table: String, block: Int) -> Int { blocks[block].rows[table] ?? 0 }
    package func firstPerson(_ block: Int) -> String { blocks[block].firstPerson }
    package func lastPerson(_ block: Int) -> String { blocks[block].lastPerson }
    /// Rows of a table in all blocks or batches.
    package func totalRows(_ table: String) -> Int { contents.tables[table]?.rows ?? 0 }
    /// Bytes of a table's file.
    package func byteCount(_ table: String) -> Int { contents.tables[table]?.bytes ?? 0 }
    /// Whether the batches of a table are the segment's blocks.
    package func isTimeline(_ table: String) -> Bool { contents.timelineTables.contains(table) }

    /// The file of a table, mapped when first asked for; nil when the segment has none.
    package func file(_ table: String) throws(ColumnsError) -> ArrowFile? {
        guard let entry = contents.tables[table] else { return nil }
        if let file = files.withLock({ $0[table] }) { return file }
        let opened = try entry.open(in: path)
        guard !isTimeline(table) || opened.batchCount == blockCount else {
            throw ColumnsError(
                "COL047", "the file has \(opened.batchCount) batches where the segment has \(blockCount) blocks",
                at: opened.path, advice: "Import the segment again")
        }
        return files.withLock { files in
            if let file = files[table] { return file }
            files[table] = opened
            return opened
        }
    }

    func entry(_ table: String) -> TableFile? { contents.tables[table] }
}
