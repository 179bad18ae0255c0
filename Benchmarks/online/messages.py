"""Writes review messages (3101) as hospitals send them, from the visits of a dataset.

    messages.py DATASET OUT [--lines 50] [--count 400] [--full]

Each message is one visit with so many order lines; `--full` writes every member that the richest client sends (about
40 KB for 50 lines), else those that the others send (about 20 KB). Persons are those of the dataset, so that the
service has a history to look at.
"""
import argparse
import glob
import json
import random

import pyarrow as pa
import pyarrow.ipc as ipc


def table(path, names):
    source = ipc.open_file(pa.memory_map(path))
    whole = source.read_all()
    return {name: whole.column(name) for name in names if name in whole.schema.names}, whole.num_rows


def text(value):
    return "" if value is None else str(value)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("out")
    parser.add_argument("--lines", type=int, default=50)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    words = parser.parse_args()
    random.seed(words.seed)
    segment = sorted(glob.glob(words.dataset + "/segments/*"))[0]
    lines, line_count = table(
        segment + "/line.arrow",
        ["id", "encounter", "item", "day", "second", "quantity", "price", "amount", "practitioner", "prescription"])
    encounters, _ = table(
        segment + "/encounter.arrow",
        ["id", "person", "institution", "setting", "insurance", "start_day", "start_second", "department",
         "practitioner", "diagnosis", "home_area", "care_area"])
    persons, _ = table(segment + "/person.arrow", ["id", "sex", "birth"])
    starts = {}
    previous = None
    owners = lines["encounter"].to_numpy()
    for row, owner in enumerate(owners):
        if owner != previous:
            starts[owner] = [row, row]
            previous = owner
        starts[owner][1] = row + 1
    fit = [e for e, (first, last) in starts.items() if last - first >= min(words.lines, 8)]
    random.shuffle(fit)
    settings = {"outpatient": "11", "emergency": "13", "chronic": "14", "inpatient": "21", "pharmacy": "41"}
    written = 0
    size = 0
    with open(words.out, "w", encoding="utf-8") as out:
        for encounter in fit:
            if written == words.count:
                break
            first, last = starts[encounter]
            rows = list(range(first, last))[: words.lines]
            # Visits of fewer lines are filled with their own lines under new numbers, as a day's repeated charges are.
            serial = 0
            while len(rows) < words.lines:
                rows.append(rows[serial])
                serial += 1
            def cell(name, of=encounter):
                return encounters[name][int(of)].as_py()
            person = int(cell("person"))
            visit = cell("id")
            start = f"{cell('start_day')} {cell('start_second') or '08:00:00'}"
            orders = []
            for number, row in enumerate(rows):
                def own(name):
                    return lines[name][row].as_py()
                moment = f"{own('day')} {own('second') or '08:00:00'}"
                order = {
                    "rx_id": f"{visit}-{number + 1}", "rxno": text(own("prescription")) or f"R{number + 1}", "long_drord_flag": "0",
                    "hilist_type": "101", "chrg_type": "09", "drord_bhvr": "1", "hilist_code": own("item"),
                    "hilist_name": "示例项目", "hilist_lv": "01", "cnt": text(own("quantity")), "pric": text(own("price")),
                    "sumamt": text(own("amount")), "drord_begn_date": moment, "drord_dr_codg": text(own("practitioner")),
                    "drord_dept_codg": text(cell("department")), "curr_drord_flag": "1",
                }
                if words.full:
                    order.update({
                        "grpno": "", "hilist_dosform": "片剂", "hilist_pric": text(own("price")), "lv1_hosp_item_pric": "",
                        "lv2_hosp_item_pric": "", "lv3_hosp_item_pric": "", "hilist_memo": "", "hosplist_code": own("item"),
                        "hosplist_name": "示例项目", "hosplist_dosform": "片剂", "ownpay_amt": "0", "selfpay_amt": "0",
                        "spec": "0.25g*24片/盒", "spec_unt": "盒", "drord_stop_date": None, "drord_dept_name": "内科",
                        "drord_dr_name": "医师甲", "drord_dr_profttl": "234", "order_state": "A", "hosp_chrg_type": "09",
                        "extend_order_map": {"o_prdDays": "7", "o_sinDosDscr": "1片", "o_used_frqu_dscr": "qd"},
                    })
                orders.append(order)
            kind = settings.get(cell("setting"), "11")
            message = {
                "infno": "3101", "msgid": "@" * 30, "mdtrtarea_admvs": text(cell("care_area")),
                "insuplc_admdvs": text(cell("home_area")), "recer_sys_code": "YBXT", "dev_no": "", "dev_safe_info": "",
                "cainfo": "", "signtype": "", "infver": "V1.0", "opter_type": "1", "opter": "op1", "opter_name": "操作员",
                "inf_time": start, "fixmedins_code": cell("institution"), "fixmedins_name": "示例医院", "sign_no": "",
                "input": {"data": {
                    "rule_ids": [], "trig_scen": "4" if kind == "21" else "2", "task_id": "",
                    "patient_dtos": [{
                        "patn_id": persons["id"][person].as_py(), "patn_name": "患者甲",
                        "gend": {"M": "1", "F": "2"}.get(persons["sex"][person].as_py(), "9"),
                        "brdy": text(persons["birth"][person].as_py()), "poolarea": text(cell("home_area")),
                        "curr_mdtrt_id": visit,
                        "fsi_encounter_dtos": [{
                            "mdtrt_id": visit, "medins_id": cell("institution"), "medins_name": "示例医院",
                            "medins_admdvs": text(cell("care_area")), "medins_type": "A1", "medins_lv": "5",
                            "adm_date": start, "dscg_date": "" if kind == "21" else start,
                            "dscg_main_dise_codg": text(cell("diagnosis")), "dscg_main_dise_name": "诊断",
                            "dr_codg": text(cell("practitioner")), "adm_dept_codg": text(cell("department")),
                            "adm_dept_name": "内科", "dscg_dept_codg": "", "dscg_dept_name": "",
                            "med_mdtrt_type": "2" if kind == "21" else "1", "med_type": kind, "matn_stas": "1",
                            "medfee_sumamt": "0", "ownpay_amt": "0", "selfpay_amt": "0", "setl_totlnum": "1",
                            "insutype": text(cell("insurance")), "reim_flag": "2", "out_setl_flag": "0",
                            "fsi_diagnose_dtos": [{
                                "dise_id": "1", "inout_dise_type": "1", "maindise_flag": "1", "dias_srt_no": "1",
                                "dise_codg": text(cell("diagnosis")), "dise_name": "诊断", "dise_date": start}],
                            "fsi_operation_dtos": [], "fsi_order_dtos": orders,
                        }],
                    }],
                }},
            }
            line = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
            size += len(line.encode())
            out.write(line + "\n")
            written += 1
    print(f"{written} messages of {words.lines} lines, {size // max(1, written)} bytes each")


main()
