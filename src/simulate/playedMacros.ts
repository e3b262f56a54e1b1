/**
 * The macros that a played MTA tells a filter: names as Postfix 3.7 and Sendmail 8.17 send them, values from
 * the mail.
 */

import { defaultOf } from '../config/keys/keys.ts';
import { fenceTable } from '../rules/fence.ts';
import type { MacroList } from '../wire/milterEncode.ts';
import { joinMacros } from '../wire/milterMacros.ts';
import type { PlayedMail } from './playedMail.ts';

/** `route-header` unless it is changed. */
const DEFAULT_HEADER = defaultOf('route-header', 'service');

/** Macros of the list that was asked for, those that have a value. */
export function macroText(
  lists: readonly MacroList[],
  stage: number,
  values: ReadonlyMap<string, string>,
): string {
  const names = lists.find((list) => list.stage === stage)?.names.split(/[ ,]+/) ?? [];
  return joinMacros(
    names.flatMap((name) => {
      const value = values.get(name.replace(/[{}]/g, ''));
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** What this MTA would tell of the session: Postfix has no `{verify}` and no `{cn_subject}`. */
export function macroValues(mail: PlayedMail): Map<string, string> {
  const { tls, mta, mtaVersion = 'Postfix 3.7.11' } = mail;
  const values = new Map([
    ['j', 'mx.example.org'],
    ['v', mta === 'postfix' ? mtaVersion : '8.17.1.9'],
    ['i', mail.queueId],
    ['client_addr', mail.clientAddress],
    ['client_port', String(mail.clientPort)],
  ]);
  if (mta === 'postfix') values.set('tlsward_fence', mail.headerChecks ?? fenceTable(DEFAULT_HEADER));
  if (mail.saslUsername !== '') values.set('auth_authen', mail.saslUsername);
  if (tls.kind === 'unknown') values.delete('client_addr');
  if (tls.kind !== 'tls') return values;
  const { certificate } = tls;
  values
    .set('tls_version', tls.protocol)
    .set('cipher', tls.cipher)
    .set('cipher_bits', String(tls.bits ?? ''));
  if (mta === 'sendmail') {
    const verify = { trusted: 'OK', untrusted: 'FAIL', none: 'NO', unproven: 'NO', unknown: 'NOT' } as const;
    values.set('verify', verify[certificate.kind]).set('cn_subject', '').set('cn_issuer', '');
  }
  if (certificate.kind === 'trusted') {
    values.set('cert_subject', certificate.commonName).set('cert_issuer', certificate.issuer);
    if (mta === 'sendmail')
      values.set('cn_subject', certificate.commonName).set('cn_issuer', certificate.issuer);
  }
  return values;
}

/** What it would tell of one recipient besides: where the mail would go (Postfix has `local` for its own). */
export function recipientValues(
  { mta, localDomains = [] }: PlayedMail,
  values: ReadonlyMap<string, string>,
  path: string,
): ReadonlyMap<string, string> {
  const address = path.replace(/^<|>$/g, '');
  const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase();
  const local = !address.includes('@') || localDomains.includes(domain);
  const [mailer, host] =
    mta === 'postfix'
      ? [local ? 'local' : 'smtp', domain]
      : [local ? 'local' : 'esmtp', local ? '' : `${domain}.`];
  return new Map([...values, ['rcpt_mailer', mailer], ['rcpt_host', host], ['rcpt_addr', address]]);
}
