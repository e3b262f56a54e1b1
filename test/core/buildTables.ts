/** What the core tests share: tables from a few words, sessions and certificates by name, and TSV files. */
import { readFileSync } from 'node:fs';
import { parsePath } from '../../src/core/address.ts';
import {
  DEFAULTS,
  type Mode,
  type ReceiveLevel,
  type Settings,
  type Violation,
} from '../../src/core/settings.ts';
import { PolicyTable } from '../../src/core/table.ts';
import { TableBuilder } from '../../src/core/tableBuilder.ts';
import type { TlsState } from '../../src/core/tls.ts';
import type { Transaction } from '../../src/core/transaction.ts';
import { root } from '../root.ts';

/** The lines of a TSV file under test/core as objects by column name; comments and empty lines left out. */
export function readTsv(name: string): readonly Readonly<Record<string, string>>[] {
  const text = readFileSync(new URL(`test/${name}`, root), 'utf8');
  const [head, ...lines] = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const columns = head!.split('\t');
  return lines.map((line) => {
    const cells = line.split('\t');
    if (cells.length !== columns.length) throw new Error(`${name}: ${cells.length} cells in "${line}"`);
    return Object.fromEntries(columns.map((column, i) => [column, cells[i]!]));
  });
}

export type RowOf = readonly [pattern: string, settings: Partial<Settings>];

/** A table with these rows; line numbers count from 1. Patterns are taken as canonical. */
export function tableOf(rows: readonly RowOf[]): PolicyTable {
  const builder = new TableBuilder();
  rows.forEach(([pattern], i) => {
    const bytes = new TextEncoder().encode(pattern);
    if (builder.add(bytes, 0, bytes.length, i, 0, i + 1) !== -1) throw new Error(`two rows for ${pattern}`);
  });
  const settings = rows.map(([, some]) => ({ ...DEFAULTS, ...some }));
  return new PolicyTable(
    builder.finish(settings, ['test.ini'], (tag) => tag),
    1,
    '',
  );
}

/** `encrypt/defer/observe` to settings; the parts after the level in any order. */
export function settingsOf(words: string): Partial<Settings> {
  const [receive, ...rest] = words.split('/');
  let settings: Partial<Settings> = { receive: receive as ReceiveLevel };
  for (const word of rest) {
    if (word === 'observe') settings = { ...settings, mode: word as Mode };
    else if (word === 'pin') settings = { ...settings, fingerprints: [PIN] };
    else settings = { ...settings, violation: word as Violation };
  }
  return settings;
}

export const PIN = 'AA:01';
export const OTHER_DIGEST = 'BB:02';

export const GOOD: Extract<TlsState, { kind: 'tls' }> = {
  kind: 'tls',
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  bits: 256,
  certificate: { kind: 'none' },
};

/** A transaction at RCPT from and to these paths, as typed; no sender when `from` is null. */
export function transaction(from: string | null, to: readonly string[], tls: TlsState): Transaction {
  return {
    protocol: 'policy',
    stage: to.length === 0 ? 'MAIL' : 'RCPT',
    arrival: 'smtp',
    clientAddress: '192.0.2.7',
    clientName: '',
    clientPort: 0,
    heloName: 'mx.partner.example',
    sender: from === null ? null : parsePath(from),
    recipients: to.map(parsePath),
    unseenRecipients: false,
    queueId: '',
    saslUsername: '',
    mtaName: '',
    tls,
  };
}
