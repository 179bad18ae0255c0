"""`make bench-online`: the point-of-care service under open-loop load on this machine, client on the same cores.

    online.py [--seconds 10] [--dataset FOLDER] [--result FILE] [--soak SECONDS] [--only steady,quick,…] [--data FOLDER]

`--only` runs some of the stages: steady, quick, ceiling, flood, compare, sm (the national suite SM3/SM4, apart); `--result` adds
to a file that is there.

All shipped rules, history from the story city, journal before every answer. Prints each figure beside its bar; a figure
that was not measured has no bar.
"""
import argparse
import concurrent.futures
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(ROOT, "Benchmarks", "online")
DATA = os.path.join(ROOT, ".data", "online")
YIJIAN = os.path.join(ROOT, ".build", "release", "yijian")


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def prepare(words):
    global DATA
    DATA = words.data
    os.makedirs(DATA, exist_ok=True)
    load = os.path.join(DATA, "load")
    run("cc", "-O2", "-o", load, os.path.join(HERE, "load.c"))
    dataset = words.dataset
    if not dataset:
        dataset = os.path.join(DATA, "city", "dataset")
        if not os.path.exists(dataset):
            run(YIJIAN, "demo", "--once", "--out", os.path.join(DATA, "city"))
    files = {}
    for name, options in {"20 KB": ["--lines", "50"], "40 KB": ["--lines", "50", "--full"], "30 lines": ["--lines", "30"]}.items():
        path = os.path.join(DATA, name.replace(" ", "") + ".ndjson")
        if not os.path.exists(path):
            print(run(sys.executable, os.path.join(HERE, "messages.py"), dataset, path, *options).strip())
        files[name] = path
    return load, dataset, files


class Service:
    def __init__(self, dataset, journal, suite="aes-256-gcm"):
        for old in (journal, journal + ".keys"):
            subprocess.run(["rm", "-rf", old], check=True)
        run(YIJIAN, "journal", "keys", journal + ".keys", "--suite", suite)
        self.process = subprocess.Popen(
            [YIJIAN, "serve", "--dataset", dataset, "--journal", journal, "--port", "0", "--log", "quiet"],
            cwd=ROOT, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.port = re.search(r":(\d+) with", line).group(1)

    def metrics(self):
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30).read().decode()
        return {a: float(b) for a, b in re.findall(r"^(\w+) ([\d.e+-]+)$", text, re.M)}

    def memory(self):
        status = open(f"/proc/{self.process.pid}/status").read()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024, len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--dataset")
    parser.add_argument("--result")
    parser.add_argument("--soak", type=float, default=0)
    parser.add_argument("--only", default="steady,quick,ceiling,flood,sm,compare")
    parser.add_argument("--data", default=DATA)
    parser.add_argument("--ceiling", type=float, default=0, help="the ceiling of an earlier run, for flood and compare")
    words = parser.parse_args()
    stages = words.only.split(",")
    load, dataset, files = prepare(words)
    journal = os.path.join(DATA, "journal")
    service = Service(dataset, journal)
    lines = []

    def say(text):
        print(text, flush=True)
        lines.append(text)

    def bar(text, holds):
        say(f"  {'holds' if holds else 'short'}  {text}")

    def press(file, rate, connections, seconds, patience=5000):
        return json.loads(run(load, "127.0.0.1", service.port, files[file], str(rate), str(connections), str(seconds), str(patience)))

    def show(name, result):
        say(f"{name}: {result['per_second']} audited/s of {result['rate'] or 'as many as go'}, p50 {result['p50_ms']} ms, "
            f"p99 {result['p99_ms']} ms, p99.9 {result['p999_ms']} ms; degraded {result['degraded']}, refused {result['refused']}, "
            f"failed {result['failed']}, timed out {result['timeouts']}, due and not sent {result['unsent']}, {result['findings']} findings")

    def soak(seconds):
        """500/s for long: what memory and descriptors do, looked at twenty times."""
        samples, begun = [], time.time()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            steady = pool.submit(press, "20 KB", 500, 200, seconds)
            while not steady.done():
                time.sleep(min(30, seconds / 20))
                samples.append((time.time() - begun, *service.memory()))
        show(f"{seconds:.0f} s at 500/s", steady.result())
        # The first third fills caches and the allocator's arenas.
        rest = [sample for sample in samples if sample[0] > seconds / 3] or samples
        middle = len(rest) // 2
        first, last = (sum(s[1] for s in part) / max(1, len(part)) for part in (rest[:middle], rest[middle:]))
        say("  memory MiB: " + ", ".join(f"{s[0]:.0f} s {s[1]:.0f}" for s in samples[:: max(1, len(samples) // 12)]))
        bar(f"memory of the last two thirds, first half {first:.0f} MiB, second half {last:.0f} MiB: at most 5 % more",
            last <= first * 1.05)
        bar(f"descriptors {min(s[2] for s in rest)} to {max(s[2] for s in rest)}", rest[-1][2] <= rest[0][2] + 4)

    def national():
        """The same with SM3 and SM4 at rest: OpenSSL's are in software, so it is reported apart."""
        other = Service(dataset, journal + "-sm", "sm4-ctr-hmac-sm3")
        try:
            def both(rate, connections):
                return json.loads(run(load, "127.0.0.1", other.port, files["20 KB"], str(rate), str(connections), str(words.seconds), "5000"))
            both(0, 8)
            show("SM3/SM4, 500/s, 20 KB", both(500, 200))
            show("SM3/SM4, ceiling, 64 connections", both(0, 64))
        finally:
            other.stop()
            subprocess.run(["rm", "-rf", journal + "-sm", journal + "-sm.keys"], check=True)

    def compare(own):
        """The same messages to decision tables behind a small server, in the same run."""
        try:
            import zen  # noqa: F401
        except ImportError:
            return say("zen-engine: skipped, the package is not installed")
        import socket
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        other = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "zen_server.py"), str(port), os.path.join(ROOT, "knowledge", "lists")],
            stderr=subprocess.DEVNULL)
        try:
            for _ in range(100):
                time.sleep(0.1)
                with socket.socket() as test:
                    if test.connect_ex(("127.0.0.1", port)) == 0:
                        break
            result = json.loads(run(load, "127.0.0.1", str(port), files["20 KB"], "0", "16", str(words.seconds), "30000"))
            show("zen-engine, one rule without memory, evidence or journal, 16 connections", result)
            bar(f"all rules with history and journal: {own / max(1, result['per_second']):.0f} times its rate", own > result["per_second"])
        finally:
            other.terminate()
            other.wait(10)

    commit = run("git", "-C", ROOT, "rev-parse", "--short", "HEAD").strip()
    load_average = os.getloadavg()[0]
    say(f"{datetime.date.today()}  commit {commit}  {platform.machine()}, {os.cpu_count()} cores, load average before {load_average:.1f}")
    press("20 KB", 0, 8, 3)  # everybody's history once
    for name in ("20 KB", "40 KB") if "steady" in stages else ():
        before = service.metrics()
        slow = press(name, 500, 200, words.seconds)
        after = service.metrics()
        sync = after["yijian_journal_sync_microseconds_p99"] / 1000
        show(f"500/s, {name}", slow)
        limit = max(10, 2 * sync + 3)
        say(f"  fdatasync p99 of the run {sync:.2f} ms; review "
            f"{(after['yijian_review_seconds_sum'] - before['yijian_review_seconds_sum']) / max(1, after['yijian_review_seconds_count'] - before['yijian_review_seconds_count']) * 1e6:.0f} us a message")
        bar(f"p99 {slow['p99_ms']} ms, at most {limit:.1f} ms, no errors",
            slow["p99_ms"] <= limit and slow["failed"] + slow["timeouts"] + slow["refused"] + slow["degraded"] == 0)
    if "quick" in stages:
        quick = press("20 KB", 2000, 200, words.seconds)
        show("2,000/s, 20 KB", quick)
        bar(f"p99 {quick['p99_ms']} ms, at most 50 ms, no errors",
            quick["p99_ms"] <= 50 and quick["failed"] + quick["timeouts"] + quick["refused"] + quick["degraded"] == 0)
    ceiling = words.ceiling
    if "ceiling" in stages:
        most = press("20 KB", 0, 64, words.seconds)
        show("ceiling, 64 connections", most)
        ceiling = most["per_second"]
        bar(f"ceiling {ceiling}/s, at least 3,000/s", ceiling >= 3000)
    if "flood" in stages:
        flood = press("20 KB", max(500, 3 * ceiling), 400, words.seconds)
        show("three times the ceiling", flood)
        unrecorded = service.metrics()["yijian_not_recorded_total"]
        bar(f"no client time-out, {unrecorded:.0f} answers not recorded; {flood['per_second']}/s audited in time, "
            f"at least {0.8 * ceiling:.0f}/s",
            flood["timeouts"] == 0 and unrecorded == 0 and flood["per_second"] >= 0.8 * ceiling)
        time.sleep(2)
    if "sm" in stages:
        national()
    if "compare" in stages:
        compare(ceiling)
    if words.soak:
        soak(words.soak)
    figures = service.metrics()
    memory, files_open = service.memory()
    say(f"recorded {figures['yijian_journal_appended']:.0f}, audited later {figures['yijian_audited_later_total']:.0f}, "
        f"not recorded {figures['yijian_not_recorded_total']:.0f}, memory {memory:.0f} MiB")
    service.stop()
    subprocess.run(["rm", "-rf", journal, journal + ".keys"], check=True)
    if words.result:
        with open(words.result, "a") as out:
            out.write("\n".join(lines) + "\n")


main()
