/**
 * The `[service]` section to typed settings. Defaults are text, too, and go through the same parsers, so that
 * the documented defaults are those in force.
 *
 * Apart from single values, these are checked: there is at least one socket for an MTA; no address occurs
 * twice; other addresses than loopback need `allow-remote = yes`, because every client that reaches a socket
 * can ask questions and, on the milter socket, is trusted.
 */
import { Invalid, quote, type Report } from '../ini/problem.ts';
import { positionOf, type Section, whereOf } from '../ini/section.ts';
import { EVIDENCE_KEYS } from './evidenceKeys.ts';
import { readAll, type TypedKey } from './key.ts';
import { formatListen, isLoopback } from './listenAddress.ts';
import { isRemote } from './publishedKeys.ts';
import { checkSection } from './schema.ts';
import { SERVICE_KEYS, type ServiceValues } from './serviceKeys.ts';
import type { ServiceSettings } from './serviceSettings.ts';
import type { Place } from './serviceValues.ts';

/** Sockets for the MTA, of which at least one is needed. */
const LISTENERS = ['policyListen', 'milterListen', 'socketmapListen'] as const;

/**
 * Reads the section; mistakes are reported and replaced by defaults. `folder` is where relative paths start.
 */
export function readService(section: Section, folder: string, report: Report): ServiceSettings {
  const entries = checkSection(section, report);
  const place = { folder, remote: entries.get('allow-remote')?.value === 'yes' };
  const read = <K extends keyof ServiceValues>(field: K): ServiceValues[K] => {
    const { key, default: standard, parse }: TypedKey<ServiceValues[K], [Place]> = SERVICE_KEYS[field];
    const entry = entries.get(key);
    const value = parse(entry?.value ?? standard, place);
    if (!(value instanceof Invalid)) return value;
    if (entry !== undefined) report.problem(positionOf(section, entry), whereOf(section, key), value);
    const fallback = entry === undefined ? value : parse(standard, place);
    if (fallback instanceof Invalid)
      throw new Error(`the default of ${key} is wrong: expected ${fallback.expected}`);
    return fallback;
  };
  const { allowRemote: _remote, include: _include, ...settings } = readAll<ServiceValues>(SERVICE_KEYS, read);
  const mode = entries.get('socket-mode');
  if (mode !== undefined && (settings.socketMode & 0o002) !== 0) {
    report.notice(
      'suspect',
      positionOf(section, mode),
      whereOf(section, 'socket-mode'),
      'every user of this machine can connect',
    );
  }
  const remark = (key: string, kind: 'suspect' | 'no-effect', text: string): void => {
    const entry = entries.get(key);
    if (entry !== undefined && entry.value !== '')
      report.notice(kind, positionOf(section, entry), whereOf(section, key), text);
  };
  const { stsTestOpening, published } = settings;
  if (stsTestOpening !== null)
    remark(
      'sts-test-opening',
      'suspect',
      `FOR TESTS ONLY: MTA-STS policies are fetched from internal addresses (${stsTestOpening.text}); remove it on a mail server`,
    );
  if (isRemote(published))
    remark('published', 'suspect', 'the answers come over a network and can be changed on the way');
  if (published !== null) {
    for (const key of ['resolver', 'sts-cache', 'sts-test-opening'])
      remark(key, 'no-effect', 'has no effect, because published names another policy server');
  }
  if (settings.evidence === null) {
    for (const { key } of Object.values(EVIDENCE_KEYS))
      if (key !== 'evidence') remark(key, 'no-effect', 'has no effect without evidence');
  }
  const { notifySenderAfterMs, notifyDomains, localDomains } = settings;
  if (notifyDomains.length === 0 && localDomains.length === 0)
    remark(
      'notify-sender-after',
      'no-effect',
      'has no effect, because neither notify-domains nor local-domains says whose authors are told',
    );
  if (notifySenderAfterMs === null)
    remark('notify-domains', 'no-effect', 'has no effect without notify-sender-after');
  const problem = (key: string, wrong: Invalid): void => {
    const entry = entries.get(key);
    report.problem(entry === undefined ? section : positionOf(section, entry), whereOf(section, key), wrong);
  };
  if (!settings.httpListen.every(isLoopback))
    remark(
      'http-listen',
      'suspect',
      'other hosts can read who writes to whom; a firewall must say which may',
    );
  const { maxMemoryBytes, maxBodyBytes, maxPacketBytes } = settings;
  // header fields and recipients of one message need memory, too
  const oneMessage = maxBodyBytes + maxPacketBytes + 20 * 1024 * 1024;
  if (maxMemoryBytes < oneMessage)
    problem(
      'max-memory',
      new Invalid(
        `${maxMemoryBytes} bytes`,
        `${oneMessage} or more`,
        'there must be room for one message with max-body and max-packet',
      ),
    );
  if (settings.tlsrptSend !== 'no') {
    const missing = [
      ...(settings.evidence === null ? ['evidence'] : []),
      ...(settings.tlsrptOrganization === null ? ['tlsrpt-organization'] : []),
      ...(settings.tlsrptContact === null ? ['tlsrpt-contact'] : []),
    ];
    const found = `tlsrpt-send = ${settings.tlsrptSend} without ${missing.join(', ')}`;
    if (missing.length > 0)
      problem('tlsrpt-send', new Invalid(found, 'evidence, tlsrpt-organization and tlsrpt-contact'));
  }
  const ownName = settings.routeHeader.toLowerCase();
  for (const key of ['mark-name', 'banner-name']) {
    const other = key === 'mark-name' ? settings.markName : settings.bannerName;
    if (other.toLowerCase() !== ownName) continue;
    problem('route-header', new Invalid(`the same name as ${key}`, 'a name that is not used elsewhere'));
  }
  if (settings.replyToken !== 'no' && settings.markKey === null) {
    problem('reply-token', new Invalid('reply-token without mark-key', 'a mark-key, which signs tokens'));
  }
  if (settings.markBinds === 'body' && settings.markKey === null) {
    problem('mark-binds', new Invalid('mark-binds = body without mark-key', 'a mark-key, which signs marks'));
  }
  const token = entries.get('reply-token');
  if (token !== undefined && settings.replyToken !== 'no' && settings.milterListen.length === 0) {
    const text = 'has no effect, because there is no milter-listen';
    report.notice('no-effect', positionOf(section, token), whereOf(section, 'reply-token'), text);
  }
  const keys = LISTENERS.map((field) => SERVICE_KEYS[field].key);
  if (!keys.some((key) => section.entries.some((entry) => entry.key === key && entry.value !== ''))) {
    const wrong = new Invalid('no socket for the MTA', keys.join(', '));
    report.problem(section, whereOf(section), wrong);
  }
  const taken = new Set<string>();
  for (const field of [...LISTENERS, 'controlListen', 'httpListen'] as const) {
    const { key } = SERVICE_KEYS[field];
    const entry = entries.get(key);
    for (const address of settings[field]) {
      const name = formatListen(address);
      if (taken.has(name) && !name.endsWith(':0')) {
        const wrong = new Invalid(`duplicate ${quote(name)}`, 'each address once');
        report.problem(
          entry === undefined ? section : positionOf(section, entry),
          whereOf(section, key),
          wrong,
        );
      }
      taken.add(name);
    }
  }
  return settings;
}
