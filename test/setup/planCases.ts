/**
 * The cases of test/setup/cases: a main.cf and a master.cf as sites have them, and what is planned for them.
 *
 * case.json, where there is one, says what differs from the usual case: the release of Postfix, the wishes, where tlsward
 * listens, what its table needs.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Invalid } from '../../src/config/ini/problem.ts';
import { type ListenAddress, parseListen } from '../../src/config/keys/listenAddress.ts';
import { type PostfixConfig, valueFor } from '../../src/mta/postfixConfig.ts';
import type { Wish } from '../../src/setup/plan.ts';
import { standardListen, type TableNeeds, type Wanted } from '../../src/setup/wanted.ts';
import { postfixOf, type RELEASES } from '../mta/postfixOf.ts';
import { root } from '../root.ts';

const CASES = new URL('test/setup/cases/', root);

interface Options {
  readonly release?: (typeof RELEASES)[number];
  readonly wishes?: readonly Wish[];
  readonly listen?: Readonly<Record<keyof Wanted['listen'], readonly string[]>>;
  readonly needs?: Partial<TableNeeds>;
  readonly messageRoute?: 'recipient' | 'header';
  readonly caFile?: string | null;
}

export interface PlanCase {
  readonly name: string;
  readonly config: PostfixConfig;
  readonly wanted: Wanted;
  /** Where the expected plan is. */
  readonly plan: URL;
}

/** All cases, by name. */
export function planCases(): PlanCase[] {
  return readdirSync(CASES)
    .sort()
    .map((name) => readCase(name));
}

function readCase(name: string): PlanCase {
  const at = (file: string): URL => new URL(`${name}/${file}`, CASES);
  const read = (file: string): string => readFileSync(at(file), 'utf8');
  const options = existsSync(at('case.json')) ? (JSON.parse(read('case.json')) as Options) : {};
  const release = options.release ?? '3.7.11';
  const config = postfixOf(read('main.cf'), { master: read('master.cf'), release });
  return { name, config, wanted: usualWanted(config, options), plan: at('plan.txt') };
}

/** What is wanted by default, with these differences. */
export function usualWanted(config: PostfixConfig, options: Options): Wanted {
  const listen =
    options.listen === undefined
      ? standardListen(valueFor(config, 'queue_directory'))
      : {
          policy: options.listen.policy.map(address),
          milter: options.listen.milter.map(address),
          socketmap: options.listen.socketmap.map(address),
        };
  return {
    wishes: new Set(options.wishes ?? ['inbound', 'outbound']),
    named: options.wishes !== undefined,
    listen,
    configFile: '/etc/tlsward/tlsward.ini',
    needs: { clientCertificates: false, fingerprints: false, dane: false, ...options.needs },
    messageRoute: options.messageRoute ?? 'recipient',
    routeHeader: 'X-TLS-Ward-Route',
    caFile: options.caFile === undefined ? '/etc/ssl/certs/ca-certificates.crt' : options.caFile,
  };
}

function address(text: string): ListenAddress {
  const parsed = parseListen(text, '/etc/tlsward');
  if (parsed instanceof Invalid) throw new Error(`${text}: expected ${parsed.expected}`);
  return parsed;
}
