/// Some hundred records cut into cells, column by column: what every kind of source hands to the mapping.
///
/// Cells lie column-major, so that one column's values are read in one tight loop. Cells and scratch are valid until
/// the batch is filled again.
final class CellBatch {
    static let capacity = 256
    /// Places from one column to the next: not a power of two, so that the cells of a record do not share cache sets.
    static let stride = 264

    let columns: Int
    let cells: UnsafeMutablePointer<Cell>
    /// Where each record begins in its source, in bytes, and how long it is: enough to show the original later.
    let offsets: UnsafeMutablePointer<UInt64>
    let lengths: UnsafeMutablePointer<UInt32>
    /// Damage found while cutting; `.none` for a sound record.
    let damage: UnsafeMutablePointer<Damage>
    var rows = 0
    /// Memory for values that expressions make; forgotten when the batch is filled again.
    let scratch = Scratch()

    init(columns: Int) {
        self.columns = columns
        cells = .allocate(capacity: max(1, columns) &* CellBatch.stride)
        cells.initialize(repeating: .absent, count: max(1, columns) &* CellBatch.stride)
        offsets = .allocate(capacity: CellBatch.capacity)
        offsets.initialize(repeating: 0, count: CellBatch.capacity)
        lengths = .allocate(capacity: CellBatch.capacity)
        lengths.initialize(repeating: 0, count: CellBatch.capacity)
        damage = .allocate(capacity: CellBatch.capacity)
        damage.initialize(repeating: .none, count: CellBatch.capacity)
    }

    deinit {
        cells.deallocate()
        offsets.deallocate()
        lengths.deallocate()
        damage.deallocate()
    }

    @inline(__always) func column(_ index: Int) -> UnsafeMutablePointer<Cell> {
        cells + index &* CellBatch.stride
    }

    func clear() {
        rows = 0
        scratch.clear()
    }
}

/// What can be wrong with a record before any field is looked at.
enum Damage: UInt8 {
    case none = 0
    case columnCount, openQuote, strayQuote, tooLong, notText, notJSON
}

/// Memory handed out in small pieces and taken back all at once.
final class Scratch: @unchecked Sendable {
    private var blocks: [UnsafeMutablePointer<UInt8>] = []
    private var sizes: [Int] = []
    private var block = 0
    private var used = 0
    private let blockBytes: Int

    init(blockBytes: Int = 64 << 10) { self.blockBytes = blockBytes }

    deinit { for block in blocks { block.deallocate() } }

    func clear() {
        block = 0
        used = 0
    }

    func allocate(_ count: Int) -> UnsafeMutablePointer<UInt8> {
        while block < blocks.count {
            if used &+ count <= sizes[block] {
                defer { used &+= count }
                return blocks[block] + used
            }
            block &+= 1
            used = 0
        }
        let size = max(count, blockBytes)
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
        blocks.append(memory)
        sizes.append(size)
        used = count
        return memory
    }

    func keep(_ bytes: some Collection<UInt8>) -> Cell {
        let memory = allocate(bytes.count)
        var index = 0
        for byte in bytes {
            memory[index] = byte
            index &+= 1
        }
        return Cell(start: UnsafePointer(memory), count: index)
    }
}
