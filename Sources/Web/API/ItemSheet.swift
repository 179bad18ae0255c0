import Casework
import Claims
import Documents
import Supervision

/// Items of a matter as JSON, and as a sheet with a column for each field of their kind (明细表).
enum ItemSheet {
    static let shape = Shape.object([
        .init(
            "rows",
            .list(
                .named(
                    "Item",
                    .object([
                        .init("key", .line(1...200)), .init("kind", .line(1...120)),
                        .init("parent", .orNone(.line(1...200))),
                        .init("states", .list(MatterShapes.standing, max: 100)), .init("values", MatterShapes.values),
                    ])), max: 10_000)),
        .init("next", .orNone(.line(1...200)), "asks for what follows, as `after`; null at the end"),
    ])

    static func answer(_ call: Call) throws -> Answer {
        let (_, listed) = try call.book.items(
            call.string("matter"), kind: call.text("kind"), state: call.text("state"), after: call.after,
            size: call.size, by: try call.session())
        let rows = listed.rows.map { item in
            JSONText.members([
                "key": .text(item.key), "kind": .text(item.kind), "parent": .text(orNull: item.parent),
                "states": .array(item.states.map(MatterShapes.json)),
                "values": .array(item.values.map(MatterShapes.json)),
            ])
        }
        return .json(.members(["rows": .array(rows), "next": .text(orNull: listed.next)]))
    }

    static let rowsMax = 100_000

    static func file(_ call: Call) throws -> Answer {
        let kind = call.string("kind")
        let (procedure, listed) = try call.book.items(
            call.string("matter"), kind: kind, state: call.text("state"), size: rowsMax, exporting: true,
            by: try call.session())
        guard let own = procedure.items.first(where: { $0.id == kind }) else {
            throw Problem(
                422, "WEB136", "“\(procedure.name)”没有明细类别 \(kind)", at: "kind",
                advice: "类别：\(procedure.items.map(\.id).joined(separator: "、"))")
        }
        let fields = procedure.fields.filter { $0.item == kind }
        let tracks = procedure.tracks.filter { $0.per == kind }
        var heads = [ColumnHead("key", own.name, width: 24)]
        if own.parent != nil { heads.append(ColumnHead("parent", "所属", width: 24)) }
        heads += tracks.map { ColumnHead($0.id, $0.name + "状态", width: 16) }
        heads += fields.map { ColumnHead($0.id, $0.name, width: 18) }
        let rows = listed.rows.map { item in
            var cells: [Cell] = [.text(item.key)]
            if own.parent != nil { cells.append(item.parent.map { .text($0) } ?? .empty) }
            cells += tracks.map { track in
                item.states.first { $0.track == track.id }.map { .text($0.stateName) } ?? .empty
            }
            cells += fields.map { field in
                guard let value = item.values.first(where: { $0.field == field.id }) else { return .empty }
                if field.kind == .money, let fen = Field.number(value.text, 2) { return .decimal(fen, scale: 2) }
                return .text(value.text)
            }
            return cells
        }
        return .file(heads, rows, isSpreadsheet: call.string("file") != "csv", name: kind)
    }
}
