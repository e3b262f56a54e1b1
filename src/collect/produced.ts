/**
 * What the join makes of lines: records without the parts that the writer adds, and without JSON.
 */
import type { Mailbox } from '../evidence/lineText.ts';
import type { EvidenceRecord } from '../evidence/record.ts';

export type OutboundTls = Extract<EvidenceRecord, { readonly type: 'delivery' }>['tls'];

export interface Produced {
  /** Milliseconds since the epoch: of the line. */
  readonly time: number;
  readonly type: 'delivery' | 'message' | 'refusal' | 'gap';
  /** Host of the line; '' when it names none. */
  readonly host: string;
  readonly fields: Readonly<Record<string, ProducedField>>;
}

type ProducedField =
  | string
  | number
  | null
  | undefined
  | Mailbox
  | Readonly<Record<string, string | number | boolean | undefined>>;
