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

    private init(source: SourceMapping, path: String, number: Int) {
        self.source = source
        self.path = path
        self.number = number
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
            for path in paths { files.append(SourceFile(source: source, path: path, number: files.count)) }
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
    private let file: SourceFile
    private let blocks: CSVBlocks
    /// Column names; nil when the format has none that could be checked beforehand.
    let header: [String]?

    init(_ file: SourceFile) throws(IngestError) {
        self.file = file
        let dialect = file.source.dialect
        blocks = try CSVBlocks(path: file.path, dialect: dialect)
        if let columns = file.source.columns { header = columns } else { header = try blocks.takeHeader() ?? [] }
    }

    var identity: ObjectIdentifier { ObjectIdentifier(self) }
    var bytesTaken: Int { blocks.bytesTaken }
    var fingerprint: String? { blocks.fingerprint }

    func feed(_ bound: BoundFile) throws(IngestError) -> RecordFeed {
        let names = header ?? []
        var wanted = [Int](repeating: -1, count: names.count)
        for (cell, name) in bound.columns.enumerated() {
            if let place = names.firstIndex(of: name) {
                wanted[place] = cell
            } else {
                throw IngestError(
                    "ING212", "The file has no column \(name)", at: file.path, advice: "Name a column of the file")
            }
        }
        return CSVFeed(blocks, dialect: file.source.dialect, expectedColumns: names.count, wanted: wanted)
    }
}
