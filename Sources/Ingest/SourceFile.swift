import Columns
import Foundation

/// One file of a source, found by its pattern.
final class SourceFile: @unchecked Sendable {
    let source: SourceMapping
    /// As found; what rejects and reports name.
    let path: String
    let number: Int
    /// Digest of the content; set when the file was read to its end.
    var fingerprint = ""

    private let workFolder: String
    private var decodedPath: String?

    private init(source: SourceMapping, path: String, number: Int, workFolder: String) {
        self.source = source
        self.path = path
        self.number = number
        self.workFolder = workFolder
    }

    /// The file as UTF-8: itself, or what was decoded from it once.
    func readablePath() throws(IngestError) -> String {
        if source.encoding == "utf-8" { return path }
        if let decodedPath { return decodedPath }
        let result = workFolder + "/decoded-\(number)"
        try TextDecoding.decode(path, from: "GB18030", to: result)
        decodedPath = result
        return result
    }

    /// Sets the fingerprint without importing anything.
    func takeFingerprint() throws(IngestError) {
        let opened = try open()
        try opened.skipThrough()
        fingerprint = opened.fingerprint ?? ""
    }

    /// Size and time of the last change: what tells cheaply that it is the same file.
    var state: String {
        var status = stat()
        guard stat(path, &status) == 0 else { return "gone" }
        return "\(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    }

    var bytes: Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    private static let fileLimit = 65_000

    /// All files of a mapping, in the order of sources and names.
    static func all(_ mapping: Mapping, in folder: String, workFolder: String) throws(IngestError) -> [SourceFile] {
        var files: [SourceFile] = []
        for source in mapping.sources {
            var paths: [String] = []
            for pattern in source.files { paths += matches(pattern.hasPrefix("/") ? pattern : folder + "/" + pattern) }
            if paths.isEmpty, !source.isOptional {
                throw IngestError(
                    "ING105", "Source \(source.name) has no file \(source.files.joined(separator: ", "))", at: folder,
                    advice: "Check the folder, or write optional: true for the source")
            }
            for path in paths {
                files.append(SourceFile(source: source, path: path, number: files.count, workFolder: workFolder))
            }
        }
        if files.count > fileLimit {
            throw IngestError("ING106", "More than \(fileLimit) files", at: folder, advice: "Import them in parts")
        }
        return files
    }

    private static func matches(_ pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0, let paths = found.gl_pathv else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { paths[$0].map { String(cString: $0) } }.sorted()
    }

    /// Opens the file for a pass.
    func open() throws(IngestError) -> OpenedFile { try OpenedFile(self) }

    /// Reads two columns of a side file into a look-up table.
    func readPairs(_ match: String, _ take: String, into table: LookupTable) throws(IngestError) {
        let opened = try open()
        let bound = BoundFile(columns: [match, take], programs: [])
        let feed = try opened.feed(bound)
        let batch = CellBatch(columns: 2)
        while try feed.next(batch) {
            for row in 0..<batch.rows where batch.damage[row] == .none {
                let key = batch.column(0)[row].trimmed
                let value = batch.column(1)[row].trimmed
                if !key.isAbsent, !value.isAbsent { table.add(key, value) }
            }
            if table.count > LookupTable.rowLimit {
                throw IngestError(
                    "ING107", "More than \(LookupTable.rowLimit) keys to look up", at: path,
                    advice: "Join the files before the import")
            }
        }
    }
}

/// A file open for one pass, shared by the threads that read it.
final class OpenedFile: @unchecked Sendable {
    private enum Content {
        case delimited(CSVBlocks)
        case json(CSVBlocks, isWholeFile: Bool)
        case arrow(ArrowSource, print: String)
    }

    private let file: SourceFile
    private let content: Content
    /// Column names; nil when the format has none that could be checked beforehand.
    let header: [String]?

    private static let messageLimit = 8 << 20
    private static let documentLimit = 256 << 20

    init(_ file: SourceFile) throws(IngestError) {
        self.file = file
        let path = try file.readablePath()
        var dialect = file.source.dialect
        switch file.source.format {
        case .csv:
            let blocks = try CSVBlocks(path: path, dialect: dialect)
            let first = file.source.columns == nil ? try blocks.takeHeader() ?? [] : []
            header = file.source.columns ?? first
            content = .delimited(blocks)
        case .ndjson:
            dialect.quote = 0
            content = .json(
                try CSVBlocks(path: path, dialect: dialect, blockBytes: OpenedFile.messageLimit), isWholeFile: false)
            header = nil
        case .json:
            dialect.quote = 0
            guard file.bytes <= OpenedFile.documentLimit else {
                throw IngestError(
                    "ING110", "The document is larger than 256 MiB", at: file.path,
                    advice: "Write one message a line and use ndjson")
            }
            content = .json(try CSVBlocks(path: path, dialect: dialect, blockBytes: file.bytes + 1), isWholeFile: true)
            header = nil
        case .arrow:
            let source = try ArrowSource(path)
            content = .arrow(source, print: try OpenedFile.print(of: path))
            header = source.fields.map(\.name)
        }
    }

    var identity: ObjectIdentifier { ObjectIdentifier(self) }

    var bytesTaken: Int {
        switch content {
        case .delimited(let blocks), .json(let blocks, _): blocks.bytesTaken
        case .arrow: 0
        }
    }

    /// A digest of the content, once it was read to its end.
    var fingerprint: String? {
        switch content {
        case .delimited(let blocks), .json(let blocks, _): blocks.fingerprint
        case .arrow(_, let print): print
        }
    }

    /// Reads to the end without looking, for the digest alone.
    func skipThrough() throws(IngestError) {
        switch content {
        case .delimited(let blocks), .json(let blocks, _):
            while let block = try blocks.next() { blocks.giveBack(block) }
        case .arrow: break
        }
    }

    /// A feed for one thread.
    func feed(_ bound: BoundFile) throws(IngestError) -> RecordFeed {
        switch content {
        case .delimited(let blocks):
            let names = header ?? []
            var wanted = [Int](repeating: -1, count: names.count)
            for (cell, name) in bound.columns.enumerated() { wanted[try place(of: name)] = cell }
            return CSVFeed(blocks, dialect: file.source.dialect, expectedColumns: names.count, wanted: wanted)
        case .json(let blocks, let isWholeFile):
            return JSONFeed(blocks, columns: bound.columns, rows: file.source.rows, isWholeFile: isWholeFile)
        case .arrow(let source, _):
            var columns: [Int] = []
            for name in bound.columns { columns.append(try place(of: name)) }
            return ArrowFeed(source, columns: columns)
        }
    }

    private func place(of name: String) throws(IngestError) -> Int {
        guard let place = (header ?? []).firstIndex(of: name) else {
            throw IngestError(
                "ING212", "The file has no column \(name)", at: file.path, advice: "Name a column of the file")
        }
        return place
    }

    private static func print(of path: String) throws(IngestError) -> String {
        let blocks = try CSVBlocks(path: path, dialect: CSVDialect(quote: 0))
        while let block = try blocks.next() { blocks.giveBack(block) }
        return blocks.fingerprint ?? ""
    }
}
