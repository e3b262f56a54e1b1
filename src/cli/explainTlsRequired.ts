/**
 * What `tlsward explain` says of `TLS-Required: no` in a message: the milter refuses or holds it where mail
 * must leave under TLS (rules/tlsRequired.ts), if the MTA is a Postfix that would grant it. The file says so
 * with `postfix-version`; where it does not, only the running daemon knows, and a person is told what it
 * would do.
 */
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import type { HeaderField } from '../core/messageEdit.ts';
import { isSince } from '../core/postfixVersion.ts';
import type { RuleRecipient } from '../core/rule.ts';
import type { PolicyTable } from '../core/table.ts';
import { allAtOnce } from '../core/work.ts';
import type { Reply } from '../receive/smtpReply.ts';
import type { RouteSettings } from '../rules/routePlan.ts';
import {
  asksForPlain,
  firstProtected,
  type Protected,
  tlsRequiredReason,
  tlsRequiredReply,
} from '../rules/tlsRequired.ts';

export interface ExplainedWish {
  /** null: only where the MTA is Postfix 3.10 or later, which the file does not say. */
  readonly outcome: 'refused' | 'held' | null;
  /** When refused. */
  readonly reply: Reply | null;
  readonly why: string;
}

interface Wished {
  readonly headers: readonly HeaderField[];
  readonly recipients: readonly RuleRecipient[];
  /** First rule that applies to the message; null: none. */
  readonly rule: string | null;
}

type Service = Pick<ServiceSettings, 'tlsRequiredNo' | 'postfixVersion'>;

/** null: the message has no such field, or it does not matter. */
export function explainWish(
  { headers, recipients, rule }: Wished,
  { tlsRequiredNo, postfixVersion }: Service,
  table: PolicyTable,
  settings: RouteSettings,
  code: string,
): ExplainedWish | null {
  if (tlsRequiredNo === 'ignore' || !asksForPlain(headers)) return null;
  const byRule: Protected | null = rule === null ? null : { recipient: '', why: `rule ${rule}` };
  const found = byRule ?? allAtOnce(firstProtected(recipients, table, settings));
  if (found === null) return null;
  const why = tlsRequiredReason(found);
  const refused = tlsRequiredNo === 'refuse';
  if (postfixVersion === null || !isSince(postfixVersion, 3, 10)) {
    const what = refused ? 'refuses' : 'holds';
    const unless = `with Postfix 3.10 or later the milter ${what} the message (postfix-version does not say so): ${why}`;
    return { outcome: null, reply: null, why: unless };
  }
  if (refused) return { outcome: 'refused', reply: tlsRequiredReply(found, code), why };
  return { outcome: 'held', reply: null, why };
}
