/**
 * What a next hop's domain publishes, for commands: the running daemon's answer if it answers, because that
 * is what an MTA is told; otherwise looked up here, by the same settings. `sts-cache` is read then, and never
 * written.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import { answeredVersion } from '../core/postfixVersion.ts';
import type { Published, PublishedQuestion, StsFact } from '../core/publishedFacts.ts';
import type { DiscoveryReply } from '../discovery/discoveryService.ts';
import { openDiscovery } from '../discovery/openDiscovery.ts';
import type { Inspection } from '../discovery/policyDiscovery.ts';
import { askDaemon, ControlError } from '../net/controlClient.ts';
import { parseStored } from '../sts/folder.ts';

interface LookedUp {
  readonly published: Published;
  readonly kept: Inspection | null;
  readonly by: 'the running daemon' | 'this command';
}

/** Longer than the daemon takes at most. */
const TIMEOUT_MS = 40_000;

/** As Postfix would write it. */
function keyOfQuestion({ name, host, port }: PublishedQuestion): string {
  return host ? `[${name}]:${port}` : name;
}

/** `control`: path of the daemon's socket. */
export async function lookUpPublished(
  question: PublishedQuestion,
  service: ServiceSettings,
  control: string,
): Promise<LookedUp> {
  try {
    const reply = await askDaemon<DiscoveryReply>(control, 'published', keyOfQuestion(question), TIMEOUT_MS);
    const { published, kept = null } = reply;
    if (published !== undefined) return { published, kept, by: 'the running daemon' };
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
  }
  return { published: await lookUpHere(question, service), kept: null, by: 'this command' };
}

async function lookUpHere(question: PublishedQuestion, service: ServiceSettings): Promise<Published> {
  const { resolver, published, stsTestOpening, stsCache } = service;
  const finder = await openDiscovery(
    { resolver, published, stsTestOpening, stsCache: null, version: answeredVersion(service.postfixVersion) },
    { sts: () => undefined, dane: () => undefined },
  );
  try {
    const stored = question.host || stsCache === null ? null : readStored(stsCache, question.name);
    if (finder.finders.kind === 'other' || stored === null) return await finder.find(question);
    return { kind: 'own', dane: await finder.finders.dane.find(question), sts: stored };
  } finally {
    await finder.close();
  }
}

/** An unexpired policy out of the folder; null when there is none that can be read. */
function readStored(folder: string, domain: string): StsFact | null {
  let text: string;
  try {
    text = readFileSync(join(folder, `${domain}.json`), 'utf8');
  } catch {
    return null;
  }
  const stored = parseStored(text, domain);
  if (typeof stored === 'string' || stored.expiresAt <= Date.now()) return null;
  return { kind: 'policy', policy: stored.policy, id: stored.id, fetchedAt: stored.fetchedAt };
}
