"""What a hospital could use instead: zen-engine's decision tables behind a small server, rules without memory.

    zen_server.py PORT LISTS_FOLDER

One table per list of daily limits: item and quantity of a line against the limit. No history, no sums over lines, no journal,
no evidence: a lower bound of the work, to put the service's figures beside something.
"""
import csv
import http.server
import json
import os
import socketserver
import sys

import zen


def table(lists):
    rules = []
    with open(os.path.join(lists, "daily-cap.csv"), encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file)):
            rules.append({"_id": str(number), "i": json.dumps(row["item"]), "q": f"> {row['limit']}", "o": '"P17"'})
    return {
        "nodes": [
            {"id": "in", "type": "inputNode", "name": "in", "position": {"x": 0, "y": 0}},
            {"id": "t", "type": "decisionTableNode", "name": "t", "position": {"x": 1, "y": 0}, "content": {
                "hitPolicy": "collect", "rules": rules,
                "inputs": [{"id": "i", "name": "item", "type": "expression", "field": "item"},
                           {"id": "q", "name": "quantity", "type": "expression", "field": "quantity"}],
                "outputs": [{"id": "o", "name": "rule", "type": "expression", "field": "rule"}]}},
            {"id": "out", "type": "outputNode", "name": "out", "position": {"x": 2, "y": 0}}],
        "edges": [{"id": "1", "sourceId": "in", "targetId": "t", "type": "edge"},
                  {"id": "2", "sourceId": "t", "targetId": "out", "type": "edge"}],
    }


decision = zen.ZenEngine().create_decision(json.dumps(table(sys.argv[2])))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        found = []
        for patient in message["input"]["data"]["patient_dtos"]:
            for visit in patient["fsi_encounter_dtos"]:
                for order in visit["fsi_order_dtos"]:
                    result = decision.evaluate({"item": order["hilist_code"], "quantity": float(order["cnt"] or 0)})
                    found += [{"rx_id": order["rx_id"], "jr_id": "z"} for _ in result["result"] or []]
        body = json.dumps({"infcode": 0, "err_msg": "", "output": {"result": found}}, separators=(",", ":")).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 512


Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
