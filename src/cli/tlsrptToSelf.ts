/**
 * `tlsward tlsrpt send --to-self ADDRESS [--mailbox PATH]`: sends a report without sessions to a mailbox of ours, waits for
 * it there, and says whether it is signed as reports must be. Nothing is counted and nothing kept.
 *
 * Exit status: 0 it came back signed (or was handed over, without --mailbox), 1 it is not signed as it must be, 65 the
 * mailbox cannot be read, 75 it was not taken, or did not come in time.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { addDays, dayOf } from '../archive/day.ts';
import { Invalid, quote } from '../config/ini/problem.ts';
import { parseMailbox } from '../config/keys/evidenceKeys.ts';
import { escapeText } from '../core/escape.ts';
import { readWhole } from '../mailfile/readWhole.ts';
import { handOverOnce, type Way } from '../mta/handOver.ts';
import { dkimClaimOf } from '../tlsrpt/dkimClaim.ts';
import { isBareReport, MAX_MESSAGE } from '../tlsrpt/readReport.ts';
import { type OwnSignature, ownSignature } from '../tlsrpt/send/ownSignature.ts';
import { reportJson, submitterOf } from '../tlsrpt/send/reportJson.ts';
import { reportMessage } from '../tlsrpt/send/reportMessage.ts';
import { packed, type Rules } from '../tlsrpt/send/run/prepare.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io, label, paint, reportError, UsageError, unreadable } from './command.ts';
import type { SendValues } from './tlsrptSend.ts';

const LOOK_MS = 1000;

interface Setting {
  readonly rules: Rules;
  readonly way: Way;
  readonly ehlo: string;
}

interface Came {
  readonly signature: OwnSignature;
  readonly claim: string;
}

/** See the file comment. */
export async function sendToSelf(values: SendValues, { rules, way, ehlo }: Setting, io: Io): Promise<number> {
  const to = parseMailbox(values['to-self'] ?? '');
  if (to instanceof Invalid || to === null)
    throw new UsageError(`--to-self: found ${quote(values['to-self'] ?? '')}, expected an address of ours`);
  const waitMs = waitOf(values.wait);
  const { reporter } = rules;
  const domain = submitterOf(reporter);
  const now = Date.now();
  const day = addDays(dayOf(now), -1);
  const mark = randomBytes(8).toString('hex');
  // a name of its own, so that the report of the day is another one
  const message = reportMessage({
    reporter: { ...reporter, host: `${reporter.host} ${mark}` },
    day,
    domain,
    to,
    gzip: packed(reportJson(reporter, day, domain, []) as object),
    successful: 0,
    failed: 0,
    source: `A test by tlsward tlsrpt send --to-self (${mark}).`,
    tlsOptional: true,
    nowMs: now,
  });
  const id = /^Message-ID: (<[^>]+>)$/m.exec(message)?.[1] ?? '';
  const handed = await handOverOnce(to, ehlo, message, way);
  if (handed.kind !== 'taken') {
    reportError(io, values.json, `the report was not taken: ${escapeText(handed.why, 400)}`);
    return EXIT.cannotTell;
  }
  if (values.mailbox === undefined) {
    if (values.json) io.out(`${asciiJson({ ok: true, to, messageId: id })}\n`);
    else io.out(`sent to ${to} as ${id}; --mailbox PATH looks whether it comes back signed\n`);
    return EXIT.yes;
  }
  for (const end = now + waitMs; ; ) {
    try {
      const came = await lookIn(values.mailbox, id, domain);
      if (came !== null) return tell(came, values, io);
    } catch (error) {
      // a mailbox is made when the first message comes
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        return unreadable(io, values.json, values.mailbox, error);
    }
    if (Date.now() >= end) break;
    await sleep(LOOK_MS);
  }
  reportError(
    io,
    values.json,
    `${escapeText(values.mailbox, 300)}: no message ${id} within ${waitMs / 1000} s; the mail log says where it is`,
  );
  return EXIT.cannotTell;
}

/** null: it is not there. */
async function lookIn(mailbox: string, id: string, submitter: string): Promise<Came | null> {
  for await (const { headers } of readWhole(mailbox, { limitBytes: MAX_MESSAGE, isBare: isBareReport })) {
    const found = headers?.some(
      ({ name, value }) => name.toLowerCase() === 'message-id' && value.trim() === id,
    );
    if (headers === null || found !== true) continue;
    const claim = dkimClaimOf(headers);
    const words =
      claim === null
        ? ''
        : `${claim.by} says ${claim.result}${claim.domain === '' ? '' : ` for ${claim.domain}`}`;
    return { signature: ownSignature(headers, submitter), claim: words };
  }
  return null;
}

function tell({ signature, claim }: Came, { json }: SendValues, io: Io): number {
  const { domain, selector, problems, remarks } = signature;
  const ok = problems.length === 0;
  if (json) {
    io.out(`${asciiJson({ ok, domain, selector, problems, remarks, claim })}\n`);
    return ok ? EXIT.yes : EXIT.no;
  }
  const head = ok
    ? `it came back, signed by ${domain} with the key ${selector}`
    : 'it came back, and receivers ignore it';
  io.out(`${paint(io, ok ? 'green' : 'red', head)}\n`);
  for (const problem of problems) io.out(`${label('wrong')} ${problem}\n`);
  for (const remark of remarks) io.out(`${label('better')} ${remark}\n`);
  io.out(`${label('checked')} ${claim === '' ? 'no server says whether the signature verifies' : claim}\n`);
  return ok ? EXIT.yes : EXIT.no;
}

function waitOf(text: string): number {
  const seconds = /^[0-9]{1,4}$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= 3600) return seconds * 1000;
  throw new UsageError(`--wait: found ${quote(text)}, expected seconds from 1 to 3600`);
}
