/** Gathers what the checks of a host with Sendmail look at. Changes nothing. */
import { readGuarded } from '../../files/guardedReader.ts';
import { codeOf } from '../../files/systemError.ts';
import { parseSendmailCf } from '../../mta/sendmailCf.ts';
import { socketFiles } from '../asked.ts';
import type { SendmailFacts, TableFacts } from '../facts.ts';
import { foldersAbove } from '../serving.ts';
import { gatherStatus } from './gatherFacts.ts';
import { gatherFiles } from './gatherFiles.ts';
import { gatherSystem } from './gatherSystem.ts';

const MAX_CF_BYTES = 4 * 1024 * 1024;

interface Patient {
  readonly table: TableFacts;
  /** Path of the control socket. */
  readonly control: string;
  /** A sendmail.cf. */
  readonly file: string;
  readonly now: Date;
}

/** There is no such file, or it cannot be read. */
export class SendmailCfError extends Error {}

/** Rejects with SendmailCfError. */
export async function gatherSendmail({ table, control, file, now }: Patient): Promise<SendmailFacts> {
  const sendmail = parseSendmailCf(file, await textOf(file));
  const { markKey } = table.service;
  const sockets = socketFiles({ table }).map(({ path }) => path);
  const paths = [...sockets, ...sockets.flatMap(foldersAbove), ...(markKey === null ? [] : [markKey])];
  const [daemon, files, system] = await Promise.all([
    gatherStatus(control),
    gatherFiles(paths, new Set()),
    gatherSystem('root'),
  ]);
  return { now, sendmail, table, daemon, files, system };
}

async function textOf(file: string): Promise<string> {
  const guards = { maxBytes: MAX_CF_BYTES, followLinks: true, refuse: () => null };
  try {
    const read = await readGuarded(file, guards);
    if (read.kind === 'read') return read.bytes.toString('latin1');
    throw new SendmailCfError(`${file} is no sendmail.cf (${read.kind})`);
  } catch (error) {
    if (error instanceof SendmailCfError) throw error;
    throw new SendmailCfError(`cannot read ${file} (${codeOf(error)})`, { cause: error });
  }
}
