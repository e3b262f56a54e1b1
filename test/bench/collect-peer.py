"""What a script of an administrator does with the same log: one pass, deliveries and TLS lines joined by process.

Prints how many deliveries it counted, and how many of them had a TLS line. It escapes nothing, bounds nothing, writes no
record and keeps no place.
"""
import re
import sys

TLS = re.compile(r"\[(\d+)\]: \w+ TLS connection \w+ to (\S+): (\S+) with cipher (\S+)")
TO = re.compile(r"\[(\d+)\]: (\w+): to=<([^>]*)>, .*?relay=([^,]+), .*?dsn=([0-9.]+), status=(\w+) \((.*)\)$")
FROM = re.compile(r"\[\d+\]: (\w+): from=<([^>]*)>")
REMOVED = re.compile(r"\[\d+\]: (\w+): removed$")
sessions, senders = {}, {}
total = secure = 0
with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
    for line in log:
        if match := TO.search(line):
            pid, queue_id, to, relay, dsn, status, text = match.groups()
            total += 1
            if sessions.get(pid) == relay:
                secure += 1
        elif match := TLS.search(line):
            sessions[match[1]] = match[2]
        elif match := FROM.search(line):
            senders[match[1]] = match[2]
        elif match := REMOVED.search(line):
            senders.pop(match[1], None)
print(total, secure)
