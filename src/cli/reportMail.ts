/** `tlsward report --mail ADDRESS`: hands the report to the mail server of this host, once for each address. */
import { Invalid, quote } from '../config/ini/problem.ts';
import { parseMailbox } from '../config/keys/evidenceKeys.ts';
import { escapeText } from '../core/escape.ts';
import { handOver, type MailServer } from '../mta/handOver.ts';
import { reportMessage } from '../report/message.ts';
import { reportPage } from '../report/page/page.ts';
import type { Report } from '../report/report.ts';
import { reportText } from '../report/text.ts';
import { EXIT, type Io, reportError, UsageError } from './command.ts';

/** Throws UsageError for what is no address. */
export function addressesOf(texts: readonly string[]): string[] {
  return texts.map((text) => {
    const address = parseMailbox(text);
    if (address instanceof Invalid || address === null)
      throw new UsageError(
        `--mail: found ${quote(text)}, expected an address such as postmaster@example.org`,
      );
    return address;
  });
}

/** Exit status: 0 when every message was taken, else 73. */
export async function mailReport(
  report: Report,
  addresses: readonly string[],
  hostName: string,
  { io, json, server }: { readonly io: Io; readonly json: boolean; readonly server?: MailServer },
): Promise<number> {
  const host = hostName.replace(/[^A-Za-z0-9.-]/g, '-').replace(/^[.-]+/, '') || 'localhost';
  const text = reportText(report);
  const page = reportPage(report);
  const failures: string[] = [];
  // a program that is waited for in the background does not keep this process
  const hold = setInterval(() => {}, 60_000);
  try {
    for (const to of addresses) {
      const why = await handOver(to, host, reportMessage(report, { to, host, text, page }), server);
      if (why !== '') failures.push(`${to}: ${escapeText(why, 400)}`);
    }
  } finally {
    clearInterval(hold);
  }
  if (failures.length > 0) {
    reportError(io, json, `the report was not sent: ${failures.join('; ')}`);
    return EXIT.cannotCreate;
  }
  io.out(json ? `{"ok":true,"sent":${addresses.length}}\n` : `sent to ${addresses.join(', ')}\n`);
  return EXIT.yes;
}
