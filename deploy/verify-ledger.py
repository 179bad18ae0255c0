#!/usr/bin/env python3
"""Verifies an extract of a ledger against signed checkpoints; independent of the program that wrote it (账本独立校验).

    verify-ledger.py LEDGER.txt --key VERIFIER [--own NOTE]… [--held NOTE]…

LEDGER.txt is what `yijian ledger extract` writes; --own are the checkpoints kept beside the ledger, in their order, --held those
an outsider kept. Needs Python 3.8 only. Exit code: 0 whole, 1 something was found, 2 wrong usage. See docs/ledger.md.
"""
import argparse
import base64
import functools
import hashlib
import struct
import sys

NO_LEAF = bytes(32)
TOLERANCE = 600_000  # milliseconds by which clocks may differ


@functools.lru_cache(maxsize=None)
def ed25519_verify(public, message, signature):
    """RFC 8032, 5.1.7, with points as (X, Y, Z, T)."""
    p, order = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
    d, root = -121665 * pow(121666, p - 2, p) % p, pow(2, (p - 1) // 4, p)

    def point(data):
        number = int.from_bytes(data, "little")
        y, sign = number & (2**255 - 1), number >> 255
        square = (y * y - 1) * pow(d * y * y + 1, p - 2, p) % p
        x = pow(square, (p + 3) // 8, p)
        x = x if x * x % p == square else x * root % p
        if y >= p or x * x % p != square or (x == 0 and sign):
            raise ValueError("not on the curve")
        x = p - x if x & 1 != sign else x
        return x, y, 1, x * y % p

    def add(a, b):
        one, two = (a[1] - a[0]) * (b[1] - b[0]) % p, (a[1] + a[0]) * (b[1] + b[0]) % p
        three, four = 2 * a[3] * b[3] * d % p, 2 * a[2] * b[2] % p
        e, f, g, h = two - one, four - three, four + three, two + one
        return e * f % p, g * h % p, f * g % p, e * h % p

    def times(number, base):
        result = (0, 1, 1, 0)
        for bit in bin(number)[2:]:
            result = add(result, result)
            result = add(result, base) if bit == "1" else result
        return result

    try:
        key, nonce, scalar = point(public), point(signature[:32]), int.from_bytes(signature[32:], "little")
    except ValueError:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % order
    left, right = times(scalar, point(bytes.fromhex("58" + "66" * 31))), add(nonce, times(challenge, key))
    return scalar < order and all((left[n] * right[2] - right[n] * left[2]) % p == 0 for n in (0, 1))


def verifier(text):
    """name+identifier+base64 → (name, identifier, public key)."""
    name, identifier, key = text.split("+", 2)
    key = base64.b64decode(key, validate=True)
    if len(key) != 33 or key[0] != 1 or hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8] != identifier:
        raise ValueError("this is no verifier key")
    return name, bytes.fromhex(identifier), key[1:]


class Note:
    def __init__(self, path):
        body, _, signatures = open(path, encoding="utf-8").read().partition("\n\n")
        self.path, self.message, lines = path, (body + "\n").encode(), body.split("\n")
        self.size, self.root = int(lines[1]), base64.b64decode(lines[2], validate=True)
        extra = dict(line.split(" ", 1) for line in lines[3:])
        self.time, self.hash = int(extra["time"]), extra.get("hash", "sha256")
        self.key = verifier(extra["key"]) if "key" in extra else None
        self.signatures = [(words[1], base64.b64decode(words[2]))
                           for words in (line.split(" ") for line in signatures.split("\n")) if len(words) == 3]

    def signed_by(self, keys):
        return any(name == key[0] and data[:4] == key[1] and ed25519_verify(key[2], self.message, data[4:])
                   for name, data in self.signatures for key in keys)


def read_act(data):
    """Canonical bytes → (matter, number, previous, instant)."""
    (length,) = struct.unpack_from("<I", data, 6)
    number, previous, instant, count = struct.unpack_from("<Q32sqI", data, 10 + length)
    if data[:6] != b"YJACT1" or len(data) != 10 + length + 52 + count:
        raise ValueError("no act")
    return data[10:10 + length].decode(), number, previous, instant


class Roots:
    """The root after each leaf, from the roots of the complete subtrees (RFC 6962, 2.1)."""

    def __init__(self, algorithm):
        self.algorithm, self.peaks = algorithm, []

    def digest(self, data):
        return hashlib.new(self.algorithm, data).digest()

    def add(self, leaf):
        size = 1
        while self.peaks and self.peaks[-1][0] == size:
            size, leaf = size * 2, self.digest(b"\1" + self.peaks.pop()[1] + leaf)
        self.peaks.append((size, leaf))

    def root(self):
        if not self.peaks:
            return self.digest(b"")
        result = self.peaks[-1][1]
        for _, peak in reversed(self.peaks[:-1]):
            result = self.digest(b"\1" + peak + result)
        return result


def verify(path, key, own, held):
    lines = open(path, encoding="utf-8").read().split("\n")
    if lines[0] != "yijian-ledger 1" or lines[1][:5] != "hash " or lines[2] != f"acts {len(lines) - 4}" or lines[-1]:
        yield "the extract is not whole"
        return
    algorithm = lines[1][5:]
    tree, sizes = Roots(algorithm), {note.size for note in own + held}
    roots, tails, withheld = {0: tree.root()}, {}, set()
    times = sorted((note.size, note.time) for note in own + held)
    for index, line in enumerate(lines[3:-1]):
        words = line.split(" ")
        leaf = bytes.fromhex(words[1])
        tree.add(leaf)
        if index + 1 in sizes:
            roots[index + 1] = tree.root()
        if words[0] != str(index) or len(words) not in (2, 4):
            yield f"line {index + 4} is not the line of act {index}"
        if len(words) == 2:
            withheld.add(leaf)
            continue
        salt, data = bytes.fromhex(words[2]), bytes.fromhex(words[3])
        if tree.digest(b"\0" + salt + data) != leaf:
            yield f"act {index}: its content is not what its leaf commits to"
            continue
        matter, number, previous, instant = read_act(data)
        last, tail = tails.get(matter, (0, NO_LEAF))
        if previous != tail and previous not in withheld:
            yield f"act {index} of {matter}: its predecessor is not the act before it"
        elif previous == tail and number != last + 1:
            yield f"act {index}: number {number} of {matter}, expected {last + 1}"
        tails[matter] = (number, leaf)
        if any(size <= index and instant < time - TOLERANCE for size, time in times):
            yield f"act {index} says it was recorded before a checkpoint that does not know it"
        if any(size > index and instant - TOLERANCE > time for size, time in times):
            yield f"act {index} says it was recorded after a checkpoint that knows it"
    keys, kept, before = [verifier(key)], {note.message for note in own}, None
    for note in own + held:
        if not note.signed_by(keys):
            yield f"{note.path}: signed by no trusted key"
            continue
        keys += [note.key] if note.key else []
        if note.hash != algorithm or roots.get(note.size) != note.root:
            yield f"{note.path}: the first {note.size} acts are not those of this checkpoint, or there are fewer"
        if note.message not in kept:
            yield f"{note.path}: an outsider holds this checkpoint, but it is not kept beside the ledger"
    for note in own:
        if before and (note.size < before.size or note.time < before.time):
            yield f"{note.path}: younger or smaller than the one before it"
        before = note
    print(f"{len(lines) - 4} acts ({len(withheld)} without content) in {len(tails)} matters, {len(own)} checkpoints kept, "
          f"{len(held)} held outside, root {tree.root().hex()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ledger")
    parser.add_argument("--key", required=True)
    parser.add_argument("--own", action="append", default=[])
    parser.add_argument("--held", action="append", default=[])
    arguments = parser.parse_args()
    try:
        problems = list(verify(arguments.ledger, arguments.key, [Note(path) for path in arguments.own],
                               [Note(path) for path in arguments.held]))
    except (ValueError, KeyError, IndexError, struct.error, OSError) as error:
        problems = [f"cannot be read: {error!r}"]
    for problem in problems:
        print("found:", problem)
    print("The ledger is whole." if not problems else "The ledger is NOT what its checkpoints say.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
