/**
 * Plays a matrix (see matrix-table.ts) against a scene: one connection per kind of session, one transaction per domain on
 * it, so each connection also carries a dozen messages in a row. Says what came of each; asserting is the test's part.
 */
import type { LogLine } from '../daemon.ts';
import { until } from '../deadline.ts';
import type { MailMessage } from '../message.ts';
import type { Transaction } from '../peers/smtp.ts';
import { MATRIX_DOMAINS, SESSION_KINDS, type SessionKind } from './matrix-table.ts';
import type { Scene } from './scene.ts';

export interface Played {
  readonly domain: string;
  readonly kind: SessionKind;
  readonly sender: string;
  readonly recipient: string;
  /** The cell: what should have come of it. */
  readonly want: string;
  readonly sent: Transaction;
}

/** Play every cell with the row on one side; the other side is a domain without a row of its own. */
export async function playMatrix(
  scene: Scene,
  matrix: ReadonlyMap<string, string>,
  side: 'sender' | 'recipient',
): Promise<Played[]> {
  const played: Played[] = [];
  for (const kind of SESSION_KINDS) {
    const client = await scene.open(kind);
    for (const domain of MATRIX_DOMAINS) {
      const sender = `a.${kind}@${side === 'sender' ? domain : 'may.example'}`;
      const recipient = `b.${kind}@${side === 'recipient' ? domain : 'local.example'}`;
      const sent = await client.send({ from: sender, to: recipient });
      played.push({ domain, kind, sender, recipient, want: matrix.get(`${domain} ${kind}`)!, sent });
    }
    await client.quit();
  }
  return played;
}

/** The `tx.verdict` lines after `from`, once there are `count` of them. */
export async function verdictsAfter(scene: Scene, from: number, count: number): Promise<LogLine[]> {
  await scene.daemon.waitForLine(() => scene.daemon.events('tx.verdict', from).length >= count, {
    what: `${count} verdicts`,
  });
  return scene.daemon.events('tx.verdict', from);
}

/** Everything delivered, once `count` messages have arrived. */
export async function arrivals(scene: Scene, count: number): Promise<MailMessage[]> {
  const { postfix } = scene;
  await until(15_000, `${count} delivered messages`, () => postfix.delivered().length >= count);
  return postfix.delivered();
}

/** The reply a transaction ended with, as `530/5.7.0` or, when the message was accepted, `250`. */
export function outcome({ last, end }: Transaction): string {
  return end?.code === 250 ? '250' : `${last.code}/${last.enhanced}`;
}

/** A reply text without the code of eight characters at its end, which differs each time. */
export function withoutCode(text: string): string {
  return text.replace(/ \[[0-9A-Z]{8}\]$/, '');
}

/** The code at the end of a reply text; null when there is none. */
export function codeOf(text: string): string | null {
  return / \[([0-9A-Z]{8})\]$/.exec(text)?.[1] ?? null;
}

/** The fields of a mark, by name; white space (folds) removed. */
export function markFields(value: string): Record<string, string> {
  return Object.fromEntries(
    value
      .replace(/\s/g, '')
      .split(';')
      .map((field) => {
        const equals = field.indexOf('=');
        return [field.slice(0, equals), field.slice(equals + 1)];
      }),
  );
}
