/**
 * A line of the log for a person: what happened, in one line, out of the fields of the JSON line.
 *
 *   2026-11-29T13:04:05.123Z reject alice@gov.example -> bob@example.org from 192.0.2.1, no TLS, row gov.example: 530 5.7.0 ...
 *   2026-11-29T13:04:09.001Z warn conn.limit: limit reached; connection closed; protocol=policy limit=max-connections
 *
 * The fields may come from any file, so all that is shown is printable ASCII, and a line has a bound. Names
 * of fields are in contrib/doc/log.md.
 */
import { escapeLine } from '../core/escape.ts';
import { listed } from './listed.ts';

export type Fields = Readonly<Record<string, unknown>>;

interface ReadableLine {
  readonly text: string;
  /** How bad it is, for a colour: mail was refused, mail waits or is held or only would be, nothing. */
  readonly tone: 'bad' | 'warn' | 'good' | 'none';
}

/** Characters of one line. */
const MAX_LINE = 2000;
/** The same for one field that is not part of a sentence. */
const MAX_FIELD = 300;
const MAX_NAMES = 5;
/** Of pino. */
const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};
const WARN = 40;
const ERROR = 50;
/** Fields that have their place in every line. */
const PLACED = new Set(['level', 'time', 'event', 'msg']);

/** One line without its line end; `time`: begins with the time. */
export function readableLine(fields: Fields, time: boolean): ReadableLine {
  const { event } = fields;
  const when = time && typeof fields.time === 'string' ? `${fields.time} ` : '';
  const { text, tone } = event === 'tx.verdict' ? verdict(fields) : other(fields);
  return { text: escapeLine(`${when}${text}`, MAX_LINE), tone };
}

function verdict(fields: Fields): ReadableLine {
  const action = word(fields.action);
  const would = word(fields.would);
  const said = would !== '' ? `${action} (would ${would})` : action;
  const sender = word(fields.sender) || '<>';
  const about = [
    word(fields.client) === '' ? '' : `from ${word(fields.client)}`,
    word(fields.tls),
    word(fields.row) === '' ? 'no row' : `row ${word(fields.row)}`,
    fields.rule === undefined ? '' : `rule ${word(fields.rule)}: ${word(fields.route)}`,
  ].filter((part) => part !== '');
  const reply = word(fields.reply);
  const end = reply === '' ? ` [${word(fields.code)}]` : `: ${reply}`;
  const text = `${said} ${sender} -> ${names(fields.recipients)} ${about.join(', ')}${end}`;
  if (action === 'reject') return { text, tone: 'bad' };
  return { text, tone: action === 'accept' && would === '' ? 'good' : 'warn' };
}

function other(fields: Fields): ReadableLine {
  const level = typeof fields.level === 'number' ? fields.level : 0;
  const rest = Object.entries(fields)
    .filter(([name, value]) => !PLACED.has(name) && value !== null && value !== undefined)
    .map(([name, value]) => `${name}=${shown(value)}`);
  const head = `${LEVELS[level] ?? 'line'} ${word(fields.event)}: ${word(fields.msg)}`;
  const text = rest.length === 0 ? head : `${head}; ${rest.join(' ')}`;
  return { text, tone: level >= ERROR ? 'bad' : level >= WARN ? 'warn' : 'none' };
}

function word(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** The first recipients, and how many there are besides. */
function names(value: unknown): string {
  if (!Array.isArray(value)) return word(value);
  return listed(value.slice(0, MAX_NAMES).map(word), MAX_NAMES, value.length).join(', ');
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  const cut = text.length > MAX_FIELD ? `${text.slice(0, MAX_FIELD)}...` : text;
  return /[ ="]/.test(cut) ? JSON.stringify(cut) : cut;
}
