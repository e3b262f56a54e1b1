"""A reader of messages with TLS reports, written from RFC 8460 (and 2045, 5322, 6522) alone: what another site would make
of them. Reads messages, one a file, and prints what it read as JSON, a line each; what a MUST forbids is in "wrong".

    python3 rfc8460.py FILE...
"""
import base64
import email
import email.policy
import email.utils
import gzip
import json
import re
import sys
from datetime import datetime, timezone

RESULT_TYPES = {
    "starttls-not-supported", "certificate-host-mismatch", "certificate-expired", "certificate-not-trusted",
    "validation-failure", "tlsa-invalid", "dnssec-invalid", "dane-required", "sts-policy-fetch-error",
    "sts-policy-invalid", "sts-webpki-invalid",
}
POLICY_TYPES = {"tlsa", "sts", "no-policy-found"}
LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
DOMAIN = re.compile(rf"^(?:{LABEL}\.)*{LABEL}$")
RFC3339 = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
# section 5.1: filename = sender "!" policy-domain "!" begin-timestamp "!" end-timestamp [ "!" unique-id ] "." extension
FILENAME = re.compile(rf"^({LABEL}(?:\.{LABEL})*)!({LABEL}(?:\.{LABEL})*)!(\d+)!(\d+)(?:!([A-Za-z0-9]+))?\.(json|json\.gz)$")
# section 5.3: Report Domain: ... Submitter: ... Report-ID: <...>
SUBJECT = re.compile(r"^Report Domain:\s*(\S+)\s+Submitter:\s*(\S+)\s+Report-ID:\s*(<[^<>@\s]+@[^<>@\s]+>)$")


class Reader:
    def __init__(self, raw):
        self.raw = raw
        self.wrong = []

    def must(self, holds, what):
        if not holds:
            self.wrong.append(what)
        return holds

    def read(self):
        raw = self.raw
        self.must(all(byte < 128 for byte in raw), "the message is ASCII")
        self.must(all(len(line) <= 998 for line in raw.splitlines()), "lines have at most 998 characters (RFC 5322)")
        message = email.message_from_bytes(raw, policy=email.policy.default)
        self.must(not message.defects, f"the message has no defects: {message.defects}")
        for name in ("From", "To", "Date", "Subject", "Message-ID", "MIME-Version", "TLS-Report-Domain", "TLS-Report-Submitter"):
            self.must(len(message.get_all(name, [])) == 1, f"one {name}")
        domain = str(message["TLS-Report-Domain"] or "")
        submitter = str(message["TLS-Report-Submitter"] or "")
        sender = email.utils.parseaddr(str(message["From"]))[1]
        self.must(sender.endswith("@" + submitter), "the domain of From is the one that reports")
        subject = SUBJECT.match(re.sub(r"\s+", " ", str(message["Subject"])))
        if self.must(subject, "the subject is as section 5.3 has it"):
            self.must(subject[1] == domain and subject[2] == submitter, "the subject names domain and submitter")
        self.must(message.get_content_type() == "multipart/report", "multipart/report")
        self.must(message.get_param("report-type") == "tlsrpt", "report-type=tlsrpt")
        parts = list(message.iter_parts()) if message.is_multipart() else []
        self.must(len(parts) == 2, "two parts")
        self.must(parts and parts[0].get_content_type() == "text/plain", "the first part is for people")
        report, name = self.attachment(parts[-1]) if parts else ({}, "")
        self.check(report, domain, subject, name)
        text = parts[0].get_content() if parts else ""
        headers = [[key, str(value)] for key, value in message.items()]
        return {"wrong": self.wrong, "domain": domain, "submitter": submitter, "text": text, "report": report, "headers": headers}

    def attachment(self, part):
        kind = part.get_content_type()
        self.must(kind in ("application/tlsrpt+gzip", "application/tlsrpt+json"), f"the media type of the report: {kind}")
        name = part.get_filename() or ""
        self.must(part.get_param("name") in (None, name), "one file name")
        encoded = "".join(str(part.get_payload()).split())
        try:
            body = base64.b64decode(encoded, validate=True)
            if kind.endswith("gzip"):
                body = gzip.decompress(body)
            return json.loads(body.decode("utf-8")), name
        except ValueError as error:
            self.must(False, f"the report can be read: {error}")
            return {}, name

    def check(self, report, domain, subject, name):
        must = self.must
        for key, kind in (("organization-name", str), ("date-range", dict), ("contact-info", str), ("report-id", str), ("policies", list)):
            if not must(isinstance(report.get(key), kind), f"{key} is there"):
                return
        must(subject is None or subject[3] == "<" + report["report-id"] + ">", "the report-id of the subject")
        times = [report["date-range"].get(key, "") for key in ("start-datetime", "end-datetime")]
        if must(all(isinstance(one, str) and RFC3339.match(one) for one in times), "RFC 3339 times in UTC"):
            start, end = (datetime.strptime(one, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc) for one in times)
            must((start.hour, start.minute, start.second) == (0, 0, 0), "the day begins at 00:00 UTC")
            must(0 < (end - start).total_seconds() <= 86400, "a report is about 24 hours")
            found = FILENAME.match(name)
            if must(found, f"the file name: {name}"):
                must(found[2] == domain, "the file name has the domain")
                must(int(found[3]) == start.timestamp() and int(found[4]) == end.timestamp(), "the file name has the times")
        for policy in report["policies"]:
            self.policy(policy)

    def policy(self, one):
        must = self.must
        policy, summary = one.get("policy", {}), one.get("summary", {})
        must(set(one) <= {"policy", "summary", "failure-details"}, f"fields of a policy: {sorted(one)}")
        must(policy.get("policy-type") in POLICY_TYPES, f"policy-type: {policy.get('policy-type')}")
        must(DOMAIN.match(policy.get("policy-domain", "")), f"policy-domain: {policy.get('policy-domain')}")
        for key in ("policy-string", "mx-host"):
            must(all(isinstance(text, str) for text in policy.get(key, [])) and policy.get(key) != [], f"{key} has texts")
        counts = [summary.get(f"total-{word}-session-count") for word in ("successful", "failure")]
        must(all(isinstance(count, int) and count >= 0 for count in counts), "counts of sessions")
        failures = one.get("failure-details", [])
        must(sum(row.get("failed-session-count", 0) for row in failures) <= counts[1], "no more reasons than failed sessions")
        for row in failures:
            must(row.get("result-type") in RESULT_TYPES, f"result-type: {row.get('result-type')}")
            must(isinstance(row.get("failed-session-count"), int) and row["failed-session-count"] > 0, "failed-session-count")
            must("@" not in row.get("additional-information", "").replace(" @", ""), "no local part")


for path in sys.argv[1:]:
    with open(path, "rb") as file:
        print(json.dumps(Reader(file.read()).read()))
