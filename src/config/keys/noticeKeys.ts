/**
 * The keys of `[service]` about notices to authors, one entry for each, in the order of the reference.
 */
import { durationOrNone } from './alarmKeys.ts';
import { key, listOf } from './key.ts';
import { parseLocalDomain } from './routingKeys.ts';

export const NOTICE_KEYS = {
  notifySenderAfterMs: key(
    'notify-sender-after',
    '',
    'time, such as `30m`, after which `tlsward notices run` tells the author of a message that a row or a rule keeps ' +
      'waiting; empty: nobody is told',
    durationOrNone('1s', '4d'),
  ),
  notifyDomains: key(
    'notify-domains',
    '',
    'domains whose authors are told, `.suffix` for all names below: those of your own users, for a notice to a forged ' +
      'sender elsewhere is spam; empty: those of `local-domains`',
    listOf('domains', parseLocalDomain),
  ),
};
