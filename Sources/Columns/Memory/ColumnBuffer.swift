import Glibc

/// An owned column under construction: typed appends, growing memory, reusable after `reset()` without reallocating.
///
/// A null slot holds zero (an empty string, an empty list), so that equal columns have equal bytes. Appending a value
/// of another type than the column's is a programming error. A column of strings holds at most 2 GiB of bytes; what
/// does not fit is dropped, `isOverfull` says so and the writer refuses the column.
package final class ColumnBuffer: @unchecked Sendable {
    package let type: ColumnType
    package private(set) var count = 0
    package private(set) var nullCount = 0
    /// Bytes were dropped because the strings outgrew 2 GiB.
    package private(set) var isOverfull = false

    private let width: Int
    private let isOwned: Bool
    private var rowCapacity = 0
    private var values = GrowingMemory()
    private var validity = GrowingMemory()
    private var offsets = GrowingMemory()
    private var itemOffsets = GrowingMemory()
    private var byteCount = 0
    private var itemCount = 0
    private let borrowed: ColumnView?

    package init(_ type: ColumnType, capacity: Int = 0) {
        precondition(type.isWritable, "columns of type \(type) cannot be built")
        self.type = type
        width = type.width ?? 0
        isOwned = true
        borrowed = nil
        if capacity > 0 { reserve(capacity) }
    }

    /// A column over memory that belongs to someone else and outlives this object; nothing is copied.
    package init(borrowing view: ColumnView) {
        type = view.type
        width = view.type.width ?? 0
        isOwned = false
        borrowed = view
        count = view.count
        nullCount = view.nullCount
    }

    /// A fixed-width column over foreign memory.
    package convenience init(
        _ type: ColumnType, borrowing values: UnsafeRawPointer, count: Int, validity: UnsafePointer<UInt8>? = nil,
        nullCount: Int = 0
    ) {
        precondition(type.width != nil || type == .bool, "only fixed-width columns lie in one run of memory")
        self.init(
            borrowing: ColumnView(
                type: type, count: count, nullCount: nullCount, validity: nullCount == 0 ? nil : validity,
                values: values))
    }

    /// A copy of a column, laid out from offset zero.
    package convenience init(copying view: ColumnView) {
        self.init(view.type, capacity: view.count)
        for row in 0..<view.count { append(row, of: view) }
    }

    deinit {
        values.free()
        validity.free()
        offsets.free()
        itemOffsets.free()
    }

    /// The column as it stands; valid until the next append, reset, or the end of this object.
    package var view: ColumnView {
        if let borrowed { return borrowed }
        let isList = type == .listUtf8
        let hasOffsets = isList || type == .utf8
        return ColumnView(
            type: type, count: count, nullCount: nullCount,
            validity: nullCount > 0 ? UnsafePointer(validity.pointer.assumingMemoryBound(to: UInt8.self)) : nil,
            values: UnsafeRawPointer(values.pointer),
            offsets: hasOffsets ? UnsafePointer(offsets.pointer.assumingMemoryBound(to: Int32.self)) : nil,
            itemOffsets: isList ? UnsafePointer(itemOffsets.pointer.assumingMemoryBound(to: Int32.self)) : nil)
    }

    /// Forgets the rows and keeps the memory.
    package func reset() {
        precondition(isOwned, "a borrowed column cannot be changed")
        count = 0
        nullCount = 0
        byteCount = 0
        itemCount = 0
        isOverfull = false
    }

    /// Makes room for `rows` rows in all.
    package func reserve(_ rows: Int) {
        precondition(isOwned, "a borrowed column cannot be changed")
        guard rows > rowCapacity else { return }
        var wanted = max(64, rowCapacity)
        while wanted < rows { wanted = wanted &* 2 }
        if width > 0 {
            values.reserve(wanted &* width, used: count &* width)
        } else if type == .bool {
            values.reserve(wanted &>> 3, used: (count &+ 7) &>> 3)
        } else {
            offsets.reserve((wanted &+ 1) &* 4, used: rowCapacity == 0 ? 0 : (count &+ 1) &* 4)
            if rowCapacity == 0 {
                offsets.pointer.storeBytes(of: 0, as: Int32.self)
                if type == .listUtf8 {
                    itemOffsets.reserve(256, used: 0)
                    itemOffsets.pointer.storeBytes(of: 0, as: Int32.self)
                }
            }
        }
        if nullCount > 0 { validity.reserve(wanted &>> 3, used: (count &+ 7) &>> 3) }
        rowCapacity = wanted
    }

    @inline(__always)
    package func append(_ value: Int32) {
        precondition(width == 4, "an int32 does not fit a column of type \(type)")
        let row = claimRow()
        values.pointer.assumingMemoryBound(to: Int32.self)[row] = value
    }

    @inline(__always)
    package func append(_ value: Int64) {
        precondition(width == 8, "an int64 does not fit a column of type \(type)")
        let row = claimRow()
        values.pointer.assumingMemoryBound(to: Int64.self)[row] = value
    }

    package func append(_ value: Double) {
        precondition(type == .float64, "a float64 does not fit a column of type \(type)")
        let row = claimRow()
        values.pointer.assumingMemoryBound(to: Double.self)[row] = value
    }

    package func append(_ value: Bool) {
        precondition(type == .bool, "a bool does not fit a column of type \(type)")
        let row = claimRow()
        Self.set(bit: row, to: value, in: values.pointer)
    }

    @inline(__always)
    package func append(utf8 bytes: UnsafeBufferPointer<UInt8>) {
        precondition(type == .utf8, "a string does not fit a column of type \(type)")
        let row = claimRow()
        copy(bytes)
        offsets.pointer.assumingMemoryBound(to: Int32.self)[row &+ 1] = Int32(truncatingIfNeeded: byteCount)
    }

    package func append(_ string: String) {
        var string = string
        string.withUTF8 { append(utf8: $0) }
    }

    /// Adds an item to the row that the next `closeList()` will end.
    package func appendItem(utf8 bytes: UnsafeBufferPointer<UInt8>) {
        precondition(type == .listUtf8, "an item does not fit a column of type \(type)")
        if rowCapacity == 0 { reserve(64) }
        guard itemCount < Int(Int32.max) else {
            isOverfull = true
            return
        }
        copy(bytes)
        itemCount &+= 1
        itemOffsets.reserve((itemCount &+ 1) &* 4, used: itemCount &* 4)
        itemOffsets.pointer.assumingMemoryBound(to: Int32.self)[itemCount] = Int32(truncatingIfNeeded: byteCount)
    }

    /// Ends a row of a list column.
    package func closeList() {
        precondition(type == .listUtf8, "a list does not fit a column of type \(type)")
        let row = claimRow()
        offsets.pointer.assumingMemoryBound(to: Int32.self)[row &+ 1] = Int32(truncatingIfNeeded: itemCount)
    }

    package func append(list: [String]) {
        for item in list {
            var item = item
            item.withUTF8 { appendItem(utf8: $0) }
        }
        closeList()
    }

    package func appendNull() {
        let row = claimRow(valid: false)
        switch type {
        case .bool: Self.set(bit: row, to: false, in: values.pointer)
        case .utf8: offsets.pointer.assumingMemoryBound(to: Int32.self)[row &+ 1] = Int32(truncatingIfNeeded: byteCount)
        case .listUtf8:
            offsets.pointer.assumingMemoryBound(to: Int32.self)[row &+ 1] = Int32(truncatingIfNeeded: itemCount)
        default: memset(values.pointer + row &* width, 0, width)
        }
    }

    /// Appends so many nulls.
    package func appendNulls(_ added: Int) {
        guard added > 0 else { return }
        reserve(count &+ added)
        guard type != .bool else {
            for _ in 0..<added { appendNull() }
            return
        }
        beginValidity()
        let rows = count..<count &+ added
        let bits = validity.pointer.assumingMemoryBound(to: UInt8.self)
        // What is left of a byte begun is zero already.
        let begun = (rows.lowerBound &+ 7) &>> 3
        memset(bits + begun, 0, max(0, (rows.upperBound &+ 7) &>> 3 &- begun))
        switch type {
        case .utf8, .listUtf8:
            let end = Int32(truncatingIfNeeded: type == .utf8 ? byteCount : itemCount)
            let ends = offsets.pointer.assumingMemoryBound(to: Int32.self) + 1
            for row in rows { ends[row] = end }
        default: memset(values.pointer + count &* width, 0, added &* width)
        }
        nullCount &+= added
        count &+= added
    }

    /// Appends one row of a column of the same type.
    package func append(_ row: Int, of view: ColumnView) {
        guard view.isValid(row) else { return appendNull() }
        switch type {
        case .bool: append(view.bool(row))
        case .utf8: append(utf8: view.utf8(row))
        case .listUtf8:
            for item in view.items(row) { appendItem(utf8: view.item(item)) }
            closeList()
        default: append(contentsOf: view.values + row &* width, count: 1)
        }
    }

    /// Appends a run of rows of a column of the same type: in bulk where nothing is null.
    package func append(rows: Range<Int>, of view: ColumnView) {
        guard !rows.isEmpty else { return }
        if view.nullCount == view.count { return appendNulls(rows.count) }
        switch type {
        case .bool: for row in rows { append(row, of: view) }
        case .utf8, .listUtf8:
            if view.nullCount == 0, nullCount == 0, appendStrings(rows, of: view) { return }
            for row in rows { append(row, of: view) }
        default:
            if view.nullCount == 0 {
                append(contentsOf: view.values + rows.lowerBound &* width, count: rows.count)
            } else if width == 4 {
                appendNullable(rows, of: view, as: Int32.self)
            } else if width == 8 {
                appendNullable(rows, of: view, as: Int64.self)
            } else {
                for row in rows { append(row, of: view) }
            }
        }
    }

    /// Appends rows of a column of the same type in the order given; a row may stand there many times.
    package func append(rows: UnsafeBufferPointer<Int32>, of view: ColumnView) {
        guard rows.count > 0 else { return }
        if view.nullCount == view.count { return appendNulls(rows.count) }
        reserve(count &+ rows.count)
        switch (type, width, view.nullCount == 0) {
        case (_, 4, true): append(rows, of: view, as: Int32.self)
        case (_, 8, true): append(rows, of: view, as: Int64.self)
        case (_, 4, false): appendNullable(rows, of: view, as: Int32.self)
        case (_, 8, false): appendNullable(rows, of: view, as: Int64.self)
        case (_, _, let isWhole) where type == .utf8 && isWhole: appendStrings(rows, of: view)
        default: for row in rows { append(Int(row), of: view) }
        }
    }

    private func appendStrings(_ rows: UnsafeBufferPointer<Int32>, of view: ColumnView) {
        var bytes = 0
        for row in rows { bytes &+= view.utf8(Int(row)).count }
        values.reserve(byteCount &+ bytes, used: byteCount)
        for row in rows { append(utf8: view.utf8(Int(row))) }
    }

    @inline(__always)
    private func append<T: FixedWidthInteger>(
        _ rows: UnsafeBufferPointer<Int32>, of view: ColumnView, as _: T.Type
    ) {
        let source = view.values.assumingMemoryBound(to: T.self)
        if nullCount > 0 {
            for place in count..<count &+ rows.count { Self.set(bit: place, to: true, in: validity.pointer) }
        }
        let target = values.pointer.assumingMemoryBound(to: T.self) + count
        for place in rows.indices { target[place] = source[Int(rows[place])] }
        count &+= rows.count
    }

    /// Null slots become zero, whatever the view has there.
    @inline(__always)
    private func appendNullable<T: FixedWidthInteger, Rows: Collection>(
        _ rows: Rows, of view: ColumnView, as _: T.Type
    ) where Rows.Element: FixedWidthInteger {
        reserve(count &+ rows.count)
        let source = view.values.assumingMemoryBound(to: T.self)
        for place in rows {
            let row = Int(truncatingIfNeeded: place)
            let isValid = view.isValid(row)
            let place = claimRow(valid: isValid)
            values.pointer.assumingMemoryBound(to: T.self)[place] = isValid ? source[row] : 0
        }
    }

    /// Strings, or lists of strings, that lie one behind the other. False, and nothing done, when they do not fit.
    private func appendStrings(_ rows: Range<Int>, of view: ColumnView) -> Bool {
        guard let source = view.offsets else { return false }
        let (first, last) = (source[rows.lowerBound], source[rows.upperBound])
        var bytes = first..<last
        var items = 0
        if type == .listUtf8 {
            guard let itemSource = view.itemOffsets else { return false }
            bytes = itemSource[Int(first)]..<itemSource[Int(last)]
            items = Int(last &- first)
        }
        guard byteCount &+ bytes.count <= Int(Int32.max), itemCount &+ items <= Int(Int32.max) else { return false }
        reserve(count &+ rows.count)
        values.reserve(byteCount &+ bytes.count, used: byteCount)
        if !bytes.isEmpty { memcpy(values.pointer + byteCount, view.values + Int(bytes.lowerBound), bytes.count) }
        if type == .listUtf8, let itemSource = view.itemOffsets {
            itemOffsets.reserve((itemCount &+ items &+ 1) &* 4, used: (itemCount &+ 1) &* 4)
            Self.shift(
                itemSource + Int(first), items, by: Int32(byteCount) &- bytes.lowerBound,
                into: itemOffsets.pointer.assumingMemoryBound(to: Int32.self) + itemCount)
        }
        Self.shift(
            source + rows.lowerBound, rows.count, by: Int32(type == .listUtf8 ? itemCount : byteCount) &- first,
            into: offsets.pointer.assumingMemoryBound(to: Int32.self) + count)
        byteCount &+= bytes.count
        itemCount &+= items
        count &+= rows.count
        return true
    }

    /// Where each of so many values ends, moved to where the values lie now.
    private static func shift(
        _ source: UnsafePointer<Int32>, _ count: Int, by distance: Int32, into target: UnsafeMutablePointer<Int32>
    ) {
        for place in 1..<count &+ 1 { target[place] = source[place] &+ distance }
    }

    /// Appends many values of a fixed width at once, none of them null.
    package func append(contentsOf source: UnsafeRawPointer, count added: Int) {
        precondition(width > 0, "only fixed-width values can be appended in bulk")
        guard added > 0 else { return }
        reserve(count &+ added)
        memcpy(values.pointer + count &* width, source, added &* width)
        if nullCount > 0 {
            for row in count..<(count &+ added) { Self.set(bit: row, to: true, in: validity.pointer) }
        }
        count &+= added
    }

    @inline(__always)
    private func claimRow(valid: Bool = true) -> Int {
        let row = count
        if row == rowCapacity { reserve(row &+ 1) }
        if !valid || nullCount > 0 { markValidity(row, valid) }
        count = row &+ 1
        return row
    }

    /// Before the first null: all rows so far are there.
    @inline(__always)
    private func beginValidity() {
        guard nullCount == 0 else { return }
        validity.reserve(rowCapacity &>> 3, used: 0)
        memset(validity.pointer, 0xFF, count &>> 3)
        let rest = UInt8(truncatingIfNeeded: (1 &<< (count & 7)) &- 1)
        validity.pointer.storeBytes(of: rest, toByteOffset: count &>> 3, as: UInt8.self)
    }

    private func markValidity(_ row: Int, _ valid: Bool) {
        beginValidity()
        if !valid { nullCount &+= 1 }
        Self.set(bit: row, to: valid, in: validity.pointer)
    }

    @inline(__always)
    private func copy(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count > 0, let start = bytes.baseAddress else { return }
        let end = byteCount &+ bytes.count
        guard end <= Int(Int32.max) else {
            isOverfull = true
            return
        }
        if end > values.capacity { values.reserve(end, used: byteCount) }
        memcpy(values.pointer + byteCount, start, bytes.count)
        byteCount = end
    }

    /// Sets one bit; the first bit of a byte clears the others, so that padding is zero.
    @inline(__always)
    private static func set(bit row: Int, to value: Bool, in bitmap: UnsafeMutableRawPointer) {
        let bytes = bitmap.assumingMemoryBound(to: UInt8.self)
        let mask = UInt8(1) &<< UInt8(truncatingIfNeeded: row & 7)
        if row & 7 == 0 { bytes[row &>> 3] = 0 }
        if value { bytes[row &>> 3] |= mask } else { bytes[row &>> 3] &= ~mask }
    }
}
