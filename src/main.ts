#!/usr/bin/env -S node --max-semi-space-size=4
/**
 * The `tlsward` executable: picks the command and turns its outcome into an exit status. Nothing else happens here.
 */
import type { Io, Run } from './cli/command.ts';
import { packageVersion } from './daemon/version.ts';

type Command = readonly [summary: string, load: () => Promise<{ run: Run }>, options?: readonly string[]];

const SESSION = [
  '--from A --to B [--to C] [--tls "PROTOCOL CIPHER BITS" | none | unknown]',
  '[--cert CN | untrusted | none] [--issuer NAME] [--fingerprint DIGEST] [--client ADDRESS] [--auth LOGIN]',
];

const COMMANDS: Readonly<Record<string, Command>> = {
  serve: ['run the daemon', () => import('./cli/serve.ts')],
  check: ['validate the configuration and exit', () => import('./cli/check.ts')],
  explain: [
    'say what would happen to a mail, and why',
    () => import('./cli/explain.ts'),
    [
      ...SESSION,
      '[--subject TEXT] [--header "Name: value"]... [--parameter REQUIRETLS] [--message FILE]',
      'or: --deliver NEXTHOP [--map deliver | deliver-encrypt | deliver-verify | tls_rcpt | sts]',
    ],
  ],
  reload: [
    'make the daemon read its configuration again',
    () => import('./cli/reload.ts'),
    ['[--control SOCKET]'],
  ],
  status: ['show what the daemon is doing', () => import('./cli/status.ts'), ['[--control SOCKET]']],
  simulate: [
    'play an MTA against the running daemon',
    () => import('./cli/simulate.ts'),
    [
      'milter | policy, with',
      ...SESSION,
      '[--helo NAME] [--connect SOCKET]; policy: [--state RCPT]; milter: [--mta postfix | sendmail]',
      '[--header "Name: value"]... [--message FILE] [--output FILE] [--parameter REQUIRETLS] [--local DOMAIN]',
      'or: socketmap [--map NAME] [--connect SOCKET] KEY...',
    ],
  ],
  except: [
    'change how one domain is protected, for some days',
    () => import('./cli/except.ts'),
    [
      'DOMAIN --until +14d | +2w | YYYY-MM-DD --reason TEXT [--receive LEVEL] [--deliver LEVEL]',
      '[--contact TEXT] [--control SOCKET]; or: DOMAIN --remove',
    ],
  ],
  exceptions: ['list what `except` changed, with the days left', () => import('./cli/exceptions.ts')],
  export: [
    'write the rows that must never be plain as a table for Postfix',
    () => import('./cli/export.ts'),
    ['postfix [--output FILE | --check FILE] [--auto-floor]'],
  ],
  import: [
    'turn a TLS policy table of Postfix or an access table of Sendmail into rows',
    () => import('./cli/import.ts'),
    ['postfix FILE... | sendmail FILE... [--name PREFIX] [--level LEVEL]'],
  ],
  published: [
    'show what a domain publishes about how mail must reach it',
    () => import('./cli/published.ts'),
    ['DOMAIN [--refresh | --forget] [--control SOCKET]'],
  ],
  lookup: [
    'turn the code of a reply back into its transaction',
    () => import('./cli/lookup.ts'),
    ['CODE [--control SOCKET]'],
  ],
  'verify-mark': [
    'check the marks of saved mail',
    () => import('./cli/verifyMark.ts'),
    ['FILE [--key FILE] [--sender ADDRESS] [--mark-name NAME]'],
  ],
  hops: [
    'show the way a saved message came, as it claims',
    () => import('./cli/hops.ts'),
    ['FILE [--host NAME]... [--trust NETWORK]...'],
  ],
};

/** The whole help, or that of one command. */
function usage(only = ''): string {
  const commands = Object.entries(COMMANDS)
    .filter(([name]) => only === '' || name === only)
    .flatMap(([name, [summary, , options = []]]) => [
      `  ${name.padEnd(13)}${summary}\n`,
      ...options.map((line) => `${' '.repeat(17)}${line}\n`),
    ]);
  return [
    'tlsward: one table says how each mail domain must be protected by TLS\n\n',
    'usage: tlsward COMMAND [--config FILE | --sample] [--json] [OPTION ...]\n\n',
    ...commands,
    '\nThe configuration is --config FILE, else $TLSWARD_CONFIG, else /etc/tlsward/tlsward.ini;\n',
    '--sample takes the table that comes with the program.\n',
    'Exit status: 0 yes, 1 the policy says no, 64 usage, 65 unreadable, 69 no daemon,\n',
    '71 too few open files, 73 cannot write, 75 cannot tell, 78 configuration.\n',
  ].join('');
}

async function unknownCommand(name: string): Promise<string> {
  const { escapeText } = await import('./config/ini/problem.ts');
  const { nearest } = await import('./config/ini/suggest.ts');
  const near = nearest(name, Object.keys(COMMANDS));
  const hint = near === null ? '' : ` (did you mean ${near}?)`;
  return `tlsward: no command "${escapeText(name)}"${hint}; tlsward help lists them\n`;
}

async function main(argv: string[], io: Io): Promise<number> {
  const [name = '', ...rest] = argv;
  if (name === '--version' || name === 'version') {
    io.out(`tlsward ${packageVersion()}\n`);
    return 0;
  }
  const help = name === '--help' || name === '-h' || name === 'help';
  const wanted = help ? (rest.find((word) => !word.startsWith('-')) ?? '') : name;
  const command = Object.hasOwn(COMMANDS, wanted) ? COMMANDS[wanted] : undefined;
  if (command === undefined && !(help && wanted === '')) {
    io.err(wanted === '' ? usage() : await unknownCommand(wanted));
    return 64;
  }
  if (command === undefined || help || rest.includes('--help') || rest.includes('-h')) {
    io.out(usage(wanted));
    return 0;
  }
  try {
    return await (await command[1]()).run(rest, io);
  } catch (error) {
    const known = error instanceof Error ? error.constructor.name : '';
    if (known === 'UsageError') {
      io.err(`tlsward ${name}: ${(error as Error).message}; tlsward help ${name} shows the options\n`);
      return 64;
    }
    if (known === 'ControlError') {
      io.err(`tlsward ${name}: ${(error as Error).message}\n`);
      return 69;
    }
    throw error;
  }
}

const { stdout, stderr, env } = process;
// `tlsward hops FILE | head`: whoever reads has enough
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
// whoever read it is gone: nothing else is lost by that
stderr.on('error', () => {});
process.exitCode = await main(process.argv.slice(2), {
  out: (text) => void stdout.write(text),
  err: (text) => void stderr.write(text),
  env,
  colour: stdout.isTTY === true && !env.NO_COLOR, // empty counts as absent (no-color.org)
});
