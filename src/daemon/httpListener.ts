/**
 * The live page of the daemon: what is behind `http-listen` (src/http), with what only the daemon knows. Without
 * `http-listen` there is none, and nobody listens to verdicts.
 */
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import { HttpService } from '../http/httpService.ts';
import type { LiveFacts } from '../http/liveFacts.ts';
import type { Log } from '../log/log.ts';
import type { LoopWatch } from '../net/loopWatch.ts';
import { normaliseCode } from './codes.ts';
import { collectorFigures } from './collectorFile.ts';
import type { StatusReply } from './controlReplies.ts';
import { AlarmFile } from './firingAlarms.ts';
import type { Served } from './protocols.ts';
import type { RecentVerdicts } from './recentVerdicts.ts';
import { statusFindings } from './statusFindings.ts';
import type { Live } from './verdictListeners.ts';

/** What `status` does not have. */
type More = Omit<LiveFacts, 'status' | 'findings' | 'host' | 'alarms' | 'collector'>;

interface HttpListenerParts {
  /** Path of the configuration. */
  readonly config: string;
  readonly log: Log;
  readonly watch: LoopWatch;
  readonly recent: Pick<RecentVerdicts, 'find' | 'latest'>;
  readonly settings: () => ServiceSettings;
  /** The file in which alarms are kept. */
  readonly alarmState: () => string;
  readonly status: () => Promise<StatusReply>;
  readonly more: () => More;
}

/** Of a process that reads the records: the limit of the unit is for both. */
const HEAP = '--max-old-space-size=384';

const NOBODY: Live = { listening: false, verdict: () => {} };

/** The days before, and today as far as it has come. */
const REPORT = ['report', '--format', 'html', '--until', 'today'];
/** What waits, without asking the MTA. */
const QUEUE = ['queue', '--recorded', '--json'];

export class HttpListener {
  /** null: there is no `http-listen`. */
  readonly #service: HttpService | null;

  constructor(settings: ServiceSettings, parts: HttpListenerParts) {
    const { config, log, watch, recent } = parts;
    const alarms = new AlarmFile();
    const program = [process.execPath, HEAP, mainFile()] as const;
    this.#service =
      settings.httpListen.length === 0
        ? null
        : new HttpService({
            facts: () => factsOf(parts, alarms),
            lookup: (code) => recent.find(normaliseCode(code)),
            latest: (most) => recent.latest(most),
            settings: parts.settings,
            log,
            watch,
            report: [...program, ...REPORT, '--config', config],
            queue: [...program, ...QUEUE, '--config', config],
          });
  }

  /** Who is told of verdicts. */
  get live(): Live {
    return this.#service?.streams ?? NOBODY;
  }

  /** Its listeners, one entry or none. */
  get served(): readonly Served[] {
    if (this.#service === null) return [];
    return [
      {
        name: 'http',
        listen: 'httpListen',
        needed: false,
        driver: this.#service.driver,
        reload: () => {},
        unixOptions: ({ socketMode, socketGroup }) => ({ mode: socketMode, group: socketGroup }),
      },
    ];
  }

  get memory(): StatusReply['memory'] {
    return this.#service === null ? [] : [this.#service.memory];
  }

  /** Before the listeners are closed. */
  close(): void {
    this.#service?.close();
  }
}

async function factsOf(parts: HttpListenerParts, file: AlarmFile): Promise<LiveFacts> {
  const { evidence, hostName } = parts.settings();
  const [status, alarms, collector] = await Promise.all([
    parts.status(),
    file.look(parts.alarmState()),
    collectorFigures(evidence, Date.now()),
  ]);
  const host = hostName ?? hostname();
  return { host, status, findings: statusFindings(status), alarms, collector, ...parts.more() };
}

/** The program itself; compiled code and source have different extensions. */
function mainFile(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`../main.${extension}`, import.meta.url));
}
