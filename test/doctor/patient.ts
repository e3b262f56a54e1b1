/**
 * A host on which everything is right, as facts, and what is changed on it: the shipped fragments in main.cf and master.cf,
 * rows and a rule, a daemon that runs, sockets that Postfix's user may open. A case changes one thing.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatListen } from '../../src/config/keys/listenAddress.ts';
import { type Loaded, loadConfig } from '../../src/config/load/load.ts';
import type { StatusReply } from '../../src/daemon/controlReplies.ts';
import {
  type CertificateFacts,
  type DoctorFacts,
  type FileFacts,
  type Known,
  known,
} from '../../src/doctor/facts.ts';
import { foldersAbove } from '../../src/doctor/serving.ts';
import { MASTER, postfixOf } from '../mta/postfixOf.ts';
import { root } from '../root.ts';

const fragment = (name: string): string => readFileSync(new URL(`contrib/postfix/${name}`, root), 'utf8');

export const TODAY = new Date('2026-11-29T12:00:00Z');

/** Names are those of a host whose mail goes to and comes from everywhere. */
export const HOST = `
myhostname = mx.example.org
mydestination = example.org
inet_interfaces = all
queue_directory = /var/spool/postfix
smtpd_tls_security_level = may
smtpd_tls_chain_files = /etc/ssl/mail.pem
`;

export const MAIN = [
  HOST,
  'both.main.cf',
  'deliver.main.cf',
  'message-fence.main.cf',
  'message-recipient.main.cf',
]
  .map((part) => (part.endsWith('.cf') ? fragment(part) : part))
  .concat(
    `smtpd_tls_ask_ccert = yes
smtpd_tls_CAfile = /etc/ssl/certs/ca-certificates.crt
smtpd_tls_fingerprint_digest = sha256
smtp_dns_support_level = dnssec
non_smtpd_milters = $tlsward_milter
`,
  )
  .join('\n');

export const FULL_MASTER = `${MASTER}\n${fragment('message-recipient.master.cf')}`;

export const SERVICE = `[service]
policy-listen = unix:/var/spool/postfix/tlsward/policy.sock
milter-listen = unix:/var/spool/postfix/tlsward/milter.sock
socketmap-listen = unix:/var/spool/postfix/tlsward/socketmap.sock
mark-key = /etc/tlsward/mark.key
`;
export const ROWS = `
[policy pinned]
based-on = verify
fingerprint = AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA
receive = verify
client-issuers = Partner CA
[domains]
bank.example = encrypt
gov.example = pinned
[domain dane.example]
deliver = dane-only
[rule secure]
subject-tag = [secure]
`;

/** What a case changes. */
export interface Change {
  /** Lines of main.cf: they come last, and so count. */
  readonly main?: string;
  /** Lines of master.cf behind the others, or a whole master.cf by a function of the good one. */
  readonly master?: string | ((master: string) => string);
  readonly service?: string | ((service: string) => string);
  readonly rows?: string;
  readonly release?: '3.7.11' | '3.10.13';
  readonly complaints?: string;
  readonly facts?: (facts: DoctorFacts) => DoctorFacts;
  readonly status?: (status: StatusReply) => StatusReply;
  readonly files?: Readonly<Record<string, Partial<FileFacts>>>;
  readonly certificate?: Partial<CertificateFacts>;
}

export function patient(change: Change = {}): DoctorFacts {
  const service =
    typeof change.service === 'function' ? change.service(SERVICE) : `${SERVICE}${change.service ?? ''}`;
  const table = loadTable(`${service}${change.rows ?? ROWS}`);
  const master =
    typeof change.master === 'function' ? change.master(FULL_MASTER) : `${FULL_MASTER}${change.master ?? ''}`;
  const postfix = postfixOf(`${MAIN}\n${change.main ?? ''}`, {
    master,
    release: change.release ?? '3.7.11',
    complaints: change.complaints ?? '',
  });
  const status = statusOf(table);
  const facts: DoctorFacts = {
    now: TODAY,
    postfix,
    instances: [{ name: '', directory: '/etc/postfix', enabled: true }],
    table: { ...table, file: '/etc/tlsward/tlsward.ini' },
    daemon: known(change.status === undefined ? status : change.status(status)),
    files: filesOf(table, change.files ?? {}),
    certificates: new Map([['/etc/ssl/mail.pem', known([{ ...CERTIFICATE, ...change.certificate }])]]),
    domains: [],
    system: {
      mailOwner: known({ name: 'postfix', uid: 105, gids: [115] }),
      clock: known(true),
      resolvers: ['127.0.0.1'],
      journalLimit: known(null),
      units: known(new Set(['tlsward.service'])),
    },
  };
  return change.facts === undefined ? facts : change.facts(facts);
}

type Good = Extract<Loaded, { ok: true }>;

function loadTable(text: string): Good {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-doctor-'));
  try {
    const file = join(folder, 'tlsward.ini');
    writeFileSync(file, text);
    const loaded = loadConfig(file, '2026-11-29');
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    return loaded;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const CERTIFICATE: CertificateFacts = {
  subject: 'CN=mx.example.org',
  names: ['mx.example.org'],
  notBefore: new Date('2026-10-01T00:00:00Z'),
  notAfter: new Date('2027-01-01T00:00:00Z'),
  digests: [{ selector: 1, matching: 1, hex: 'ab'.repeat(32) }],
};

const FILE: FileFacts = { kind: 'file', mode: 0o644, uid: 0, gid: 0, real: '', firstLine: '' };

function filesOf(
  { service }: Good,
  changes: Readonly<Record<string, Partial<FileFacts>>>,
): Map<string, Known<FileFacts>> {
  const files = new Map<string, FileFacts>();
  for (const address of [...service.policyListen, ...service.milterListen, ...service.socketmapListen]) {
    if (address.kind !== 'unix') continue;
    for (const folder of foldersAbove(address.path))
      files.set(folder, { ...FILE, kind: 'folder', mode: 0o755 });
    files.set(address.path, { ...FILE, kind: 'socket', mode: 0o660, uid: 900, gid: 115 });
  }
  files.set('/etc/ssl/certs/ca-certificates.crt', FILE);
  if (service.markKey !== null) files.set(service.markKey, { ...FILE, mode: 0o600, uid: 900 });
  for (const [path, change] of Object.entries(changes))
    files.set(path, { ...(files.get(path) ?? FILE), ...change });
  return new Map(
    [...files].map(([path, file]) => [path, known({ ...file, real: file.real === '' ? path : file.real })]),
  );
}

function statusOf({ service, hash, packed }: Good): StatusReply {
  const listening = [
    ['policy', service.policyListen],
    ['milter', service.milterListen],
    ['socketmap', service.socketmapListen],
  ] as const;
  const status = {
    ok: true,
    version: '0.1.0',
    node: '20.19.0',
    pid: 1,
    config: '/etc/tlsward/tlsward.ini',
    startedAt: '2026-11-29T00:00:00.000Z',
    table: {
      generation: 1,
      hash,
      rows: packed.rows,
      loadedAt: '2026-11-29T00:00:00.000Z',
      overdue: [],
      lastReload: '',
      restartNeeded: [],
    },
    listeners: listening.flatMap(([name, addresses]) =>
      addresses.map((address) => ({ name, address: formatListen(address) })),
    ),
    verdictsByTls: { policy: {}, milter: {} },
    published: {
      kind: 'own',
      resolver: ['127.0.0.1'],
      daneOff: '',
      stsCache: '',
      testOpening: '',
      counters: {},
      dns: {},
      sts: {},
    },
    evidence: null,
    openFiles: { limit: 65_536, used: 30, connections: 1000, maxConnections: 1000 },
    log: { dropped: 0, failure: '' },
  };
  // the parts that no check looks at are left out
  return status as unknown as StatusReply;
}
