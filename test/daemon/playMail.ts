/** A message that an MTA hands to a daemon of the tests by milter, played by `simulate`'s own MTA. */
import { join } from 'node:path';
import { type Played, playMilter } from '../../src/simulate/milterPlayer.ts';
import type { PlayedMail } from '../../src/simulate/playedMail.ts';
import { GOOD } from '../core/buildTables.ts';
import type { TestDaemon } from './startDaemon.ts';

const MAIL: PlayedMail = {
  mta: 'postfix',
  clientAddress: '192.0.2.1',
  clientPort: 4711,
  heloName: 'client.example',
  saslUsername: '',
  tls: GOOD,
  sender: '<alice@bank.example>',
  recipients: ['<bob@our.example>'],
  queueId: '4dJq1x',
  headers: [
    { name: 'From', value: 'alice@bank.example' },
    { name: 'Subject', value: 'hello' },
  ],
  body: Buffer.from('Hello.\r\n'),
};

/**
 * Plays one message over TLS from bank.example, with changes; `on`: a daemon of this process, or the path of a milter's
 * socket; `ms`: how long a reply may take.
 */
export function playMail(
  on: TestDaemon | string,
  changes: Partial<PlayedMail>,
  ms?: number,
): Promise<Played> {
  const path = typeof on === 'string' ? on : join(on.folder, 'milter.sock');
  return playMilter({ kind: 'unix', path }, { ...MAIL, ...changes }, ms);
}

/** Values of the fields with this name in the message as it leaves. */
export function fieldsOf(played: Played, name: string): string[] {
  return (played.message?.headers ?? [])
    .filter((field) => field.name.trim().toLowerCase() === name.toLowerCase())
    .map((field) => field.value);
}
