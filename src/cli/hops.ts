/**
 * `tlsward hops FILE`: the path of a saved message, from its Received fields, as far as they can be trusted.
 *
 *   tlsward hops FILE [--host NAME ...] [--trust NETWORK ...] [--json]
 *
 * FILE is one message, an mbox, a folder, a Maildir or `-`. `--host` names a host of ours (without it, the
 * `host-name` of the configuration): the lines it wrote on top are facts, and everything below them is only
 * claimed by others. `--trust` names the networks in which our hosts hand messages to each other (a store
 * behind the MX); loopback always counts.
 *
 * First line: how much is proof. Then the first hop known to be unprotected, then each hop, newest first.
 * `--json`: one line per message. This is diagnosis: it decides nothing and never changes a mark.
 * Exit status: 0 printed, 75 no message has a Received field, 64 usage, 65 unreadable.
 */
import { escapeText } from '../core/escape.ts';
import { type Network, parseNetwork } from '../core/network.ts';
import { type OwnHosts, type Protection, readChain } from '../hops/chain.ts';
import { hopsJson, hopsLines } from '../hops/hopsText.ts';
import { readMessages } from '../mailfile/readMessages.ts';
import { fieldNameKey } from '../mark/stripMarks.ts';
import { asciiJson } from './asciiJson.ts';
import {
  configFile,
  EXIT,
  type Io,
  paint,
  parseCommand,
  reportError,
  UsageError,
  unreadable,
} from './command.ts';
import { COMMANDS } from './commands.ts';
import { mustExist, peekKey } from './peekKey.ts';
import { Progress } from './progress.ts';

const COLOURS: Readonly<Record<Protection, 'green' | 'red' | 'yellow' | null>> = {
  protected: 'green',
  weak: 'yellow',
  unprotected: 'red',
  unknown: 'yellow',
  internal: null,
};

function networkOf(text: string): Network {
  const network = parseNetwork(text);
  if (network === null)
    throw new UsageError(
      `--trust: found "${escapeText(text)}", expected an address or a network such as 10.0.0.0/24`,
    );
  return network;
}

/** Our own name by the configuration; one that is named must be there. */
function hostName(file: string, named: boolean): string[] {
  if (named) mustExist(file);
  const name = peekKey(file, 'host-name');
  return name === null ? [] : [name];
}

/** `tlsward hops`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.hops);
  const file = positionals[0]!;
  const hosts: OwnHosts = {
    names: values.host ?? hostName(configFile(values, io.env), values.config !== undefined),
    networks: (values.trust ?? []).map(networkOf),
  };
  let messages = 0;
  let hops = 0;
  const progress = new Progress(io, 'messages');
  try {
    for await (const message of readMessages(file)) {
      const received = message.headers.filter((field) => fieldNameKey(field.name) === 'received');
      const chain = readChain(
        received.map((field) => field.value),
        hosts,
      );
      hops += chain.hops.length;
      if (values.json) io.out(`${asciiJson({ message: message.label, ...hopsJson(chain, hosts.names) })}\n`);
      else {
        // a folder or an mbox has many: each under its name
        if (messages > 0) io.out('\n');
        if (messages > 0 || message.fromLine !== null || message.file !== file)
          io.out(`${paint(io, 'bold', escapeText(message.label, 300))}\n`);
        for (const line of hopsLines(chain, hosts.names)) {
          const colour = line.protection === null ? null : COLOURS[line.protection];
          io.out(`${colour === null ? line.text : paint(io, colour, line.text)}\n`);
        }
      }
      messages++;
      progress.step(message.label);
    }
  } catch (error) {
    progress.end();
    return unreadable(io, values.json, file, error);
  }
  progress.end();
  if (messages === 0) reportError(io, values.json, `${escapeText(file, 300)}: holds no message`);
  return hops > 0 ? EXIT.yes : EXIT.cannotTell;
}
