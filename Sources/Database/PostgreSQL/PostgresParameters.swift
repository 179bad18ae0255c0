import CPQ

/// Parameters as libpq takes them: integers and texts as text, bytes as they are.
struct PostgresParameters {
    private var memory: [UInt8] = []
    private var starts: [Int?] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []

    /// The server's numbers for its types; 0 lets it decide.
    static func type(_ value: StoreValue) -> UInt32 {
        switch value {
        case .null: 0
        case .integer: 20
        case .text: 25
        case .bytes: 17
        }
    }

    init(_ values: [StoreValue]) throws {
        for value in values {
            starts.append(value == .null ? nil : memory.count)
            switch value {
            case .null: add([], isBinary: false)
            case .integer(let integer): add(Array(String(integer).utf8), isBinary: false)
            case .text(let text): add(Array(text.utf8), isBinary: false)
            case .bytes(let bytes): add(bytes, isBinary: true)
            }
        }
    }

    private mutating func add(_ bytes: [UInt8], isBinary: Bool) {
        memory += bytes
        memory.append(0)
        lengths.append(Int32(bytes.count))
        formats.append(isBinary ? 1 : 0)
    }

    func withPointers<T>(
        _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>, UnsafePointer<Int32>) -> T
    ) -> T {
        memory.withUnsafeBytes { bytes in
            let base = bytes.bindMemory(to: CChar.self).baseAddress
            let pointers: [UnsafePointer<CChar>?] = starts.map { start in start.flatMap { base?.advanced(by: $0) } }
            return body(pointers, lengths, formats)
        }
    }
}

/// An answer in libpq's memory, read while it lives.
struct PostgresAnswer {
    let result: OpaquePointer?
    let columns: RowColumns
    let count: Int

    init(result: OpaquePointer?) {
        self.result = result
        count = Int(PQntuples(result))
        columns = RowColumns(
            (0..<PQnfields(result)).map { PQfname(result, $0).map { String(cString: $0) } ?? "" })
    }

    func row(_ index: Int) throws -> Row {
        var values: [StoreValue] = []
        values.reserveCapacity(columns.names.count)
        for column in columns.names.indices { values.append(try value(Int32(index), Int32(column))) }
        return Row(columns: columns, values: values)
    }

    private func value(_ row: Int32, _ column: Int32) throws -> StoreValue {
        guard PQgetisnull(result, row, column) == 0, let start = PQgetvalue(result, row, column) else { return .null }
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result, row, column)))
        switch PQftype(result, column) {
        case 16: return .integer(bytes.first == UInt8(ascii: "t") ? 1 : 0)
        case 17: return .bytes(Self.unhexed(bytes))
        // Integers of every width, and the numeric that SUM gives for them.
        case 20, 21, 23, 26, 1700:
            let text = String(decoding: bytes, as: UTF8.self)
            guard let integer = Int64(text) else {
                throw StoreError(
                    .wrongType, "the column `\(columns.names[Int(column)])` holds \(text), which is no 64-bit integer",
                    at: "the store", advice: StoreError.advice(for: .wrongType))
            }
            return .integer(integer)
        case 700, 701:
            throw StoreError(
                .wrongType, "the column `\(columns.names[Int(column)])` holds a floating number, which no table has",
                at: "the store", advice: StoreError.advice(for: .wrongType))
        default: return .text(String(decoding: bytes, as: UTF8.self))
        }
    }

    /// `\x0aff` as bytes.
    private static func unhexed(_ text: UnsafeRawBufferPointer) -> [UInt8] {
        func digit(_ byte: UInt8) -> UInt8 { byte < 0x3A ? byte &- 0x30 : byte &- 0x57 }
        return stride(from: 2, to: text.count - 1, by: 2).map { digit(text[$0]) << 4 | digit(text[$0 + 1]) }
    }
}
