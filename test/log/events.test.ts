/** Every event of the log with its levels and fields, as contrib/doc/log-fields.md lists them, and nothing else. */
import { readFileSync } from 'node:fs';
import { test } from 'tap';
import type { TlsState } from '../../src/core/tls.ts';
import { Log } from '../../src/log/log.ts';
import type { VerdictRecord } from '../../src/log/verdictFields.ts';
import { decide } from '../../src/receive/decide.ts';
import { replyFor } from '../../src/receive/smtpReply.ts';
import { GOOD, tableOf, transaction } from '../core/buildTables.ts';
import { root } from '../root.ts';

const text = (file: string): string => readFileSync(new URL(file, root), 'utf8');
const LEVELS: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error' };
/** In every line. */
const COMMON = ['level', 'time', 'event', 'msg'];

type Methods = Exclude<keyof Log, 'setLevel' | 'setFormat' | 'flush' | 'output'>;

const certificate = { kind: 'trusted', commonName: 'mx', issuer: 'CA', fingerprints: [] } as const;
const row = {
  pattern: 'a.example',
  settings: tableOf([['a.example', {}]]).row(0).settings,
  at: { file: 'f', line: 1 },
};
const trouble = { domain: 'a.example', id: '1', failure: 'sts-policy-fetch-error', why: 'x' } as const;

/** A verdict by a row that asks for TLS with these settings. */
function record(settings: object, tls: TlsState, some: Partial<VerdictRecord> = {}): VerdictRecord {
  const table = tableOf([['a.example', { receive: 'encrypt', ...settings }]]);
  const tx = { ...transaction('b@a.example', ['c@d.example'], tls), queueId: 'Q', saslUsername: 'u' };
  const verdict = decide(tx, table, { trustedClients: [] });
  const reply =
    verdict.action === 'reject' ? replyFor(verdict.decisive!, 'reject', verdict.tls, 'AAAAAAAA') : null;
  return {
    code: 'AAAAAAAA',
    timeMs: 0,
    transaction: tx,
    verdict,
    reply,
    generation: 1,
    tableHash: '0'.repeat(64),
    conn: 1,
    notes: ['n'],
    ...some,
  };
}

/** Each function of the log, with all that it may be given. */
const CALLS: Readonly<Record<Methods, (log: Log) => void>> = {
  serviceStart: (log) => log.serviceStart('1', '22', 'f'),
  serviceFailed: (log) => log.serviceFailed('w', ['p']),
  listenerOpen: (log) => log.listenerOpen('policy', 'a'),
  listenerTrouble: (log) => log.listenerTrouble('policy', 'a', 'x'),
  handlesUnusable: (log) => log.handlesUnusable('22'),
  filesLow: (log) => log.filesLow(1, 2, 3),
  filesExhausted: (log) => log.filesExhausted('EMFILE', 1, 2),
  serviceStop: (log) => log.serviceStop('SIGTERM', 1),
  serviceEnd: (log) => log.serviceEnd(0),
  connOpen: (log) => log.connOpen('policy', 1, 'p'),
  connClose: (log) => log.connClose('policy', 1, 'p'),
  httpRequest: (log) => log.httpRequest(1, 'p', 'GET', '/', 200),
  httpReport: (log) => log.httpReport(1, 2),
  httpReportFailed: (log) => log.httpReportFailed(1, 'w'),
  wireError: (log) => log.wireError('policy', 1, 'p', 'policy-nul', 0, 'g'),
  limit: (log) => log.limit('policy', 1, 'p', 'l', 1, 2),
  socketError: (log) => log.socketError('policy', 1, 'p', new Error('x')),
  bug: (log) => log.bug('w', new Error('x')),
  loopDelay: (log) => log.loopDelay(100, { protocol: 'policy', conn: 1, peer: 'p' }, 0),
  verdict(log) {
    const route = { rules: ['r'], ways: ['encrypt'], outcome: 'routed' };
    log.verdict(record({}, { ...GOOD, certificate }, { route }));
    log.verdict(record({ violation: 'reject' }, { kind: 'plain' }));
    log.verdict(record({ violation: 'tag' }, { kind: 'plain' }));
    log.verdict(record({ mode: 'observe' }, { kind: 'plain' }));
    const tx = { ...transaction('b@a.example', ['c@d.example'], GOOD), arrival: 'local' } as const;
    const verdict = decide(tx, tableOf([]), { trustedClients: [] });
    log.verdict({ ...record({}, GOOD), verdict });
  },
  mapAnswer(log) {
    for (const failed of [true, false])
      log.mapAnswer({ conn: 1, map: 'm', key: 'k', reply: 'r', row }, failed);
  },
  stsPolicy: (log) => log.stsPolicy('a.example', '1', 'enforce', 0),
  stsFailed(log) {
    for (const mode of ['none', 'enforce'] as const) log.stsFailed({ ...trouble, mode });
  },
  stsExpired(log) {
    for (const mode of ['none', 'enforce'] as const) log.stsExpired({ ...trouble, mode });
  },
  stsPatterns(log) {
    const about = { domain: 'a.example', id: '1', mode: 'enforce', patterns: ['x'], count: 1 } as const;
    for (const left of [0, 1]) log.stsPatterns({ ...about, left });
  },
  stsCache: (log) => log.stsCache('f', 'x'),
  daneOff: (log) => log.daneOff('x'),
  daneUntested: (log) => log.daneUntested('x'),
  daneOn: (log) => log.daneOn(),
  configLoaded: (log) => log.configLoaded({ config: 'f', generation: 1, hash: 'h', rows: 1, ms: 1 }),
  configRejected: (log) => log.configRejected('f', ['x']),
  configNotice: (log) => log.configNotice('n'),
  tlsNeverSeen: (log) => log.tlsNeverSeen(50),
  postfixWarning: (log) => log.postfixWarning('w'),
  rowOverdue: (log) => log.rowOverdue('w', 'f:1', '2026-01-01', 1, 'r'),
  configChanged: (log) => log.configChanged(1, 1, 1, ['l']),
  listenersUnchanged: (log) => log.listenersUnchanged(['policy']),
  degraded: (log) => log.degraded(1, 'w'),
  evidenceTrouble: (log) => log.evidenceTrouble('d', 'w', 'defer'),
  evidenceWell: (log) => log.evidenceWell('d'),
  evidenceHead: (log) => log.evidenceHead('2026-11-30', 'n'),
  selfCheckFailed: (log) => log.selfCheckFailed('w'),
  notifyFailed: (log) => log.notifyFailed('w'),
  alarmsStart: (log) => log.alarmsStart('1', '22', 'f'),
  alarmsTrouble: (log) => log.alarmsTrouble('state', 'w'),
  alarm(log) {
    const facts = {
      kind: 'k',
      subject: 's',
      summary: 's',
      since: 't',
      count: 1,
      domains: ['d'],
      advice: ['a'],
    };
    for (const severity of ['critical', 'warning'] as const)
      for (const state of ['firing', 'resolved'] as const) log.alarm({ ...facts, severity, state });
  },
  noticesStart: (log) => log.noticesStart('1', '22', 'f'),
  noticesTrouble(log) {
    for (const why of ['w', '']) log.noticesTrouble('queue', why);
  },
  noticesLeftOut: (log) => log.noticesLeftOut({ foreign: 1, machine: 2, unreadable: 3, beyond: 4 }),
  noticeSent: (log) =>
    log.noticeSent({ kind: 'waiting', domain: 'd', messages: 1, queueIds: ['Q'], unsure: false }),
  noticeRefused: (log) =>
    log.noticeRefused({ kind: 'waiting', domain: 'd', messages: 1, why: 'w', givenUp: true }),
  alarmUntold: (log) => log.alarmUntold('mail', 'k', 's', 'w'),
  evidenceHeadKept: (log) => log.evidenceHeadKept('2026-11-30', 't', 'w'),
};

/** Event to its levels and fields, each sorted. */
type Events = Record<string, { readonly levels: readonly string[]; readonly fields: readonly string[] }>;

function eventsOfCode(): Events {
  const seen = new Map<string, { levels: Set<string>; fields: Set<string> }>();
  const note = (line: Record<string, unknown>): void => {
    const entry = seen.get(String(line.event)) ?? { levels: new Set(), fields: new Set() };
    entry.levels.add(LEVELS[Number(line.level)] ?? '?');
    for (const name of Object.keys(line)) if (!COMMON.includes(name)) entry.fields.add(name);
    seen.set(String(line.event), entry);
  };
  const log = new Log('debug', { write: (line: string) => note(JSON.parse(line)) });
  for (const call of Object.values(CALLS)) call(log);
  // the one line that does not pass through pino
  const written = /\{ level: 40, time, event: '(log\.dropped)', (lines), msg/.exec(
    text('src/log/lineWriter.ts'),
  );
  if (written !== null) note({ level: 40, event: written[1], [written[2]!]: 1 });
  return sorted([...seen].map(([event, { levels, fields }]) => [event, [...levels], [...fields]]));
}

function sorted(entries: readonly (readonly [string, readonly string[], readonly string[]])[]): Events {
  const byName = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    byName.map(([event, levels, fields]) => [
      event,
      { levels: [...levels].sort(), fields: [...fields].sort() },
    ]),
  );
}

/** Rows of the table whose first cell is a name in backquotes, cells split at `|`. */
function rowsOf(section: string): string[][] {
  return [...section.matchAll(/^\| (`.*) \|$/gm)].map((match) => match[1]!.split(' | '));
}

const names = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);

test('every event has the levels and fields of the list', async (t) => {
  const [events = '', fields = ''] = text('contrib/doc/log-fields.md').split('\n## Fields\n');
  const listed = sorted(
    rowsOf(events).map(([event = '', levels = '', own = '']) => [
      names(event)[0] ?? '',
      levels.split(', '),
      names(own),
    ]),
  );
  const code = eventsOfCode();
  t.strictSame(listed, code);
  const described = rowsOf(fields).flatMap(([name = '']) => names(name));
  const used = [...new Set([...COMMON, ...Object.values(code).flatMap(({ fields: own }) => own)])].sort();
  t.strictSame([...described].sort(), used, 'each field is described once');
});
