import Foundation
import Testing

/// pyarrow, Polars and DuckDB read every table of a dataset; what pyarrow sends to the worker is audited as it was here.
@Suite(.serialized) struct OtherReadersTests {
    private static let city = try? makeCity()

    /// A small story city: its dataset and its run.
    private static func makeCity() throws -> String {
        let folder = temporaryPath("city")
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent().appendingPathComponent("yijian").path
        let made = try run(
            program, ["demo", "--once", "--out", folder, "--persons", "1500", "--seed", "3"], in: root)
        #expect(made.status == 0, "\(made.error)")
        return folder
    }

    private static let reader = """
        import sys, glob, os, pyarrow as pa, polars as pl, duckdb
        folder = sys.argv[1]
        for path in sorted(glob.glob(folder + "/dataset/segments/*/*.arrow") + glob.glob(folder + "/dataset/masters/*.arrow")):
            table = pa.ipc.open_file(path).read_all()
            table.validate(full=True)
            frame = pl.read_ipc(path)
            con = duckdb.connect()
            con.register("t", table)
            rows = con.execute("select * from t").fetchall()
            assert table.num_rows == frame.height == len(rows), path
            for index, name in enumerate(table.column_names):
                arrow = table.column(name).to_pylist()
                assert [r[index] for r in rows] == arrow, (path, name, "DuckDB")
                assert frame[name].to_list() == arrow, (path, name, "Polars")
            name = os.path.basename(path).removesuffix(".arrow").split("-")[0]
            print(name, table.num_rows)
        """

    @Test func everyTableIsReadByOthers() throws {
        let city = try #require(Self.city)
        guard let output = try runPython(Self.reader, city, needs: "polars, duckdb, pyarrow") else { return }
        var counts: [String: Int] = [:]
        for line in output.split(separator: "\n") {
            let words = line.split(separator: " ")
            counts[String(words[0])] = words.count == 2 ? Int(words[1]) : nil
        }
        let shown = try CommandLineTests.yijian("dataset", "show", city + "/dataset", "--json").output
        let description = try #require(try JSONSerialization.jsonObject(with: Data(shown.utf8)) as? [String: Any])
        let segments = try #require(description["segments"] as? [[String: Any]])
        var expected = try #require(segments.first?["rows"] as? [String: Int]).filter { $0.value > 0 }
        expected.merge(try #require(description["masters"] as? [String: Int])) { first, _ in first }
        #expect(counts.count >= 15 && counts == expected, "\(output)")
    }

    private static let sender = """
        import sys, glob, struct, subprocess, io, pyarrow as pa, pyarrow.compute as pc
        folder, out = sys.argv[1], sys.argv[2]
        order = "person entitlement encounter diagnosis operation prescription line settlement stock scan institution " \\
            "agreement department ward practitioner eligibility item".split()
        tables = {}
        for name in order:
            paths = glob.glob(f"{folder}/dataset/segments/*/{name}.arrow") + glob.glob(f"{folder}/dataset/masters/{name}-*.arrow")
            if paths: tables[name] = pa.ipc.open_file(paths[0]).read_all()
        for name, table in tables.items():
            for owner in ("person", "encounter"):
                if owner in table.column_names and pa.types.is_int32(table.schema.field(owner).type):
                    ids = tables[owner].column("id").combine_chunks().take(table.column(owner).combine_chunks())
                    owned = table.set_column(table.column_names.index(owner), owner, ids)
                    tables[name] = table = owned
        with open(out, "wb") as file:
            for name in order:
                if name not in tables: continue
                sink = io.BytesIO()
                table = tables[name].unify_dictionaries()
                with pa.ipc.new_stream(sink, table.schema) as writer: writer.write_table(table)
                body = sink.getvalue()
                file.write(b"YJTABLE1" + struct.pack("<I", len(name)) + name.encode() + struct.pack("<Q", len(body)) + body)
            file.write(b"YJCLOSE1")
        print("sent", len(tables))
        """

    private static let comparison = """
        import sys, pyarrow as pa
        names = ["id", "rule", "outcome", "person", "gross", "loss", "violating", "value"]
        def rows(table):
            names_here = [n for n in names if n in table.column_names]
            return names_here, sorted(map(repr, zip(*[table.column(n).to_pylist() for n in names_here])))
        here = rows(pa.ipc.open_file(sys.argv[1]).read_all())
        there = rows(pa.ipc.open_stream(open(sys.argv[2], "rb")).read_all())
        assert here[0] == there[0] and len(here[0]) > 5, (here[0], there[0])
        missing, extra = set(here[1]) - set(there[1]), set(there[1]) - set(here[1])
        print(len(here[1]), len(missing), len(extra), sorted(missing)[:2], sorted(extra)[:2])
        """

    @Test func theWorkerFindsWhatTheAuditFinds() throws {
        let city = try #require(Self.city)
        let partition = city + "/partition"
        guard let sent = try runPython(Self.sender, city, partition, needs: "pyarrow") else { return }
        #expect(sent.hasPrefix("sent 1"), "\(sent)")
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent().appendingPathComponent("yijian").path
        let worked = try run(
            "/bin/bash",
            [
                "-c", "exec \"$0\" worker --knowledge \"$1\" --coverage 2025-01-01..2025-12-31 < \"$2\" > \"$3\"",
                program, root + "/knowledge", partition, city + "/worker.arrows",
            ])
        #expect(worked.status == 0, "\(worked.error)")
        let compared = try runPython(
            Self.comparison, city + "/run/findings.arrow", city + "/worker.arrows", needs: "pyarrow")
        let words = try #require(compared).split(separator: " ")
        #expect(words.count >= 3 && words[1] == "0" && words[2] == "0", "\(compared ?? "")")
        #expect((Int(words[0]) ?? 0) > 100)
    }
}
