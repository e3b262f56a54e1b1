/** `--smtp HOST:PORT`: the mail server that takes a message. */
import { escapeText } from '../core/escape.ts';
import type { SmtpPlace } from '../mta/smtpDialogue.ts';
import { UsageError } from './command.ts';

/** Throws UsageError. An IPv6 address stands in brackets. */
export function smtpPlaceOf(text: string): SmtpPlace {
  const [, host = '', digits = ''] =
    /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})$/.exec(text.slice(0, 300)) ?? [];
  const port = Number(digits);
  if (host !== '' && port >= 1 && port <= 65_535) return { host, port };
  throw new UsageError(
    `--smtp: found "${escapeText(text)}", expected a host and a port, such as 127.0.0.1:25 or [::1]:25`,
  );
}
