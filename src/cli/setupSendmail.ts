/**
 * `tlsward setup sendmail`: the lines that a .mc lacks. Prints and changes nothing.
 *
 * With `--json` one object on standard output: `ok`, `mc`, `parts`, `notes`, `stale` (setup/sendmailPlan.ts).
 */
import { existsSync, readFileSync } from 'node:fs';
import type { ListenAddress } from '../config/keys/listenAddress.ts';
import { escapeLine } from '../core/escape.ts';
import { fileError } from '../files/systemError.ts';
import { WISH_WORDS, WISHES } from '../setup/plan.ts';
import { sendmailPlan } from '../setup/sendmailPlan.ts';
import { configFile, EXIT, type Io, paint, UsageError } from './command.ts';
import { loadOrReport } from './loadOrReport.ts';
import { failed, type SetupValues, wishesOf } from './setupReport.ts';

const MC = '/etc/mail/sendmail.mc';
const MAX_LINE = 2000;

/** `tlsward setup sendmail`; see the file comment. */
export function runSetupSendmail(values: SetupValues, io: Io): number {
  if (values.apply || values.undo || values.remove)
    throw new UsageError(
      'setup sendmail prints lines for your .mc and writes nothing: put them in yourself, then make sendmail.cf',
    );
  if (values['postfix-config'] !== undefined) throw new UsageError('--postfix-config is for setup postfix');
  const file = configFile(values, io.env);
  const loaded = existsSync(file) ? loadOrReport(file, values.json, io) : undefined;
  if (loaded === null) return EXIT.config;
  const mc = values.mc ?? MC;
  const cf = mc.replace(/\.mc$/, '.cf');
  let text: string;
  let made: string | null;
  try {
    text = readFileSync(mc, 'utf8');
    made = cf !== mc && existsSync(cf) ? readFileSync(cf, 'utf8') : null;
  } catch (error) {
    return failed(values, io, `cannot read ${mc}: ${fileError(error)}; name the file with --mc`, EXIT.data);
  }
  const { wishes } = wishesOf(values);
  const usual = (name: string): string => `local:/run/tlsward/${name}.sock`;
  const plan = sendmailPlan(text, made, wishes, {
    milter: loaded === undefined ? usual('milter') : nameOf(loaded.service.milterListen),
    socketmap: loaded === undefined ? usual('socketmap') : nameOf(loaded.service.socketmapListen),
  });
  const ok = plan.parts.length === 0 && plan.stale.length === 0;
  if (values.json) io.out(`${JSON.stringify({ ok, mc, ...plan })}\n`);
  else {
    for (const wish of WISHES) {
      const own = plan.parts.filter((part) => part.wish === wish);
      if (own.length > 0) io.out(`${paint(io, 'bold', `${wish}: ${WISH_WORDS[wish]}`)}\n`);
      for (const { lines, where, why } of own)
        io.out(`  ${where}\n${lines.map((line) => `${line}\n`).join('')}  why  ${why}\n\n`);
    }
    for (const note of [...plan.stale, ...plan.notes]) io.out(`note  ${escapeLine(note, MAX_LINE)}\n`);
    io.out(
      ok
        ? `${paint(io, 'green', `${mc}: every line is there`)}\n`
        : 'Nothing has been changed. Put the lines in, make sendmail.cf (make -C /etc/mail) and restart Sendmail.\n',
    );
  }
  return ok ? EXIT.yes : EXIT.no;
}

/** As a .mc names a socket; null: there is none. */
function nameOf(addresses: readonly ListenAddress[]): string | null {
  const [first] = addresses;
  if (first === undefined) return null;
  return first.kind === 'unix' ? `local:${first.path}` : `inet:${first.port}@${first.host}`;
}
