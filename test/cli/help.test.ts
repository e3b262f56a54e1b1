/**
 * The table of commands and the help made from it: what a command accepts is what the help shows, because
 * both come from one table; here is tested that every command goes by the table, and that the table is whole.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'tap';
import { parseCommand } from '../../src/cli/command.ts';
import type { Command } from '../../src/cli/commandEntry.ts';
import { COMMAND_FILES } from '../../src/cli/commandFiles.ts';
import { COMMANDS, type CommandName, isCommand } from '../../src/cli/commands.ts';
import { commandHelp, overview } from '../../src/cli/help.ts';
import { COMMON, type Option } from '../../src/cli/options.ts';
import { MAPS } from '../../src/maps/mapAnswer.ts';
import { root } from '../root.ts';

const ALL = Object.entries(COMMANDS) as [CommandName, Command][];

const optionsOf = ({ options }: Command): readonly Option[] => [...options, ...COMMON];

/** The words of a command line as a shell splits it; double quotes only. */
function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2]!);
}

test('every command parses by its entry in the table, and by nothing else', async (t) => {
  const folder = new URL('src/cli/', root);
  const seen: string[] = [];
  for (const file of readdirSync(folder)) {
    const source = readFileSync(new URL(file, folder), 'utf8');
    if (!source.includes('export async function run(argv')) continue;
    const name = /parseCommand\(argv, COMMANDS(?:\.([a-z]+)|\['([a-z-]+)'\])\)/.exec(source);
    t.ok(name, `${file} parses by the table`);
    seen.push(name?.[1] ?? name?.[2] ?? '');
    t.notMatch(source, /\bparseArgs\b/, file);
  }
  t.same(seen.sort(), Object.keys(COMMANDS).sort(), 'and each entry is the one of its command');
});

test('every command is whole', async (t) => {
  for (const [name, command] of ALL) {
    t.ok(command.examples.length > 0, `${name} has an example`);
    t.ok(command.usage.length > 0, `${name} has a usage form`);
    t.ok(0 in command.exit, `${name} has its exit statuses`);
    t.equal(typeof (await COMMAND_FILES[name]()).run, 'function', name);
    const flags = optionsOf(command).map(({ flag }) => flag);
    t.equal(new Set(flags).size, flags.length, `${name} names each option once`);
    for (const { flag, argument, meaning, example } of optionsOf(command)) {
      t.match(meaning, /^\S.*[^.\s]$/, `${name} ${flag} has one line`);
      t.equal(argument === undefined, example === undefined, `${name} ${flag} shows its argument`);
      if (example === undefined) continue;
      t.ok(example.startsWith(`${flag} `), example);
      // every operand is optional here
      const options = parseCommand(words(example), { options: command.options, operands: [] });
      t.ok(flag.slice(2) in options.values, example);
    }
    for (const { line, meaning } of command.examples) {
      const [program, called, ...rest] = words(line);
      t.same([program, called], ['tlsward', name]);
      t.doesNotThrow(() => parseCommand(rest, command), line);
      t.not(meaning, '');
    }
    for (const form of command.usage)
      for (const [flag] of form.matchAll(/--[a-z-]+/g))
        t.ok(
          flags.some((one) => one === flag),
          `${name} ${form}`,
        );
  }
});

test('the help of a command has every option, with its meaning and its example', async (t) => {
  for (const [name, command] of ALL) {
    const help = commandHelp(name);
    t.ok(help.startsWith(`tlsward ${name}: ${command.summary}\n\nusage: tlsward ${name}`));
    for (const { flag, argument, meaning, example } of optionsOf(command)) {
      const head = argument === undefined ? flag : `${flag} ${argument}`;
      const [, below = ''] = help.split(`\n  ${head}`);
      t.ok(below.trimStart().startsWith(meaning), `${name} ${head}`);
      if (example !== undefined) t.ok(help.includes(`example: ${example}\n`), example);
    }
    for (const [code, text] of Object.entries(command.exit))
      t.ok(help.includes(`\n  ${code.padEnd(4)}${text}\n`), `${name} ${code}`);
    t.ok(help.includes('\n  64  wrong arguments\n'));
    t.ok(overview().includes(`\n  ${name.padEnd(14)}${command.summary}\n`));
  }
  t.match(commandHelp('simulate'), /^ {2}--mta postfix\|sendmail\n {24}.* \(without it: postfix\)$/m);
});

test('explain --map has every map', async (t) => {
  const map = COMMANDS.explain.options.find(({ flag }) => flag === '--map');
  t.same(map?.argument?.split('|').sort(), [...MAPS.keys()].sort());
});

test('an option that is none, a word too many, a word too few', async (t) => {
  const parse =
    (name: CommandName, ...argv: string[]) =>
    () =>
      parseCommand(argv, COMMANDS[name] as Command);
  const cases = [
    [parse('check', '--jsn'), 'unknown option --jsn (did you mean --json?)'],
    [
      parse('except', 'a.example', '--untill=+1d', '--zzzzzz', '--untill', 'x'),
      'unknown option --untill (did you mean --until?), --zzzzzz',
    ],
    [parse('check', '-x'), 'unknown option -x'],
    [parse('check', '--\u001b[31mred'), 'unknown option --\\u{1b}[31mred'],
    [parse('reload', 'x'), 'found "x", expected options only'],
    [parse('lookup', 'a', 'b'), 'found "b", expected CODE and nothing more'],
    [parse('lookup'), 'CODE is missing: the eight characters in brackets at the end of a reply'],
    [parse('import', 'postfix'), 'FILE is missing: the source of a table, with or without its type (hash:)'],
  ] as const;
  for (const [run, message] of cases) t.throws(run, { message });
  t.throws(parse('check', '--config'), { message: /--config.*argument missing/ });
  t.throws(parse('check', '--json=yes'), { message: /--json.*does not take an argument/ });
  t.doesNotThrow(parse('import', 'postfix', 'a', 'b', 'c'));
  t.notOk(isCommand('constructor'));
});
