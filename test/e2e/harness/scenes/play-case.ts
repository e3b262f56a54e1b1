/**
 * Plays one case file against one MTA with tlsward behind it, and says what was not as written. The language is in case.ts.
 *
 * Assertions go to `report`, one for each line that expects something, so that a failing case names its line; a reply
 * that does not come, mail that does not arrive and a connection that breaks throw, with the dialogue so far.
 */
import { createHash } from 'node:crypto';
import type { SecureVersion } from 'node:tls';
import { type Daemon, startDaemon } from '../daemon.ts';
import { until } from '../deadline.ts';
import type { MailMessage } from '../message.ts';
import { type Mta, settled } from '../mta/mta.ts';
import type { CertificateAuthority } from '../peers/ca.ts';
import type { SmtpClient, TlsOptions } from '../peers/smtp.ts';
import type { Reply } from '../peers/smtp-reply.ts';
import { openSession } from '../peers/smtp-session.ts';
import { type Case, expandBlock, matches, type Step } from './case.ts';

export interface Stage {
  readonly mta: Mta;
  readonly daemon: Daemon;
  readonly ca: CertificateAuthority;
}

/** tap's `t`, as far as it is used. */
export interface Report {
  equal(found: unknown, wanted: unknown, message: string): unknown;
  ok(value: unknown, message: string): unknown;
}

/** What a delivery agent writes on top; not what an MTA or a filter did to the message. */
const DELIVERY_FIELDS = ['return-path', 'delivered-to', 'x-original-to'];

/** Large bodies take their time. */
const REPLY_MS = 120_000;

class Player {
  readonly #stage: Stage;
  readonly #report: Report;
  readonly #case: Case;
  readonly #seen = new Set<MailMessage>();
  readonly #logFrom: number;
  #taken: string[] = [];
  #client: SmtpClient | null = null;
  #reply: Reply | null = null;
  #last: MailMessage | null = null;
  #front: Daemon | null = null;

  constructor(stage: Stage, report: Report, played: Case) {
    this.#stage = stage;
    this.#report = report;
    this.#case = played;
    this.#logFrom = stage.daemon.mark();
  }

  async play(): Promise<readonly MailMessage[]> {
    const { mta } = this.#stage;
    try {
      let tables = 0;
      for (const step of this.#case.steps) {
        if (step.verb === 'table') tables++;
        try {
          await this.#step(step, tables);
        } catch (error) {
          const said = this.#client?.transcript.slice(-60).map((line) => line.slice(0, 200)) ?? [];
          const where = `${this.#case.name}.case:${step.line}: ${step.verb} ${step.text}`;
          throw new Error(`${where}\n${String(error)}\n${said.join('\n')}\n${mta.log().slice(-3000)}`);
        }
      }
      this.#noReplyLeft('the end');
      await this.#client?.quit();
      await settled(mta);
      const held = await mta.held();
      this.#report.equal(held.length, 0, 'nothing else is held');
      const arrived = mta.delivered().map(idOf);
      const unexpected = arrived.filter((id) => !this.#taken.includes(id)).length;
      this.#report.equal(unexpected, 0, 'nothing else was delivered');
      return mta.delivered();
    } finally {
      this.#client?.destroy();
      await this.#front?.close();
    }
  }

  async #step(step: Step, tables: number): Promise<void> {
    const { mta, daemon, ca } = this.#stage;
    const words = step.text.split(' ');
    switch (step.verb) {
      case 'table': {
        const loaded = await daemon.reload(step.block.join('\n'));
        if (loaded.event !== 'config.loaded') throw new Error(JSON.stringify(loaded));
        if (tables > 1) this.#report.ok(true, 'table loaded again');
        return;
      }
      case 'first':
        this.#front = await startDaemon({
          tables: step.block.join('\n'),
          service: { 'control-listen': '', 'mark-key': 'mark.key', 'mark-binds': 'body' },
          protocols: ['milter'],
          socketDir: `${mta.socketDir}/first`,
        });
        return;
      case 'kill':
        await daemon.stop('SIGKILL');
        return;
      case 'start':
        await daemon.start();
        return;
      case 'open': {
        this.#noReplyLeft(step.verb);
        await this.#client?.quit();
        const [listener = 'smtp', localAddress] = words;
        this.#client = await openSession(mta.port(listener), {
          timeoutMs: REPLY_MS,
          ...(localAddress === undefined ? {} : { localAddress }),
        });
        return;
      }
      case 'starttls': {
        const started = await this.#session().starttls(tlsOptions(ca, step.text));
        if (started.code !== 220) throw new Error(`STARTTLS got ${started.code} ${started.text}`);
        const hello = await this.#session().ehlo();
        if (hello.code !== 250) throw new Error(`EHLO got ${hello.code} ${hello.text}`);
        return;
      }
      case 'auth': {
        const reply = await this.#session().authPlain(words[0]!, words[1]!);
        this.#report.equal(reply.code, 235, `AUTH as ${words[0]}: ${reply.text}`);
        return;
      }
      case 'envelope': {
        this.#noReplyLeft(step.verb);
        const [sender = '', ...recipients] = words;
        const commands = [
          `MAIL FROM:<${sender === '-' ? '' : sender}>`,
          ...recipients.map((one) => `RCPT TO:<${one}>`),
        ];
        for (const command of commands) {
          const reply = await this.#session().command(command);
          if (reply.code !== 250) throw new Error(`${command} got ${reply.code} ${reply.lines.join(' ')}`);
        }
        return;
      }
      case '>':
        this.#noReplyLeft(step.verb);
        this.#session().write(Buffer.from(`${unescaped(step.text)}\r\n`, 'latin1'));
        this.#reply = await this.#session().reply(`reply to ${step.text.slice(0, 40)}`);
        return;
      case '<': {
        const reply = this.#reply;
        if (reply === null) throw new Error('no command before this reply');
        this.#reply = null;
        const found = `${reply.code} ${reply.lines.join(' ')}`;
        const wanted = /^\d{3}( \d\.\d\.\d)?$/.test(step.text) ? `${step.text} *` : step.text;
        if (reply.code === 421) {
          this.#client?.destroy(); // the server has closed the connection
          this.#client = null;
        }
        this.#compare(matches(wanted, found), found, wanted, step);
        return;
      }
      case 'message':
      case 'bdat':
        this.#noReplyLeft(step.verb);
        this.#reply = step.verb === 'message' ? await this.#data(step) : await this.#bdat(step);
        return;
      case 'close':
        this.#noReplyLeft(step.verb);
        await this.#session().quit();
        this.#client = null;
        return;
      case 'drop':
        this.#noReplyLeft(step.verb);
        this.#session().destroy();
        this.#client = null;
        return;
      case 'delivered':
        return this.#delivered(step);
      case 'held': {
        await settled(mta);
        const [message, ...more] = await mta.held();
        if (message === undefined) throw new Error('nothing is held');
        this.#report.equal(more.length, 0, 'one message is held');
        if (step.text !== '' && message.reason !== null)
          this.#compare(matches(step.text, message.reason), message.reason, step.text, step);
        await mta.release(message.id);
        return;
      }
      case 'logged': {
        const lines = () => daemon.events('tx.verdict', this.#logFrom).map((line) => JSON.stringify(line));
        const found = () => lines().some((line) => matches(step.text, line));
        await until(10_000, `verdict like ${step.text}`, found, () => lines().join('\n'));
        return;
      }
      default:
        throw new Error(`no such step: ${step.verb}`);
    }
  }

  #session(): SmtpClient {
    if (this.#client === null) throw new Error('no open connection');
    return this.#client;
  }

  #noReplyLeft(what: string): void {
    if (this.#reply === null) return;
    const { code, text } = this.#reply;
    throw new Error(`a reply was not looked at before ${what}: ${code} ${text}`);
  }

  async #data(step: Step): Promise<Reply> {
    const lines = [...expandBlock(step.block), ...(step.text === 'again' ? this.#again() : [])];
    const client = this.#session();
    const data = await client.command('DATA');
    if (data.code !== 354) return data;
    const stuffed = lines.map((line) => (line.startsWith('.') ? `.${line}` : line));
    client.write(Buffer.from(`${stuffed.join('\r\n')}\r\n.\r\n`, 'latin1'));
    return client.reply('reply to the message');
  }

  async #bdat(step: Step): Promise<Reply> {
    const content = Buffer.from(`${expandBlock(step.block).join('\r\n')}\r\n`, 'latin1');
    const client = this.#session();
    client.write(Buffer.concat([Buffer.from(`BDAT ${content.length} LAST\r\n`), content]));
    return client.reply('reply to the message');
  }

  /** The message that was delivered last, as the MTA would have given it to a content filter. */
  #again(): string[] {
    if (this.#last === null) throw new Error('nothing was delivered yet');
    const lines = this.#last.text.replace(/\n$/, '').split('\n');
    const own = (line: string) => DELIVERY_FIELDS.includes(line.split(':')[0]!.toLowerCase());
    while (lines.length > 0 && own(lines[0]!)) lines.shift();
    return lines;
  }

  async #delivered(step: Step): Promise<void> {
    const { mta } = this.#stage;
    const probe = () =>
      mta
        .delivered()
        .find((one) => one.first('Delivered-To') === step.text && !this.#taken.includes(idOf(one)));
    const message = await until(30_000, `mail for ${step.text}`, probe, () => mta.log().slice(-3000), 50);
    this.#taken = [...this.#taken, idOf(message)];
    this.#seen.add(message);
    this.#last = message;
    const lines = expandBlock(step.block);
    const gap = lines.indexOf('');
    const wanted = gap < 0 ? lines : lines.slice(0, gap);
    const fields = message.fields.filter(({ name }) => !DELIVERY_FIELDS.includes(name.toLowerCase()));
    const found = fields.map(({ name, value }) => `${name}: ${value}`);
    const same = found.length === wanted.length && wanted.every((line, i) => matches(line, found[i]!));
    this.#compare(same, excerpt(found.join('\n')), excerpt(wanted.join('\n')), step, 'header fields');
    const body = gap < 0 ? '' : lines.slice(gap + 1).join('\n');
    const text = message.body.replace(/\n$/, '');
    this.#compare(text === body, excerpt(text), excerpt(body), step, 'body');
  }

  /** One assertion; `equal` only to have both texts shown. */
  #compare(good: boolean, found: string, wanted: string, step: Step, what = ''): void {
    const name = `${this.#case.name}.case:${step.line}: ${step.verb} ${what || step.text}`;
    if (good) this.#report.ok(true, name);
    else this.#report.equal(found, wanted, name);
  }
}

/** Play it; returns everything that was delivered. */
export function playCase(stage: Stage, report: Report, played: Case): Promise<readonly MailMessage[]> {
  return new Player(stage, report, played).play();
}

/** Postfix's messages are read from disk each time: the same one is known by its text. */
function idOf(message: MailMessage): string {
  return createHash('sha256').update(message.raw).digest('hex');
}

function excerpt(text: string): string {
  return text.length <= 6000 ? text : `${text.slice(0, 3000)}\n[${text.length} bytes]\n${text.slice(-1000)}`;
}

function unescaped(text: string): string {
  return expandBlock([text])[0]!;
}

/** Of `right`, `right TLSv1.2`, `TLSv1.2` or ``. */
function tlsOptions(ca: CertificateAuthority, text: string): TlsOptions {
  let options: TlsOptions = {};
  for (const word of text.split(' ').filter((one) => one !== '')) {
    if (word.startsWith('TLSv')) {
      options = { ...options, maxVersion: word as SecureVersion };
      continue;
    }
    const certificate = Object.entries(ca.clients).find(([key]) => key === word)?.[1];
    if (certificate === undefined) throw new Error(`no client certificate ${word}`);
    options = { ...options, cert: certificate.cert, key: certificate.key };
  }
  return options;
}
