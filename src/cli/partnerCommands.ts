/** The commands that look at the other side: the servers of partners, mail that waits for them, their reports. */
import type { Command } from './commandEntry.ts';

export const PARTNER_COMMANDS = {} as const satisfies Readonly<Record<string, Command>>;
