/** The content of a banner for one message: its template, and the values of the fields. */
import type { Transaction } from '../core/transaction.ts';
import type { Verdict } from '../core/verdict.ts';
import { type OwnBanners, ownBanners, parseTemplate, type Template } from '../mail/template.ts';
import { describeCertificate, describeTls } from '../receive/describeVerdict.ts';
import type { ChosenBanner } from './bannerChoice.ts';

export interface BannerFacts {
  readonly transaction: Transaction;
  readonly verdict: Verdict;
  /** The name of this host. */
  readonly host: string;
  readonly timeMs: number;
}

/**
 * The values that a banner may show: facts about the session and the message as a whole, never about one
 * recipient.
 */
export function bannerValues(facts: BannerFacts, banner: ChosenBanner): Record<string, string> {
  const { transaction, verdict, timeMs, host } = facts;
  const { tls } = verdict;
  const row = banner.row?.settings;
  const values: Record<string, string> = {
    tls: describeTls(tls),
    certificate: describeCertificate(tls),
    sender: transaction.sender?.mailbox ?? '',
    domain: transaction.sender?.domain ?? '',
    client: transaction.clientAddress,
    host,
    id: transaction.queueId,
    date: new Date(timeMs).toISOString().slice(0, 10),
    verdict: verdict.tagged ? 'tag' : verdict.action,
    contact: row?.contact ?? '',
    help: row?.help ?? '',
    reason: row?.reason ?? '',
  };
  if (tls.kind === 'tls')
    Object.assign(values, { protocol: tls.protocol, cipher: tls.cipher, bits: String(tls.bits ?? '') });
  return values;
}

const templates = new Map<string, Template>();

/** Texts are checked when the table is loaded, so one that cannot be parsed is a bug of ours. */
export function templateOf(text: string): Template {
  let template = templates.get(text);
  if (template === undefined) {
    const parsed = parseTemplate(text);
    if (parsed.kind === 'errors') throw new Error(`banner template ${JSON.stringify(text)} was not checked`);
    template = parsed.template;
    if (templates.size > 1000) templates.clear();
    templates.set(text, template);
  }
  return template;
}

const known = new WeakMap<readonly string[], OwnBanners>();

/** All renderings of these texts; computed once for each table. */
export function ownBannersOf(texts: readonly string[]): OwnBanners {
  let own = known.get(texts);
  if (own === undefined) {
    own = ownBanners(texts.map(templateOf));
    known.set(texts, own);
  }
  return own;
}
