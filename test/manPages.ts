/**
 * The manual pages of contrib/man, made from what the program itself is made from: the table of commands, the table of
 * keys, and the tables of events in contrib/doc. test/manPages.test.ts compares the files with it.
 *
 *   node build/test/manPages.js        writes them, and contrib/evidence/record.schema.json
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { Command } from '../src/cli/commandEntry.ts';
import { COMMANDS } from '../src/cli/commands.ts';
import { COMMON, type Operand, type Option } from '../src/cli/options.ts';
import { KEYS } from '../src/config/keys/keys.ts';
import { COMMON_FIELDS, RECORD_TYPES, recordSchema } from '../src/evidence/recordSchema.ts';
import { page as manualPage } from './manual.ts';
import { bold, code, fill, item, lines, literal, paragraph, section, subsection, title } from './roff.ts';
import { root } from './root.ts';

const text = (path: string): string => readFileSync(new URL(path, root), 'utf8');

/** `2026-11-29`: the day of the newest entry of the changelog. */
function released(): string {
  const found = /^ -- .*> {2}(.*)$/m.exec(text('contrib/debian/changelog'))?.[1] ?? '';
  return new Date(found).toISOString().slice(0, 10);
}

function head(name: string, volume: number, summary: string): string {
  const { version } = JSON.parse(text('package.json')) as { version: string };
  return title(name, volume, released(), `tlsward ${version}`, summary);
}

const SEE = (...pages: readonly string[]): string =>
  section('SEE ALSO', `${pages.map((one) => `.BR ${one.replace('(', ' (')}`).join(' ,\n')}\n`);

/** As a sentence begins. */
function capital(words: string): string {
  return `${words[0]!.toUpperCase()}${words.slice(1)}`;
}

function optionItem({ flag, argument, meaning, several, example, default: standard = '' }: Option): string {
  const more = [
    several === true && !meaning.includes('more than once') ? '; may be given more than once' : '',
    standard === '' ? '' : ` (without it: ${standard})`,
  ].join('');
  const typed = example === undefined ? '' : `\n.br\nExample: ${code(example)}`;
  return item(
    argument === undefined ? bold(flag) : `${bold(flag)} ${lines(argument)}`,
    `${fill(`${capital(meaning)}${more}.`)}${typed}`,
  );
}

function operandItem({ name, optional, several, meaning }: Operand): string {
  const notes = [optional === true ? 'optional' : '', several === true ? 'one or more' : ''].filter(Boolean);
  return item(lines(name), fill(`${capital(meaning)}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}.`));
}

function commandText(name: string, { summary, usage, operands, options, examples, exit }: Command): string {
  return [
    subsection(`tlsward ${name}`),
    paragraph(`${capital(summary)}.`),
    ...usage.map((form) => `.PP\n${code(`tlsward ${name} ${form}`.trimEnd())}\n`),
    ...operands.map(operandItem),
    ...options.map(optionItem),
    ...examples.map(({ line, meaning }) => `.PP\nExample, ${lines(meaning)}:\n${literal(line)}`),
    '.PP\nExit status:\n',
    ...Object.entries({ ...exit, 64: 'wrong arguments' }).map(([status, means]) =>
      item(status, fill(`${capital(means)}.`)),
    ),
  ].join('');
}

/** A section of json.md: its heading, a sentence, and the table of fields. */
function jsonText(part: string): string {
  const [heading = '', , sentence = ''] = part.split('\n');
  const fields = [...part.matchAll(/^\| (`[^|]*`) \| ([^|]+) \| (.*) \|$/gm)];
  return [
    subsection(heading),
    paragraph(sentence),
    ...fields.map(([, names = '', there = '', is = '']) =>
      item(lines(names), fill(`${capital(is)}${there === 'always' ? '' : ` (${there})`}.`)),
    ),
  ].join('');
}

/** tlsward(1): the commands. */
function commandsPage(): string {
  return [
    head('tlsward', 1, 'TLS requirements per mail domain for Postfix and Sendmail'),
    section(
      'SYNOPSIS',
      `${bold('tlsward')} ${lines('COMMAND [--config FILE | --sample] [--json] [OPTION ...]')}\n`,
    ),
    section('DESCRIPTION'),
    paragraph(
      'One table says, for every mail domain, how the connections that carry its mail must be protected by TLS. `tlsward serve` is the daemon that Postfix and Sendmail ask, see tlsward(8); the other commands check the table, say what it would decide, and ask the daemon. `--version` prints the version, `--help` or `help` the list of commands, and `help COMMAND` or `COMMAND --help` what a command takes, on standard output with exit status 0.',
    ),
    section('OPTIONS OF EVERY COMMAND', COMMON.map(optionItem).join('')),
    section(
      'COMMANDS',
      Object.entries(COMMANDS)
        .map(([name, command]) => commandText(name, command))
        .join(''),
    ),
    section('JSON'),
    paragraph(
      'What the commands that explain and look up print with `--json` when they have an answer. `rows[].pattern` is the field `pattern` of each element of the list `rows`; a mistake is an object with `ok` false and `error` or `problems`. Fields can be added.',
    ),
    ...manualPage('contrib/doc/json.md').split(/^## /m).slice(1).map(jsonText),
    section('EXIT STATUS'),
    paragraph('Each command says above what its exit statuses mean. Over all commands:'),
    ...EXIT.map(([status, means]) => item(status, fill(means))),
    section('ENVIRONMENT'),
    item(bold('TLSWARD_CONFIG'), fill('The configuration, where `--config` does not name one.')),
    item(bold('NO_COLOR'), fill('When it is not empty, nothing is coloured.')),
    FILES,
    SEE('tlsward(8)', 'tlsward.ini(5)', 'tlsward-log(5)', 'postconf(5)', 'access(5)'),
  ].join('');
}

const EXIT = [
  ['0', 'Yes: fine, accepted, done.'],
  ['1', 'The policy says no, or something needs attention.'],
  ['64', 'Wrong arguments.'],
  ['65', 'The data cannot be read.'],
  ['69', 'The daemon does not answer.'],
  ['71', 'The system does not give what is needed: files that may be open, or a Node.js that is new enough.'],
  ['73', 'A file cannot be written.'],
  ['75', 'Cannot tell, or mail waits.'],
  ['78', 'The configuration is missing or has mistakes.'],
] as const;

const FILES = [
  section('FILES'),
  item(lines('/etc/tlsward/tlsward.ini'), fill('The configuration.')),
  item(lines('/etc/tlsward/domains.d'), fill('Tables that it includes.')),
  item(lines('/var/spool/postfix/tlsward'), fill('The sockets that Postfix uses.')),
  item(lines('/run/tlsward/control.sock'), fill('The control socket, for commands that ask the daemon.')),
  item(lines('/var/lib/tlsward'), fill('What the daemon keeps: keys, evidence and what domains publish.')),
].join('');

/** tlsward(8): the daemon. */
function daemonPage(): string {
  return [
    head('tlsward', 8, 'the daemon that Postfix and Sendmail ask'),
    section('SYNOPSIS', `${bold('tlsward serve')} ${lines('[--config FILE | --sample]')}\n`),
    section('DESCRIPTION'),
    ...DAEMON.map(paragraph),
    section('SIGNALS'),
    item(
      bold('SIGTERM'),
      fill(
        'No connection is taken any more; transactions in flight are answered, for `shutdown-timeout` seconds at most; then it ends with status 0. So does SIGINT.',
      ),
    ),
    item(
      bold('SIGHUP'),
      fill(
        'Reads the configuration again. With mistakes in it the old table stays in force. `tlsward reload` does the same and says what changed.',
      ),
    ),
    section('UNITS'),
    item(
      bold('tlsward.service'),
      fill(
        'The daemon, as its own user and confined. `systemctl reload` fails when the new table has mistakes. Settings of your own go into a drop-in.',
      ),
    ),
    item(
      `${bold('tlsward-policy.socket')}, ${bold('tlsward-milter.socket')}, ${bold('tlsward-socketmap.socket')}`,
      fill(
        'The sockets for Postfix, which the service pulls in. They stay open through a restart, so Postfix waits and is not refused. They also start a service that was stopped; to keep it down, stop them with it.',
      ),
    ),
    item(
      bold('tlsward-published.conf'),
      fill(
        'A drop-in for rows with `deliver = auto`: lets the daemon reach DNS and the hosts of MTA-STS policies.',
      ),
    ),
    FILES,
    section(
      'EXIT STATUS',
      Object.entries(COMMANDS.serve.exit)
        .map(([status, means]) => item(status, fill(`${capital(means)}.`)))
        .join(''),
    ),
    SEE('tlsward(1)', 'tlsward.ini(5)', 'tlsward-log(5)', 'smtpd(8)', 'systemd.service(5)'),
  ].join('');
}

const DAEMON = [
  '`tlsward serve` runs in the foreground, writes its log to standard output, and answers on three kinds of sockets. Policy delegation (`policy-listen`) judges each recipient of mail that arrives at Postfix. The milter (`milter-listen`) judges recipients and messages of Postfix or Sendmail, and adds the mark and banners. The socketmap (`socketmap-listen`) answers how mail to a next hop must leave, as a table of `smtp_tls_policy_maps`. The control socket is for the commands of tlsward(1).',
  'While the daemon is down, slow or wrong, mail waits: it is never refused for good and never let through unjudged, as long as the MTA is configured as contrib/postfix and contrib/sendmail show. Never use `milter_default_action = accept` or `default_action = DUNNO`.',
  'A unix socket that systemd hands over serves in place of the same path in the configuration; what the configuration names besides is opened as well.',
  'It needs Node.js 18.19 or later, and ends with a sentence and status 71 on an older one.',
];

const SECTIONS: readonly (readonly [section: string, heading: string, about: string])[] = [
  ['service', '[service]', 'Once, in the main file.'],
  ['alarms', '[alarms]', 'Once: when `tlsward alarms run` raises an alarm, and whom it tells.'],
  ['policy', '[policy NAME]', 'Settings by a name that rows use. Besides those of rows, below:'],
  ['domain', '[domain NAME]', 'One row with settings of its own. Besides those of rows, below:'],
  ['policy, domain', 'Settings of rows', 'In `[policy NAME]`, `[domain NAME]` and `[exception PATTERN]`.'],
  ['rule', '[rule NAME]', 'What a single message needs; all conditions that are given must be met.'],
];

/** tlsward.ini(5): the configuration. */
function configurationPage(): string {
  const example = /^```ini\n([\s\S]*?)^```$/m.exec(manualPage('contrib/doc/table.md'))?.[1] ?? '';
  return [
    head('tlsward.ini', 5, 'the table of tlsward and the settings of its daemon'),
    section('DESCRIPTION'),
    ...TABLE.map(paragraph),
    section('EXAMPLE', literal(example.trimEnd())),
    section('KEYS'),
    ...SECTIONS.flatMap(([name, heading, about]) => [
      subsection(heading),
      paragraph(about),
      ...KEYS.filter((key) => key.section === name).map(({ key, default: standard, meaning, expected }) =>
        item(
          bold(key),
          `${fill(`${capital(meaning)}.`)}\n.br\n${fill(`Takes ${expected}.${standard === '' ? '' : ` Default: \`${standard}\`.`}`)}`,
        ),
      ),
    ]),
    SEE('tlsward(1)', 'tlsward(8)', 'tlsward-log(5)'),
  ].join('');
}

const TABLE = [
  'An ini file, which may include others. Root owns it and nobody else may write to it. `tlsward check` reports every mistake at once, and `systemctl reload tlsward` puts a changed table in force.',
  'A line of `[domains]` is a row: `NAME = POLICY`. The name is an address, a domain, `.suffix` for the subdomains at any depth, `[192.0.2.25]`, `<>` for the null sender, or `*` for everyone else; the most specific row counts. Built-in policies are `none`, `may`, `encrypt` and `verify`. A comment is a line that begins with `;` or `#`, or follows a blank and `;`.',
];

/** Rows of the first table behind a heading row, as cells. */
function tableOf(name: string, heading: string): string[][] {
  const [, below = ''] = manualPage(name).split(`\n${heading}\n`);
  const rows = below.split('\n\n', 1)[0]!.split('\n').slice(1);
  return rows.filter((row) => row.startsWith('| ')).map((row) => row.slice(2, -2).split(' | '));
}

/** tlsward-log(5): events and fields. */
function logPage(): string {
  const meanings = new Map<string, string>();
  for (const [names = '', , means = ''] of tableOf('contrib/doc/log.md', '| event | level | means |'))
    for (const [, name = ''] of names.matchAll(/`([a-z.-]+)`/g)) meanings.set(name, means);
  const events = tableOf('contrib/doc/log-fields.md', '| event | level | fields |');
  const fields = tableOf('contrib/doc/log-fields.md', '| field | means |');
  const rules = tableOf('contrib/doc/log.md', '| rule | what came | what to do |');
  return [
    head('tlsward-log', 5, 'the log of tlsward'),
    section('DESCRIPTION'),
    paragraph(
      'The daemon writes JSON lines to standard output, for the journal: `journalctl -u tlsward -o cat`. Each has `level`, `time` (ISO 8601, UTC), `event` and `msg`. A field that does not apply is left out. Text that came from outside is cut, and everything in it but printable ASCII is written as `\\u{hex}`, the backslash too.',
    ),
    section('EVENTS'),
    ...events.map(([name = '', level = '', has = '']) => {
      const means = meanings.get(name.replaceAll('`', ''));
      if (means === undefined) throw new Error(`log.md does not have ${name}`);
      return item(
        `${lines(name)} (${level})`,
        `${fill(`${capital(means)}.`)}\n.br\n${fill(`Fields: ${has}.`)}`,
      );
    }),
    section('FIELDS'),
    ...fields.map(([name = '', means = '']) => item(lines(name), fill(`${capital(means)}.`))),
    section('RULES OF THE PROTOCOLS'),
    paragraph('What `wire.error` and messages of commands name in `rule`, and what to do about it:'),
    ...rules.map(([name = '', came = '', todo = '']) =>
      item(lines(name), fill(`${capital(came)}: ${todo}.`)),
    ),
    SEE('tlsward(1)', 'tlsward(8)', 'tlsward.ini(5)', 'journalctl(1)'),
  ].join('');
}

/** tlsward-evidence(5): files, and the fields of every record. */
function evidencePage(): string {
  const fieldItem = ([name, { description }]: [string, { readonly description: string }]): string =>
    item(lines(name), fill(`${capital(description)}.`));
  return [
    head('tlsward-evidence', 5, 'the records that tlsward keeps as evidence'),
    section('DESCRIPTION'),
    ...EVIDENCE.map(paragraph),
    section('FILES'),
    ...tableOf('contrib/doc/evidence-fields.md', '| file | what it is |').map(([name = '', means = '']) =>
      item(lines(name), fill(`${capital(means)}.`)),
    ),
    section('FIELDS OF EVERY RECORD'),
    ...Object.entries(COMMON_FIELDS).map(fieldItem),
    section('RECORDS'),
    ...Object.entries(RECORD_TYPES).flatMap(([type, { means, fields }]) => [
      subsection(type),
      paragraph(`${capital(means)}.`),
      ...Object.entries(fields).map(fieldItem),
    ]),
    SEE('tlsward(1)', 'tlsward(8)', 'tlsward.ini(5)', 'tlsward-log(5)', 'openssl-ts(1ssl)'),
  ].join('');
}

const EVIDENCE = [
  'With `evidence = DIRECTORY` in tlsward.ini(5) the daemon keeps a record of every verdict, of every answer that made mail wait, and of what was in force; `tlsward collect` keeps one of every delivery. Each is a line of JSON in the file of its day (UTC), and a leaf of a hash tree (RFC 6962). Whenever lines are synced, the head of the tree is signed with an Ed25519 key and written beside the day as a checkpoint (c2sp.org/tlog-checkpoint); the first line of the next day has the last head of the day before.',
  'A record that is missing is a record too: what was lost in a crash, on a full disk or with the thread that writes is a `gap` with its times and, where it is known, its number. A head proves what the lines were as soon as it has left the host, not before: `checkpoint-command` and `checkpoint-mail` take the last head of each day, and the log has it.',
  'What is left of a local part says `privacy`: nothing (`@bank.example`), a pseudonym under the key of the month (`h:2026-11:BASE64URL@bank.example`, HMAC-SHA-256 cut to 96 bits), or all. The null sender is `<>`. A field that does not apply, or that nobody reported, is left out. Text that came from outside is cut, and everything in it but printable ASCII is written as `\\u{hex}`, the backslash too.',
];

/** File name in contrib/man to its text. */
export function manPages(): ReadonlyMap<string, string> {
  const pages = {
    'tlsward.1': commandsPage(),
    'tlsward.8': daemonPage(),
    'tlsward.ini.5': configurationPage(),
    'tlsward-log.5': logPage(),
    'tlsward-evidence.5': evidencePage(),
  };
  // a paragraph that begins a section has no macro of its own
  return new Map(
    Object.entries(pages).map(([name, made]) => [name, made.replace(/^(\.S[HS] .*\n)\.PP\n/gm, '$1')]),
  );
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const [name, written] of manPages()) writeFileSync(new URL(`contrib/man/${name}`, root), written);
  const schema = `${JSON.stringify(recordSchema(), null, 2)}\n`;
  writeFileSync(new URL('contrib/evidence/record.schema.json', root), schema);
}
