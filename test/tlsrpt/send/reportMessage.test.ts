/** The message, read by a reader that was written from the RFC alone, and by our own. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { readWhole } from '../../../src/mailfile/readWhole.ts';
import { isBareReport, MAX_MESSAGE, readReports } from '../../../src/tlsrpt/readReport.ts';
import type { Counted } from '../../../src/tlsrpt/send/dayAccount.ts';
import { type Reporter, reportIdOf, reportJson } from '../../../src/tlsrpt/send/reportJson.ts';
import { reportMessage } from '../../../src/tlsrpt/send/reportMessage.ts';
import { root } from '../../root.ts';
import { without } from '../../tools.ts';
import { newFolder } from '../../trace/madeDays.ts';

const READER = fileURLToPath(new URL('test/tlsrpt/rfc8460.py', root));
const DAY = '2026-11-29';
const REPORTER: Reporter = {
  organization: 'Post Office',
  contact: 'tlsrpt@example.org',
  host: 'mx1.example.org',
};
const COUNTED: Counted = {
  policy: {
    type: 'sts',
    domain: 'bank.example',
    strings: ['version: STSv1', 'mode: enforce'],
    mxHosts: ['*.bank.example'],
    server: '',
  },
  successful: 106,
  failed: 14,
  failures: [
    {
      result: 'certificate-expired',
      sessions: 14,
      sendingAddress: '192.0.2.9',
      mxHost: 'mx.bank.example',
      mxHelo: 'mx',
      mxAddress: '192.0.2.1',
      information: 'see alice@bank.example, "bob smith"@x.example\\u{d}\\u{a}',
      reason: '',
    },
  ],
};

function messageOf(
  domain: string,
  more: { reporter?: Reporter; policies?: readonly Counted[] } = {},
): string {
  const reporter = more.reporter ?? REPORTER;
  const json = reportJson(reporter, DAY, domain, more.policies ?? [COUNTED]);
  return reportMessage({
    reporter,
    day: DAY,
    domain,
    to: 'reports@bank.example',
    gzip: gzipSync(JSON.stringify(json)),
    successful: 106,
    failed: 14,
    source: 'Counted from handshakes that Postfix reported on mx1.example.org.',
    tlsOptional: true,
    nowMs: Date.parse('2026-11-30T03:00:00Z'),
  });
}

const LONG = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(40)}.example`;
const MESSAGES: Readonly<Record<string, string>> = {
  plain: messageOf('bank.example'),
  long: messageOf(LONG, { reporter: { ...REPORTER, contact: `x@${LONG.replace('a', 'z')}` } }),
  odd: messageOf('_x-1.xn--bcher-kva.example', {
    reporter: { ...REPORTER, organization: 'B\u00fccher \u2028 GmbH '.repeat(9) },
  }),
  empty: messageOf('bank.example', { policies: [] }),
};

t.test('the reader of another', { skip: without('python3', 'python3') }, async (t) => {
  const folder = newFolder(t);
  for (const [name, message] of Object.entries(MESSAGES)) {
    const file = join(folder, name);
    writeFileSync(file, message);
    const read = JSON.parse(execFileSync('python3', [READER, file], { encoding: 'utf8' })) as {
      wrong: readonly string[];
      report: { policies: readonly object[] };
    };
    t.same(read.wrong, [], name);
    const broken = join(folder, `${name}-broken`);
    writeFileSync(
      broken,
      message.replace('report-type="tlsrpt"', 'report-type="x"').replace('Report Domain', 'Report'),
    );
    const { wrong } = JSON.parse(
      execFileSync('python3', [READER, broken], { encoding: 'utf8' }),
    ) as typeof read;
    t.same(
      wrong,
      ['the subject is as section 5.3 has it', 'report-type=tlsrpt'],
      `${name}: it would say something`,
    );
  }
});

t.test('our own reader', async (t) => {
  const file = join(newFolder(t), 'report.eml');
  writeFileSync(file, MESSAGES.plain!);
  for await (const { headers, bytes } of readWhole(file, { limitBytes: MAX_MESSAGE, isBare: isBareReport })) {
    const [read] = await readReports(headers, bytes, file);
    t.same(read?.quirks, [], 'nothing odd');
    t.match(read, {
      namedDomain: 'bank.example',
      report: {
        organization: 'Post Office',
        contact: 'tlsrpt@example.org',
        id: reportIdOf(REPORTER, DAY, 'bank.example'),
        start: '2026-11-29T00:00:00Z',
        end: '2026-11-29T23:59:59Z',
        policies: [
          { domain: 'bank.example', type: 'sts', successful: 106, failed: 14, mxHosts: ['*.bank.example'] },
        ],
      },
    });
  }
});

t.test('the text', async (t) => {
  const message = MESSAGES.plain!;
  t.match(message, /^From: <tlsrpt@example\.org>$/m);
  t.match(message, /^TLS-Required: No$/m);
  t.match(message, /^Message-ID: <2026-11-29\.[0-9a-f]{16}@tlsward-tlsrpt\.example\.org>$/m);
  t.match(message, /^106 sessions with TLS as it must be, 14 failed\.$/m);
  t.ok(message.split('\n').every((one) => one.length <= 998));
  t.notMatch(
    JSON.stringify(reportJson(REPORTER, DAY, 'bank.example', [COUNTED])),
    /alice|bob/,
    'no local part',
  );
  const other = reportIdOf({ ...REPORTER, host: 'mx2.example.org' }, DAY, 'bank.example');
  t.not(reportIdOf(REPORTER, DAY, 'bank.example'), other, 'two hosts write two reports');
});
