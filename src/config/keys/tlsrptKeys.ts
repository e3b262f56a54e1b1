/**
 * The keys of `[service]` about the reports that we send (RFC 8460), one entry for each, in the order of the reference.
 */
import { Invalid, quote } from '../ini/problem.ts';
import { parseMailbox } from './evidenceKeys.ts';
import { anything, key, words } from './key.ts';
import type { ServiceSettings } from './serviceSettings.ts';

const MAX_NAME = 100;

function parseOrganization(text: string): string | null | Invalid {
  if (text === '') return null;
  // it stands in JSON and in a line of a message
  const wrong = text.length > MAX_NAME || /[\p{C}\p{Zl}\p{Zp}]/u.test(text);
  return wrong ? new Invalid(quote(text), `a name of at most ${MAX_NAME} printable characters`) : text;
}

export const TLSRPT_KEYS = {
  tlsrptSend: key<ServiceSettings['tlsrptSend']>(
    'tlsrpt-send',
    'no',
    'whether `tlsward tlsrpt send` sends reports about TLS sessions to domains that ask for them: `mail`: to addresses; ' +
      '`https`: also to URLs',
    words(['no', 'mail', 'https']),
  ),
  tlsrptOrganization: key(
    'tlsrpt-organization',
    '',
    'name of the organization in these reports, the same on all its hosts',
    anything('a name', parseOrganization),
  ),
  tlsrptContact: key(
    'tlsrpt-contact',
    '',
    'address in these reports, which their messages are from: its domain signs them (DKIM)',
    anything('an address', parseMailbox),
  ),
};
