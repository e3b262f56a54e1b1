/**
 * `tlsward verify-mark FILE`: is the mark of a saved message ours, and is it this message's?
 *
 *   tlsward verify-mark FILE [--key FILE] [--sender ADDRESS] [--mark-name NAME] [--json]
 *
 * FILE is one message, an mbox, a folder, a Maildir or `-`. `--key` is the daemon's key file, or a copy with
 * older keys in it; without it the configuration's `mark-key` and `mark-name` are taken. The HMAC is bound to
 * the domain of the envelope sender, and the queue id ties the mark to one message: `checkMarks.ts` says how
 * both are found. A mark made with `mark-binds = body` binds the body too, and fails on another. What a good
 * mark does not prove: header fields, and without that the body: both may have been changed since.
 *
 * Prints one line per mark, and what it states. `--json`: one line per message. Exit status: 0 every message
 * has a mark and every mark verifies, 1 a mark fails, 75 a message without a mark or without a known sender,
 * 64 usage, 65 unreadable, 78 the key file cannot be used.
 */

import { quotePath } from '../config/ini/problem.ts';
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { readMessages } from '../mailfile/readMessages.ts';
import { SavedBody } from '../mark/bodyDigest.ts';
import { KeyFileError, readKeyFile } from '../mark/keyFile.ts';
import { MARK_NAME, type MarkFields } from '../mark/markFields.ts';
import type { MarkKey } from '../mark/signMark.ts';
import { asciiJson } from './asciiJson.ts';
import {
  type BodyFit,
  type CheckedMark,
  type CheckedMessage,
  checkMessage,
  domainOfOption,
  type Fit,
  type Sender,
} from './checkMarks.ts';
import {
  configFile,
  EXIT,
  type Io,
  label,
  paint,
  parseCommand,
  reportError,
  UsageError,
  unreadable,
} from './command.ts';
import { COMMANDS } from './commands.ts';
import { loadOrReport } from './loadOrReport.ts';
import { Progress } from './progress.ts';

/** "TLSv1.3 TLS_AES_256_GCM_SHA384 256 bits", "no TLS", "not told". */
function tlsText(fields: MarkFields): string {
  if (fields.protocol !== '')
    return escapeText(`${fields.protocol} ${fields.cipher} ${fields.bits ?? '?'} bits`);
  return fields.state === 'unprotected' ? 'no TLS' : 'not told';
}

const FIT_WORDS: Readonly<Record<Fit, string>> = {
  'same-host': 'the Received line of this host has the queue id',
  'other-name': 'a Received line has the queue id, under another host name',
  differs: 'no Received line has the queue id',
  'not-told': 'the message has no Received line to compare the queue id with',
};

const BODY_WORDS: Readonly<Record<BodyFit, string>> = {
  same: 'the one that the mark was made for',
  differs: 'not the one that the mark was made for',
  unread: 'cannot be determined from the header',
  'not-bound': 'not covered by the mark (mark-binds = session)',
};

function printFacts(io: Io, fields: MarkFields, mark: CheckedMark, sender: Sender): void {
  const line = (name: string, text: string): void => io.out(`  ${label(name)}${text}\n`);
  const shown = (text: string): string => (text === '' ? '(none)' : escapeText(text));
  line(
    'session',
    `${tlsText(fields)}, client certificate ${fields.certificate}${fields.certificateName === '' ? '' : ` (${escapeText(fields.certificateName)})`}`,
  );
  line('host', `${shown(fields.host)}, queue id ${shown(fields.queueId)}, ${fields.time}`);
  line('verdict', `${fields.verdict}, row ${shown(fields.row)}, code ${shown(fields.code)}`);
  line(
    'sender',
    `${sender.domain === '' ? '(null sender or no domain)' : escapeText(sender.domain)} (${sender.from})`,
  );
  line('message', FIT_WORDS[mark.fit]);
  line('body', BODY_WORDS[mark.body]);
}

function printMessage(io: Io, checked: CheckedMessage): void {
  const name = escapeText(checked.message, 300);
  const { sender } = checked;
  if (checked.result === 'no-mark')
    io.out(`${name}: ${paint(io, 'yellow', 'no mark')}: nothing is proved either way\n`);
  if (sender === null) {
    if (checked.result === 'no-sender')
      io.out(
        `${name}: ${paint(io, 'yellow', 'cannot tell')}: no Return-Path; name the envelope sender with --sender\n`,
      );
    return;
  }
  for (const mark of checked.marks) {
    const { fields } = mark;
    if (mark.verifies && fields !== null)
      io.out(`${name}: ${paint(io, 'green', 'verifies')}: ${fields.state}, key ${mark.keyId}\n`);
    else
      io.out(
        `${name}: ${paint(io, 'red', 'FAILS')}: ${mark.detail}${fields === null ? '' : `; it claims: ${fields.state}`}\n`,
      );
    if (fields !== null) printFacts(io, fields, mark, sender);
  }
}

/** The domain that `--sender` names; null without the option. */
function senderOption(text: string | undefined): string | null {
  if (text === undefined) return null;
  const domain = domainOfOption(text);
  if (domain === null)
    throw new UsageError(`--sender: found "${escapeText(text)}", expected an address, a domain or "<>"`);
  return domain;
}

function exitOf(counts: Readonly<Record<CheckedMessage['result'], number>>): number {
  if (counts.fails > 0) return EXIT.no;
  return counts['no-mark'] + counts['no-sender'] > 0 || counts.verifies === 0 ? EXIT.cannotTell : EXIT.yes;
}

/** `tlsward verify-mark`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS['verify-mark']);
  const file = positionals[0]!;
  const domain = senderOption(values.sender);
  const config = configFile(values, io.env);
  const loaded = values.key === undefined ? loadOrReport(config, values.json, io) : null;
  if (values.key === undefined && loaded === null) {
    if (!values.json) io.err('mark-key in that file names the file with the keys; or name it with --key\n');
    return EXIT.config;
  }
  const keyFile = values.key ?? loaded?.service.markKey ?? null;
  if (keyFile === null)
    throw new UsageError(
      `--key is missing, and ${quotePath(config)} names no mark-key: the file with the keys`,
    );
  const markName = values['mark-name'] ?? loaded?.service.markName ?? MARK_NAME;
  let keys: readonly MarkKey[];
  try {
    keys = await readKeyFile(keyFile);
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
    reportError(io, values.json, escapeText(error.message, 500));
    return EXIT.config;
  }
  const counts = { verifies: 0, fails: 0, 'no-mark': 0, 'no-sender': 0 };
  const progress = new Progress(io, 'messages');
  try {
    for await (const message of readMessages(file, () => new SavedBody())) {
      const checked = checkMessage(message, markName, domain, keys);
      counts[checked.result]++;
      progress.step(message.label);
      if (values.json) io.out(`${asciiJson(checked)}\n`);
      else printMessage(io, checked);
    }
  } catch (error) {
    progress.end();
    return unreadable(io, values.json, file, error);
  }
  progress.end();
  const total = counts.verifies + counts.fails + counts['no-mark'] + counts['no-sender'];
  if (total === 0) reportError(io, values.json, `${escapeText(file, 300)}: holds no message`);
  if (total > 1 && !values.json) {
    const without = counts['no-mark'] + counts['no-sender'];
    io.out(
      `${count(total, 'message')}: ${counts.verifies} verify, ${counts.fails} fail, ${without} undecided\n`,
    );
  }
  return exitOf(counts);
}
