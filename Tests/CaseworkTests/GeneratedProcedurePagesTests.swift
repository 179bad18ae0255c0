import Foundation
import Testing

@testable import Casework

/// The reference pages and diagrams in `docs/procedures` equal the procedure files. `make golden` rewrites them.
struct GeneratedProcedurePagesTests {
    @Test func pagesEqualTheirSource() throws {
        let library = try #require(Golden.shipped)
        let folder = Golden.root + "/docs/procedures"
        for procedure in library.procedures {
            let made = [
                ("md", ProcedurePage(procedure, library.common).markdown),
                ("svg", ProcedureDiagram.svg(procedure, roles: library.roles)),
            ]
            for (ending, text) in made {
                let path = "\(folder)/\(procedure.id).\(ending)"
                if Golden.rewrites {
                    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                    try text.write(toFile: path, atomically: true, encoding: .utf8)
                } else {
                    let committed = try? String(contentsOfFile: path, encoding: .utf8)
                    #expect(committed == text, "\(procedure.id).\(ending): run make golden and read the difference")
                }
            }
        }
    }
}
