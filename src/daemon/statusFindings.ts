/**
 * What `tlsward status --check` finds fault with: everything about the running daemon that an administrator
 * should look at, each with a name for scripts and the sentence that `status` shows. That DANE is left to
 * Postfix is not among them, because it may be meant.
 */
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import type { StatusReply } from './controlReplies.ts';
import type { EvidenceStatus } from './evidence.ts';

interface Finding {
  readonly id:
    | 'reload-refused'
    | 'restart-needed'
    | 'row-expired'
    | 'listener-trouble'
    | 'log-dropped'
    | 'log-failed'
    | 'files-low'
    | 'test-opening'
    | 'evidence-failed'
    | 'evidence-gap'
    | 'postfix-warning';
  readonly text: string;
}

/** In the order in which `status` shows them; empty when nothing is wrong. */
export function statusFindings(reply: StatusReply): Finding[] {
  const { table, listeners, postfix, published, evidence, openFiles, log } = reply;
  const found: Finding[] = [];
  const add = (id: Finding['id'], text: string): void => void found.push({ id, text });
  if (table.lastReload !== '') add('reload-refused', `reload ${table.lastReload}`);
  if (table.restartNeeded.length > 0) add('restart-needed', restartWords(table.restartNeeded));
  for (const text of table.overdue) add('row-expired', text);
  for (const { name, address, trouble } of listeners)
    if (trouble !== undefined) add('listener-trouble', `${name} ${address}: ${trouble}`);
  if (published.kind !== 'other' && published.testOpening !== '')
    add('test-opening', `policies are fetched from ${published.testOpening} (sts-test-opening)`);
  for (const text of postfix.warnings) add('postfix-warning', text);
  if (evidence !== null) {
    const failure = evidenceFailure(evidence);
    if (failure !== '') add('evidence-failed', failure);
    if (evidence.gaps > 0 || evidence.lost > 0)
      add('evidence-gap', `the evidence has ${count(evidence.gaps, 'gap')} since the start`);
  }
  if (openFiles.limit !== null && openFiles.connections < openFiles.maxConnections)
    add(
      'files-low',
      `room for ${count(openFiles.connections, 'connection')}, and max-connections is ${openFiles.maxConnections}`,
    );
  if (log.dropped > 0) add('log-dropped', `${count(log.dropped, 'line')} of the log were dropped`);
  if (log.failure !== '') add('log-failed', `the log cannot be written (${log.failure})`);
  return found;
}

/** '' while records can be written. */
export function evidenceFailure({ failure, onFailure }: EvidenceStatus): string {
  if (failure === '') return '';
  return `evidence cannot be written (${escapeText(failure)}): mail ${onFailure === 'defer' ? 'waits' : 'goes on'}`;
}

/** Keys that were changed by a reload and wait. */
export function restartWords(keys: readonly string[]): string {
  return `restart needed for: ${keys.join(', ')}`;
}
