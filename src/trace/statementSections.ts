/** The sections of a statement in their order. Pure. */
import type { Section, Statement } from './statement.ts';
import { came, demanded, summary, went } from './statementFigures.ts';
import { addresses, exceptions, gaps, heads, hosts } from './statementGround.ts';
import { LIMITS, NORMS } from './statementWords.ts';

export function sectionsOf(statement: Statement): Section[] {
  return [
    summary(statement),
    came(statement),
    went(statement),
    demanded(statement),
    exceptions(statement),
    gaps(statement),
    heads(statement),
    ...hosts(statement),
    ...addresses(statement),
    { title: 'What this can be used for', sentences: NORMS.before, tables: [NORMS.table] },
    { title: 'What it does not say', sentences: LIMITS, tables: [] },
  ];
}
