/// Writes our fields as an Arrow schema. The dictionary of column i has the id i.
extension FlatBufferBuilder {
    mutating func schema(_ fields: [ColumnField], metadata: [String: String]) -> Reference {
        let columns = vector(fields.enumerated().map { field($1, dictionary: Int64($0)) })
        var slots: [(slot: Int, value: Value)] = [(1, .reference(columns))]
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { pair in
                let (key, value) = (string(pair.key), string(pair.value))
                return table([(0, .reference(key)), (1, .reference(value))])
            }
            slots.append((2, .reference(vector(pairs))))
        }
        return table(slots)
    }

    private mutating func field(_ field: ColumnField, dictionary: Int64) -> Reference {
        let name = string(field.name)
        let (kind, detail) = type(field.type)
        var slots: [(slot: Int, value: Value)] = [
            (0, .reference(name)), (1, .int8(field.nullable ? 1 : 0)), (2, .int8(kind)), (3, .reference(detail)),
        ]
        if field.type == .dictionary {
            let index = table([(0, .int32(32)), (1, .int8(1))])
            let encoding = table([(0, .int64(dictionary)), (1, .reference(index))])
            slots.append((4, .reference(encoding)))
        }
        var children: [Reference] = []
        if field.type == .listUtf8 {
            children.append(self.field(ColumnField("item", .utf8, nullable: false), dictionary: 0))
        }
        slots.append((5, .reference(vector(children))))
        return table(slots)
    }

    private mutating func type(_ type: ColumnType) -> (Int8, Reference) {
        switch type {
        case .int32: (Kind.int, table([(0, .int32(32)), (1, .int8(1))]))
        case .int64: (Kind.int, table([(0, .int32(64)), (1, .int8(1))]))
        case .float64: (Kind.float, table([(0, .int16(2))]))
        case .decimal64(let scale):
            (Kind.decimal, table([(0, .int32(18)), (1, .int32(Int32(scale))), (2, .int32(64))]))
        case .date32: (Kind.date, table([(0, .int16(0))]))
        case .time32: (Kind.time, table([(0, .int16(0)), (1, .int32(32))]))
        case .bool: (Kind.bool, table([]))
        case .utf8, .dictionary: (Kind.utf8, table([]))
        case .listUtf8: (Kind.list, table([]))
        default: preconditionFailure("columns of type \(type) are not written")
        }
    }
}
