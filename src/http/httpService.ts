/**
 * What is behind `http-listen`: routes to pages, from what the daemon tells. It reads, and changes nothing.
 */
import type { ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import { canonicalDomain } from '../core/domain.ts';
import type { MemoryUse } from '../core/memorySize.ts';
import type { Log } from '../log/log.ts';
import type { VerdictFields } from '../log/verdictFields.ts';
import type { LoopWatch } from '../net/loopWatch.ts';
import { type Answer, headersOf, plainAnswer } from './answer.ts';
import { EventStreams, STREAMS_LIMIT_BYTES, verdictEvent } from './eventStreams.ts';
import { CONNECTIONS_LIMIT_BYTES, HttpServer } from './httpServer.ts';
import { type LiveFacts, notReady } from './liveFacts.ts';
import { liveModel } from './liveModel.ts';
import { livePage, PAGE_POLICY, smallPage } from './livePage.ts';
import { metricsText } from './metrics.ts';
import { REPORT_LIMIT_BYTES, type ReportCommand, ReportMaker, Turn } from './reportMaker.ts';
import { reportPolicy } from './reportPolicy.ts';
import type { Route } from './route.ts';
import { shownFields, shownVerdict } from './shownVerdict.ts';
import { WAITING_LIMIT_BYTES, WaitingMail } from './waitingMail.ts';

/** Verdicts that a page, or a new stream, begins with. */
const FIRST_VERDICTS = 30;
/** How long a client waits for a report before it is told to come again. */
const REPORT_WAIT_MS = 8000;
const COME_AGAIN_SECONDS = 5;

/** The fields of a verdict, with its time. */
type KeptVerdict = VerdictFields;

interface HttpServiceParts {
  readonly facts: () => Promise<LiveFacts>;
  /** A verdict by its code, as somebody typed it. */
  readonly lookup: (code: string) => KeptVerdict | undefined;
  /** The latest ones, the newest first. */
  readonly latest: (most: number) => readonly KeptVerdict[];
  readonly settings: () => ServiceSettings;
  readonly log: Log;
  readonly watch: LoopWatch;
  /** Makes the report. */
  readonly report: ReportCommand;
  /** Says what waits, by the records. */
  readonly queue: ReportCommand;
}

export class HttpService {
  readonly driver: HttpServer;
  readonly streams: EventStreams;
  readonly #parts: HttpServiceParts;
  readonly #report: ReportMaker;
  readonly #waiting: WaitingMail;

  constructor(parts: HttpServiceParts) {
    this.#parts = parts;
    const { log, settings } = parts;
    this.streams = new EventStreams(
      async () => JSON.stringify(this.#model(await parts.facts())),
      () => settings().privacy,
    );
    const turn = new Turn();
    const failed = (ms: number, why: string): void => log.httpReportFailed(ms, why);
    const made = (ms: number, bytes: number): void => log.httpReport(ms, bytes);
    this.#report = new ReportMaker(parts.report, { made, failed }, { turn });
    this.#waiting = new WaitingMail(parts.queue, turn, failed);
    this.driver = new HttpServer({
      names: () => this.#names(),
      respond: (route, response) => this.#respond(route, response),
      log,
      watch: parts.watch,
    });
  }

  /** For `status`. */
  get memory(): MemoryUse {
    return {
      name: 'live page',
      used: this.driver.usedBytes + this.#report.usedBytes + this.#waiting.usedBytes,
      limit: CONNECTIONS_LIMIT_BYTES + STREAMS_LIMIT_BYTES + REPORT_LIMIT_BYTES + WAITING_LIMIT_BYTES,
    };
  }

  /** Ends streams and the making of a report. */
  close(): void {
    this.streams.close();
    this.#report.close();
    this.#waiting.close();
  }

  #names(): readonly string[] {
    const { hostName } = this.#parts.settings();
    const own = canonicalDomain(hostname());
    return [hostName, own].flatMap((name) => (name === null ? [] : [name]));
  }

  #model(facts: LiveFacts): ReturnType<typeof liveModel> {
    const { evidence } = this.#parts.settings();
    const none = { read: null, trouble: '' };
    const waiting = evidence === null ? null : facts.collector === null ? none : this.#waiting.look();
    return liveModel(facts, this.streams.open, waiting);
  }

  #respond(route: Route, response: ServerResponse): Promise<Answer | null> | Answer | null {
    switch (route.kind) {
      case 'page':
        return this.#page();
      case 'events':
        return this.#stream(response);
      case 'lookup':
        return this.#lookup(route.code);
      case 'report':
        return this.#reportAnswer();
      case 'metrics':
        return this.#metrics();
      case 'healthz':
        return plainAnswer(200, 'ok');
      case 'readyz':
        return this.#ready();
    }
  }

  async #page(): Promise<Answer> {
    const facts = await this.#parts.facts();
    const { privacy } = this.#parts.settings();
    const verdicts = this.#parts
      .latest(FIRST_VERDICTS)
      .map((fields) => shownVerdict(fields, String(fields.time), privacy));
    return htmlAnswer(200, livePage(facts.host, facts.status.version, this.#model(facts), verdicts));
  }

  #stream(response: ServerResponse): Answer | null {
    if (!this.streams.hasRoom)
      return { ...plainAnswer(503, 'There are as many streams as there may be.'), retryAfterSeconds: 30 };
    response.writeHead(200, headersOf({ status: 200, type: 'text/event-stream', body: '' }));
    if (response.req.method === 'HEAD') response.end();
    else this.streams.add(response, this.#firstEvents());
    return null;
  }

  /** The latest verdicts, the oldest first. */
  #firstEvents(): string {
    const { privacy } = this.#parts.settings();
    return [...this.#parts.latest(FIRST_VERDICTS)]
      .reverse()
      .map((fields) => verdictEvent(fields, String(fields.time), privacy))
      .join('');
  }

  #lookup(code: string): Answer {
    if (code === '')
      return htmlAnswer(
        400,
        smallPage(
          'This is no code',
          'A code has eight letters and digits, in brackets at the end of a reply.',
        ),
      );
    const fields = this.#parts.lookup(code);
    if (fields === undefined)
      return htmlAnswer(
        404,
        smallPage(
          `No verdict ${code}`,
          `It is not among the recent ones; of accepted mail only some are kept. With evidence, tlsward trace ${code} finds older ones; else the log has them.`,
        ),
      );
    const { privacy } = this.#parts.settings();
    return htmlAnswer(200, smallPage(`Verdict ${String(fields.code)}`, '', shownFields(fields, privacy)));
  }

  async #metrics(): Promise<Answer> {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    const own = { cpuSeconds: (user + system) / 1e6, residentBytes: rss, heapUsedBytes: heapUsed };
    const { open, dropped } = this.streams;
    return {
      status: 200,
      type: 'metrics',
      body: metricsText(await this.#parts.facts(), own, { open, dropped }),
    };
  }

  async #ready(): Promise<Answer> {
    const why = notReady(await this.#parts.facts());
    return why.length === 0 ? plainAnswer(200, 'ready') : plainAnswer(503, `not ready\n${why.join('\n')}`);
  }

  async #reportAnswer(): Promise<Answer> {
    if (this.#parts.settings().evidence === null)
      return htmlAnswer(
        404,
        smallPage('No report', 'A report is made from evidence, and none is kept (evidence is empty).'),
      );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), REPORT_WAIT_MS);
    });
    const made = await Promise.race([this.#report.get(), late]);
    clearTimeout(timer);
    if (made === null) {
      const page = smallPage(
        'The report is being made',
        'This page asks again by itself.',
        [],
        COME_AGAIN_SECONDS,
      );
      return { ...htmlAnswer(503, page), retryAfterSeconds: COME_AGAIN_SECONDS };
    }
    if (made.page === null)
      return { ...htmlAnswer(503, smallPage('The report cannot be made', made.why)), retryAfterSeconds: 60 };
    return { status: 200, type: 'text/html', body: made.page, policy: reportPolicy(made.page) };
  }
}

function htmlAnswer(status: number, body: string): Answer {
  return { status, type: 'text/html', body, policy: PAGE_POLICY };
}
