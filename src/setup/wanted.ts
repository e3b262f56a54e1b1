/** What a plan is made for: the wishes, where tlsward listens, and what its table will ask of Postfix. */
import type { ListenAddress } from '../config/keys/listenAddress.ts';
import type { Wish } from './plan.ts';

export type Listener = 'policy' | 'milter' | 'socketmap';

/** What rows ask of Postfix beyond the questions themselves. */
export interface TableNeeds {
  /** Rows with `receive = verify`: Postfix must ask clients for certificates. */
  readonly clientCertificates: boolean;
  /** Rows with `fingerprint`: digests must be SHA-256. */
  readonly fingerprints: boolean;
  /** Rows with `deliver` = dane, dane-only or auto: Postfix must look up TLSA records. */
  readonly dane: boolean;
}

export interface Wanted {
  readonly wishes: ReadonlySet<Wish>;
  /** Were they named, so that mail from this host alone is reason enough? */
  readonly named: boolean;
  /** By protocol, in the order of tlsward.ini; none: tlsward does not listen for it. */
  readonly listen: Readonly<Record<Listener, readonly ListenAddress[]>>;
  /** Where tlsward.ini is, for what we say of it. */
  readonly configFile: string;
  readonly needs: TableNeeds;
  readonly messageRoute: 'recipient' | 'header';
  readonly routeHeader: string;
  /** A file of CA certificates on this host; null: none was found. */
  readonly caFile: string | null;
}

/**
 * Where tlsward listens by the table that setup writes: inside the queue folder, which a chrooted daemon sees
 * too.
 */
export function standardListen(queueDirectory: string): Wanted['listen'] {
  const at = (name: Listener): readonly ListenAddress[] => [
    { kind: 'unix', path: `${queueDirectory}/tlsward/${name}.sock` },
  ];
  return { policy: at('policy'), milter: at('milter'), socketmap: at('socketmap') };
}
