/**
 * `tlsward top [--once]`: the daemon at a glance, drawn again every two seconds over the control socket. It draws on the
 * other screen of the terminal and gives the first one back whatever ends it: q, a signal, an error. Where standard
 * output is no terminal, and with --once or --json, it prints one picture and ends.
 */
import type { StatusReply } from '../daemon/controlReplies.ts';
import { ControlError } from '../net/controlClient.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io, paint, parseCommand, type Terminal } from './command.ts';
import { COMMANDS } from './commands.ts';
import { ask, socketOf } from './daemon.ts';
import { allOf, type Line, type Picture, pictureLines, pictureOf } from './topPicture.ts';

const EVERY_MS = 2000;
const RECENT = '500';
/** Verdicts of a picture that is printed. */
const PRINTED = 20;
const PRINTED_COLUMNS = 120;

/** The other screen, without a cursor; and back (xterm, DECSET 1049 and 25). */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const TO_LINE_END = '\u001b[K';
const TO_SCREEN_END = '\u001b[J';
const CTRL_C = '\u0003';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** `tlsward top`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values } = parseCommand(argv, COMMANDS.top);
  const control = socketOf(values, io.env);
  if (values.once || values.json || io.terminal === undefined) {
    const picture = await look(control, io, null);
    if (values.json) io.out(`${asciiJson(jsonOf(picture))}\n`);
    else printed(io, picture);
    return EXIT.yes;
  }
  // the first answer comes before the screen is taken: an error stands where it can be read
  await watch(io, io.terminal, control, await look(control, io, null));
  return EXIT.yes;
}

async function look(
  control: string,
  io: Io,
  before: { readonly verdicts: number; readonly seconds: number } | null,
): Promise<Picture> {
  const status: StatusReply = await ask({ control }, io, 'status');
  const recent = await ask({ control }, io, 'recent', RECENT);
  return pictureOf(status, recent.verdicts ?? [], Date.now(), before);
}

function printed(io: Io, picture: Picture): void {
  const short = { ...picture, verdicts: picture.verdicts.slice(0, PRINTED) };
  for (const line of pictureLines(short, PRINTED_COLUMNS, null, Date.now())) io.out(`${painted(io, line)}\n`);
}

function jsonOf({ status, failing, verdicts }: Picture): object {
  const connections = Object.fromEntries(
    Object.entries(status.connections).map(([name, { open }]) => [name, open]),
  );
  const { startedAt, verdicts: counters, maps } = status;
  return { ok: true, startedAt, counters, maps, connections, failing, recent: verdicts.slice(0, PRINTED) };
}

/** Draws until somebody ends it. */
async function watch(io: Io, terminal: Terminal, control: string, first: Picture): Promise<void> {
  let picture = first;
  let trouble = '';
  let at = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const draw = (): void => drawn(io, terminal, picture, trouble);
  const refresh = async (): Promise<void> => {
    const now = performance.now();
    try {
      picture = await look(control, io, { verdicts: allOf(picture.status), seconds: (now - at) / 1000 });
      trouble = '';
      at = now;
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      trouble = error.message;
    }
    draw();
  };
  const signalled = (): void => end();
  const restore = (): void => io.out(LEAVE);
  io.out(ENTER);
  process.once('exit', restore);
  for (const signal of SIGNALS) process.once(signal, signalled);
  const release = terminal.listen((key) => {
    if (key.includes('q') || key.includes('Q') || key.includes(CTRL_C)) end();
  }, draw);
  try {
    draw();
    const over = ended.then(() => true);
    for (;;) {
      const due = new Promise<false>((resolve) => {
        timer = setTimeout(() => resolve(false), EVERY_MS);
      });
      if (await Promise.race([over, due])) break;
      if (await Promise.race([over, refresh().then(() => false)])) break;
    }
  } finally {
    clearTimeout(timer);
    release();
    for (const signal of SIGNALS) process.removeListener(signal, signalled);
    process.removeListener('exit', restore);
    restore();
  }
}

function drawn(io: Io, terminal: Terminal, picture: Picture, trouble: string): void {
  const { columns, rows } = terminal.size();
  const lines = pictureLines(picture, columns, rows - 1, Date.now());
  const foot: Line =
    trouble === ''
      ? { text: 'q ends', tone: null }
      : { text: `as it was: ${trouble}`.slice(0, columns), tone: 'red' };
  const text = [...lines, foot].map((line) => `${painted(io, line)}${TO_LINE_END}`).join('\r\n');
  io.out(`${HOME}${text}${TO_SCREEN_END}`);
}

function painted(io: Io, { text, tone }: Line): string {
  return tone === null ? text : paint(io, tone, text);
}
