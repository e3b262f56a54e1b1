"""Checks a proof file of tlsward with nothing but Python's standard library.

    python3 verify.py FILE --key PUB

FILE was written by `tlsward evidence prove` or `consistency`; PUB holds the public key of the stream, a line
NAME+HASH+BASE64, and must not have come with FILE. Prints what is proven. Exit status: 0 proven, 1 not, 64 wrong
arguments, 65 a file cannot be read. The same as verify.mjs beside it and as `tlsward evidence check`.

What it relies on: SHA-256 trees (RFC 6962 2.1, RFC 9162 2.1.3 and 2.1.4), Ed25519 (RFC 8032 5.1.7), signed notes
(c2sp.org/signed-note) and checkpoints (c2sp.org/tlog-checkpoint). The format of the file is in contrib/doc/evidence.md.
"""
import base64
import functools
import hashlib
import json
import re
import sys

MAX_SAFE = 2 ** 53 - 1


class Unproven(Exception):
    """It proves nothing; the message says why."""


def sha256(data):
    return hashlib.sha256(data).digest()


# Ed25519 (RFC 8032 section 5.1.7); points are (X, Y, Z, T) with x = X/Z, y = Y/Z, x * y = T/Z

P = 2 ** 255 - 19
Q = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def decompress(data):
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2 ** 255 - 1)
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P != 0:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - x2) % P != 0 or (x == 0 and sign == 1):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def compress(p):
    inverse = pow(p[2], P - 2, P)
    return (p[1] * inverse % P | (p[0] * inverse % P & 1) << 255).to_bytes(32, "little")


BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


@functools.lru_cache(64)  # many proofs have the same checkpoint
def ed25519_verifies(key, message, signature):
    a, s = decompress(key), int.from_bytes(signature[32:], "little")
    if a is None or len(signature) != 64 or s >= Q:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % Q
    minus_a = (P - a[0], a[1], a[2], P - a[3])
    both, sum_ = add(BASE, minus_a), NEUTRAL
    for bit in range(max(s.bit_length(), k.bit_length()) - 1, -1, -1):  # s * BASE - k * a
        sum_ = add(sum_, sum_)
        choice = (s >> bit & 1) + 2 * (k >> bit & 1)
        if choice != 0:
            sum_ = add(sum_, (BASE, minus_a, both)[choice - 1])
    return compress(sum_) == signature[:32]


# trees

def node(left, right):
    return sha256(b"\x01" + left + right)


def root_of_inclusion(leaf, index, size, path):
    if index >= size:
        return None
    fn, sn, root = index, size - 1, leaf
    for part in path:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            root = node(part, root)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            root = node(root, part)
        fn, sn = fn >> 1, sn >> 1
    return root if sn == 0 else None


def is_consistent(old_size, old_root, new_size, new_root, path):
    if old_size > new_size:
        return False
    if old_size == new_size or old_size == 0:
        return path == [] and old_root == (new_root if old_size == new_size else sha256(b""))
    rest = [old_root] + path if old_size & (old_size - 1) == 0 else path
    if len(rest) == 0:
        return False
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    older = newer = rest[0]
    for part in rest[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            older, newer = node(part, older), node(part, newer)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            newer = node(newer, part)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and older == old_root and newer == new_root


# notes and checkpoints

def parse_base64(text):
    """Bytes of canonical base64, or None."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if base64.b64encode(data).decode() == text else None


NAME = re.compile("[^+\\x00-\\x20\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]{1,512}")


def parse_key(line):
    """(name, 32 bytes, 4 bytes of hash, the line) of NAME+HASH+BASE64, or None."""
    name, _, rest = line.partition("+")
    key = parse_base64(rest.partition("+")[2])
    if key is None or len(key) != 33 or key[0] != 1 or NAME.fullmatch(name) is None:
        return None
    digest = sha256(name.encode() + b"\n" + key)[:4]
    return (name, key[1:], digest, line) if rest.partition("+")[0] == digest.hex() else None


def is_text(text):
    return text.endswith("\n") and re.search("[\\x00-\\x09\\x0b-\\x1f\\ud800-\\udfff]", text) is None


def open_note(note, key):
    """The text of a note that the key signed, or None."""
    end = note.rfind("\n\n")
    text, lines = note[: end + 1], note[end + 2:].split("\n")
    if len(note) > 65536 or end < 0 or not is_text(text) or lines.pop() != "" or not 1 <= len(lines) <= 100:
        return None
    signatures = []
    for line in lines:
        name, _, blob = line[2:].partition(" ")
        data = parse_base64(blob)
        if line[:2] != "\u2014 " or NAME.fullmatch(name) is None or data is None or len(data) <= 4:
            return None
        if name == key[0] and data[:4] == key[2]:
            signatures.append(data[4:])
    ok = signatures and all(ed25519_verifies(key[1], text.encode(), one) for one in signatures)
    return text if ok else None


def read_checkpoint(note, key):
    """(size, root, day) of a checkpoint of the key's stream."""
    text = open_note(note, key) if isinstance(note, str) else None
    if text is None:
        raise Unproven("a checkpoint is not signed by the key")
    found = re.fullmatch(
        r"([^\n]+)/([0-9]{4}-[0-9]{2}-[0-9]{2})\n(0|[1-9][0-9]{0,15})\n([^\n]+)\n"
        r"bytes (0|[1-9][0-9]{0,15})\nfrontier((?: [^ \n]+)*)\n",
        text,
    )
    origin, day, size, root, count, frontier = found.groups() if found else ("", "", "0", "", "0", "")
    hashes = [parse_base64(one) for one in [root] + frontier.split(" ")[1:]]
    if origin != key[0] or max(int(size), int(count)) > MAX_SAFE or any(one is None or len(one) != 32 for one in hashes):
        raise Unproven("what is signed is not a checkpoint of the stream")
    # the subtrees of the frontier, largest first, make the root
    peaks, whole = hashes[1:], sha256(b"")
    for i, peak in enumerate(reversed(peaks)):
        whole = peak if i == 0 else node(peak, whole)
    if len(peaks) != bin(int(size)).count("1") or whole != hashes[0]:
        raise Unproven("what is signed is not a checkpoint of the stream")
    return int(size), hashes[0], day


# proof files

def exactly(value, fields):
    if not isinstance(value, dict) or set(value) != set(fields):
        raise Unproven("expected the fields " + ", ".join(fields) + " and no other")


def number(value):
    """A count as JSON has it, 17 or 17.0, or None."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= MAX_SAFE else None


def hashes_of(path):
    found = [parse_base64(one) if isinstance(one, str) else None for one in path] if isinstance(path, list) else [None]
    if len(found) > 128 or any(one is None or len(one) != 32 for one in found):
        raise Unproven('"path" is not a list of hashes')
    return found


def check_line(proof, key):
    """(line, index, size, root, day)."""
    line, index, size = proof["line"], number(proof["index"]), number(proof["size"])
    if not isinstance(line, str) or re.search("[\\n\\ud800-\\udfff]", line):
        raise Unproven('"line" is not a line')
    if index is None or size is None:
        raise Unproven('"index" or "size" is not a number of lines')
    if not line.startswith('{"v":1,"n":%d,' % index):
        raise Unproven("the line does not have this index")
    signed_size, root, day = read_checkpoint(proof["checkpoint"], key)
    if signed_size != size:
        raise Unproven("the checkpoint is of another size")
    if root_of_inclusion(sha256(b"\0" + line.encode()), index, size, hashes_of(proof["path"])) != root:
        raise Unproven("the path does not lead from the line to the root")
    return line, index, size, root, day


def key_of(named, keys):
    for key in keys:
        if key[3] == named:
            return key
    raise Unproven("it is by another key")


def names(line, day, size, root):
    """Does the first line of a day say that the day before it ended so?"""
    try:
        record = json.loads(line, parse_constant=refuse)
        previous = record["previous"]
        return (
            record["type"] == "day"
            and previous["day"] == day
            and number(previous["size"]) == size
            and previous["root"] == base64.b64encode(root).decode()
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def check_record(proof, keys):
    exactly(proof, ["key", "line", "index", "size", "path", "checkpoint", "next"])
    key = key_of(proof["key"], keys)
    line, index, size, root, day = check_line(proof, key)
    following = "not in the file"
    if proof["next"] is not None:
        exactly(proof["next"], ["line", "index", "size", "path", "checkpoint"])
        next_line, next_index, _, _, following = check_line(proof["next"], key)
        if next_index != 0 or following <= day or not names(next_line, day, size, root):
            raise Unproven("the line of the next day does not name the checkpoint")
    return "proven: line %d of %d, %s/%s, next day %s\n%s" % (index + 1, size, key[0], day, following, shown(line))


def check_consistency(proof, keys):
    exactly(proof, ["format", "key", "old", "new", "path"])
    key = key_of(proof["key"], keys)
    old, new = read_checkpoint(proof["old"], key), read_checkpoint(proof["new"], key)
    if old[2] != new[2]:
        raise Unproven("the checkpoints are of different days")
    if not is_consistent(old[0], old[1], new[0], new[1], hashes_of(proof["path"])):
        raise Unproven("the newer tree is not proven to begin with the older")
    return "proven: the %d lines of %s/%s begin with the %d" % (new[0], key[0], new[2], old[0])


def shown(line):
    """The line as JSON in ASCII."""
    units = memoryview(line.encode("utf-16-le")).cast("H")
    return "".join(chr(unit) if 32 <= unit <= 126 else "\\u%04x" % unit for unit in units)


def refuse(word):
    raise ValueError(word)


def check(data, keys):
    """What the bytes of a file prove by one of the keys of `parse_key`, in lines; raises Unproven."""
    try:
        file = json.loads(data.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError):
        file = None
    if len(data) > 16 << 20 or not isinstance(file, dict):
        raise Unproven("it is not a JSON object")
    if file.get("format") == "tlsward-consistency/1":
        return [check_consistency(file, keys)]
    if file.get("format") != "tlsward-proof/1":
        raise Unproven("it is not a proof file of this version")
    exactly(file, ["format", "proofs"])
    if not isinstance(file["proofs"], list) or len(file["proofs"]) == 0:
        raise Unproven("it has no proofs")
    return [check_record(proof, keys) for proof in file["proofs"]]


def main(arguments):
    if len(arguments) != 3 or arguments[1] != "--key":
        print(__doc__.split("\n\n")[1].strip(), file=sys.stderr)
        return 64
    try:
        with open(arguments[0], "rb") as file:
            data = file.read()
        with open(arguments[2], encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 65
    keys = [parse_key(line) for line in lines if line != "" and not line.startswith("#")]
    if len(keys) == 0 or None in keys:
        print("%s: expected a line NAME+HASH+BASE64" % arguments[2], file=sys.stderr)
        return 65
    try:
        print("\n".join(check(data, keys)))
        return 0
    except Unproven as error:
        print("NOT PROVEN: %s" % error)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
