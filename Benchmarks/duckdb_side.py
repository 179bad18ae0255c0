"""What DuckDB does in the race: bare load, ordered load, preparation from Parquet, and the rules as SQL (rules_sql.py)."""

import os
import time

import duckdb

from rules_sql import KB, r23_pruned, rules

TABLES = ("persons", "institutions", "items", "encounters", "diagnoses", "fee_lines")

# The rules that draw on a knowledge table; these are repeated in the variants with many rules.
TABLE_DRIVEN = {
    "R01": "sex", "R02": "age", "R03": "dx", "R04": "iponly", "R05": "level", "R06": "pricecap", "R10": "dept",
    "R11": "mutex_enc", "R12": "mutex_day", "R13": "freq_day", "R14": "freq_enc", "R15": "freq_7d",
    "R16": "freq_month", "R17": "hours", "R29": "second",
}


def connect(threads, scratch):
    return duckdb.connect(":memory:", config={
        "threads": threads, "memory_limit": "16GB", "temp_directory": os.path.join(scratch, "duckdb"),
        "preserve_insertion_order": False,
    })


def csv(data, table):
    return f"read_csv('{os.path.join(data, table)}.csv', header=true)"


def bare_load(data, threads, scratch):
    """Seconds to parse every CSV file into a table: (all files, fee_lines alone)."""
    con = connect(threads, scratch)
    took = {}
    for table in TABLES:
        began = time.perf_counter()
        con.execute(f"CREATE TABLE {table} AS SELECT * FROM {csv(data, table)}")
        took[table] = time.perf_counter() - began
    con.close()
    return sum(took.values()), took["fee_lines"]


def ordered_load(data, threads, scratch):
    """Seconds for the work that ingest does: parse, join lines with their encounter, order by person, write."""
    con = connect(threads, scratch)
    target = os.path.join(scratch, "ordered")
    os.makedirs(target, exist_ok=True)
    began = time.perf_counter()
    for table in TABLES:
        con.execute(f"CREATE TABLE {table} AS SELECT * FROM {csv(data, table)}")
    copies = {
        "persons": "SELECT * FROM persons ORDER BY person_id",
        "encounters": "SELECT * FROM encounters ORDER BY person_id, admit_ts, enc_id",
        "diagnoses": """SELECT d.*, e.person_id FROM diagnoses d JOIN encounters e USING (enc_id)
                        ORDER BY e.person_id, e.admit_ts, d.enc_id, seq""",
        "fee_lines": """SELECT l.*, e.person_id FROM fee_lines l JOIN encounters e USING (enc_id)
                        ORDER BY e.person_id, e.admit_ts, l.enc_id, l.ts, l.line_id""",
    }
    for table, select in copies.items():
        # Ordered output is the point here, so the order of insertion counts.
        con.execute("SET preserve_insertion_order = true")
        con.execute(f"COPY ({select}) TO '{target}/{table}.parquet' (FORMAT parquet)")
    took = time.perf_counter() - began
    con.close()
    return took


def prepare(con, data):
    """Parquet to the joined tables that the rules read; returns the seconds it took."""
    def source(table):
        return f"read_parquet('{os.path.join(data, table)}.parquet')"

    def day(column):
        return f"CAST(date_diff('day', DATE '1970-01-01', CAST({column} AS DATE)) AS INTEGER)"

    def ymd(column):
        return f"CAST(year({column})*10000+month({column})*100+day({column}) AS INTEGER)"

    began = time.perf_counter()
    con.execute(f"CREATE TABLE it AS SELECT item_code, item_no, kind, ingredient FROM {source('items')}")
    con.execute(f"""CREATE TABLE e AS SELECT c.enc_id, CAST(c.person_id AS INTEGER) person_id, c.inst_id, i.region,
        CAST(CASE c.enc_type WHEN 'OP' THEN 0 WHEN 'IP' THEN 1 ELSE 2 END AS TINYINT) etype, i.level, c.dept,
        c.doctor_id doctor, epoch(c.admit_ts)::BIGINT adm, epoch(c.discharge_ts)::BIGINT dis,
        {day('c.admit_ts')} adm_d, {day('c.discharge_ts')} dis_d, substr(c.main_dx,1,3) cat,
        CAST(p.sex='F' AS TINYINT) sex, {ymd('p.birth_date')} birth_ymd, coalesce({day('p.death_date')},-1) death_d
        FROM {source('encounters')} c JOIN {source('persons')} p USING(person_id)
        JOIN {source('institutions')} i USING(inst_id)""")
    con.execute(f"""CREATE TABLE dxp AS SELECT DISTINCT enc_id, unnest([substr(dx,1,3), substr(dx,1,5)]) AS prefix FROM
        (SELECT enc_id, main_dx dx FROM {source('encounters')} UNION ALL
         SELECT enc_id, dx_code FROM {source('diagnoses')})""")
    con.execute(f"""CREATE TABLE w AS SELECT l.line_id, l.enc_id, e.person_id, e.inst_id, e.etype, e.level, e.dept,
        it.item_no AS item, it.kind, it.ingredient AS ingr, {day('l.ts')} d, {ymd('l.ts')} ymd, l.qty,
        l.unit_price price, l.amount, l.days_supply sup, e.sex, e.birth_ymd, e.death_d, e.adm_d, e.dis_d
        FROM {source('fee_lines')} l JOIN e ON l.enc_id=e.enc_id JOIN it ON l.item_code=it.item_code""")
    return time.perf_counter() - began


def load_knowledge(con, folder, suffix=""):
    """The knowledge tables of one variant, with item numbers in place of codes."""
    def source(name):
        return f"read_csv('{os.path.join(folder, 'kb_' + name)}.csv', header=true, all_varchar=false)"

    for name, columns in KB.items():
        extra = "".join(
            f", CASE WHEN k.sex='M' THEN 0 ELSE 1 END AS sex" if name == "sex"
            else f", CAST(k.{column} AS VARCHAR) AS {column}" if column == "prefix" else f", k.{column}"
            for column in columns)
        con.execute(f"CREATE TABLE k_{name}{suffix} AS SELECT i.item_no AS item{extra} "
                    f"FROM {source(name)} k JOIN it i USING(item_code)")
    for name in ("mutex_enc", "mutex_day"):
        con.execute(f"CREATE TABLE k_{name}{suffix} AS SELECT x.item_no AS item_a, y.item_no AS item_b "
                    f"FROM {source(name)} k JOIN it x ON x.item_code=k.item_a JOIN it y ON y.item_code=k.item_b")


def jobs(copies=1):
    """(rule, SQL) for the 30 rules, and for every further copy the table-driven ones on tables of their own."""
    texts = {rule: sql.replace(" DIV100", "//100").replace(" DIV600", "//600") for rule, sql in rules().items()}
    texts["R23"] = r23_pruned()
    result = list(texts.items())
    for copy in range(1, copies):
        for rule, name in TABLE_DRIVEN.items():
            table = "k_" + name
            sql = texts[rule].replace(table + " ", f"{table}_v{copy} ").replace(table + ")", f"{table}_v{copy})")
            result.append((f"{rule}v{copy}", sql))
    return result


def run_rules(con, copies=1):
    """Seconds of the rule phase; the hits are in table `hits` afterwards."""
    con.execute("DROP TABLE IF EXISTS hits")
    con.execute("CREATE TABLE hits(rule VARCHAR, key BIGINT)")
    began = time.perf_counter()
    for rule, sql in jobs(copies):
        con.execute(f"INSERT INTO hits SELECT '{rule}', key FROM ({sql})")
    return time.perf_counter() - began
