/** The tables of the text, one for each part of a report behind the shares. Pure. */
import { type Column, type Row, tableLines, wrap } from './columns.ts';
import { arrow } from './findingsExposed.ts';
import type { Report, Way } from './report.ts';
import { counted, LEVEL_WORDS, listWords, minute, number, percent, shortDay } from './words.ts';

/** Rows of a table that are shown. */
const MAX_ROWS = 20;

const WORDS: Readonly<Record<Way, string>> = { in: 'in', out: 'out' };

interface Table {
  readonly title: string;
  readonly says: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  /** Under the table. */
  readonly foot?: string;
  /** In place of a table without rows; left out, the part is. */
  readonly none?: string;
}

/** All parts that have something to say. */
export function partLines(report: Report): string[] {
  const parts = [partners, causes, plain, ready, weak, exceptions, gaps];
  return parts.flatMap((part) => tableText(part(report)));
}

function tableText({ title, says, columns, rows, foot = '', none = '' }: Table): string[] {
  if (rows.length === 0) return none === '' ? [] : [title, '', ...wrap(none), ''];
  const more = rows.length - MAX_ROWS;
  return [
    title,
    '',
    ...wrap(says),
    '',
    ...tableLines(columns, more > 0 ? rows.slice(0, MAX_ROWS) : rows),
    ...(more > 0 ? [`and ${counted(more, 'more row')}: --format csv has all`] : []),
    ...(foot === '' ? [] : ['', ...wrap(foot)]),
    '',
  ];
}

const left = (title: string): Column => ({ title });
const right = (title: string): Column => ({ title, right: true });

function partners({ partners: all }: Report): Table {
  const messages = all.reduce((total, one) => total + one.messages, 0);
  const kept = all.reduce((total, one) => total + one.kept, 0);
  const observed = all.some((one) => one.observed);
  return {
    title: 'PARTNERS WITH REQUIRED TLS',
    says: `${percent(kept, messages)} of ${counted(messages, 'message')} under a row that requires TLS met it. Messages = kept + let pass (travelled below the level, or it cannot be told) + refused by us + failed to arrive.`,
    columns: [
      left('Partner'),
      left('Way'),
      left('Level'),
      right('Messages'),
      right('Kept'),
      right('Let pass'),
      right('Refused'),
      right('Failed'),
    ],
    rows: all.map((one) => ({
      cells: [
        one.domain,
        WORDS[one.way],
        `${one.level}${one.observed ? '*' : ''}`,
        ...[one.messages, one.kept, one.passed, one.refused, one.failed].map(number),
      ],
    })),
    foot: observed ? '* The row only observes: nothing is refused.' : '',
    none: 'No message met a row that requires TLS.',
  };
}

function causes({ causes: all }: Report): Table {
  const total = all.reduce((sum, { messages }) => sum + messages, 0);
  return {
    title: 'WHY MESSAGES WERE NOT KEPT',
    says: `${counted(total, 'message')}, by cause. \`tlsward trace EXAMPLE\` shows one of them.`,
    columns: [
      left('Partner'),
      left('Way'),
      left('Outcome'),
      right('Messages'),
      left('Seen'),
      left('Example'),
    ],
    rows: all.map((one) => ({
      cells: [
        one.domain,
        WORDS[one.way],
        one.outcome,
        number(one.messages),
        one.first.slice(0, 10) === one.last.slice(0, 10)
          ? shortDay(one.last)
          : `${shortDay(one.first)} - ${shortDay(one.last)}`,
        one.example,
      ],
      below: one.cause,
    })),
  };
}

function plain({ plain: all }: Report): Table {
  const total = all.reduce((sum, one) => sum + one.in + one.out, 0);
  return {
    title: 'PLAINTEXT STILL IN USE',
    says: `${counted(total, 'message')} with ${counted(all.length, 'domain')} that anyone on the way could read, the most first. The share is that of the domain's own mail, both ways together.`,
    columns: [left('Domain'), right('In'), right('Out'), right('Share'), left('Last seen'), left('Row')],
    rows: all.map((one) => ({
      cells: [
        one.domain,
        number(one.in),
        number(one.out),
        percent(one.share * 1e6, 1e6),
        shortDay(one.last),
        one.row === '' ? 'none' : one.row,
      ],
    })),
  };
}

function ready({ ready: all, readyLeast }: Report): Table {
  return {
    title: 'ALWAYS ON TLS, NOT YET REQUIRED',
    says: `At least ${counted(readyLeast, 'message')}, and none in plaintext, under an older TLS or unknown. Requiring what already happens costs nothing, and nobody on the way can switch it off unseen. \`tlsward suggest\` has the rows.`,
    columns: [
      left('Domain'),
      right('In'),
      right('Out'),
      left('Weakest'),
      left('receive ='),
      left('deliver ='),
    ],
    rows: all.map((one) => ({
      cells: [
        one.domain,
        number(one.in),
        number(one.out),
        LEVEL_WORDS[one.weakest],
        one.receive,
        one.deliver,
      ],
    })),
  };
}

function weak({ weak: all }: Report): Table {
  return {
    title: 'WEAK PROTOCOLS AND CIPHERS',
    says: 'Encrypted, but by what is broken or ageing. TLS 1.0 and 1.1 are "older TLS" in the shares, and not protected.',
    columns: [left('Protocol'), left('Cipher'), right('In'), right('Out')],
    rows: all.map((one) => ({
      cells: [one.protocol, one.cipher, number(one.in), number(one.out)],
      below: `${one.why}; ${listWords(one.domains, 4)}${
        one.otherDomains > 0 ? ` and ${counted(one.otherDomains, 'other domain')}` : ''
      }`,
    })),
  };
}

function exceptions({ exceptions: all }: Report): Table {
  return {
    title: 'EXCEPTIONS',
    says: 'Times in which the table asks for less. After its last day an exception stays in force, because mail must not stop on a Sunday, and is overdue.',
    columns: [left('Pattern'), left('State'), left('Last day'), right('Let pass')],
    rows: all.map((one) => ({
      cells: [one.pattern, one.state, one.until, number(one.passed)],
      below: [one.changes.map(arrow).join(', '), one.reason, one.at].filter((text) => text !== '').join('; '),
    })),
  };
}

function gaps({ gaps: all }: Report): Table {
  return {
    title: 'GAPS IN THE RECORDS',
    says: 'What happened in these times is in no figure above, or may be missing.',
    columns: [left('From'), left('To'), right('Records'), left('Where')],
    rows: all.map((one) => ({
      cells: [
        minute(one.from),
        minute(one.to),
        one.count === null ? 'not known' : number(one.count),
        one.where,
      ],
      below: one.why,
    })),
    none: 'No gap in the records is known.',
  };
}
