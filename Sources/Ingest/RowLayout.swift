import Claims
import Glibc

/// How the rows of one table lie in memory between parsing and writing: one run of bytes a row.
///
///     0  rank of the encounter (or person) it belongs to, UInt32
///     4  which slots hold a value, one bit each, UInt32
///     8  source number << 48 | byte offset of the record in it, UInt64
///     16 length of the record in the source, UInt32
///     20 length of this row here, a multiple of eight, UInt32
///     24 version, Int64, when some source states one
///     …  wide slots (8 bytes), narrow slots (4), lengths of texts (4), the texts
struct RowLayout: Sendable {
    enum Width: Equatable, Sendable { case wide, narrow, text }

    struct Slot: Sendable {
        /// The field's name, or the name of a hidden value that no file will show.
        let name: String
        /// Its number in the schema; −1 for a hidden value.
        let field: Int
        let kind: FieldKind
        let width: Width
        /// Bytes from the start of the row (for a text: of its length).
        fileprivate(set) var offset = 0
    }

    let table: Table
    let slots: [Slot]
    let isVersioned: Bool
    /// Numbers of the text slots, in their order in the row.
    let texts: [Int]
    let fixedBytes: Int

    static let rank = 0
    static let presence = 4
    static let origin = 8
    static let sourceLength = 16
    static let rowLength = 20
    static let version = 24

    /// Hidden texts: the person an encounter names, and the group by which rows are withdrawn together.
    static let personText = "·person"
    static let groupText = "·group"

    init(table: Table, fields names: Set<String>, isVersioned: Bool, hasGroup: Bool) {
        self.table = table
        self.isVersioned = isVersioned
        var slots: [Slot] = []
        for (index, field) in table.fields.enumerated() where names.contains(field.name) {
            switch field.kind {
            case .identifier, .text:
                slots.append(Slot(name: field.name, field: index, kind: field.kind, width: .text))
            case .decimal:
                slots.append(Slot(name: field.name, field: index, kind: field.kind, width: .wide))
            case .code, .day, .second, .integer, .flag:
                slots.append(Slot(name: field.name, field: index, kind: field.kind, width: .narrow))
            case .row:
                if table == .encounter {
                    slots.append(Slot(name: RowLayout.personText, field: -1, kind: .text, width: .text))
                }
            }
        }
        if hasGroup { slots.append(Slot(name: RowLayout.groupText, field: -1, kind: .text, width: .text)) }
        var offset = isVersioned ? 32 : 24
        for index in slots.indices where slots[index].width == .wide {
            slots[index].offset = offset
            offset += 8
        }
        for index in slots.indices where slots[index].width == .narrow {
            slots[index].offset = offset
            offset += 4
        }
        for index in slots.indices where slots[index].width == .text {
            slots[index].offset = offset
            offset += 4
        }
        self.slots = slots
        fixedBytes = offset
        texts = slots.indices.filter { slots[$0].width == .text }
    }

    func slot(_ name: String) -> Int? { slots.firstIndex { $0.name == name } }

    /// The slot that identifies a row: `id` or `code`.
    var identifierSlot: Int? { table.identifier.flatMap { slot($0) } }
}

/// One staged row: a pointer into staged memory and the ways to read it.
struct StagedRow {
    let base: UnsafeMutableRawPointer

    @inline(__always) var rank: UInt32 {
        get { base.load(as: UInt32.self) }
        nonmutating set { base.storeBytes(of: newValue, as: UInt32.self) }
    }
    @inline(__always) var presence: UInt32 { base.load(fromByteOffset: RowLayout.presence, as: UInt32.self) }
    @inline(__always) var origin: UInt64 { base.load(fromByteOffset: RowLayout.origin, as: UInt64.self) }
    @inline(__always) var sourceLength: UInt32 { base.load(fromByteOffset: RowLayout.sourceLength, as: UInt32.self) }
    @inline(__always) var length: Int { Int(base.load(fromByteOffset: RowLayout.rowLength, as: UInt32.self)) }

    @inline(__always) func has(_ slot: Int) -> Bool { presence >> UInt32(truncatingIfNeeded: slot) & 1 != 0 }

    @inline(__always) func narrow(at offset: Int) -> Int32 { base.load(fromByteOffset: offset, as: Int32.self) }
    @inline(__always) func wide(at offset: Int) -> Int64 { base.load(fromByteOffset: offset, as: Int64.self) }

    func version(_ layout: RowLayout) -> Int64 {
        layout.isVersioned ? wide(at: RowLayout.version) : Int64.min
    }

    /// A text slot's bytes.
    @inline(__always)
    func text(_ slot: Int, _ layout: RowLayout) -> Cell {
        var start = layout.fixedBytes
        for other in layout.texts {
            let count = Int(base.load(fromByteOffset: layout.slots[other].offset, as: UInt32.self))
            if other == slot {
                return Cell(start: UnsafePointer((base + start).assumingMemoryBound(to: UInt8.self)), count: count)
            }
            start &+= count
        }
        return .absent
    }

    /// Whether two rows say the same: everything but where they came from and their version.
    func saysTheSame(as other: StagedRow, _ layout: RowLayout) -> Bool {
        guard rank == other.rank, presence == other.presence, length == other.length else { return false }
        let from = layout.isVersioned ? 32 : 24
        return memcmp(base + from, other.base + from, length &- from) == 0
    }

    /// An order of content that depends neither on where rows came from nor on how codes were numbered.
    func contentOrder(_ other: StagedRow, _ layout: RowLayout, _ dictionaries: [Int: CodeDictionary]) -> Int {
        if rank != other.rank { return rank < other.rank ? -1 : 1 }
        for (slot, description) in layout.slots.enumerated() {
            if has(slot) != other.has(slot) { return has(slot) ? 1 : -1 }
            if !has(slot) { continue }
            var order = 0
            switch description.width {
            case .wide:
                let (a, b) = (wide(at: description.offset), other.wide(at: description.offset))
                order = a < b ? -1 : a > b ? 1 : 0
            case .narrow:
                let (a, b) = (narrow(at: description.offset), other.narrow(at: description.offset))
                if let dictionary = dictionaries[description.field] {
                    order = a == b ? 0 : orderBytes(dictionary.value(a), dictionary.value(b))
                } else {
                    order = a < b ? -1 : a > b ? 1 : 0
                }
            case .text: order = orderBytes(text(slot, layout), other.text(slot, layout))
            }
            if order != 0 { return order }
        }
        return 0
    }
}
