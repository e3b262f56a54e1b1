/**
 * `setup sendmail`: which lines of contrib/sendmail the .mc lacks, where each goes, and whether the .cf has
 * them. Sendmail has no program that edits a .mc, which is a program for m4, so nothing is written: the
 * administrator puts the lines in.
 */
import type { Wish } from './plan.ts';

/** Where the daemon listens for Sendmail: below /run/tlsward, in no folder that a group may write to. */
interface SendmailSockets {
  /** `local:/run/tlsward/milter.sock` or `inet:8452@127.0.0.1`; null: tlsward does not listen for it. */
  readonly milter: string | null;
  readonly socketmap: string | null;
}

interface SendmailPart {
  readonly wish: Wish;
  /** Lines for the .mc. */
  readonly lines: readonly string[];
  /** Where they go. */
  readonly where: string;
  readonly why: string;
}

interface SendmailPlan {
  readonly parts: readonly SendmailPart[];
  readonly notes: readonly string[];
  /** What must be true of the .cf after it has been made again, and is not yet: one sentence each. */
  readonly stale: readonly string[];
}

/** `mc` and `cf`: the text of both; null: there is no such file. */
export function sendmailPlan(
  mc: string,
  cf: string | null,
  wishes: ReadonlySet<Wish>,
  sockets: SendmailSockets,
): SendmailPlan {
  const lines = mc.split('\n');
  const code = lines.map((line) => line.replace(/\bdnl\b.*$/, ''));
  const at = (pattern: RegExp): number => code.findIndex((line) => pattern.test(line)) + 1;
  const mailer = at(/^\s*MAILER\(/);
  const beforeMailer =
    mailer > 0 ? `before line ${mailer}, the first MAILER line` : 'before the first MAILER line';
  const filter = code.findLastIndex((line) => /INPUT_MAIL_FILTER\(/.test(line)) + 1;
  const parts: SendmailPart[] = [];
  const notes: string[] = [];
  const stale: string[] = [];
  if (wishes.has('inbound')) {
    const ours = code.find((line) => /INPUT_MAIL_FILTER\(`tlsward'/.test(line));
    if (sockets.milter === null)
      notes.push('tlsward.ini has no milter-listen, so Sendmail has nobody to ask.');
    else if (ours === undefined) {
      parts.push({
        wish: 'inbound',
        lines: [`INPUT_MAIL_FILTER(\`tlsward', \`S=${sockets.milter}, F=T, T=C:10s;S:10s;R:30s;E:2m')dnl`],
        where: filter > 0 ? `behind line ${filter}, the last INPUT_MAIL_FILTER line` : beforeMailer,
        why: 'Refuses what rows forbid and marks the rest; with F=T the client hears 451 and comes back while tlsward is down.',
      });
    } else if (!/\bF=[TR]\b/.test(ours))
      notes.push(
        'The INPUT_MAIL_FILTER line of tlsward has no F=T: mail passes unjudged while tlsward is down. Add it.',
      );
    const options = code.filter((line) => /DAEMON_OPTIONS\(/.test(line) && /InputMailFilters=/.test(line));
    for (const line of options.filter((one) => !one.includes('tlsward')))
      notes.push(
        `A DAEMON_OPTIONS line with InputMailFilters= must name tlsward, too, or mail that comes in there is not judged: ${line.trim()}`,
      );
    if (cf !== null && ours !== undefined && !/^Xtlsward,/m.test(cf))
      stale.push('The .mc has the filter and the .cf has not: make sendmail.cf and restart Sendmail.');
  }
  if (wishes.has('outbound')) outbound(code, cf, sockets.socketmap, parts, notes, stale, beforeMailer);
  if (wishes.has('messages'))
    notes.push(
      'Rules for messages need no further lines; Sendmail has no check that stops copies and aliases, so see contrib/doc/sendmail.md for what they refuse.',
    );
  return { parts, notes, stale };
}

function outbound(
  code: readonly string[],
  cf: string | null,
  socket: string | null,
  parts: SendmailPart[],
  notes: string[],
  stale: string[],
  beforeMailer: string,
): void {
  if (socket === null) {
    notes.push('tlsward.ini has no socketmap-listen, so Sendmail has nobody to ask.');
    return;
  }
  const has = (pattern: RegExp): boolean => code.some((line) => pattern.test(line));
  if (!has(/FEATURE\(`access_db'/))
    parts.push({
      wish: 'outbound',
      lines: ["FEATURE(`access_db')dnl"],
      where: beforeMailer,
      why: 'Without an access map Sendmail compares nothing that tlsward answers, and all mail would leave.',
    });
  if (!has(/^Ktls_rcpt\b/)) {
    parts.push({
      wish: 'outbound',
      lines: [
        'LOCAL_CONFIG',
        `Ktls_rcpt socket -d10 -T<TMPF> ${socket}`,
        'LOCAL_TLS_RCPT',
        'R$*\t\t\t$: $(macro {TLS_Name} $@ $&{server_name} $) <?> $>CanonAddr $1',
        'R<?> $+ < @ $+ . >\t<?> $1 < @ $2 >',
        'R<?> $+ < @ $+ >\t$: <$(tls_rcpt tls_rcpt:$1@$2 $: ? $)>',
        'R<$* <TMPF>>\t\t$#error $@ 4.3.0 $: "451 4.3.0 the TLS table cannot be asked"',
        'R<?> $*\t\t\t$@ OK',
        'R<$+>\t\t\t$@ $>"TLS_connection" $&{verify} $| <$1>',
      ],
      where: 'at the end, behind the MAILER lines; the blanks are tabs',
      why: 'Asks tlsward for each recipient of a connection to another host; while it is down such mail waits.',
    });
  } else if (cf !== null && !/^Ktls_rcpt socket/m.test(cf))
    stale.push('The .mc asks the table and the .cf does not: make sendmail.cf and restart Sendmail.');
  if (!has(/FEATURE\(`sts'/))
    parts.push({
      wish: 'outbound',
      lines: [`FEATURE(\`sts', \`socket -d10 -T<TMPF> ${socket}')dnl`],
      where: beforeMailer,
      why: 'Only for rows with deliver = auto, and Sendmail 8.16 or later built with _FFR_MTA_STS (sendmail -d0.13 -bv root lists it).',
    });
}
