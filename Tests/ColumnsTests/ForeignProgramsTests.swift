import Foundation
import Testing

@testable import Columns

/// What we write is read by pyarrow, Polars and DuckDB (through pyarrow), and what pyarrow and Polars write by us.
@Suite(.enabled(if: Python.path != nil)) struct ForeignProgramsTests {
    private let scratch = Scratch()

    private static let reader = """
        import sys, json, datetime, decimal
        import pyarrow as pa, polars as pl, duckdb
        def text(v):
            if v is None: return "null"
            if isinstance(v, bool): return "true" if v else "false"
            if isinstance(v, datetime.date): return str((v - datetime.date(1970, 1, 1)).days)
            if isinstance(v, datetime.time): return str(v.hour * 3600 + v.minute * 60 + v.second)
            if isinstance(v, datetime.timedelta): return str(int(v.total_seconds()))
            if isinstance(v, decimal.Decimal): return format(v, "f")
            if isinstance(v, list): return "[" + ", ".join('"' + x + '"' for x in v) + "]"
            return str(v)
        if sys.argv[2] == "file":
            table = pa.ipc.open_file(sys.argv[1]).read_all()
            frame = pl.read_ipc(sys.argv[1])
        else:
            table = pa.ipc.open_stream(open(sys.argv[1], "rb")).read_all()
            frame = pl.read_ipc_stream(sys.argv[1])
        table.validate(full=True)
        con = duckdb.connect()
        con.register("t", table)
        rows = con.execute("select * from t").fetchall()
        out = {
            "pyarrow": {n: [text(v) for v in table.column(n).to_pylist()] for n in table.column_names},
            "polars": {n: [text(v) for v in frame[n].to_list()] for n in frame.columns},
            "duckdb": {n: [text(r[i]) for r in rows] for i, n in enumerate(table.column_names)},
            "types": {f.name: [str(f.type)] for f in table.schema},
        }
        print(json.dumps(out))
        """

    private func decimal(_ units: Int64, _ scale: Int) -> String {
        let digits = String(units.magnitude)
        let padded = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
        return (units < 0 ? "-" : "") + padded.dropLast(scale) + "." + padded.suffix(scale)
    }

    private func expected(_ index: Int, _ rows: Int) -> [String] {
        let columns = SampleTable.columns(rows)
        defer { withExtendedLifetime(columns) {} }
        let view = columns[index].view
        guard case .decimal64(let scale) = view.type else {
            return SampleTable.describe(view, dictionary: SampleTable.dictionary.view)
        }
        return (0..<rows).map { view.isValid($0) ? decimal(view.int64[$0], scale) : "null" }
    }

    @Test(arguments: [("file", ArrowWriter.Format.file), ("stream", .stream)])
    func othersReadWhatWeWrite(name: String, format: ArrowWriter.Format) throws {
        for batches in [[40, 60], [1]] {
            let rows = batches.reduce(0, +)
            let path = scratch("\(name)-\(rows)")
            _ = try SampleTable.write(to: path, batches: batches, format: format)
            let result = try Python.run(Self.reader, [path, name])
            try #require(result.status == 0)
            let read = try JSONDecoder().decode([String: [String: [String]]].self, from: result.output)
            for program in ["pyarrow", "polars", "duckdb"] {
                for (index, field) in SampleTable.fields.enumerated() {
                    let values = try #require(read[program]?[field.name])
                    if field.type == .float64 {
                        #expect(values.map(Double.init) == expected(index, rows).map(Double.init))
                    } else {
                        #expect(values == expected(index, rows), "\(program) reads \(field.name)")
                    }
                }
            }
            #expect(read["types"]?["money"] == ["decimal64(18, 2)"])
            #expect(read["types"]?["second"] == ["time32[s]"])
            #expect(read["types"]?["code"] == ["dictionary<values=string, indices=int32, ordered=0>"])
        }
    }

    private static let foreign = """
        import sys, decimal, datetime, pyarrow as pa, polars as pl
        D = decimal.Decimal
        t = pa.table({
            "i8": pa.array([1, None, -3], pa.int8()), "i16": pa.array([1, None, -300], pa.int16()),
            "u8": pa.array([1, None, 255], pa.uint8()), "u16": pa.array([1, None, 65535], pa.uint16()),
            "u32": pa.array([1, None, 4294967295], pa.uint32()), "u64": pa.array([1, None, 2**64 - 1], pa.uint64()),
            "d128": pa.array([D("1.50"), None, D("-2.25")], pa.decimal128(20, 2)),
            "ts": pa.array([0, None, 86400123], pa.timestamp("ms", "Asia/Shanghai")),
            "tsu": pa.array([0, None, 5], pa.timestamp("us")),
            "d64": pa.array([0, None, 86400000], pa.date64()), "f32": pa.array([0.5, None, -1], pa.float32()),
            "t64": pa.array([0, None, 7], pa.time64("us")), "t32": pa.array([0, None, 7], pa.time32("ms")),
            "none": pa.nulls(3), "large": pa.array(["a", None, "医鉴"], pa.large_string()),
            "view": pa.array(["short", None, "a string of more than twelve bytes"], pa.string_view()),
            "dict8": pa.DictionaryArray.from_arrays(pa.array([1, None, 0], pa.int8()), pa.array(["x", "y"])),
            "dictlarge": pa.DictionaryArray.from_arrays(
                pa.array([1, None, 0], pa.uint16()), pa.array(["x", "y"], pa.large_string())),
            "st": pa.array([{"a": 1, "b": "q"}, None, {"a": 2, "b": None}]),
            "nested": pa.array([[[1], []], None, [[2, 3]]]), "bin": pa.array([b"1", None, b"2"]),
            "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int32())),
            "fsl": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int32(), 2)),
            "bview": pa.array([b"0123456789abcdef", None, b"2"], pa.binary_view()),
            "last": pa.array([7, None, 9], pa.int64()),
        })
        sliced = t.slice(1, 2)
        for name, table in (("whole", t), ("slice", sliced)):
            with pa.ipc.new_file(sys.argv[1] + "/" + name + ".arrow", t.schema) as w: w.write_table(table)
            with pa.ipc.new_stream(sys.argv[1] + "/" + name + ".stream", t.schema) as w: w.write_table(table)
        with pa.ipc.new_stream(
            sys.argv[1] + "/packed.stream", t.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as w:
            w.write_table(t)
        delta = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
        s = pa.schema([("d", pa.dictionary(pa.int32(), pa.string()))])
        with pa.ipc.new_stream(sys.argv[1] + "/delta.stream", s, options=delta) as w:
            for values in (["a"], ["a", "b"]):
                w.write_batch(pa.record_batch([pa.DictionaryArray.from_arrays(
                    pa.array([0], pa.int32()), pa.array(values))], schema=s))
        f = pl.DataFrame({"s": ["x", None, "a string of more than twelve bytes"], "n": [1, None, 3],
            "c": pl.Series(["u", None, "v"], dtype=pl.Categorical), "l": [["p"], None, []]})
        f.write_ipc(sys.argv[1] + "/polars.arrow", compression="uncompressed")
        f.write_ipc_stream(sys.argv[1] + "/polars.stream", compression="uncompressed")
        """

    private let expectedForeign: [String: (ColumnType, [String])] = [
        "i8": (.int8, ["1", "null", "-3"]), "i16": (.int16, ["1", "null", "-300"]),
        "u8": (.uint8, ["1", "null", "255"]), "u16": (.uint16, ["1", "null", "65535"]),
        "u32": (.uint32, ["1", "null", "4294967295"]), "u64": (.uint64, ["1", "null", "18446744073709551615"]),
        "d128": (.decimal128(scale: 2), ["150", "null", "-225"]),
        "ts": (.timestamp(unitsPerSecond: 1000, zone: "Asia/Shanghai"), ["0", "null", "86400123"]),
        "tsu": (.timestamp(unitsPerSecond: 1_000_000, zone: nil), ["0", "null", "5"]),
        "d64": (.date64, ["0", "null", "86400000"]), "f32": (.float32, ["0.5", "null", "-1.0"]),
        "t64": (.time(unitsPerSecond: 1_000_000), ["0", "null", "7"]),
        "t32": (.time(unitsPerSecond: 1000), ["0", "null", "7"]), "none": (.null, ["null", "null", "null"]),
        "large": (.utf8, ["a", "null", "医鉴"]),
        "view": (.utf8, ["short", "null", "a string of more than twelve bytes"]),
        "dict8": (.dictionary, ["y", "null", "x"]), "dictlarge": (.dictionary, ["y", "null", "x"]),
        "st": (.unsupported("struct"), []), "nested": (.unsupported("list"), []),
        "bin": (.unsupported("binary"), []), "map": (.unsupported("map"), []),
        "fsl": (.unsupported("fixed-size list"), []), "bview": (.unsupported("binary view"), []),
        "last": (.int64, ["7", "null", "9"]),
    ]

    private func describe(_ view: ColumnView, dictionary: ColumnView?) -> [String] {
        func number<T>(_ type: T.Type, _ row: Int) -> T { view.values.assumingMemoryBound(to: type)[row] }
        return (0..<view.count).map { row in
            guard view.isValid(row), view.type != .null else { return "null" }
            switch view.type {
            case .int8: return "\(number(Int8.self, row))"
            case .int16: return "\(number(Int16.self, row))"
            case .uint8: return "\(number(UInt8.self, row))"
            case .uint16: return "\(number(UInt16.self, row))"
            case .uint32: return "\(number(UInt32.self, row))"
            case .uint64: return "\(number(UInt64.self, row))"
            case .decimal128:
                return number(Int64.self, 2 * row + 1) == number(Int64.self, 2 * row) >> 63
                    ? "\(number(Int64.self, 2 * row))" : "wide"
            case .timestamp, .date64: return "\(view.int64[row])"
            case .float32: return "\(number(Float.self, row))"
            case .time(let units): return units > 1000 ? "\(view.int64[row])" : "\(view.int32[row])"
            default: return SampleTable.describe(view, dictionary: dictionary)[row]
            }
        }
    }

    @Test func weReadWhatOthersWrite() throws {
        try #require(try Python.run(Self.foreign, [scratch.path]).status == 0)
        for (name, dropped) in [("whole", 0), ("slice", 1)] {
            let file = try ArrowFile(path: scratch(name + ".arrow"))
            let stream = try ArrowStreamReader(bytes: try scratch.read(name + ".stream"), name: name)
            let batch = try #require(try stream.next())
            #expect(file.fields.count == expectedForeign.count && stream.fields == file.fields)
            for (index, field) in file.fields.enumerated() {
                let (type, values) = try #require(expectedForeign[field.name])
                #expect(field.type == type)
                if case .unsupported = type {
                    #expect(throws: ColumnsError.self) { try file.column(index, batch: 0) }
                    #expect(throws: ColumnsError.self) { try batch.column(index) }
                    continue
                }
                let isCoded = type == .dictionary
                let fromFile = describe(
                    try file.column(index, batch: 0), dictionary: isCoded ? try file.dictionary(index) : nil)
                let fromStream = describe(
                    try batch.column(index), dictionary: isCoded ? try stream.dictionary(index) : nil)
                #expect(fromFile == Array(values.dropFirst(dropped)), "\(name) \(field.name) from the file")
                #expect(fromStream == Array(values.dropFirst(dropped)), "\(name) \(field.name) from the stream")
            }
            #expect(try stream.next() == nil)
            #expect(file.verifyAll().isEmpty)
        }
        for (name, reason) in [("packed", "compress"), ("delta", "extended or replaced")] {
            let error = #expect(throws: ColumnsError.self) {
                let reader = try ArrowStreamReader(bytes: try scratch.read(name + ".stream"), name: name)
                while try reader.next() != nil {}
            }
            #expect(error?.message.contains(reason) == true, "\(String(describing: error))")
        }
    }

    @Test func weReadPolars() throws {
        try #require(try Python.run(Self.foreign, [scratch.path]).status == 0)
        let file = try ArrowFile(path: scratch("polars.arrow"))
        #expect(
            SampleTable.describe(try file.column(0, batch: 0)) == ["x", "null", "a string of more than twelve bytes"])
        #expect(SampleTable.describe(try file.column(1, batch: 0)) == ["1", "null", "3"])
        #expect(
            SampleTable.describe(try file.column(2, batch: 0), dictionary: try file.dictionary(2))
                == ["u", "null", "v"])
        let stream = try ArrowStreamReader(bytes: try scratch.read("polars.stream"), name: "polars")
        let batch = try #require(try stream.next())
        #expect(
            SampleTable.describe(try batch.column(2), dictionary: try stream.dictionary(2)) == ["u", "null", "v"])
    }
}
