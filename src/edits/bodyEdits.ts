/**
 * What is done to the body of a message: its banner, and banners in our words that came with it.
 *
 * Where the banner goes in, every banner of the table that stands at the top gives way to it. On other mail `banner-forged`
 * decides: what is signed or encrypted is never touched, and DKIM-signed mail with `always` only.
 */
import type { Edit, HeaderField } from '../core/messageEdit.ts';
import { type Edited, putBodyBanner, takeBodyBanners } from '../mail/bodyBanner.ts';
import { SKIP_REASONS } from '../mail/skipReasons.ts';
import { renderTemplate } from '../mail/template.ts';
import type { ChosenBanner } from './bannerChoice.ts';
import { ownBannersOf, templateOf } from './bannerWords.ts';

/** What becomes of forged body banners: `remove` where no DKIM signature breaks, `always` there too. */
export type ForgedBanners = 'leave' | 'remove' | 'always';

export interface BodyTask {
  /** The banner to be put in, with its values; null for none. */
  readonly banner: { readonly chosen: ChosenBanner; readonly values: Record<string, string> } | null;
  /** Every body banner of the table. */
  readonly texts: readonly string[];
  readonly forged: ForgedBanners;
  readonly limitBytes: number;
  /** Does the MTA let a filter replace bodies? An edit it would ignore must not be signed as made. */
  readonly allowed: boolean;
}

/** One edit or none; `body` is null when it was not seen or was too large to keep. `notes` grows. */
export function bodyEdits(
  headers: readonly HeaderField[],
  body: readonly Uint8Array[] | null,
  task: BodyTask,
  notes: string[],
): Edit[] {
  const { banner, texts, forged, limitBytes, allowed } = task;
  if (banner === null && (forged === 'leave' || texts.length === 0)) return [];
  if (body === null) {
    if (banner !== null) notes.push(`body banner left out: the body was not kept (max-body ${limitBytes})`);
    return [];
  }
  if (!allowed) {
    if (banner !== null)
      notes.push('body banner left out: the mail server does not let its filter replace bodies');
    return [];
  }
  const [only] = body;
  const whole = body.length === 1 && only !== undefined ? only : Buffer.concat(body);
  const breakSignatures = banner?.chosen.breakSignatures === true;
  if (banner !== null) {
    const { chosen, values } = banner;
    const result = putBodyBanner(headers, whole, {
      text: renderTemplate(templateOf(chosen.text), values),
      own: ownBannersOf(texts.includes(chosen.text) ? texts : [chosen.text]),
      breakSignatures,
      limitBytes,
    });
    if (result.kind === 'edited') return replaced(result);
    if (result.reason === 'already-there') return [];
    const part = result.part === null ? '' : ` (part ${result.part})`;
    notes.push(`body banner left out: ${SKIP_REASONS[result.reason]}${part}`);
  }
  if (forged === 'leave' || texts.length === 0) return [];
  const taken = takeBodyBanners(headers, whole, {
    own: ownBannersOf(texts),
    breakSignatures: breakSignatures || forged === 'always',
    limitBytes,
  });
  if (taken === null) return [];
  notes.push('a forged banner was taken out of the body');
  return replaced(taken);
}

function replaced({ chunks }: Edited): Edit[] {
  return [{ kind: 'replaceBody', chunks }];
}
