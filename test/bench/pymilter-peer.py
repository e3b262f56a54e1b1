"""The work of tlsward in Python, on python3-milter: what a site would write itself.

usage: pymilter-peer.py SOCKET DOMAINS KEYFILE

The same events, replies and macros; header fields named like the mark counted and removed; sender and recipients looked up
in a dict read from DOMAINS (even lines require TLS); the same mark with HMAC-SHA-256, folded; one JSON line a message,
written in batches of 64 KiB or 100 ms.
"""
import base64
import hashlib
import hmac
import itertools
import json
import sys
import threading
import time

import Milter

OWN = ("x-tls-ward", "x-tls-banner", "x-tls-ward-route")
TLS = "{tls_version} {cipher} {cipher_bits} {verify} {cert_issuer} {cert_subject} {cn_subject} {cn_issuer}"
SAFE = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@/*[]+-")

with open(sys.argv[2], encoding="ascii") as names:
    ROWS = {name: i % 2 == 0 for i, name in enumerate(names.read().split())}
with open(sys.argv[3], encoding="ascii") as keys:
    KEY = base64.b64decode(keys.readline())
KEY_ID = hashlib.sha256(b"tlsward-key-id\n" + KEY).hexdigest()[:8]
MAC = hmac.new(KEY, digestmod=hashlib.sha256)
codes = itertools.count()
connections = itertools.count(1)
lock = threading.Lock()
waiting = []
size = 0


def flush():
    global waiting, size
    sys.stdout.write("".join(waiting))
    sys.stdout.flush()
    waiting, size = [], 0


def every_tenth():
    while True:
        time.sleep(0.1)
        with lock:
            flush()


def log(fields):
    global size
    line = json.dumps(fields, separators=(",", ":")) + "\n"
    with lock:
        waiting.append(line)
        size += len(line)
        if size >= 65536:
            flush()


def text(value):
    if value in ("", "-"):
        return "%2D" if value else "-"
    data = value.encode()
    return value if SAFE.issuperset(data) else "".join(chr(b) if b in SAFE else f"%{b:02X}" for b in data)


def folded(fields):
    out, column = [], len("X-TLS-Ward") + 1
    for i, field in enumerate(fields):
        rest = field + (";" if i + 1 < len(fields) else "")
        if i and column + 1 + len(rest) > 76:
            out.append("\n ")
            column = 1
        else:
            out.append(" " if i else "")
            column += 1
        while column + len(rest) > 76:
            room = max(1, 76 - column)
            out.append(rest[:room] + "\n ")
            rest, column = rest[room:], 1
        out.append(rest)
        column += len(rest)
    return "".join(out)


class Peer(Milter.Base):
    @Milter.noreply
    def connect(self, hostname, family, hostaddr):
        self.conn = next(connections)
        self.client = hostaddr[0] if hostaddr else ""
        self.mta = self.getsymval("j") or ""
        return Milter.CONTINUE

    @Milter.noreply
    def hello(self, name):
        return Milter.CONTINUE

    @Milter.noreply
    def envfrom(self, sender, *params):
        self.sender = sender
        self.domain = sender.strip("<>").rpartition("@")[2].lower()
        self.protocol = self.getsymval("{tls_version}") or ""
        self.cipher = self.getsymval("{cipher}") or ""
        self.bits = self.getsymval("{cipher_bits}") or ""
        self.login = self.getsymval("{auth_authen}") or ""
        self.good = self.protocol in ("TLSv1.2", "TLSv1.3") and int(self.bits or 0) >= 128
        self.row = self.domain if self.domain in ROWS else ""
        self.recipients = []
        self.named = dict.fromkeys(OWN, 0)
        return Milter.CONTINUE

    def envrcpt(self, recipient, *params):
        domain = recipient.strip("<>").rpartition("@")[2].lower()
        if (ROWS.get(domain) or ROWS.get(self.domain)) and not self.good:
            self.setreply("530", "5.7.0", f"{domain} requires TLS")
            return Milter.REJECT
        if not self.row and domain in ROWS:
            self.row = domain
        self.recipients.append(recipient)
        return Milter.CONTINUE

    @Milter.noreply
    def header(self, name, value):
        name = name.rstrip().lower()
        if name in self.named:
            self.named[name] += 1
        return Milter.CONTINUE

    def eom(self):
        queue_id = self.getsymval("i") or ""
        code = f"PYTH{next(codes):04X}"
        now = time.time()
        second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        for name, count in self.named.items():
            for index in range(count, 0, -1):
                self.chgheader(name, index, "")
        certificate = "unproven" if self.protocol else "none"
        facts = [
            "v=1",
            "leg=receive",
            f"state={'protected' if self.good else 'unprotected'}",
            f"protocol={text(self.protocol)}",
            f"cipher={text(self.cipher)}",
            f"bits={self.bits or '-'}",
            f"certificate={certificate}",
            "certificate-name=-",
            f"row={text(self.row if len(self.recipients) == 1 or self.row == self.domain else '')}",
            "verdict=accept",
            f"host={text(self.mta)}",
            f"id={text(queue_id)}",
            f"time={second}Z",
            f"code={code}",
            f"key={KEY_ID}",
        ]
        mac = MAC.copy()
        mac.update("\n".join(["tlsward-mark", *facts, f"sender={text(self.domain)}", ""]).encode())
        seal = base64.urlsafe_b64encode(mac.digest()).decode().rstrip("=")
        self.addheader("X-TLS-Ward", folded([*facts, f"hmac={seal}"]), 1)
        fields = {
            "level": 30,
            "time": f"{second}.{int(now % 1 * 1000):03d}Z",
            "event": "tx.verdict",
            "code": code,
            "protocol": "milter",
            "stage": "END-OF-MESSAGE",
            "action": "accept",
            "conn": self.conn,
            "client": self.client,
            "sender": self.sender,
            "recipients": self.recipients[0] if len(self.recipients) == 1 else self.recipients[:50],
            "tls": f"{self.protocol} {self.cipher} {self.bits}" if self.protocol else "no TLS",
        }
        if self.row:
            fields["row"] = self.row
        if queue_id:
            fields["queueId"] = queue_id
        if self.login:
            fields["saslUsername"] = self.login
        if self.protocol:
            fields["certificate"] = certificate
        log({**fields, "msg": "accepted"})
        return Milter.CONTINUE

    def negotiate(self, opts):
        wanted = super().negotiate(opts)
        for stage, names in enumerate(("j v {daemon_name} {daemon_addr} {daemon_port}", TLS, "{client_addr} " + TLS + " {auth_authen} i")):
            self._ctx.setsymlist(stage, names)
        for stage in range(3, 7):
            self._ctx.setsymlist(stage, "i")
        return wanted


threading.Thread(target=every_tenth, daemon=True).start()
Milter.factory = Peer
Milter.set_flags(Milter.ADDHDRS | Milter.CHGHDRS | Milter.QUARANTINE | Milter.SETSYMLIST)
Milter.runmilter("peer", "unix:" + sys.argv[1], 7210)
