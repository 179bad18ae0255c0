"""A hospital's side of the national interface: asks for a review, shows it to the doctor, tells what the doctor did.

    client.py http://127.0.0.1:8301 [MESSAGE.json]

Written as a HIS would: standard library only, one retry after a time-out, findings shown by what they ask of the doctor.
"""
import json
import sys
import time
import urllib.request


def call(address, message, seconds=3):
    body = json.dumps(message, ensure_ascii=False).encode()
    request = urllib.request.Request(
        f"{address}/{message['infno']}", body, {"content-type": "application/json"})
    for attempt in (1, 2):
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                result = json.load(answer)
                break
        except (urllib.error.URLError, TimeoutError):
            # The same message identifier: what was recorded already is answered again, nothing is done twice.
            if attempt == 2:
                return None
            time.sleep(1)
    if result["infcode"] != 0:
        raise SystemExit("refused: " + result["err_msg"])
    return result


def main():
    address = sys.argv[1]
    path = sys.argv[2] if len(sys.argv) > 2 else __file__.rsplit("/", 1)[0] + "/review.json"
    with open(path, encoding="utf-8") as file:
        review = json.load(file)
    answer = call(address, review)
    if answer is None:
        print("the review service cannot be reached: care goes on, send again later")
        return
    if answer["warn_msg"]:
        print("note:", answer["warn_msg"])
    warns = []
    for found in answer["output"]["result"]:
        print(f"[{found['sev_deg']}] {found['rule_name']}: {found['vola_cont']}")
        for line in found["judge_result_detail_dtos"]:
            if line["rx_id"]:
                print("    ", "line" if line["vola_item_type"] == "1" else "see ", line["rx_id"], line["vola_amt"])
        if found["rule_id"] != "YIJIAN-NOTICE":
            warns.append({"warn_rslt_id": found["jr_id"], "dspo_way": "1", "dspo_way_rea": "病情需要"})
    print(f"{len(warns)} findings")
    if warns:
        feedback = {key: review[key] for key in ("fixmedins_code", "inf_time") if key in review}
        feedback.update({"infno": "3103", "msgid": review["msgid"][:-1] + "F", "input": {"data": {"warn_type": "1", "warns": warns}}})
        call(address, feedback)
        print("feedback taken")


main()
