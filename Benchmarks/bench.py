#!/usr/bin/env python3
"""The race with DuckDB on the 30 rules of RULES.md; ends with one line a bar.

bench.py --lines 1M,10M [--rounds 5] [--copies 19]     sizes in turn, rounds interleaved, results compared exactly
bench.py --large                                       10 M against 50 M: growth and memory
bench.py --only load,rules,many,hot,memory,segments    some of the parts

Everything printed is also written to Benchmarks/Results with the date, the machine and the commit.
"""

import argparse
import datetime
import os
import platform
import shutil
import statistics
import subprocess
import sys

import pyarrow.ipc
import pyarrow.parquet

import bandwidth
import datasets
import duckdb_side
import variants
import yijian_side

GIB = 1 << 30
MANY_HITS_AT_MOST = 2_000_000
PARTS = ("load", "rules", "many", "hot", "memory", "segments")


class Report:
    """Prints, keeps what was printed, and collects the bars."""

    def __init__(self):
        self.text = []
        self.bars = []
        self.wrong = []

    def say(self, line=""):
        print(line, flush=True)
        self.text.append(line)

    def bar(self, name, figure, bar, holds):
        self.bars.append((name, figure, bar, "holds" if holds else "short"))

    def equal(self, what, con, out, only=None):
        """Compares our findings with table `hits`; both directions, duplicates included."""
        ours, others = yijian_side.pairs(out)
        con.register("ours", ours)
        keep = f" WHERE rule IN ({','.join(repr(rule) for rule in only)})" if only else ""
        theirs_more = con.execute(f"SELECT rule, count(*) FROM (SELECT rule, key FROM hits{keep} EXCEPT ALL "
                                  "SELECT rule, key FROM ours) GROUP BY rule ORDER BY rule").fetchall()
        ours_more = con.execute("SELECT rule, count(*) FROM (SELECT rule, key FROM ours EXCEPT ALL "
                                f"SELECT rule, key FROM hits{keep}) GROUP BY rule ORDER BY rule").fetchall()
        con.unregister("ours")
        if theirs_more or ours_more or others:
            self.wrong.append(what)
            self.say(f"  {what}: DIFFERENT. Only DuckDB: {dict(theirs_more)}; only Yijian: {dict(ours_more)}; "
                     f"undetermined: {others}")
        else:
            self.say(f"  {what}: equal, {len(ours):,} (rule, key) pairs")

    def finish(self, name):
        self.say()
        self.bar("results equal DuckDB's", "every comparison" if not self.wrong else ", ".join(self.wrong), "exact",
                 not self.wrong)
        width = max(len(bar[0]) for bar in self.bars)
        for bar in self.bars:
            self.say(f"{bar[0]:{width}}  {bar[1]:>22}  {bar[2]:>22}  {bar[3]}")
        folder = os.path.join(datasets.HERE, "Results")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, f"{datetime.date.today().isoformat()}-{name}.txt")
        with open(path, "w") as file:
            file.write("\n".join(line.rstrip() for line in self.text) + "\n")
        print(f"\nkept in {os.path.relpath(path, datasets.ROOT)}")


def machine():
    def first(path, key):
        with open(path) as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith(key)), "unknown")

    model = first("/proc/cpuinfo", "model name")
    memory = int(first("/proc/meminfo", "MemTotal").split()[0]) // (1 << 20)
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=datasets.ROOT, capture_output=True,
                            text=True).stdout.strip()
    return (f"{datetime.date.today().isoformat()}, commit {commit}\n{os.cpu_count()} cores, {model}, {memory} GiB, "
            f"{platform.system()} {platform.machine()}, load {os.getloadavg()[0]:.1f} at the start\n"
            f"DuckDB {duckdb_side.duckdb.__version__}, pyarrow {pyarrow.__version__}, Python {platform.python_version()}")


def line_count(data):
    return pyarrow.parquet.ParquetFile(os.path.join(data, "fee_lines.parquet")).metadata.num_rows


def spread(values):
    return f"{statistics.median(values):.3f} s [{min(values):.3f} … {max(values):.3f}]"


def label(lines):
    return f"{lines / 1e6:.0f} M" if lines >= 1e6 else f"{lines / 1e3:.0f} k"


class Size:
    """One workload: its files, its dataset, and the parts of the race run on it."""

    def __init__(self, requested, options, report):
        self.options, self.report = options, report
        self.data = datasets.generated(requested)
        self.lines = line_count(self.data)
        self.name = label(requested)
        self.final = requested >= 10_000_000
        self.scratch = os.path.join(datasets.CACHE, f"work-{requested}")
        os.makedirs(self.scratch, exist_ok=True)
        self.dataset = os.path.join(self.scratch, "dataset")
        self.package, self.tables = variants.make(self.data, self.scratch)
        report.say(f"\n== {self.name}: {self.lines:,} lines ==")

    def out(self, name):
        return os.path.join(self.scratch, "run-" + name)

    def ensure_dataset(self):
        if not os.path.exists(os.path.join(self.dataset, "CURRENT")):
            yijian_side.ingest(self.data, self.dataset)

    def load(self):
        ours, ordered, bare, fee_lines = [], [], [], []
        for _ in range(self.options.load_rounds):
            whole, lines = duckdb_side.bare_load(self.data, self.options.threads, self.scratch)
            bare.append(whole)
            fee_lines.append(lines)
            ours.append(yijian_side.ingest(self.data, self.dataset).seconds)
            ordered.append(duckdb_side.ordered_load(self.data, self.options.threads, self.scratch))
        self.report.say(f"CSV → ordered dataset: Yijian {spread(ours)}; DuckDB load, join, order, write {spread(ordered)}; "
                        f"DuckDB bare load {spread(bare)}, of it fee_lines {spread(fee_lines)}")
        self.ingest_seconds = statistics.median(ours)
        if self.final:
            same = statistics.median(ours) / statistics.median(ordered)
            against_bare = statistics.median(ours) / statistics.median(bare)
            self.report.bar(f"ingest, {self.name}, against DuckDB's same work", f"{same:.2f} ×", "at most 1 ×", same <= 1)
            self.report.bar(f"ingest, {self.name}, against DuckDB's bare load", f"{against_bare:.2f} ×", "at most 1.5 ×",
                            against_bare <= 1.5)

    def rules(self):
        self.ensure_dataset()
        prepare, phase, ours, process, cpu = [], [], [], [], []
        for turn in range(self.options.rounds):
            con = duckdb_side.connect(self.options.threads, self.scratch)
            took = duckdb_side.prepare(con, self.data)
            duckdb_side.load_knowledge(con, self.tables[0])
            prepare.append(took)
            phase.append(duckdb_side.run_rules(con))
            audit = yijian_side.Audit(self.dataset, self.package, self.out("base"), self.options.threads)
            ours.append(audit.evaluation)
            process.append(audit.run.seconds)
            cpu.append(audit.run.cpu)
            if turn == 0:
                self.report.equal(f"30 rules, {self.name}", con, audit.out)
                self.planted(con, audit.out)
            con.close()
        self.base = statistics.median(ours)
        duck = statistics.median(phase)
        way = statistics.median([a + b for a, b in zip(prepare, phase)])
        self.report.say(f"30 rules: Yijian opened dataset → findings {spread(ours)} = {self.base * 1e9 / self.lines:.1f} ns "
                        f"a line; whole process {spread(process)}, cpu {spread(cpu)}")
        self.report.say("  phases of the last run: " + ", ".join(
            f"{name} {took:.3f}" for name, took in audit.phases.items()))
        self.report.say(f"30 rules: DuckDB preparation {spread(prepare)}, rules {spread(phase)}")
        self.bandwidth(audit)
        if self.final:
            self.report.bar(f"30 rules, {self.name}, against DuckDB's rule phase", f"{duck / self.base:.1f} ×", "at least 8 ×",
                            duck / self.base >= 8)
            self.report.bar(f"30 rules, {self.name}, against Parquet → hits", f"{way / self.base:.1f} ×", "at least 12 ×",
                            way / self.base >= 12)

    def planted(self, con, out):
        ours, _ = yijian_side.pairs(out)
        con.register("ours", ours)
        [(missing, total)] = con.execute(
            f"""SELECT count(*) FILTER (WHERE o.key IS NULL), count(*) FROM read_csv('{self.data}/planted.csv', header=true) p
                LEFT JOIN (SELECT DISTINCT rule, key FROM ours) o USING (rule, key)""").fetchall()
        con.unregister("ours")
        self.report.say(f"  planted hits: {total - missing:,} of {total:,} found")
        if missing:
            self.report.wrong.append(f"planted, {self.name}")

    def bandwidth(self, audit):
        touched = audit.bytes_touched()
        source = "counted by the engine"
        if touched is None:
            touched = sum(os.path.getsize(os.path.join(folder, file)) for folder, _, files in os.walk(self.dataset)
                          for file in files if file.endswith(".arrow"))
            source = "the whole dataset, an upper bound"
        rate = bandwidth.gigabytes_per_second(self.options.threads)
        least = touched / 1e9 / rate
        self.report.say(f"  bytes touched: {touched / self.lines:.1f} a line ({source}); memory reads at {rate:.1f} GB/s with "
                        f"{self.options.threads} threads; the run takes {self.base / least:.1f} × the bandwidth limit")

    def many(self):
        self.ensure_dataset()
        copies = self.options.copies
        if not hasattr(self, "base"):
            self.base = statistics.median([
                yijian_side.Audit(self.dataset, self.package, self.out("base"), self.options.threads).evaluation
                for _ in range(3)])
        for kind in ("copies", "limits", "items", "many"):
            # Lists moved to other items convict most lines of those items: tens of millions of findings at 10 M lines.
            if kind in ("items", "many") and self.lines > MANY_HITS_AT_MOST:
                self.report.say(f"{kind}: left out beyond {MANY_HITS_AT_MOST:,} lines, see the figure at 1 M")
                continue
            package, folders = variants.make(self.data, self.scratch, kind, copies)
            audits = [yijian_side.Audit(self.dataset, package, self.out(kind), self.options.threads)
                      for _ in range(self.options.many_rounds)]
            ours = [audit.evaluation for audit in audits]
            added = len(duckdb_side.jobs(copies)) - 30
            # Thread-seconds, so that a second core does not hide work.
            per_rule = (statistics.median(ours) - self.base) * self.options.threads * 1e9 / added / self.lines
            self.report.say(f"{30 + added} rules, {kind}: {spread(ours)} = {statistics.median(ours) * 1e9 / self.lines:.1f} ns "
                            f"a line; {per_rule:.3f} thread-ns per added rule and line")
            compared = not self.final or kind == "copies"
            if compared:
                con = duckdb_side.connect(self.options.threads, self.scratch)
                duckdb_side.prepare(con, self.data)
                duckdb_side.load_knowledge(con, folders[0])
                for copy in range(1, copies):
                    duckdb_side.load_knowledge(con, folders[copy], f"_v{copy}")
                duck = duckdb_side.run_rules(con, copies)
                self.report.say(f"  DuckDB {duck:.2f} s: {duck / statistics.median(ours):.0f} ×")
                self.report.equal(f"{30 + added} rules, {kind}, {self.name}", con, audits[0].out)
                con.close()
                if kind == "copies":
                    self.duck_many = duck
            if self.final and kind == "copies":
                ratio = self.duck_many / statistics.median(ours)
                self.report.bar(f"{30 + added} rules, {self.name}, against DuckDB", f"{ratio:.0f} ×", "at least 40 ×", ratio >= 40)
            if self.final and kind in ("copies", "limits"):
                self.report.bar(f"added rule and line, {kind}, {self.name}", f"{per_rule:.3f} ns", "at most 0.3 ns", per_rule <= 0.3)
            shutil.rmtree(self.out(kind), ignore_errors=True)

    def memory(self):
        """The whole audit under a limit of anonymous memory of 1 GiB, twice: bounded, and the same bytes."""
        self.ensure_dataset()
        free = yijian_side.Audit(self.dataset, self.package, self.out("free"), self.options.threads)
        held = yijian_side.Audit(self.dataset, self.package, self.out("limited"), self.options.threads, limit=GIB)
        same = same_bytes(free.out, held.out)
        self.report.say(f"memory: at most {free.run.anonymous / (1 << 20):.0f} MiB anonymous (sampled); under a limit of 1 GiB of "
                        f"data: exit {held.run.status}, findings {'the same bytes' if same else 'DIFFERENT'}")
        if self.final:
            holds = held.run.status in (0, 1) and same and free.run.anonymous < GIB
            self.report.bar(f"anonymous memory of audit, {self.name}", f"{free.run.anonymous / (1 << 20):.0f} MiB, limit kept",
                            "under 1 GiB", holds)
        run = yijian_side.ingest(self.data, os.path.join(self.scratch, "dataset-limited"), limit=GIB)
        self.report.say(f"memory of ingest: at most {run.anonymous / (1 << 20):.0f} MiB anonymous, under a limit of 1 GiB of data")
        if self.final:
            self.report.bar(f"anonymous memory of ingest, {self.name}", f"{run.anonymous / (1 << 20):.0f} MiB, limit kept",
                            "under 1 GiB", run.anonymous < GIB)
        shutil.rmtree(os.path.join(self.scratch, "dataset-limited"), ignore_errors=True)

    def segments(self):
        """The same claims in 1, 12 and 36 segments: findings keep their bytes, the audit its speed."""
        self.ensure_dataset()
        whole = [yijian_side.Audit(self.dataset, self.package, self.out("1"), self.options.threads) for _ in range(3)]
        self.report.say(f"1 segment: {spread([audit.evaluation for audit in whole])}")
        for parts in (12, 36):
            dataset = os.path.join(self.scratch, f"dataset-{parts}")
            shutil.rmtree(dataset, ignore_errors=True)
            ingest = [yijian_side.ingest(datasets.period(self.data, part, parts), dataset, fresh=False).seconds
                      for part in range(parts)]
            audits = [yijian_side.Audit(dataset, self.package, self.out(str(parts)), self.options.threads) for _ in range(3)]
            same = same_rows(whole[0].out, audits[0].out)
            if not same:
                self.report.wrong.append(f"{parts} segments, {self.name}")
            self.report.say(f"{parts} segments: {spread([audit.evaluation for audit in audits])}, findings "
                            f"{'the same rows in the same order' if same else 'DIFFERENT'}; adding one took {spread(ingest)}")
            shutil.rmtree(dataset, ignore_errors=True)


def same_bytes(first, second):
    return subprocess.run(["cmp", "-s", os.path.join(first, "findings.arrow"),
                           os.path.join(second, "findings.arrow")]).returncode == 0


def same_rows(first, second):
    """The same findings in the same order. The files differ in the generation that their metadata names."""
    tables = [pyarrow.ipc.open_file(os.path.join(folder, "findings.arrow")).read_all() for folder in (first, second)]
    return tables[0].replace_schema_metadata(None).equals(tables[1].replace_schema_metadata(None))


def hot(report, options):
    """Timelines of one subject with very many lines: cost per line must not grow with their length."""
    source = datasets.generated(1_000_000)
    report.say("\n== hot timelines ==")
    for name, data in (("one person", datasets.hot_person(source)), ("a pharmacy's year", datasets.hot_pharmacy(source))):
        scratch = os.path.join(datasets.CACHE, "work-hot")
        dataset, out = os.path.join(scratch, "dataset"), os.path.join(scratch, "run")
        package, folders = variants.make(data, scratch)
        yijian_side.ingest(data, dataset)
        lines = line_count(data)
        audits = [yijian_side.Audit(dataset, package, out, options.threads) for _ in range(5)]
        took = [audit.evaluation for audit in audits]
        con = duckdb_side.connect(options.threads, scratch)
        duckdb_side.prepare(con, data)
        duckdb_side.load_knowledge(con, folders[0])
        duck = duckdb_side.run_rules(con)
        report.equal(f"hot, {name}", con, out)
        con.close()
        figure = statistics.median(took) * 1e9 / lines
        report.say(f"{name}, {lines:,} lines: {spread(took)} = {figure:.0f} ns a line; DuckDB {duck:.2f} s")
        report.bar(f"hot timeline, {name}", f"{figure:.0f} ns a line", "under 500 ns", figure < 500)


def large(options, report):
    """Growth from 10 M to 50 M lines, rounds interleaved, and memory at 50 M."""
    middle, big = Size(10_000_000, options, report), Size(50_000_000, options, report)
    for size in (middle, big):
        size.ensure_dataset()
    per_line = {10: [], 50: []}
    for _ in range(options.rounds):
        for key, size in ((10, middle), (50, big)):
            audit = yijian_side.Audit(size.dataset, size.package, size.out("growth"), options.threads)
            per_line[key].append(audit.evaluation * 1e9 / size.lines)
    growth = statistics.median(per_line[50]) / statistics.median(per_line[10])
    report.say(f"ns a line: {statistics.median(per_line[10]):.1f} at 10 M, {statistics.median(per_line[50]):.1f} at 50 M")
    report.bar("ns a line at 50 M against 10 M", f"{growth:.2f} ×", "at most 1.15 ×", growth <= 1.15)
    big.memory()
    con = duckdb_side.connect(options.threads, big.scratch)
    duckdb_side.prepare(con, big.data)
    duckdb_side.load_knowledge(con, big.tables[0])
    duckdb_side.run_rules(con)
    report.equal("30 rules, 50 M", con, big.out("growth"))
    con.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", default="1M,10M")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--load-rounds", type=int, default=3)
    parser.add_argument("--many-rounds", type=int, default=3)
    parser.add_argument("--copies", type=int, default=19, help="19 makes 300 rules")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--name", help="name of the result file; default from the sizes")
    options = parser.parse_args()
    parts = options.only.split(",")
    unknown = set(parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {', '.join(unknown)}; known are {', '.join(PARTS)}")
    if not os.path.exists(yijian_side.YIJIAN):
        raise SystemExit("bench: .build/release/yijian is missing; run `make build` first")

    report = Report()
    report.say(machine())
    if options.large:
        large(options, report)
    else:
        for requested in sorted(datasets.count(text) for text in options.lines.split(",")):
            size = Size(requested, options, report)
            if "load" in parts:
                size.load()
            if "rules" in parts:
                size.rules()
            if "many" in parts:
                size.many()
            if "memory" in parts:
                size.memory()
            if "segments" in parts and not size.final:
                size.segments()
        if "hot" in parts:
            hot(report, options)
    name = "large" if options.large else options.lines.replace(",", "-")
    if set(parts) != set(PARTS):
        # A part of the race must not write over the whole one.
        name += "-" + "-".join(part for part in PARTS if part in parts)
    report.finish(options.name or name)
    sys.exit(1 if report.wrong else 0)


if __name__ == "__main__":
    main()
