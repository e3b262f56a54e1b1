/**
 * `--inbound`: Postfix asks tlsward about mail that arrives, by policy delegation and as a milter, whichever
 * tlsward.ini listens for; at every entry of master.cf that other hosts reach.
 */
import { isLoopbackOnly, mailEntries } from '../mta/mailEntries.ts';
import { type MasterEntry, type PostfixConfig, valueFor } from '../mta/postfixConfig.ts';
import { type Draft, serviceOf } from './draft.ts';
import { entryAsksMilter, planFilter, planFilterOverride, skipsMilters } from './filter.ts';
import { planOfferedTls } from './offeredTls.ts';
import {
  entryAsksPolicy,
  hidesPolicy,
  planPolicyOverride,
  planPolicyService,
  shownOverride,
} from './policyService.ts';
import { nameSocket } from './sockets.ts';
import type { Wanted } from './wanted.ts';

/** Entries by which SMTP comes in from other hosts. */
function openEntries(config: PostfixConfig): MasterEntry[] {
  return mailEntries(config)
    .filter(({ entrance, entry, behind }) => entrance === 'smtpd' && !isLoopbackOnly(config, behind ?? entry))
    .map(({ entry }) => entry);
}

function smtpdEntries(config: PostfixConfig): MasterEntry[] {
  return mailEntries(config)
    .filter(({ entrance }) => entrance === 'smtpd')
    .map(({ entry }) => entry);
}

/** Plans it, and remarks on what hides or weakens it. */
export function planInbound(draft: Draft, wanted: Wanted): void {
  const open = openEntries(draft.config);
  const names = open.map(serviceOf);
  const entries = open.length > 0 || !wanted.named ? open : smtpdEntries(draft.config);
  if (entries.length === 0) {
    draft.note(
      'inbound',
      'No entry of master.cf takes SMTP from other hosts (inet_interfaces, smtpd), so there is nothing to judge: nothing is planned. With --inbound it is, for a proxy on this host that hands connections over.',
    );
    return;
  }
  const { listen } = wanted;
  const policy = listen.policy.length === 0 ? null : nameSocket(draft.config, wanted, 'policy', entries);
  const milter = listen.milter.length === 0 ? null : nameSocket(draft.config, wanted, 'milter', entries);
  if (policy === null && milter === null) {
    draft.obstacle(
      'inbound',
      `${wanted.configFile} has neither policy-listen nor milter-listen: nobody would answer.`,
    );
    return;
  }
  if (policy?.ok === false) draft.obstacle('inbound', policy.why);
  if (milter?.ok === false) draft.obstacle('inbound', milter.why);
  if (policy?.ok === false || milter?.ok === false) return;
  if (policy !== null) planPolicyService(draft, wanted, policy.name);
  if (milter !== null) planFilter(draft, wanted, milter.name);
  planOfferedTls(draft, wanted);
  const sockets = { policy: policy?.name ?? null, milter: milter?.name ?? null };
  for (const name of names) planEntry(draft, wanted, name, sockets);
  noteLocalEntries(draft, wanted, names);
  noteProxy(draft);
}

/**
 * An entry whose `-o` hide what main.cf says: it is changed only where nothing of ours would judge its mail.
 */
function planEntry(
  draft: Draft,
  wanted: Wanted,
  service: string,
  { policy, milter }: { readonly policy: string | null; readonly milter: string | null },
): void {
  const find = (): MasterEntry => draft.config.entries.find((one) => serviceOf(one) === service)!;
  const entry = find();
  const { config } = draft;
  const unseen = skipsMilters(config, entry);
  if (!entryAsksPolicy(config, wanted, entry) && !entryAsksMilter(config, wanted, entry)) {
    if (milter !== null && !unseen) planFilterOverride(draft, wanted, milter, entry);
    else if (policy !== null && entry.overrides.has('smtpd_recipient_restrictions'))
      planPolicyOverride(draft, wanted, policy, entry);
  }
  const then = find();
  const byPolicy = entryAsksPolicy(draft.config, wanted, then);
  const byMilter = entryAsksMilter(draft.config, wanted, then);
  if (!byPolicy && !byMilter) {
    const because = unseen ? 'receive_override_options has no_milters' : 'its -o replace what main.cf says';
    draft.warn('inbound', `${service}: mail that comes in there is not judged, because ${because}.`);
    return;
  }
  if (policy !== null && !byPolicy && hidesPolicy(draft.config, wanted, then))
    draft.note(
      'inbound',
      `${service} has -o smtpd_recipient_restrictions of its own (${shownOverride(draft.config, then, 'smtpd_recipient_restrictions')}): there only the milter judges, which sees no fingerprints. That is left as it is; to change it, put $tlsward_policy in front of what permits.`,
    );
  if (milter !== null && !byMilter)
    draft.note(
      'inbound',
      unseen
        ? `${service} has no_milters in receive_override_options: there only the policy service judges, and nothing is marked.`
        : `${service} has -o smtpd_milters of its own (${shownOverride(draft.config, then, 'smtpd_milters')}): there only the policy service judges, and nothing is marked.`,
    );
}

/** Listeners on loopback take mail back from content filters, where it was judged before. */
function noteLocalEntries(draft: Draft, wanted: Wanted, open: readonly string[]): void {
  const { config } = draft;
  for (const { entrance, entry } of mailEntries(config)) {
    if (entrance !== 'smtpd' || open.includes(serviceOf(entry)) || entry.type !== 'inet') continue;
    const asked = entryAsksPolicy(config, wanted, entry) || entryAsksMilter(config, wanted, entry);
    draft.note(
      'inbound',
      asked
        ? `${serviceOf(entry)} is reached from this host only. tlsward is asked there, too, and judges no client in trusted-clients, which has loopback by default.`
        : `${serviceOf(entry)} is reached from this host only, and tlsward is not asked there: right for a content filter that hands mail back.`,
    );
  }
}

function noteProxy(draft: Draft): void {
  const { config } = draft;
  const proxied = mailEntries(config).find(
    ({ entrance, entry }) => entrance === 'smtpd' && valueFor(config, 'smtpd_proxy_filter', entry) !== '',
  );
  if (proxied === undefined) return;
  draft.note(
    'inbound',
    `${serviceOf(proxied.entry)} hands mail to a filter while it arrives (smtpd_proxy_filter): milters then see the envelope but no message there, so tlsward refuses but neither marks nor adds banners.`,
  );
}
