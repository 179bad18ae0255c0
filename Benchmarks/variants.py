"""Knowledge packages for the race, and the same knowledge as tables for DuckDB.

A package is a copy of Benchmarks/knowledge whose lists are filled from the generator's kb_*.csv. Variants repeat the
15 table-driven rules: `copies` with equal lists, `limits` with other limits, `items` with lists moved to other items,
`many` with limits so low that a large share of the lines is hit.
"""

import csv
import os
import shutil

from duckdb_side import TABLE_DRIVEN

HERE = os.path.dirname(os.path.abspath(__file__))

# Our list columns where they are called otherwise.
RENAMED = {"item_code": "item", "dept": "department"}
# Columns the generator writes in hundredths of a unit or fen; our datasets hold units and yuan.
HUNDREDTHS = {("freq_day", "cap"), ("freq_enc", "cap"), ("freq_7d", "cap"), ("freq_month", "cap"), ("pricecap", "cap")}
LOWERED = {("freq_day", "cap"), ("freq_enc", "cap"), ("freq_7d", "cap"), ("freq_month", "cap"), ("pricecap", "cap")}


def read(data):
    """{table: (columns, rows)} of every knowledge table."""
    tables = {}
    for name in sorted(os.listdir(data)):
        if name.startswith("kb_") and name.endswith(".csv"):
            with open(os.path.join(data, name), newline="") as file:
                rows = list(csv.reader(file))
            tables[name[3:-4]] = (rows[0], rows[1:])
    return tables


def items(data):
    with open(os.path.join(data, "items.csv"), newline="") as file:
        return [row["item_code"] for row in csv.DictReader(file)]


def vary(tables, kind, copy, codes):
    """The knowledge of copy number `copy` of a variant; copy 0 is the base, except in `many`."""
    if kind == "copies" or (copy == 0 and kind != "many"):
        return tables
    shifted = {code: codes[(index + 61 * copy) % len(codes)] for index, code in enumerate(codes)} if kind == "items" else {}
    result = {}
    for name, (columns, rows) in tables.items():
        changed = []
        for row in rows:
            row = list(row)
            for index, column in enumerate(columns):
                if kind == "items" and column in ("item_code", "item_a", "item_b"):
                    row[index] = shifted[row[index]]
                elif kind == "limits" and (name, column) in LOWERED:
                    row[index] = str(int(row[index]) * (100 + 2 * copy) // 100)
                elif kind == "limits" and name == "age" and column == "min_age":
                    row[index] = str(max(0, int(row[index]) - copy % 3))
                elif kind == "many" and (name, column) in LOWERED:
                    row[index] = str(int(row[index]) * (40 + copy) // 100)
            changed.append(row)
        result[name] = (columns, changed)
    return result


def write_tables(tables, folder):
    """kb_*.csv as the generator would have written them, for DuckDB."""
    os.makedirs(folder, exist_ok=True)
    for name, (columns, rows) in tables.items():
        with open(os.path.join(folder, f"kb_{name}.csv"), "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)


def decimal(text):
    number = int(text)
    return f"{number // 100}.{number % 100:02d}"


def write_list(package, name, suffix, columns, rows):
    base = "bench-" + name.replace("_", "-")
    with open(os.path.join(HERE, "knowledge", "lists", base + ".yaml")) as file:
        declaration = file.read().replace(f"list: {base}\n", f"list: {base}{suffix}\n")
    with open(os.path.join(package, "lists", f"{base}{suffix}.yaml"), "w") as file:
        file.write(declaration)
    # A row of a list is identified by its keys, so equal rows are written once.
    seen = set()
    with open(os.path.join(package, "lists", f"{base}{suffix}.csv"), "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([RENAMED.get(column, column) for column in columns])
        for row in rows:
            cells = [decimal(cell) if (name, column) in HUNDREDTHS else cell for column, cell in zip(columns, row)]
            if tuple(cells) not in seen:
                seen.add(tuple(cells))
                writer.writerow(cells)


def write_package(package, versions):
    """A knowledge package with the 30 rules on versions[0] and the table-driven rules again on each further version."""
    shutil.rmtree(package, ignore_errors=True)
    os.makedirs(os.path.join(package, "lists"))
    os.makedirs(os.path.join(package, "rules"))
    shutil.copy(os.path.join(HERE, "knowledge", "package.yaml"), package)
    for file in os.listdir(os.path.join(HERE, "knowledge", "rules")):
        shutil.copy(os.path.join(HERE, "knowledge", "rules", file), os.path.join(package, "rules"))
    for name, (columns, rows) in versions[0].items():
        write_list(package, name, "", columns, rows)
    for copy, tables in enumerate(versions[1:], start=1):
        suffix = f"-v{copy}"
        for rule, name in TABLE_DRIVEN.items():
            with open(os.path.join(package, "rules", f"bench.{rule}.yaml")) as file:
                text = file.read()
            listed = "bench-" + name.replace("_", "-")
            text = text.replace(f"rule: bench.{rule}\n", f"rule: bench.{rule}v{copy}\n")
            for end in (" ", "(", ")", "\n"):
                text = text.replace(listed + end, listed + suffix + end)
            with open(os.path.join(package, "rules", f"bench.{rule}v{copy}.yaml"), "w") as file:
                file.write(text)
            write_list(package, name, suffix, *tables[name])


def make(data, folder, kind="copies", copies=1):
    """Writes the package and the DuckDB tables of a variant; returns (package, [table folder per copy])."""
    tables = read(data)
    codes = items(data) if kind == "items" else []
    versions = [vary(tables, kind, copy, codes) for copy in range(copies)]
    package = os.path.join(folder, f"knowledge-{kind}-{copies}")
    write_package(package, versions)
    folders = []
    for copy, version in enumerate(versions):
        target = os.path.join(folder, f"tables-{kind}", str(copy))
        write_tables(version, target)
        folders.append(target)
    return package, folders
