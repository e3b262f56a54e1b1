/**
 * What `tlsward setup postfix` would change, as data: parameters of main.cf, whole entries of master.cf and
 * their `-o` overrides, each with its old and new value and one sentence why; what an administrator must know
 * besides; and what stands in the way.
 *
 * A plan is a function of what Postfix says of itself and of what is wanted. It holds only what differs, so
 * that a second plan after the first is empty.
 */

/** What can be asked for; each has its part of the plan. */
export const WISHES = ['inbound', 'outbound', 'messages'] as const;
export type Wish = (typeof WISHES)[number];

/** What a wish means, for the heading of its part. */
export const WISH_WORDS: Readonly<Record<Wish, string>> = {
  inbound: 'mail that arrives is judged',
  outbound: 'mail that leaves follows the table',
  messages: 'single messages can need more than their domain',
};

/**
 *   main       a parameter of main.cf
 *   entry      a whole entry of master.cf, as one line
 *   override   `-o name=value` of an entry of master.cf
 */
type Target = 'main' | 'entry' | 'override';

export interface Change {
  readonly wish: Wish;
  readonly target: Target;
  /** `submission/inet` of an entry, as postconf -M names it; '' for main.cf. */
  readonly service: string;
  /** Parameter; '' for a whole entry. */
  readonly name: string;
  /** What is written there now; null: nothing. */
  readonly before: string | null;
  /** What Postfix does where nothing is written; null where something is, or the name is ours. */
  readonly standard: string | null;
  /** What is to be written; null: nothing, so that the default holds or the entry is gone. */
  readonly after: string | null;
  /** One sentence. */
  readonly why: string;
}

/** Something to know; `warning`: mail passes unjudged or is held up unless the administrator acts. */
export interface Remark {
  readonly wish: Wish;
  readonly severity: 'note' | 'warning';
  readonly text: string;
}

/** Why a part of the plan cannot be carried out. */
export interface Obstacle {
  readonly wish: Wish;
  readonly text: string;
}

export interface Plan {
  /** In place of the headings of the wishes, where a plan is for none of them. */
  readonly heading?: string;
  /** In the order in which they are shown; `stepsOf` has the order in which they are written. */
  readonly changes: readonly Change[];
  readonly remarks: readonly Remark[];
  readonly obstacles: readonly Obstacle[];
}

/** A change as a short name: `smtpd_milters`, `submission/inet`, `submission/inet -o smtpd_milters`. */
export function changeName({ target, service, name }: Pick<Change, 'target' | 'service' | 'name'>): string {
  if (target === 'main') return name;
  return target === 'entry' ? service : `${service} -o ${name}`;
}
