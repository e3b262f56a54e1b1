/** Checks of the units beside the daemon: does what the configuration asks for run? */
import { escapeText } from '../core/escape.ts';
import { type Check, type Finding, finding, notKnown } from './check.ts';
import type { HostFacts, TableFacts } from './facts.ts';

/** What is wrong with a unit that is asked for by `key`; empty when it is active. */
function unlessActive({ system }: HostFacts, unit: string, key: string): readonly Finding[] {
  const { units } = system;
  if (!units.known) return [notKnown(escapeText(units.why, 300))];
  if (units.value.has(unit)) return [];
  return [finding('warning', `${key} is set, and ${unit} is not active`, `systemctl enable --now ${unit}`)];
}

function alarmsKey({ alarms }: TableFacts): string | null {
  if (alarms.mail !== null) return 'mail';
  if (alarms.command !== null) return 'command';
  return alarms.alertmanager !== null ? 'alertmanager' : null;
}

const alarms: Check<HostFacts> = {
  id: 'alarms-not-running',
  group: 'service',
  gravest: 'warning',
  why: 'The configuration says who is told of alarms, and nobody looks for any.',
  find(facts) {
    const key = alarmsKey(facts.table);
    return key === null ? null : unlessActive(facts, 'tlsward-alarms.service', `[alarms] ${key}`);
  },
};

const notices: Check<HostFacts> = {
  id: 'notices-not-running',
  group: 'service',
  gravest: 'warning',
  why: 'Authors are to be told that their mail waits, and nobody looks at the queue: they learn it from the bounce.',
  find(facts) {
    const { notifySenderAfterMs, notifyDomains, localDomains } = facts.table.service;
    // without domains nobody is told, which `tlsward check` says
    if (notifySenderAfterMs === null || notifyDomains.length + localDomains.length === 0) return null;
    return unlessActive(facts, 'tlsward-notices.service', 'notify-sender-after');
  },
};

const reports: Check<HostFacts> = {
  id: 'tlsrpt-not-sent',
  group: 'service',
  gravest: 'warning',
  why: 'Reports about TLS sessions are to be sent to others, and the timer that sends them does not run.',
  find(facts) {
    if (facts.table.service.tlsrptSend === 'no') return null;
    return unlessActive(facts, 'tlsward-tlsrpt-send.timer', 'tlsrpt-send');
  },
};

/** Those that hold for every mail server. */
export const HELPERS: readonly Check<HostFacts>[] = [alarms, notices, reports];
