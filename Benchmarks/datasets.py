"""Claims for the race: the generator's, cached under .data/bench, and the hot timelines derived from them."""

import os
import shutil
import subprocess
import sys

import duckdb

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
CACHE = os.environ.get("YIJIAN_BENCH_DATA", os.path.join(ROOT, ".data", "bench"))


def count(text):
    """`10M`, `500k` or a plain number."""
    text = text.strip()
    factor = {"k": 1000, "M": 1_000_000}.get(text[-1], 1)
    return int(float(text[:-1]) * factor) if factor > 1 else int(text)


def generated(lines, formats="csv,parquet"):
    """The folder of a workload of about `lines` fee lines; made once."""
    folder = os.path.join(CACHE, f"claims-{lines}")
    if not os.path.exists(os.path.join(folder, "meta.json")):
        os.makedirs(folder, exist_ok=True)
        subprocess.run([sys.executable, os.path.join(HERE, "gen_claims.py"), "--lines", str(lines), "--seed", "7",
                        "--out", folder, "--formats", formats], check=True, stdout=subprocess.DEVNULL)
    return folder


def derived(source, name, choose):
    """A copy of `source` whose encounters are what `choose` selects; lines and diagnoses follow."""
    folder = os.path.join(CACHE, f"{os.path.basename(source)}-{name}")
    marker = os.path.join(folder, "meta.json")
    if os.path.exists(marker):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    con = duckdb.connect()
    for table in ("persons", "institutions", "items", "encounters", "diagnoses", "fee_lines"):
        con.execute(f"CREATE VIEW source_{table} AS SELECT * FROM read_parquet('{source}/{table}.parquet')")
    con.execute("CREATE TABLE encounters AS " + choose)
    selects = {
        "persons": "SELECT * FROM source_persons WHERE person_id IN (SELECT person_id FROM encounters) ORDER BY 1",
        "institutions": "SELECT * FROM source_institutions ORDER BY 1",
        "items": "SELECT * FROM source_items ORDER BY item_no",
        "encounters": "SELECT * FROM encounters ORDER BY enc_id",
        "diagnoses": "SELECT * FROM source_diagnoses WHERE enc_id IN (SELECT enc_id FROM encounters) ORDER BY enc_id, seq",
        "fee_lines": "SELECT * FROM source_fee_lines WHERE enc_id IN (SELECT enc_id FROM encounters) ORDER BY line_id",
    }
    for table, select in selects.items():
        con.execute(f"COPY ({select}) TO '{folder}/{table}.parquet' (FORMAT parquet)")
        con.execute(f"COPY ({select}) TO '{folder}/{table}.csv' (HEADER, TIMESTAMPFORMAT '%Y-%m-%d %H:%M:%S')")
    lines = con.execute(f"SELECT count(*) FROM '{folder}/fee_lines.parquet'").fetchone()[0]
    con.close()
    for name in os.listdir(source):
        if name.startswith("kb_") and name.endswith(".csv"):
            shutil.copy(os.path.join(source, name), folder)
    with open(marker, "w") as file:
        file.write(f'{{"lines": {lines}}}\n')
    return folder


def hot_person(source, lines=60_000):
    """The first encounters with `lines` lines, all of one person."""
    return derived(source, "hot-person", f"""
        SELECT c.* REPLACE ((SELECT min(person_id) FROM source_encounters) AS person_id) FROM source_encounters c
        JOIN (SELECT enc_id, sum(count(*)) OVER (ORDER BY enc_id) AS running FROM source_fee_lines GROUP BY enc_id) r
        USING (enc_id) WHERE r.running <= {lines}""")


def hot_pharmacy(source):
    """Every pharmacy encounter of the year, all at one pharmacy."""
    return derived(source, "hot-pharmacy", """
        SELECT c.* REPLACE ((SELECT min(inst_id) FROM source_institutions WHERE type = 'pharmacy') AS inst_id)
        FROM source_encounters c WHERE enc_type = 'PH'""")


def period(source, part, parts):
    """The encounters that ended in one of `parts` equal pieces of the year."""
    return derived(source, f"part-{part}-of-{parts}", f"""
        SELECT * FROM source_encounters
        WHERE least({parts - 1}, (dayofyear(discharge_ts) - 1) * {parts} // 365
              + CASE WHEN year(discharge_ts) > 2025 THEN {parts} ELSE 0 END) = {part}""")
