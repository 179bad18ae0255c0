import ArgumentParser
import Documents
import Foundation
import Knowledge
import Rules
import Workshop

/// `yijian lists`: lists of the experts' package, brought in from published sheets and taken out for experts.
struct ListsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lists", abstract: "Import, export and show lists (知识点清单).",
        subcommands: [ListsImportCommand.self, ListsExportCommand.self, ListsShowCommand.self],
        defaultSubcommand: ListsShowCommand.self)
}

/// A list of a package: where its declaration and its rows lie.
struct ListPlace {
    let declaration: ListDeclaration
    /// The CSV, of the area when one is named; it may not exist yet.
    let rowsPath: String
    let declarationBytes: [UInt8]

    static func find(_ name: String, in folder: String, area: String?) throws -> ListPlace {
        let layers = [area.map { "\(folder)/areas/\($0)/lists" }, "\(folder)/lists"].compactMap { $0 }
        for layer in layers {
            let path = "\(layer)/\(name).yaml"
            guard let data = FileManager.default.contents(atPath: path) else { continue }
            let bytes = [UInt8](data)
            let (declaration, diagnostics) = ListDeclarationReader.read(
                KnowledgeFile(path: path, kind: .listDeclaration, stem: name, area: area, bytes: bytes, digest: ""))
            guard let declaration else {
                throw CommandError(
                    code: "YJ-320", what: "the list's declaration cannot be used", place: path,
                    why: diagnostics.map(\.description).joined(separator: "\n         "),
                    advice: "mend what is named there")
            }
            return ListPlace(declaration: declaration, rowsPath: "\(layers[0])/\(name).csv", declarationBytes: bytes)
        }
        let known = ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/lists")) ?? [])
            .filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }
        throw CommandError.usage(
            "YJ-360", "the package has no list `\(name)`",
            advice: Suggestion.nearest(to: name, among: known).map { "did you mean `\($0)`?" }
                ?? "declare it in lists/\(name).yaml")
    }

    func content() throws -> ListContent? {
        guard let data = FileManager.default.contents(atPath: rowsPath) else { return nil }
        return try ListContent([UInt8](data), file: rowsPath)
    }
}

/// `yijian lists import`: a published sheet becomes the new version of a list, or nothing changes.
struct ListsImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Read published sheets (.xlsx, .csv) into a list (清单导入).",
        discussion: """
            The mapping says which headers hold what; see docs/lists.md. The list is replaced whole, and only when the
            files gave no error: a half copy, a wrong header or a broken file leaves the version in force as it was.
            """)

    @Argument(help: "The published files: one, or several when the tables come apart.")
    var files: [String]

    @Option(name: .customLong("as"), help: "The mapping: a file, a name in mappings/lists, or list:NAME for an export.")
    var mapping: String

    @Option(name: .long, help: "The experts' package (知识包); default: knowledge here or beside the program.")
    var knowledge: String?

    @Option(name: .long, help: "The area whose list it is; default: the national one.")
    var area: String?

    @Flag(name: .long, help: "Only report; change nothing.")
    var check = false

    @Flag(name: .long, help: "Codes outside the catalogue are errors.")
    var strict = false

    @Flag(name: .long, help: "Accept that many rows in force vanish.")
    var acceptLoss = false

    @Flag(name: .long, help: "The report as JSON.")
    var json = false

    func run() throws {
        let folder = try PackageFolder.find(knowledge)
        let contents = try files.map { path -> (name: String, bytes: [UInt8]) in
            guard let data = FileManager.default.contents(atPath: path) else {
                throw CommandError(
                    code: "YJ-361", what: "the file cannot be read", place: path,
                    advice: "check its name and permissions")
            }
            return (URL(fileURLWithPath: path).lastPathComponent, [UInt8](data))
        }
        let (mapping, place) = try find(folder)
        let current = try place.content()
        var catalogues: [String: Set<String>] = [:]
        for column in mapping.columns {
            guard let catalogue = column.catalogue else { continue }
            catalogues["\(catalogue.list).\(catalogue.column)"] = try Self.codes(catalogue, folder, area)
        }
        var (content, report) = ListImport.run(
            mapping, into: place.declaration, files: contents, current: current, catalogues: catalogues,
            acceptsLoss: acceptLoss)
        if let made = content {
            let problems = PlanLoader.check(
                declaration: place.declarationBytes, rows: Array(made.text.utf8), name: place.declaration.id)
            report.add(problems)
        }
        if report.hasErrors || (strict && report.unknownCodes > 0) { content = nil }
        let isNew = content.map { $0.text != current?.text } ?? false
        if let content, isNew, !check {
            let output = try OutputFile(path: place.rowsPath)
            try output.write(content.text)
            try output.finish()
        }
        try Terminal.show(
            json
                ? [Self.object(report, written: isNew && !check).pretty]
                : ImportWording.lines(
                    report, list: place.declaration.id, path: place.rowsPath, accepted: content != nil, isNew: isNew,
                    check: check))
        if content == nil { throw CommandError.Quiet(status: .badInput) }
    }

    private func find(_ folder: String) throws -> (ListMapping, ListPlace) {
        if mapping.hasPrefix("list:") {
            let place = try ListPlace.find(String(mapping.dropFirst(5)), in: folder, area: area)
            let header = try place.content()?.header ?? place.declaration.columns.map(\.name)
            return (.own(place.declaration, header: header), place)
        }
        let shipped = Shipped.folder("mappings", holding: "lists").map { "\($0)/lists/\(mapping).yaml" }
        let path = mapping.hasSuffix(".yaml") ? mapping : shipped ?? mapping
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError.usage(
                "YJ-362", "there is no mapping `\(mapping)`",
                advice: "name a file, one of mappings/lists, or list:NAME for the workbook of an export")
        }
        let (read, diagnostics) = ListMapping.read([UInt8](data), file: path)
        guard let read else {
            throw CommandError(
                code: "YJ-363", what: "the mapping cannot be used", place: path,
                why: diagnostics.map(\.description).joined(separator: "\n         "), advice: "mend what is named there"
            )
        }
        return (read, try ListPlace.find(read.list, in: folder, area: area))
    }

    private static func codes(
        _ catalogue: (list: String, column: String), _ folder: String, _ area: String?
    ) throws -> Set<String> {
        let place = try ListPlace.find(catalogue.list, in: folder, area: area)
        guard let content = try place.content(), let index = content.header.firstIndex(of: catalogue.column) else {
            throw CommandError(
                code: "YJ-363", what: "the catalogue has no column `\(catalogue.column)`", place: place.rowsPath,
                advice: "name another in the mapping")
        }
        return Set(content.rows.map { $0[index] })
    }

    private static func object(_ report: ImportReport, written: Bool) -> JSONText {
        .members([
            "written": .flag(written), "points": .integer(Int64(report.points)),
            "added": .array(report.added.map(JSONText.text)), "removed": .array(report.removed.map(JSONText.text)),
            "changed": .array(report.changed.map(JSONText.text)), "same": .integer(Int64(report.same)),
            "duplicates": .integer(Int64(report.duplicates)), "unknown_codes": .integer(Int64(report.unknownCodes)),
            "tables": .array(
                report.tables.map { table in
                    .members([
                        "table": .text(table.name), "place": .text(table.place),
                        "header_row": .integer(Int64(table.headerRow)), "rows": .integer(Int64(table.rows)),
                        "remarks": .integer(Int64(table.skipped.count)),
                        "filtered": .integer(Int64(table.filteredOut)),
                    ])
                }),
            "problems": .integer(Int64(report.problemCount)),
            "diagnostics": .array(report.diagnostics.map(DiagnosticWording.object)),
        ])
    }
}

/// `yijian lists export`: a list as a workbook, which `lists import --as list:NAME` takes back.
struct ListsExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write a list as a workbook for experts (清单导出).")

    @Argument(help: "The list.")
    var list: String

    @Option(name: .shortAndLong, help: "The workbook; default: NAME.xlsx.")
    var output: String?

    @Option(name: .long, help: "The experts' package (知识包); default: knowledge here or beside the program.")
    var knowledge: String?

    @Option(name: .long, help: "The area whose rows are meant; default: the national ones.")
    var area: String?

    func run() throws {
        let place = try ListPlace.find(list, in: try PackageFolder.find(knowledge), area: area)
        guard let content = try place.content() else {
            throw CommandError(
                code: "YJ-361", what: "the list has no rows there", place: place.rowsPath, advice: "name another area")
        }
        let path = output ?? "\(list).xlsx"
        try ListExport.write(content, of: place.declaration, to: path)
        if path != "-" { try Terminal.show(["\(content.rows.count) rows of \(list) are in \(path)."]) }
    }
}

/// `yijian lists show`: what lists there are.
struct ListsShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "The lists of a package and their rows.")

    @OptionGroup var choice: RuleChoice

    func run() throws {
        let plan = try KnowledgePlan.load(try choice.folder(), areas: choice.areas, rules: nil)
        var table = TextTable([
            ColumnHead("list", "list"), ColumnHead("name", "清单"), ColumnHead("rows", "rows", .integer),
            ColumnHead("version", "version"), ColumnHead("columns", "columns"), ColumnHead("rules", "rules"),
        ])
        for (name, list) in plan.lists.sorted(by: { $0.key < $1.key }) {
            let users = plan.rules.filter { rule in rule.lists.contains { $0.list == name } }.map(\.id)
            table.append([
                .text(name), .text(list.name), .integer(Int64(list.rowCount)), .text(list.version),
                .text(list.columns.map(\.name).joined(separator: ", ")), .text(users.joined(separator: ", ")),
            ])
        }
        try Terminal.show(table.lines(width: Terminal.width, style: Terminal.style))
    }
}

/// Where the experts' package is.
enum PackageFolder {
    static func find(_ named: String?) throws -> String {
        guard let folder = named ?? Shipped.folder("knowledge", holding: "package.yaml") else {
            throw CommandError.usage(
                "YJ-204", "there is no experts' package here", advice: "name one with --knowledge FOLDER")
        }
        return folder
    }
}

/// Diagnostics for programs.
enum DiagnosticWording {
    static func object(_ diagnostic: Diagnostic) -> JSONText {
        .members([
            "file": .text(diagnostic.file), "line": .integer(Int64(diagnostic.line)),
            "column": .integer(Int64(diagnostic.column)), "code": .text(diagnostic.code),
            "severity": .text(diagnostic.severity.rawValue), "message": .text(diagnostic.message),
            "advice": .text(diagnostic.advice),
        ])
    }
}
