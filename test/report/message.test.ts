/** The message: two parts that decode to text and page, ASCII lines that no server must change, and no answer to it. */
import { test } from 'tap';
import { reportMessage } from '../../src/report/message.ts';
import type { Report, WayShare } from '../../src/report/report.ts';
import { sampleReport } from './page/fixture.ts';

function decoded(part: string): string {
  const [head = '', ...rest] = part.split('\n\n');
  const body = rest.join('\n\n');
  if (/base64/.test(head)) return Buffer.from(body, 'base64').toString();
  const bytes = body
    .replace(/=\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

test('text and page come out as they went in', async (t) => {
  const report = sampleReport();
  const text = `.\nFrom here\n\u2014 100 = 100 % \nlong ${'word '.repeat(60)}\n${'x'.repeat(300)}\n\nend\n`;
  const page = '<!DOCTYPE html>\n<p>\u00fc</p>\n';
  const message = reportMessage(report, {
    to: 'postmaster@example.org',
    host: 'mx1.example.org',
    text,
    page,
  });
  for (const line of message.split('\n')) t.match(line, /^[\x20-\x7e]{0,120}$/);
  const end = message.indexOf('\n\n');
  const head = message.slice(0, end);
  t.match(head, /^To: <postmaster@example\.org>$/m);
  t.match(head, /^Auto-Submitted: auto-generated$/m);
  t.match(head, /^Date: Sun, 29 Nov 2026 06:00:12 \+0000$/m);
  t.match(head, /^Subject: mail protection of mx1\.example\.org, 30 Oct to 28 Nov 2026: [0-9]+ findings$/m);
  const boundary = /boundary="([^"]+)"/.exec(head)?.[1] ?? '';
  const [, first = '', second = '', last = ''] = message.slice(end).split(`\n--${boundary}`);
  t.equal(decoded(first.slice(1)), text.replace(/\n$/, ''));
  t.equal(decoded(second.slice(1)), page);
  t.match(second, 'attachment; filename="tlsward-2026-10-30-2026-11-28.html"');
  t.equal(last, '--\n');
  t.notMatch(first, /^\.$|^From /m, 'lines that servers change');
});

test('the subject says nothing good of what is not known', async (t) => {
  const sample = sampleReport();
  const none = { tls13: 9, tls12: 0, older: 0, plain: 0, unknown: 0 };
  const way = (some: Partial<WayShare> = {}): WayShare => ({
    ...sample.share.in,
    travelled: none,
    refused: 0,
    failed: 0,
    ...some,
  });
  const subject = (report: Partial<Report>): string => {
    const message = reportMessage(
      { ...sample, findings: [], ...report },
      { to: 'a@example.org', host: 'mx.example.org', text: '', page: '' },
    );
    return /^Subject: .*2026: (.*)$/m.exec(message)?.[1] ?? '';
  };
  t.equal(subject({ share: { in: way(), out: way() } }), 'nothing lost or exposed is recorded');
  const silent = way({ recordedDays: 0, travelled: { ...none, tls13: 0 } });
  t.equal(subject({ share: { in: silent, out: silent } }), 'nothing is known');
  t.equal(
    subject({ share: { in: way(), out: silent } }),
    'nothing lost or exposed is recorded, inbound mail only',
  );
  t.equal(
    subject({ way: 'in', share: { in: way(), out: silent } }),
    'nothing lost or exposed is recorded',
    'that was asked for',
  );
  for (const bad of [{ failed: 1 }, { refused: 1 }, { travelled: { ...none, plain: 1 } }])
    t.equal(
      subject({ share: { in: way(bad), out: way() } }),
      'mail put off, lost or exposed',
      'of rare domains',
    );
});
