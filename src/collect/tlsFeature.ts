/**
 * `tls=` of a delivery line since Postfix 3.11 (pol_stats(3)), first feature, the level:
 *
 *   [!]LEVEL[:FINAL][?]       secure   !encrypt   may:none   secure?   unknown?
 *
 * `!`: violated, the connection was not used. `?`: undecided when the delivery ended, which also happens to mail
 * that was sent over a reused connection. So this field says what was demanded, and checks what the TLS line says;
 * it proves no encryption by itself.
 */
interface TlsFeature {
  /** What was demanded; `unknown`: the policy could not be looked up. */
  readonly level: string;
  /** What it came to; the level itself when nothing else is said. */
  readonly final: string;
  readonly violated: boolean;
  readonly undecided: boolean;
}

const FEATURE = /^(!?)([a-z-]{1,20})(?::([a-z-]{1,20}))?(\??)$/;

/** null: the field does not begin with a level. */
export function parseTlsFeature(value: string): TlsFeature | null {
  const slash = value.indexOf('/');
  const match = FEATURE.exec((slash < 0 ? value : value.slice(0, slash)).slice(0, 64));
  if (match === null) return null;
  const [, violated, level, final = level, undecided] = match;
  return { level: level!, final: final!, violated: violated === '!', undecided: undecided === '?' };
}

/** Does the field itself say that the session was in plaintext? */
export function saysPlain({ final, undecided }: TlsFeature): boolean {
  return final === 'none' && !undecided;
}

/** Does it claim that the session was encrypted? Not a proof. */
export function saysTls({ final, undecided, violated }: TlsFeature): boolean {
  return !violated && !undecided && final !== 'none' && final !== 'may' && final !== 'unknown';
}
