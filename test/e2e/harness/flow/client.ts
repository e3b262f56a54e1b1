/**
 * Sends every stream until /run/stop exists, each message until it is accepted or refused for good, as an MTA does: what
 * is put off is tried again. A program: it prints each try as a line of JSON (`Try` of streams.ts). What the test does at
 * the time stands in /run/phase.
 */
import { existsSync, readFileSync } from 'node:fs';
import { pause } from '../deadline.ts';
import { openSession } from '../peers/smtp-session.ts';
import { STREAMS, type Stream, type StreamName, type Try } from './streams.ts';

const AGAIN_MS = 200;

const phase = (): string => readFileSync('/run/phase', 'utf8').trim();

async function send(name: StreamName, stream: Stream, number: number): Promise<string> {
  const { domain, to, from: localAddress = '127.0.0.1', tls } = stream;
  const from = `${name}-${number}@${domain}`;
  const text = `From: <${from}>\nSubject: ${name} ${number}\n\ntext\n`;
  try {
    const client = await openSession(25, { localAddress, ...(tls === undefined ? {} : { tls }) });
    const { last } = await client.send({ from, to, text });
    // the reply counts, however the session ends
    await client.quit().catch(() => {});
    return `${last.code} ${last.text}`;
  } catch (error) {
    return `000 ${String(error)}`;
  }
}

async function run(name: StreamName): Promise<void> {
  for (let number = 1; !existsSync('/run/stop'); number++) {
    for (;;) {
      const began = phase();
      const reply = await send(name, STREAMS[name], number);
      const line: Try = { stream: name, number, phases: [began, phase()], reply };
      process.stdout.write(`${JSON.stringify(line)}\n`);
      await pause(AGAIN_MS);
      if (/^[25]/.test(reply)) break;
    }
  }
}

await Promise.all((Object.keys(STREAMS) as StreamName[]).map(run));
