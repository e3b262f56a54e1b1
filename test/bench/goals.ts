/**
 * The goals of the benchmark, and what else it states: the one place where they are.
 *
 * A name is ROW.FIGURE.PEER: `milter-1.cpu.equal` is the CPU time a message in row milter-1, as a ratio to the peer `equal`.
 * Peers: `equal` does the same work in C, `bare` and `floor` do less, the others are programs that sites run. `rate` is
 * messages or requests a second, ours divided by the peer's; `cpu` is CPU time a message, ours divided by the peer's.
 */

/** `at least` and `at most` are judged; `stated` is for information. */
type Limit = 'at least' | 'at most' | 'stated';

export interface Goal {
  /** What is measured, in words. */
  readonly what: string;
  readonly limit: Limit;
  /** NaN when it is only stated. */
  readonly value: number;
  /** '' for a ratio or a count. */
  readonly unit: string;
}

const least = (what: string, value: number, unit = ''): Goal => ({ what, limit: 'at least', value, unit });
const most = (what: string, value: number, unit = ''): Goal => ({ what, limit: 'at most', value, unit });
const stated = (what: string, unit = ''): Goal => ({ what, limit: 'stated', value: Number.NaN, unit });

export const GOALS: Readonly<Record<string, Goal>> = {
  'selfcheck.faults': most('faults that the load generators let through', 0),
  'selfcheck.marks': most('marks of the C peer that differ from ours or do not verify', 0),

  'milter-1.rate.equal': least('rate, of a C filter that does the same work', 2),
  'milter-1.cpu.equal': most('CPU, of a C filter that does the same work', 0.5),
  'milter-1.rate.bare': least('rate, of a C filter that does less', 1.1),
  'milter-1.cpu.bare': most('CPU, of a C filter that does less', 0.95),
  'milter-1.rate.python': stated('rate, of the same work in python3-milter'),
  'milter-1.cpu.python': stated('CPU, of the same work in python3-milter'),
  'milter-100.rate.equal': least('rate, of a C filter that does the same work', 3),
  'milter-100.cpu.equal': most('CPU, of a C filter that does the same work', 0.33),
  'milter-100.rate.bare': least('rate, of a C filter that does less', 1.2),
  'milter-100.cpu.bare': most('CPU, of a C filter that does less', 0.85),
  'milter-100.rate.python': stated('rate, of the same work in python3-milter'),
  'milter-100.cpu.python': stated('CPU, of the same work in python3-milter'),
  'milter-many.rate.equal': least('rate, of a C filter that does the same work', 2.8),
  'milter-many.cpu.equal': stated('CPU, of a C filter that does the same work'),
  'milter-many.p999.equal': most('p99.9, of a C filter that does the same work', 0.25),
  'milter-every.rate.bare': least('rate, of a C filter that takes every event and does less', 2),
  'milter-every.cpu.bare': stated('CPU, of a C filter that takes every event and does less'),
  'milter-body.rate.bare': least('rate, of a C filter that takes every event and does less', 2),
  'milter-body.cpu.bare': stated('CPU, of a C filter that takes every event and does less'),
  'recipients.cpu.equal': most('CPU of each further recipient, of a C filter that does the same work', 0.4),

  'policy.rate.equal': least('rate, of a C responder that does the same work', 0.6),
  'policy.cpu.equal': stated('CPU, of a C responder that does the same work'),
  'policy.rate.floor': least('rate, of a C responder that only frames', 0.4),
  'policy.cpu.floor': most('CPU, of a C responder that only frames', 3.5),
  'policy.rate.postgrey': least('rate, of postgrey with a client on its list', 8),
  'policy.cpu.postgrey': stated('CPU, of postgrey with a client on its list'),
  'socketmap.rate.equal': least('rate, of a C responder that does the same work', 0.6),
  'socketmap.cpu.equal': stated('CPU, of a C responder that does the same work'),
  'socketmap.rate.floor': least('rate, of a C responder that only frames', 0.45),
  'socketmap.cpu.floor': most('CPU, of a C responder that only frames', 2.8),
  'socketmap.rate.mta-sts': least('rate, of postfix-mta-sts-resolver with a full cache', 5),
  'socketmap.cpu.mta-sts': stated('CPU, of postfix-mta-sts-resolver with a full cache'),

  'postfix.policy.reused': least('rate with policy, of no check; sessions reused', 0.92),
  'postfix.policy.single': least('rate with policy, of no check; a session a message', 0.85),
  'postfix.milter.reused': least('rate with milter, of no check; sessions reused', 0.75),
  'postfix.milter.single': least('rate with milter, of no check; a session a message', 0.66),
  'postfix.ahead.reused': least('rate with milter, of the bare C filter; sessions reused', 1),
  'postfix.ahead.single': least('rate with milter, of the bare C filter; a session a message', 1),

  'million.start': most('time to listening', 1000, ' ms'),
  'million.reload': most('reload in force, the slowest', 900, ' ms'),
  'million.late.signal': most('answers later than 10 ms, 2,000 requests/s, reloads by signal', 0),
  'million.late.command': most('answers later than 10 ms, 2,000 requests/s, reloads by command', 0),
  'million.late.quiet': stated('answers later than 10 ms in the same time without a reload'),
  'million.peak': most('RSS at its peak while a table is read again', 250, ' MiB'),
  'million.after': most('RSS, 5 s after the last reload', 110, ' MiB'),

  'evidence.cpu': most('CPU a message with evidence, of that without', 1.08),
  'start.serve': most('serve until it listens, of `node -e 0`', 2.2),
  'start.status': most('`tlsward status`, of `node -e 0`', 1.6),
  'memory.sample': most('RSS, sample table', 62, ' MiB'),
  'memory.busy': most('RSS, sample table, busy', 95, ' MiB'),
  'memory.idle': most('RSS, sample table, 10,000 idle sessions', 100, ' MiB'),
  'flat.growth': most('growth of RSS from the second to the last quarter of two minutes', 5, ' MiB'),

  'record.main': most('a record, main thread', 4, ' us'),
  'record.all': most('a record, all threads', 12, ' us'),
  'record.rate': least('records a second, one writer', 20_000),
  'record.bytes': stated('bytes a record'),
  'collect.rate': least('lines a CPU second, with start and end', 50_000),
  'collect.python': stated('rate, of a Python script in one pass'),
};

/** The goal called `name`; throws for a name that is not in the table. */
export function goalOf(name: string): Goal {
  const goal = GOALS[name];
  if (goal === undefined) throw new Error(`${name} is not in the table of goals (goals.ts)`);
  return goal;
}

/** `>= 2`, `<= 900 ms`, '' when it is only stated. */
export function goalText({ limit, value, unit }: Goal): string {
  return limit === 'stated' ? '' : `${limit === 'at least' ? '>=' : '<='} ${value}${unit}`;
}

/** Whether a figure meets a goal; null when it is only stated. A figure that is not a number meets none. */
export function meets({ limit, value }: Goal, measured: number): boolean | null {
  if (limit === 'stated') return null;
  return limit === 'at least' ? measured >= value : measured <= value;
}
