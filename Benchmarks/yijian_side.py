"""What Yijian does in the race: ingest, audit, and its findings flattened to (rule, key) pairs."""

import json
import os
import resource
import shutil
import subprocess
import threading
import time

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
YIJIAN = os.path.join(ROOT, ".build", "release", "yijian")


class Run:
    """One finished process: what it printed, how long it took, how much anonymous memory it held at most."""

    def __init__(self, arguments, limit=None):
        def restrict():
            # RLIMIT_DATA counts private writable memory, anonymous mappings included, and not mapped files.
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        process = subprocess.Popen(
            [YIJIAN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
            preexec_fn=restrict if limit else None)
        self.anonymous = 0
        done = threading.Event()
        watcher = threading.Thread(target=self.watch, args=(process.pid, done))
        watcher.start()
        self.output, self.errors = process.communicate()
        done.set()
        watcher.join()
        self.seconds = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
        self.status = process.returncode
        self.arguments = arguments

    def watch(self, pid, done):
        while not done.wait(0.01):
            try:
                with open(f"/proc/{pid}/status") as file:
                    for line in file:
                        if line.startswith("RssAnon:"):
                            self.anonymous = max(self.anonymous, int(line.split()[1]) * 1024)
            except (FileNotFoundError, ProcessLookupError):
                return

    def require(self):
        if self.status not in (0, 1):
            raise SystemExit(f"yijian {' '.join(self.arguments)} ended with {self.status}:\n{self.errors or self.output}")
        return self


def ingest(data, dataset, fresh=True, limit=None):
    if fresh:
        shutil.rmtree(dataset, ignore_errors=True)
    return Run(["ingest", "--mapping", "mappings/bench.yaml", "--into", dataset, data], limit).require()


class Audit:
    """An audit run and the report it left beside its findings."""

    def __init__(self, dataset, package, out, threads=2, limit=None, more=()):
        shutil.rmtree(out, ignore_errors=True)
        self.run = Run(["audit", dataset, "--knowledge", package, "--into", out, "--threads", str(threads), "--json", *more],
                       limit).require()
        self.out = out
        with open(os.path.join(out, "run.json")) as file:
            self.report = json.load(file)
        self.phases = {phase["name"]: phase["seconds"] for phase in self.report["phases"]}

    @property
    def evaluation(self):
        """Opened dataset and checked plan to findings written; the clock of the run or its phases, whichever is more."""
        return max(self.report["seconds"], sum(self.phases.values()))

    def bytes_touched(self):
        return self.report.get("bytesTouched")


def pairs(out):
    """(rule, key) of every violating row as an Arrow table, and how many units were not decided."""
    with pa.memory_map(os.path.join(out, "findings.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
    outcome = table["outcome"].combine_chunks().cast(pa.string())
    violation = pc.equal(outcome, "violation")
    others = len(table) - pc.sum(violation).as_py() if len(table) else 0
    # Undetermined units are counted in the run's report, and are rows only on request.
    with open(os.path.join(out, "run.json")) as file:
        others += sum(rule["undetermined"] for rule in json.load(file)["rules"])
    table = table.filter(violation).combine_chunks()
    violating = table["violating"].combine_chunks()
    if len(table) == 0:
        return pa.table({"rule": pa.array([], pa.string()), "key": pa.array([], pa.int64())}), others
    parents = pc.list_parent_indices(violating)
    names = table["rule"].combine_chunks().cast(pa.string())
    names = pc.replace_substring(names, "bench.", "")
    return pa.table({
        "rule": names.take(parents),
        "key": pc.list_flatten(violating).cast(pa.int64()),
    }), others
