"""Checks edited messages with Python's email package, which shares nothing with src/mail.

Standard input: a JSON list of {name, before, after, parts, forms}, messages in base64. Standard output: one line per
complaint, nothing when all is well. `parts` are the numbers of the edited parts, `forms` what the banner may read.
"""
import base64
import email
import email.policy
import html
import json
import re
import sys


def leaves(message, path=''):
    """(number, header fields, decoded bytes, type, charset) of every part; attached messages are one part."""
    kind = message.get_content_maintype()
    if kind == 'multipart' and message.is_multipart():
        for number, child in enumerate(message.get_payload(), 1):
            yield from leaves(child, f'{path}.{number}' if path else str(number))
        yield (path + '/', message.items(), (message.preamble, message.epilogue), '', '')
        return
    if message.is_multipart():
        body = b''.join(part.as_bytes() for part in message.get_payload())
    else:
        body = message.get_payload(decode=True)
    yield (path, message.items(), body, message.get_content_type(), message.get_content_charset('us-ascii'))


def seen(body, kind, charset):
    # Python keeps the quotes where a comment follows.
    charset = re.sub(r'^"([^"]*)".*', r'\1', charset)
    if charset == 'unknown-8bit':
        charset = 'us-ascii'
    text = body.decode(charset, 'replace').lstrip('\ufeff')
    if kind != 'text/html':
        return text.replace('\r\n', '\n')
    text = re.sub(r'<!--.*?-->', '', text, flags=re.S)
    text = re.sub(r'<(title|style|script)\b.*?</\1\s*>', '', text, flags=re.S | re.I)
    text = re.sub(r'''<[a-z!/?](?:="[^"]*"|='[^']*'|[^>])*>''', ' ', text, flags=re.I)
    return ' '.join(html.unescape(text).split())


def check(case):
    old, new = (list(leaves(email.message_from_bytes(base64.b64decode(case[key]), policy=email.policy.compat32))) for key in ('before', 'after'))
    if [part[0] for part in old] != [part[0] for part in new]:
        yield 'other parts'
        return
    for was, now in zip(old, new):
        path, fields, body, kind, charset = now
        if was[1] != fields:
            yield f'part {path}: other header'
        if path not in case['parts']:
            if was[2] != body:
                yield f'part {path}: changed'
            continue
        text = seen(body, kind, charset)
        if kind == 'text/html':
            good = any(text.startswith(form.replace('\n', ' ')) for form in case['forms'])
        else:
            # A stuffing blank, and up to two blanks of padding at the end of the last line.
            good = any(re.match(f' ?{re.escape(form)} {{0,2}}\n', text) for form in case['forms'])
            if not body.endswith(was[2].removeprefix(b'\xef\xbb\xbf')):
                yield f'part {path}: the text below changed'
        if not good:
            yield f'part {path}: reads {text[:60]!r}'


for case in json.load(sys.stdin):
    for complaint in check(case):
        print(f'{case["name"]}: {complaint}')
