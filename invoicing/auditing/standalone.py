"""Checks an evidence pack of Invoice Desk. Needs nothing but Python: python3 verify.py PACK.zip [--key PUBLIC_KEY]

It says whether every file is what was packed, whether the manifest was signed by the key it names, and whether the audit
entries in it belong to a chain that signed checkpoints hold at both ends. Compare the key with the one the desk shows.
"""

import hashlib
import json
import sys
import zipfile
from datetime import datetime, timezone

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
ENTRIES, CHAIN, CHECKPOINTS = "audit/entries.jsonl", "audit/chain.jsonl", "audit/checkpoints.jsonl"
GENESIS = "0" * 64

# Ed25519 (RFC 8032), verification alone
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def _add(a, b):
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    i, j, k, m = f - e, h - g, h + g, f + e
    return i * j % P, k * m % P, j * k % P, i * m % P


def _times(factor, point):
    result = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            result = _add(result, point)
        point, factor = _add(point, point), factor >> 1
    return result


def _x_of(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def _point(raw):
    number = int.from_bytes(raw, "little")
    y, sign = number & ((1 << 255) - 1), number >> 255
    x = _x_of(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


_Y = 4 * pow(5, P - 2, P) % P
BASE = (_x_of(_Y, 0), _Y, 1, _x_of(_Y, 0) * _Y % P)


def is_signed(message, public, signature):
    """Whether the signature, in hex, is of the public key, in hex."""
    try:
        key, sealed = bytes.fromhex(public), bytes.fromhex(signature)
    except ValueError:
        return False
    if len(public) != 64 or len(signature) != 128:  # nothing beside the digits
        return False
    a, r, s = _point(key), _point(sealed[:32]), int.from_bytes(sealed[32:], "little")
    if a is None or r is None or s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(sealed[:32] + key + message).digest(), "little") % ORDER
    left, right = _times(s, BASE), _add(r, _times(h, a))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


def verify(path, key=""):
    """What is wrong with the pack, in sentences; empty when nothing is. Also what it says of itself."""
    try:
        with zipfile.ZipFile(path) as pack:
            names = pack.namelist()
            if len(names) != len(set(names)):
                return ["A file is in it twice."], {}
            return _problems(pack, set(names), key)
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError, RuntimeError) as error:
        return [f"It cannot be read as an evidence pack: {error}"], {}


def _problems(pack, names, key):
    problems = []
    if not {MANIFEST, SIGNATURE} <= names:
        return ["It has no signed manifest."], {}
    text = pack.read(MANIFEST)
    manifest = json.loads(text)
    if key and manifest["key"] != key:
        problems.append("It names another key than the one you gave.")
    if not is_signed(text, manifest["key"], pack.read(SIGNATURE).decode("ascii", "replace")):
        problems.append(f"{MANIFEST} is not what was signed.")
    listed = {each["path"]: each for each in manifest["files"]}
    for name in sorted(names - listed.keys() - {MANIFEST, SIGNATURE}):
        problems.append(f"{name} was put in.")
    for name in sorted(listed.keys() - names):
        problems.append(f"{name} is missing.")
    for name in sorted(listed.keys() & names):
        if hashlib.sha256(_bytes(pack, name)).hexdigest() != listed[name]["sha256"]:
            problems.append(f"{name} is not what was packed.")
    if not problems:
        problems = _chain_problems(pack, manifest["key"])
    return problems, manifest


def _bytes(pack, name):
    try:
        return pack.read(name)
    except zipfile.BadZipFile:  # its own checksum tells already
        return b""


def _lines(pack, name):
    return [json.loads(line) for line in pack.read(name).decode().splitlines()]


def _chain_problems(pack, key):
    """Each entry is linked to a signed checkpoint before it, or to the beginning, and to one after it."""
    marks = {0: GENESIS}
    for each in _lines(pack, CHECKPOINTS):
        message = {name: each[name] for name in ("sequence", "hash", "at", "previous")}
        if not is_signed(_canonical(message).encode(), each["key"], each["signature"]):
            return [f"The checkpoint of entry {each['sequence']} was not signed."]
        marks[each["sequence"]] = each["hash"]
    known, before, held = {}, None, True
    for link in _lines(pack, CHAIN):
        sequence = link["sequence"]
        if before is None or sequence != before["sequence"] + 1:
            if not held:
                return [f"After entry {before['sequence']} the chain does not end at a checkpoint."]
            if sequence - 1 not in marks:
                return [f"Before entry {sequence} there is no checkpoint."]
            previous = marks[sequence - 1]
        else:
            previous = before["hash"]
        if link["hash"] != linked(link["scheme"], previous, link["content"]):
            return [f"Entry {sequence} does not follow the entry before it."]
        if sequence in marks and marks[sequence] != link["hash"]:
            return [f"Entry {sequence} is not the one its checkpoint has."]
        known[sequence], before, held = link, link, sequence in marks
    if not held:
        return [f"After entry {before['sequence']} the chain does not end at a checkpoint."]
    for entry in _lines(pack, ENTRIES):
        link = known.get(entry["sequence"])
        if link is None or content(entry) != link["content"] or entry["hash"] != link["hash"]:
            return [f"Entry {entry['sequence']} is not the one in the chain."]
    return []


def linked(scheme, previous, digest):
    return digest if scheme == 1 else hashlib.sha256(f"{previous}{digest}".encode()).hexdigest()


def content(entry):
    """The digest of what an entry says, over length-prefixed fields."""
    at = datetime.fromisoformat(entry["at"]).astimezone(timezone.utc).isoformat(timespec="microseconds")  # noqa: UP017
    said = [str(entry["sequence"]), at, _id(entry["actor_id"])]
    said += [entry[name] for name in ("actor_name", "ip", "action", "target", "reason", "correlation")]
    said.append(_canonical(entry["facts"], plain=True))
    if entry["scheme"] == 1:
        said.append(entry["previous_hash"])
    else:
        ids = [_id(entry[name]) for name in ("of_connection", "of_customer", "of_invoice")]
        said = [str(entry["scheme"]), *said, entry["outcome"], *ids]
    digest = hashlib.sha256()
    for text in said:
        raw = text.encode()
        digest.update(f"{len(raw)}:".encode() + raw)
    return digest.hexdigest()


def _id(value):
    return "" if value is None else str(value)


def _canonical(value, plain=False):
    return json.dumps(value, sort_keys=True, ensure_ascii=not plain, separators=(",", ":"))


def main(given):
    key = given[given.index("--key") + 1] if "--key" in given[:-1] else ""
    paths = [each for each in given if not each.startswith("--") and each != key]
    if len(paths) != 1:
        print(__doc__)  # noqa: T201 - it speaks to whoever runs it
        return 2
    problems, manifest = verify(paths[0], key)
    for each in problems:
        print(each)  # noqa: T201
    if problems:
        return 1
    print(f"{manifest['about']}: {len(manifest['files'])} files and {manifest['entries']} audit entries hold.")  # noqa: T201
    print(f"Packed {manifest['made_at']} by {manifest['made_by']}, signed with the key {manifest['key']}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
