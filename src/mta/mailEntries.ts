/** Entries of master.cf by which mail comes in or leaves. */
import { listOf } from './listValue.ts';
import { type MasterEntry, type PostfixConfig, valueFor } from './postfixConfig.ts';

/** How mail gets in by an entry: smtpd(8) for SMTP, qmqpd(8), pickup(8) for sendmail(1). */
type Entrance = 'smtpd' | 'qmqpd' | 'pickup';

export interface MailEntry {
  readonly entrance: Entrance;
  readonly entry: MasterEntry;
  /** The entry of postscreen(8) that hands its clients to this one. */
  readonly behind?: MasterEntry;
}

/**
 * Every entry by which mail comes in, in the order of master.cf. An smtpd of the type `pass` is one only
 * behind a postscreen, which hands over to the name in `smtpd_service_name` (postscreen(8)).
 */
export function mailEntries(config: PostfixConfig): MailEntry[] {
  const found: MailEntry[] = [];
  for (const entry of config.entries) {
    const { command } = entry;
    if (command !== 'smtpd' && command !== 'qmqpd' && command !== 'pickup') continue;
    if (entry.type !== 'pass') {
      found.push({ entrance: command, entry });
      continue;
    }
    const behind = config.entries.find(
      (other) =>
        other.command === 'postscreen' && valueFor(config, 'smtpd_service_name', other) === entry.name,
    );
    if (behind !== undefined) found.push({ entrance: command, entry, behind });
  }
  return found;
}

/** The entries that send mail by SMTP: smtp(8), and lmtp(8) where it is asked for. */
export function sendingEntries(config: PostfixConfig): MasterEntry[] {
  return config.entries.filter(({ command, type }) => command === 'smtp' && type === 'unix');
}

/**
 * Do only programs on this host reach the entry: by its own address, or because `inet_interfaces` says so?
 */
export function isLoopbackOnly(config: PostfixConfig, entry: MasterEntry): boolean {
  if (entry.type !== 'inet' && entry.type !== 'pass') return true;
  const host = hostOf(entry);
  if (host !== '') return isLoopback(host);
  const interfaces = listOf(valueFor(config, 'inet_interfaces', entry));
  return interfaces.length > 0 && interfaces.every((one) => one === 'loopback-only' || isLoopback(one));
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.[0-9.]+$/.test(host);
}

/** The address of an entry of its own, without brackets; '' where it has those of inet_interfaces. */
export function hostOf({ name }: MasterEntry): string {
  const colon = name.lastIndexOf(':');
  return colon < 0 ? '' : name.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
}

/** The port of an inet entry, as it is written (`25`, `submission`); '' for any other. */
export function portOf(entry: MasterEntry): string {
  return entry.type === 'inet' ? entry.name.slice(entry.name.lastIndexOf(':') + 1) : '';
}
