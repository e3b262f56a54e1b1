/**
 * The content security policy of a report, as a header field: the one that the page names for itself, with the hashes
 * of its own style and script. What is not of this form is served with a policy that lets nothing run. Pure.
 */

/** The page says it before its title. */
const LOOKED_AT = 4096;
const POLICY =
  /<meta http-equiv="Content-Security-Policy" content="(default-src 'none'(?:; [a-z-]+(?: (?:'none'|'sha256-[A-Za-z0-9+/=]{44}'|data:)){1,8}){0,10})">/;

/** `page`: HTML in UTF-8. */
export function reportPolicy(page: Buffer): string {
  const found = POLICY.exec(page.toString('latin1', 0, LOOKED_AT))?.[1];
  return found ?? "default-src 'none'; base-uri 'none'; form-action 'none'";
}
