/**
 * The outputs that reach people: a mail through the MTA of this host, a command, an Alertmanager. Each resolves to why it
 * did not take an alarm, '' when it did; none rejects, and none holds the others up for more than its time limit.
 */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { handOver, type MailServer, whyNot } from '../../mta/handOver.ts';
import { runProgram } from '../../mta/runProgram.ts';
import type { Notice } from '../alarmState.ts';
import { type Alert, alarmJson, alarmMail } from '../notices.ts';

const COMMAND_MS = 10_000;
const COMMAND_OUTPUT = 65_536;
const HTTP_MS = 10_000;
const MAX_ANSWER = 4096;
/** Of one request. */
const MAX_ALERTS = 500;

interface Teller {
  readonly host: string;
  readonly repeatMs: number;
  readonly nowMs: number;
}

export async function tellMail(
  notice: Notice,
  to: string,
  { host, repeatMs, nowMs }: Teller,
  server?: MailServer,
): Promise<string> {
  const name = host.replace(/[^A-Za-z0-9.-]/g, '-');
  return await handOver(to, name, alarmMail(notice, to, name, repeatMs, nowMs), server);
}

/** The alarm as one line of JSON on standard input, its kind and state in the environment. */
export async function tellCommand(
  { alarm, state }: Pick<Notice, 'alarm' | 'state'>,
  [program = '', ...args]: readonly string[],
  host: string,
): Promise<string> {
  const input = `${JSON.stringify(alarmJson(alarm, state, host))}\n`;
  const env = { ALARM_KIND: alarm.kind, ALARM_STATE: state };
  const limits = { timeoutMs: COMMAND_MS, maxBytes: COMMAND_OUTPUT, input, env };
  return whyNot(await runProgram(program, args, limits));
}

/** `POST /api/v2/alerts`; `base`: the URL before `/api`. */
export async function tellAlertmanager(base: string, alerts: readonly Alert[]): Promise<string> {
  for (let from = 0; from < alerts.length; from += MAX_ALERTS) {
    const why = await post(`${base}/api/v2/alerts`, JSON.stringify(alerts.slice(from, from + MAX_ALERTS)));
    if (why !== '') return why;
  }
  return '';
}

function post(url: string, body: string): Promise<string> {
  return new Promise((resolve) => {
    const send = url.startsWith('https:') ? requestHttps : requestHttp;
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    const sent = send(url, { method: 'POST', headers, signal: AbortSignal.timeout(HTTP_MS) }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        if (text.length < MAX_ANSWER) text += chunk;
      });
      answer.on('error', (error) => resolve(error.message));
      answer.on('end', () => {
        const { statusCode = 0 } = answer;
        resolve(statusCode >= 200 && statusCode < 300 ? '' : `${statusCode} ${text.slice(0, 300)}`);
      });
    });
    sent.on('error', (error: NodeJS.ErrnoException) =>
      resolve(
        error.name === 'TimeoutError' || error.name === 'AbortError'
          ? 'no answer in time'
          : (error.code ?? error.message),
      ),
    );
    sent.end(body);
  });
}
