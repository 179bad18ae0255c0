import Columns
import Foundation

/// The folder that a run left behind: its own findings and those of foreign sources laid beside them.
///
/// `findings.arrow` belongs to the engine and is never changed; every foreign source has a file of its own
/// (`foreign-NAME.arrow`) in the same layout, so importing it again replaces it and nothing else.
package struct FindingsRun: Sendable {
    package let folder: String
    package let files: [FindingsFile]

    package init(folder: String) throws(ColumnsError) {
        self.folder = folder
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let foreign = names.filter { $0.hasPrefix("foreign-") && $0.hasSuffix(".arrow") }.sorted()
        guard names.contains("findings.arrow") || !foreign.isEmpty else {
            throw ColumnsError(
                "YJ-310", names.isEmpty ? "there is no such folder, or it is empty" : "there is no findings.arrow",
                at: folder, advice: "Give the folder that `yijian audit … --into FOLDER` wrote")
        }
        var files: [FindingsFile] = []
        for name in (names.contains("findings.arrow") ? ["findings.arrow"] : []) + foreign {
            files.append(try FindingsFile(path: folder + "/" + name))
        }
        self.files = files
    }

    /// All records that `selection` keeps, in the order of the files, until `body` returns false.
    package func visit(
        where selection: FindingsSelection = FindingsSelection(), _ body: (FindingsRecord) throws -> Bool
    ) throws {
        var goesOn = true
        for file in files where goesOn {
            try file.visit { record in
                guard selection.keeps(record) else { return true }
                goesOn = try body(record)
                return goesOn
            }
        }
    }

    /// The findings whose identifier begins with `prefix`; at most `limit` of them.
    package func findings(withPrefix prefix: String, limit: Int = 10) throws -> [FindingsRecord] {
        var found: [FindingsRecord] = []
        try visit { record in
            if record.id.hasPrefix(prefix) { found.append(record) }
            return found.count < limit
        }
        return found
    }
}
