/**
 * The edits of a message's body: adding its banner, and removing copies of our banners that came with it.
 *
 * A new banner replaces every banner of the table that is already at the top. For other mail `banner-forged`
 * decides: signed or encrypted content is never touched, and DKIM-signed mail only with `always`.
 */
import type { Edit, HeaderField } from '../core/messageEdit.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Work } from '../core/work.ts';
import { type Edited, putBodyBanner, takeBodyBanners } from '../mail/bodyBanner.ts';
import { SKIP_REASONS } from '../mail/skipReasons.ts';
import { renderTemplate } from '../mail/template.ts';
import type { ChosenBanner } from './bannerChoice.ts';
import { ownBannersOf, templateOf } from './bannerWords.ts';

/**
 * What to do with forged body banners: `remove` them where that breaks no DKIM signature, `always` even where
 * it does.
 */
export type ForgedBanners = 'leave' | 'remove' | 'always';

export interface BodyTask {
  /** The banner to insert, with its values; null for none. */
  readonly banner: { readonly chosen: ChosenBanner; readonly values: Record<string, string> } | null;
  /** Every body banner of the table. */
  readonly texts: readonly string[];
  readonly forged: ForgedBanners;
  readonly limitBytes: number;
  /**
   * Whether the MTA lets a filter replace bodies. An edit that it would ignore must not be signed as done.
   */
  readonly allowed: boolean;
}

/**
 * Could a body be read for the sake of this recipient, whose verdict it is? A banner that others of the
 * message prevent counts, too.
 */
export function readsBody(
  { findings }: Verdict,
  { texts, forged }: Pick<BodyTask, 'texts' | 'forged'>,
): boolean {
  if (forged !== 'leave' && texts.length > 0) return true;
  return findings.some(({ row }) => row?.settings.banner.includes('body') === true);
}

/** One edit or none; `body` is null when it was not seen or was too large to keep. Adds to `notes`. */
export function* bodyEdits(
  headers: readonly HeaderField[],
  body: readonly Uint8Array[] | null,
  task: BodyTask,
  notes: string[],
): Work<Edit[]> {
  const { banner, texts, forged, limitBytes, allowed } = task;
  if (banner === null && (forged === 'leave' || texts.length === 0)) return [];
  if (body === null) {
    if (banner !== null) notes.push(`body banner not added: the body was not kept (max-body ${limitBytes})`);
    return [];
  }
  if (!allowed) {
    if (banner !== null)
      notes.push('body banner not added: the mail server does not let its filter replace bodies');
    return [];
  }
  const [only] = body;
  const whole = body.length === 1 && only !== undefined ? only : Buffer.concat(body);
  const breakSignatures = banner?.chosen.breakSignatures === true;
  if (banner !== null) {
    const { chosen, values } = banner;
    const result = yield* putBodyBanner(headers, whole, {
      text: renderTemplate(templateOf(chosen.text), values),
      own: ownBannersOf(texts.includes(chosen.text) ? texts : [chosen.text]),
      breakSignatures,
      limitBytes,
    });
    if (result.kind === 'edited') return replaced(result);
    if (result.reason === 'already-there') return [];
    const part = result.part === null ? '' : ` (part ${result.part})`;
    notes.push(`body banner not added: ${SKIP_REASONS[result.reason]}${part}`);
  }
  if (forged === 'leave' || texts.length === 0) return [];
  const taken = yield* takeBodyBanners(headers, whole, {
    own: ownBannersOf(texts),
    breakSignatures: breakSignatures || forged === 'always',
    limitBytes,
  });
  if (taken === null) return [];
  notes.push('a forged banner was removed from the body');
  return replaced(taken);
}

function replaced({ chunks }: Edited): Edit[] {
  return [{ kind: 'replaceBody', chunks }];
}
