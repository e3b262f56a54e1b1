/**
 * `tlsward explain --deliver NEXTHOP`: how mail to a domain leaves, and why.
 *
 *   tlsward explain --deliver bank.example [--map deliver | deliver-encrypt | deliver-verify]
 *   tlsward explain --deliver bob@bank.example --map tls_rcpt
 *
 * First line: the answer as it goes over the wire, what `postmap -q bank.example socketmap:...:deliver`
 * prints behind `OK `. Then the row with file and line, its inheritance, and what the MTA does with the
 * answer. The next hop is given as the MTA writes it, `[relay.example]:587` for one. Behind a row with
 * `deliver = auto` what the domain publishes is asked of the running daemon, or looked up here, and shown.
 * Exit status: 0 answered (NOTFOUND is an answer), 75 mail would wait.
 */

import { quote } from '../config/ini/problem.ts';
import { escapeText } from '../core/escape.ts';
import { formatPosition } from '../core/position.ts';
import { answeredVersion } from '../core/postfixVersion.ts';
import { PolicyTable } from '../core/table.ts';
import { describeDelivery } from '../deliver/describeDelivery.ts';
import { answerMap, MAPS } from '../maps/mapAnswer.ts';
import { formatSocketmapReply } from '../wire/socketmapEncode.ts';
import { EXIT, exceptionWords, type Io, label, paint, UsageError } from './command.ts';
import { controlSocket } from './daemon.ts';
import { loadOrReport } from './loadOrReport.ts';
import { lookUpPublished } from './publishedLookUp.ts';
import { publishedLines } from './publishedText.ts';

interface DeliverQuestion {
  readonly config: string;
  /** A next hop; an address for Sendmail's map. */
  readonly deliver: string;
  readonly map: string;
  readonly json: boolean;
}

/** The key that an MTA would send, one character a byte. */
function keyOf(map: string, text: string): string {
  const sendmail = MAPS.get(map)?.grammar === 'sendmail' && !/^[a-z_]+:/i.test(text);
  return Buffer.from(sendmail ? `tls_rcpt:${text}` : text, 'utf8').toString('latin1');
}

/** Prints the explanation; returns the exit status. */
export async function explainDeliver(question: DeliverQuestion, io: Io): Promise<number> {
  const { config, deliver, map } = question;
  if (!MAPS.has(map))
    throw new UsageError(`--map: found ${quote(map)}, expected ${[...MAPS.keys()].join(', ')}`);
  if (MAPS.get(map)?.grammar === 'postfix' && deliver.includes('@')) {
    const domain = deliver.slice(deliver.lastIndexOf('@') + 1);
    throw new UsageError(
      `--deliver: found the address ${quote(deliver)}, expected a next hop: ${quote(domain)}; only --map tls_rcpt takes addresses`,
    );
  }
  const loaded = loadOrReport(config, question.json, io);
  if (loaded === null) return EXIT.config;
  const table = new PolicyTable(loaded.packed, 1, loaded.hash);
  const version = answeredVersion(loaded.service.postfixVersion);
  const key = keyOf(map, deliver);
  let found: Awaited<ReturnType<typeof lookUpPublished>> | null = null;
  let answer = answerMap(map, key, table, version);
  while (answer.kind === 'needs') {
    found = await lookUpPublished(answer.question, loaded.service, controlSocket(config));
    answer = answerMap(map, key, table, version, found.published);
  }
  const { reply, decision } = answer;
  const said = formatSocketmapReply(reply);
  const means = MAPS.get(map)?.grammar !== 'postfix' || decision === null ? [] : describeDelivery(decision);
  const row = decision?.row ?? null;
  if (question.json) io.out(`${JSON.stringify({ answer: said, map, row, means, ...(found ?? {}) })}\n`);
  else {
    io.out(`${paint(io, reply.status === 'TEMP' ? 'red' : 'green', said)}\n\n`);
    if (row === null) io.out(`${label('row')}none\n`);
    else {
      const { pattern, at, settings } = row;
      io.out(`${label('row')}${pattern} (${formatPosition(at)}), ${settings.lineage.join(' <- ')}\n`);
      const exception = exceptionWords(settings);
      if (exception !== null) io.out(`${label('exception')}${exception}\n`);
      const observed = settings.mode === 'observe' ? ', mode = observe' : '';
      const floor =
        settings.deliver === 'auto' && settings.deliverFloor !== 'none'
          ? `, deliver-floor = ${settings.deliverFloor}`
          : '';
      const deliver = settings.deliver === null ? 'nothing about deliver' : `deliver = ${settings.deliver}`;
      const says = `${deliver}${floor}${observed}`;
      io.out(`${label('says')}${says}\n`);
    }
    if (found !== null) {
      const lines = publishedLines(found.published, found.kept, Date.now());
      for (const [i, line] of [...lines, `by       ${found.by}`].entries())
        io.out(`${label(i === 0 ? 'published' : '')}${line}\n`);
    }
    if (decision?.kind === 'policy' && decision.follows !== null)
      io.out(`${label('follows')}${escapeText(decision.follows)}\n`);
    means.forEach((sentence, i) => {
      // may quote another policy server
      io.out(`${label(i === 0 ? 'means' : '')}${escapeText(sentence, 1000)}\n`);
    });
  }
  return reply.status === 'TEMP' ? EXIT.cannotTell : EXIT.yes;
}
