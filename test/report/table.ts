/** The table of a configuration in a folder of the test, and what it says with other lines put into it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { standingTable } from '../../src/cli/standingTable.ts';
import { loadConfig } from '../../src/config/load/load.ts';
import type { StandingTable } from '../../src/report/standing.ts';

/** `mtaLevel`: what Postfix does by itself. */
export function tableOf(folder: string, text: string, mtaLevel: string | null = null): StandingTable {
  const file = join(folder, 'tlsward.ini');
  writeFileSync(
    file,
    `[service]\npolicy-listen = inet:127.0.0.1:10001\nsocketmap-listen = inet:127.0.0.1:10002\npostconf =\n${text}`,
  );
  const loaded = loadConfig(file);
  if (!loaded.ok) throw new Error(loaded.problems.map(({ found, line }) => `${line}: ${found}`).join('\n'));
  return standingTable(loaded, mtaLevel);
}

/** Puts the lines in, in place of the rows that they name, as a reader would. Returns the new text. */
export function pasted(folder: string, lines: readonly string[]): string {
  const file = join(folder, 'tlsward.ini');
  const old = readFileSync(file, 'utf8').split('\n');
  const away = new Set<number>();
  for (const line of lines) {
    const at = /^; in place of (.*):([0-9]+)$/.exec(line)?.[2];
    if (at === undefined) continue;
    let i = Number(at) - 1;
    const section = old[i]!.startsWith('[');
    away.add(i);
    for (i++; section && i < old.length && !old[i]!.startsWith('['); i++) away.add(i);
  }
  return [...old.filter((_, i) => !away.has(i)), ...lines, ''].join('\n');
}
