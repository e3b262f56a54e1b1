/**
 * The proof that a plan works: one transaction of each protocol through the listeners of the daemon, and one
 * SMTP dialogue with Postfix, which must then reach the daemon by itself. No message is handed over: the
 * dialogue ends behind RCPT.
 */
import type { ListenAddress } from '../../config/keys/listenAddress.ts';
import { escapeText } from '../../core/escape.ts';
import { listOf } from '../../mta/listValue.ts';
import { hostOf, isLoopbackOnly, mailEntries, portOf } from '../../mta/mailEntries.ts';
import { isYes, type PostfixConfig, valueFor, writtenValue } from '../../mta/postfixConfig.ts';
import { runProgram } from '../../mta/runProgram.ts';
import { smtpDialogue } from '../../mta/smtpDialogue.ts';
import { PlayError } from '../../simulate/daemonSocket.ts';
import { playMilter } from '../../simulate/milterPlayer.ts';
import { askPolicy } from '../../simulate/policyPlayer.ts';
import { askSocketmap } from '../../simulate/socketmapPlayer.ts';
import { WireError } from '../../wire/wireError.ts';
import { ourMap, plainElements } from '../lists.ts';
import type { Listener, Wanted } from '../wanted.ts';

export interface CanaryStep {
  /** `map` and `smtp`: as Postfix reaches the daemon. */
  readonly name: Listener | 'map' | 'smtp';
  /** null: nothing was proved, which is no fault. */
  readonly ok: boolean | null;
  /** What was answered, or why nothing was asked. */
  readonly said: string;
}

const SMTP_MS = 30_000;
/** A next hop that does not exist (RFC 2606). */
const KEY = 'tlsward-canary.invalid';
const CLIENT = '127.0.0.1';

/** Asks every listener that the wishes use. */
export async function playListeners({ listen, wishes }: Wanted): Promise<CanaryStep[]> {
  const inbound = wishes.has('inbound') || wishes.has('messages');
  const outbound = wishes.has('outbound') || wishes.has('messages');
  const steps: CanaryStep[] = [];
  const play = async (
    name: Listener,
    ask: (address: ListenAddress) => Promise<CanaryStep>,
  ): Promise<void> => {
    for (const address of listen[name]) steps.push(await ask(address).catch((error) => failed(name, error)));
  };
  if (inbound) await play('policy', playPolicy);
  if (inbound) await play('milter', playFilter);
  if (outbound) await play('socketmap', playSocketmap);
  return steps;
}

function failed(name: Listener, error: unknown): CanaryStep {
  if (!(error instanceof PlayError || error instanceof WireError)) throw error;
  return { name, ok: false, said: escapeText(error.message, 400) };
}

async function playPolicy(address: ListenAddress): Promise<CanaryStep> {
  const { answer } = await askPolicy(address, {
    state: 'RCPT',
    clientAddress: CLIENT,
    heloName: KEY,
    sender: '',
    recipient: 'postmaster',
    saslUsername: '',
    tls: { kind: 'plain' },
  });
  return { name: 'policy', ok: answer.verb === 'DUNNO', said: `action=${escapeText(answer.action, 200)}` };
}

async function playFilter(address: ListenAddress): Promise<CanaryStep> {
  const { outcome } = await playMilter(address, {
    mta: 'postfix',
    clientAddress: CLIENT,
    clientPort: 40_000,
    heloName: KEY,
    saslUsername: '',
    tls: { kind: 'plain' },
    sender: '<>',
    recipients: ['<postmaster>'],
    queueId: 'CANARY',
    headers: [
      { name: 'From', value: ' postmaster' },
      { name: 'Subject', value: ' canary' },
    ],
    body: new TextEncoder().encode('canary\r\n'),
  });
  return { name: 'milter', ok: outcome === 'accepted', said: outcome };
}

async function playSocketmap(address: ListenAddress): Promise<CanaryStep> {
  const [reply] = await askSocketmap(address, 'deliver', [KEY]);
  const status = reply?.status ?? 'no reply';
  return { name: 'socketmap', ok: status === 'OK' || status === 'NOTFOUND', said: status };
}

/** Asks the map of smtp_tls_policy_maps as the user that Postfix runs as: may that user connect? */
export async function askMap(config: PostfixConfig, wanted: Wanted): Promise<CanaryStep> {
  const table = plainElements(config, writtenValue(config, 'smtp_tls_policy_maps') ?? '')
    .flatMap(({ parsed }) => parsed)
    .find((text) => ourMap(config, wanted, text) !== null);
  if (table === undefined)
    return { name: 'map', ok: null, said: 'smtp_tls_policy_maps does not ask tlsward' };
  const queue = valueFor(config, 'queue_directory');
  const absolute = table.replace(/\bunix:(?!\/)/, `unix:${queue}/`);
  const user = valueFor(config, 'mail_owner');
  const argv = ['-u', user, '--', 'postmap', '-c', config.directory, '-q', KEY, absolute];
  const ran = await runProgram('runuser', argv, { timeoutMs: MAP_MS, maxBytes: 65_536 });
  const said = ran.stderr.trim();
  if (!ran.ok && (ran.why === 'absent' || ran.why === 'denied' || said.startsWith('runuser:')))
    return { name: 'map', ok: null, said: `could not be asked as user ${user}` };
  // postmap ends with 1 and says nothing for a key that is not found
  const ok = ran.ok || (ran.why === 'failed' && said === '');
  return { name: 'map', ok, said: ok ? `${table}, as user ${user}` : escapeText(said || ran.why, 400) };
}

const MAP_MS = 15_000;

/** Replies of Postfix that mean: it cannot ask us, or cannot work with what main.cf says. */
const OUR_FAULT =
  /^4[0-9]{2}.*(?:TLS policy service unavailable|Service unavailable - try again later|Server configuration|Temporary lookup failure)/i;

/** Talks to an entry of master.cf that takes SMTP without TLS from the first byte. */
export async function askPostfix(config: PostfixConfig): Promise<CanaryStep> {
  const place = placeOf(config);
  if (place === null)
    return { name: 'smtp', ok: null, said: 'no entry of master.cf could be tried from here' };
  const from = valueFor(config, 'myhostname') || 'localhost';
  const said: string[] = [];
  try {
    await smtpDialogue(
      place,
      [`EHLO ${from}`, 'MAIL FROM:<>', `RCPT TO:<postmaster@${ownDomain(config)}>`, 'RSET', 'QUIT'],
      said,
      { timeoutMs: SMTP_MS, strict: false },
    );
  } catch (error) {
    const last = said.at(-1);
    const why = error instanceof Error ? error.message : String(error);
    const words = last === undefined ? why : `${why}; the last reply was: ${last}`;
    return { name: 'smtp', ok: false, said: `${place.host} port ${place.port}: ${escapeText(words, 400)}` };
  }
  const fault = said.find((reply) => OUR_FAULT.test(reply));
  // another refusal is for a reason of the site's own, and says nothing of us
  const shown = fault ?? said.find((reply) => !reply.startsWith('2')) ?? said[3] ?? '';
  const ok = fault !== undefined ? false : shown.startsWith('2') ? true : null;
  return { name: 'smtp', ok, said: `${place.host} port ${place.port}: ${escapeText(shown, 400)}` };
}

/** A domain for which mail is taken here: to it the dialogue gets as far as asking us. */
function ownDomain(config: PostfixConfig): string {
  const named = ['mydestination', 'virtual_mailbox_domains', 'virtual_alias_domains', 'relay_domains'];
  const found = named
    .flatMap((name) => listOf(valueFor(config, name)))
    .find((text) => /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+$/.test(text) && !text.startsWith('localhost'));
  return found ?? valueFor(config, 'myhostname');
}

const PORTS: Readonly<Record<string, number>> = { smtp: 25, submission: 587 };

function placeOf(config: PostfixConfig): { readonly host: string; readonly port: number } | null {
  const entries = mailEntries(config)
    .filter(({ entrance }) => entrance === 'smtpd')
    .map(({ entry, behind }) => behind ?? entry)
    .filter((entry) => entry.type === 'inet' && !isYes(config, 'smtpd_tls_wrappermode', entry));
  // the door of strangers is the one that must work
  entries.sort((a, b) => Number(isLoopbackOnly(config, a)) - Number(isLoopbackOnly(config, b)));
  for (const entry of entries) {
    const written = portOf(entry);
    const port = PORTS[written] ?? Number(written);
    if (!Number.isInteger(port)) continue;
    const own = hostOf(entry);
    const [first = ''] = listOf(valueFor(config, 'inet_interfaces', entry));
    const host =
      own !== '' ? own : first === 'all' || first === 'loopback-only' || first === '' ? CLIENT : first;
    return { host, port };
  }
  return null;
}
