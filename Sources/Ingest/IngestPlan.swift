import Claims
import Foundation

/// A mapping file that was read and found sound: what `yijian ingest` explains and runs.
package struct IngestPlan: Sendable {
    let mapping: Mapping
    let text: String
    let file: String

    /// Reads a mapping file. No plan when a diagnostic is an error.
    package static func load(mappingPath: String) -> (plan: IngestPlan?, diagnostics: [MappingDiagnostic]) {
        guard let data = FileManager.default.contents(atPath: mappingPath) else {
            return (
                nil,
                [
                    MappingDiagnostic(
                        isError: true, code: "ING101", file: mappingPath, line: 1, column: 1,
                        message: "The mapping file cannot be read", advice: "Check the path and its permissions")
                ]
            )
        }
        return load(text: String(decoding: data, as: UTF8.self), file: mappingPath)
    }

    package static func load(text: String, file: String) -> (plan: IngestPlan?, diagnostics: [MappingDiagnostic]) {
        var reader = MappingReader(file: file)
        let mapping = reader.read(text)
        return (mapping.map { IngestPlan(mapping: $0, text: text, file: file) }, reader.diagnostics)
    }

    package var name: String { mapping.name }

    /// Imports the sources in a folder as one new segment of a dataset.
    package func run(sources: String, into dataset: String, options: IngestOptions = IngestOptions()) throws
        -> IngestReport
    {
        let importer = try Importer(
            mapping: mapping, text: text, file: file, sources: sources, dataset: dataset, options: options,
            pseudonym: try IngestPlan.pseudonym(options))
        return try importer.run()
    }

    private static func pseudonym(_ options: IngestOptions) throws(IngestError) -> PersonPseudonym? {
        guard let path = options.keyFile else { return nil }
        guard let key = FileManager.default.contents(atPath: path) else { throw IngestError.cannotRead(path) }
        guard key.count >= 16 else {
            throw IngestError(
                "ING108", "The key is shorter than 16 bytes", at: path,
                advice: "Make one with: head -c 32 /dev/urandom > key")
        }
        return PersonPseudonym(key: Array(key), isStrict: options.strictCodes)
    }
}
