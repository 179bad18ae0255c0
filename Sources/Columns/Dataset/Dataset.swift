/// Something that `verify` found.
package struct DatasetProblem: Equatable, Sendable, CustomStringConvertible {
    package let code: String
    package let path: String
    package let message: String
    /// Left over from an interrupted write: no data is wrong, the next writer cleans up.
    package let isHarmless: Bool
    package var description: String { "\(path): \(code) \(message)" }
}

/// The days a dataset covers, both included, as days since 1970-01-01; `closedWorld` when nothing is missing there.
package struct Coverage: Equatable, Sendable, Codable {
    package let from: Int32
    package let to: Int32
    package let closedWorld: Bool

    package init(from: Int32, to: Int32, closedWorld: Bool) {
        self.from = from
        self.to = to
        self.closedWorld = closedWorld
    }
}

/// One block of a segment: the same whole timelines in each timeline table.
package struct Block: Equatable, Sendable {
    /// Rows per timeline table.
    package let rows: [String: Int]
    package let firstPerson: String
    package let lastPerson: String

    package init(rows: [String: Int], firstPerson: String, lastPerson: String) {
        self.rows = rows
        self.firstPerson = firstPerson
        self.lastPerson = lastPerson
    }
}

/// One immutable generation of a dataset, open for reading.
package final class Dataset: @unchecked Sendable {
    package let path: String
    package let generation: Int
    package let coverage: Coverage
    package let notes: [String: String]
    package let segments: [Segment]

    init(path: String, generation: Int, coverage: Coverage, notes: [String: String], segments: [Segment]) {
        self.path = path
        self.generation = generation
        self.coverage = coverage
        self.notes = notes
        self.segments = segments
    }

    package static func open(_ path: String, generation: Int? = nil) throws(ColumnsError) -> Dataset {
        throw ColumnsError("COL000", "reading is not in this build", at: path, advice: "Use a later build")
    }

    /// The file of a master table; nil when the generation has none.
    package func master(_ table: String) throws(ColumnsError) -> ArrowFile? { nil }

    package func verify() -> [DatasetProblem] { [] }
}

/// One immutable part of a dataset.
package final class Segment: @unchecked Sendable {
    package let name: String
    package let blocks: [Block]

    init(name: String, blocks: [Block]) {
        self.name = name
        self.blocks = blocks
    }

    package var blockCount: Int { blocks.count }
    package var tables: [String] { [] }
    package func file(_ table: String) throws(ColumnsError) -> ArrowFile? { nil }
    package func rows(_ table: String, block: Int) -> Int { blocks[block].rows[table] ?? 0 }
    package func totalRows(_ table: String) -> Int { 0 }
    package func firstPerson(_ block: Int) -> String { blocks[block].firstPerson }
    package func lastPerson(_ block: Int) -> String { blocks[block].lastPerson }
}

/// A generation being written: segments and masters are added, then committed at once.
///
///     let draft = try GenerationDraft(dataset: path)
///     let segment = try draft.addSegment("2024-01")
///     let writer = try segment.writer(for: "line", fields: fields, dictionaries: dictionaries)
///     … writer.write(columns, rows: n) …
///     try segment.finish("line", writer)
///     segment.blocks = [Block(…)]
///     let generation = try draft.commit(coverage: coverage, notes: [:])
package final class GenerationDraft {
    /// Takes the writer's lock, cleans up after interrupted writers, creates the dataset when there is none.
    package init(dataset path: String) throws(ColumnsError) {
        throw ColumnsError("COL000", "writing is not in this build", at: path, advice: "Use a later build")
    }

    /// The segments of the parent generation that stay; remove names to leave them out (compaction, correction).
    package var keptSegments: [String] = []

    package func addSegment(_ name: String) throws(ColumnsError) -> SegmentDraft { SegmentDraft() }

    /// A writer for a master table, which replaces the parent's.
    package func masterWriter(
        for table: String, fields: [ColumnField], metadata: [String: String] = [:],
        dictionaries: [Int: StringTable] = [:]
    ) throws(ColumnsError) -> ArrowWriter {
        try ArrowWriter(path: table, fields: fields, metadata: metadata, dictionaries: dictionaries)
    }

    package func finishMaster(_ table: String, _ writer: ArrowWriter) throws(ColumnsError) {}

    /// Makes everything durable and switches readers to the new generation. Returns its number.
    package func commit(coverage: Coverage, notes: [String: String]) throws(ColumnsError) -> Int { 0 }

    /// Removes what was written so far. Also happens when the draft is dropped.
    package func abandon() {}
}

/// A segment being written.
package final class SegmentDraft {
    package var blocks: [Block] = []

    package func writer(
        for table: String, fields: [ColumnField], metadata: [String: String] = [:],
        dictionaries: [Int: StringTable] = [:]
    ) throws(ColumnsError) -> ArrowWriter {
        try ArrowWriter(path: table, fields: fields, metadata: metadata, dictionaries: dictionaries)
    }

    package func finish(_ table: String, _ writer: ArrowWriter) throws(ColumnsError) {}
}
