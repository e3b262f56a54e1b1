/**
 * The edits of a message at its end, as plain data; the milter session turns each into one or more packets.
 *
 * The order matters, and the code that makes the edits must ensure it: first the body, then deletions from
 * the highest index of a name down (correct for Postfix, which renumbers at once, and for Sendmail, which
 * does not), then additions.
 */
export type Edit =
  /** The `index`-th header called `name`, from 1, any case, counted over the message as it was received. */
  | { readonly kind: 'deleteHeader'; readonly name: string; readonly index: number }
  | { readonly kind: 'changeHeader'; readonly name: string; readonly index: number; readonly value: string }
  /**
   * At the top of the message, below the MTA's own Received when `index` is 1. `value` may fold with LF and
   * white space.
   */
  | { readonly kind: 'insertHeader'; readonly name: string; readonly index: 0 | 1; readonly value: string }
  | { readonly kind: 'addHeader'; readonly name: string; readonly value: string }
  /** `path` as in SMTP, with its brackets; `parameters` of RCPT, `NOTIFY=NEVER ORCPT=...`, '' for none. */
  | { readonly kind: 'addRecipient'; readonly path: string; readonly parameters: string }
  /** `path` exactly as the MTA showed it. */
  | { readonly kind: 'deleteRecipient'; readonly path: string }
  /** The whole new body, CRLF lines, in any chunking. */
  | { readonly kind: 'replaceBody'; readonly chunks: readonly Uint8Array[] };

/**
 * A header field as received: one character per byte (latin1), the value without the line end, folds as LF.
 */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
}
