"""Sends partitions of claims through `yijian worker` and takes their findings back (see docs/worker.md).

`audit_partition` needs only pyarrow. `audit_with_spark` shows how Spark calls it: every task gathers the timelines of its
persons, starts one worker, and hands its findings on.
"""

import io
import struct
import subprocess

import pyarrow as pa
import pyarrow.compute

# The order of `yijian schema`.
TABLES = [
    "person", "entitlement", "encounter", "diagnosis", "operation", "prescription", "line", "settlement",
    "stock", "scan",
    "institution", "agreement", "department", "ward", "practitioner", "eligibility", "item",
]


def frame(name: str, table: pa.Table) -> bytes:
    """One table as the worker wants it: mark, name, length, Arrow stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    stream = sink.getvalue()
    label = name.encode()
    return b"YJTABLE1" + struct.pack("<I", len(label)) + label + struct.pack("<Q", len(stream)) + stream


def partition(tables: dict[str, pa.Table]) -> bytes:
    unknown = set(tables) - set(TABLES)
    if unknown:
        raise ValueError(f"no such tables: {sorted(unknown)}")
    return b"".join(frame(name, tables[name]) for name in TABLES if name in tables) + b"YJCLOSE1"


def audit_partition(tables: dict[str, pa.Table], command: list[str]) -> pa.Table:
    """Findings of one partition; `command` is `["yijian", "worker", "--coverage", …]`."""
    done = subprocess.run(command, input=partition(tables), capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode(errors="replace"))
    return pa.ipc.open_stream(done.stdout).read_all()


def audit_with_spark(spark, frames, masters, command, buckets):
    """`frames`: table name → DataFrame with a column `timeline` (the person); `masters`: name → pyarrow table.

    Each table is reduced to two columns, its name and its rows as an Arrow stream per bucket of persons, so that one
    task receives all tables of the same persons.
    """
    from pyspark.sql import functions as sql

    def pack(name):
        def run(batches):
            for batch in batches:
                rows = pa.Table.from_batches([batch])
                for bucket in pa.compute.unique(rows["bucket"]).to_pylist():
                    part = rows.filter(pa.compute.equal(rows["bucket"], bucket)).drop_columns(["bucket", "timeline"])
                    sink = io.BytesIO()
                    with pa.ipc.new_stream(sink, part.schema) as writer:
                        writer.write_table(part)
                    yield pa.RecordBatch.from_pydict({"bucket": [bucket], "name": [name], "rows": [sink.getvalue()]})

        return run

    packed = None
    for name, frame_ in frames.items():
        bucketed = frame_.withColumn("bucket", sql.pmod(sql.xxhash64("timeline"), sql.lit(buckets)).cast("int"))
        part = bucketed.mapInArrow(pack(name), "bucket int, name string, rows binary")
        packed = part if packed is None else packed.unionByName(part)

    def audit(group: pa.Table) -> pa.Table:
        tables = dict(masters)
        for name in set(group["name"].to_pylist()):
            parts = group.filter(pa.compute.equal(group["name"], name))["rows"].to_pylist()
            tables[name] = pa.concat_tables([pa.ipc.open_stream(part).read_all() for part in parts])
        findings = audit_partition(tables, command)
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, findings.schema) as writer:
            writer.write_table(findings)
        return pa.table({"findings": pa.array([sink.getvalue()], pa.binary())})

    return packed.groupBy("bucket").applyInArrow(audit, "findings binary")
