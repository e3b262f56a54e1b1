/**
 * The file that runs each command. It is loaded when the command is called, so that every command starts as
 * fast as its own imports permit.
 */
import type { Run } from './command.ts';
import type { CommandName } from './commands.ts';

export const COMMAND_FILES: Readonly<Record<CommandName, () => Promise<{ readonly run: Run }>>> = {
  serve: () => import('./serve.ts'),
  check: () => import('./check.ts'),
  doctor: () => import('./doctor.ts'),
  explain: () => import('./explain.ts'),
  reload: () => import('./reload.ts'),
  status: () => import('./status.ts'),
  top: () => import('./top.ts'),
  simulate: () => import('./simulate.ts'),
  except: () => import('./except.ts'),
  exceptions: () => import('./exceptions.ts'),
  replay: () => import('./replay.ts'),
  export: () => import('./export.ts'),
  import: () => import('./import.ts'),
  setup: () => import('./setup.ts'),
  published: () => import('./published.ts'),
  certificates: () => import('./certificates.ts'),
  probe: () => import('./probe.ts'),
  log: () => import('./log.ts'),
  'test-mail': () => import('./testMail.ts'),
  lookup: () => import('./lookup.ts'),
  'verify-mark': () => import('./verifyMark.ts'),
  trace: () => import('./trace.ts'),
  collect: () => import('./collect.ts'),
  evidence: () => import('./evidence.ts'),
  hops: () => import('./hops.ts'),
  ship: () => import('./ship.ts'),
  report: () => import('./report.ts'),
  suggest: () => import('./suggest.ts'),
  queue: () => import('./queue.ts'),
  notices: () => import('./notices.ts'),
  tlsrpt: () => import('./tlsrpt.ts'),
  alarms: () => import('./alarms.ts'),
  health: () => import('./health.ts'),
  completion: () => import('./completion.ts'),
};
