/** Recorded deliveries by the level that another table demands. */
import { test } from 'tap';
import type { DeliveryRecord, MapEvidence } from '../../src/evidence/record.ts';
import { candidateOf } from '../../src/replay/candidate.ts';
import { Changes } from '../../src/replay/changes.ts';
import { Outbound } from '../../src/replay/outbound.ts';
import { type RowOf, tableOf } from '../core/buildTables.ts';
import { delivery } from '../trace/madeDays.ts';

const TIME = '2026-11-30T10:00:00.000Z';
const TLS = { state: 'tls', protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', bits: 256 };

function of(tls: object, fields: object = {}): DeliveryRecord {
  const demanded = { demanded: undefined };
  return {
    v: 1,
    n: 0,
    host: 'mx',
    ...delivery(TIME, { ...demanded, tls, ...fields }),
  } as unknown as DeliveryRecord;
}

function told(reply: string, time = '2026-11-30T08:00:00.000Z', hash = 'cd'.repeat(32)): MapEvidence {
  const of = { type: 'map', leg: 'outbound', map: 'deliver', key: 'example.org', status: 'OK', reply };
  return { v: 1, n: 0, host: 'mx', time, ...of, table: { hash, generation: 1 } } as unknown as MapEvidence;
}

/** `unchanged`, `waits WHY`, `unknown WHY`, ... */
function outcome(
  row: RowOf[1] | null,
  one: DeliveryRecord,
  answers: readonly MapEvidence[] = [],
  inside = false,
): string {
  const changes = new Changes();
  const table = tableOf(row === null ? [] : [['example.org', row]]);
  const outbound = new Outbound(candidateOf(table, { trustedClients: [] }, 0), changes);
  for (const answer of answers) outbound.answered(answer, 'p');
  outbound.add(one, 'p', inside);
  const [group] = changes.groups;
  if (group !== undefined) return `${group.kind} ${group.why}`;
  if (changes.totals.out.unchanged > 0) return 'unchanged';
  return outbound.attempts > 0 ? 'attempt' : 'inside';
}

test('a session that the level would not have taken', async (t) => {
  const plain = of({ state: 'plain' });
  t.equal(outcome(null, plain), 'unchanged');
  t.equal(outcome({ deliver: 'may' }, plain), 'unchanged');
  t.equal(
    outcome(null, plain, [told('OK may')]),
    'unknown mta level',
    'the answer kept it below that of the MTA',
  );
  t.equal(outcome(null, of(TLS), [told('OK encrypt')]), 'unchanged');
  t.equal(outcome(null, plain, [{ ...told('TEMP x'), status: 'TEMP' }]), 'unchanged', 'nor was there one');
  t.equal(outcome({ deliver: 'encrypt' }, plain), 'waits plain');
  t.equal(outcome({ deliver: 'encrypt', mode: 'observe' }, plain), 'unchanged');
  t.equal(outcome({ deliver: 'encrypt' }, of(TLS)), 'unchanged');
  t.equal(outcome({ deliver: 'encrypt' }, of({ ...TLS, protocol: 'TLSv1' })), 'waits protocol');
  t.equal(outcome({ deliver: 'encrypt', minBits: 256 }, of({ ...TLS, bits: 128 })), 'unknown cipher');
  t.equal(outcome({ deliver: 'encrypt' }, of({ state: 'unknown' })), 'unknown tls');
  t.equal(
    outcome({ deliver: 'fingerprint' }, of(TLS)),
    'waits deliver = fingerprint, and the row has no digest',
  );
  t.equal(outcome({ deliver: 'encrypt' }, of({ state: 'plain' }, { outcome: 'deferred' })), 'attempt');
  t.equal(outcome({ deliver: 'encrypt' }, plain, [], true), 'inside');
  const clone = of({ state: 'plain' }, { agent: 'tlsward-encrypt/smtp' });
  t.equal(outcome(null, clone), 'waits plain', 'the map of a clone has a floor');
});

test('a level that verifies the server', async (t) => {
  const verified = of({ ...TLS, peer: 'verified' });
  const secure = { deliver: 'secure', serverNames: ['.example.org'] } as const;
  t.equal(outcome(secure, verified), 'unknown server certificate');
  t.equal(outcome(secure, verified, [told('OK secure match=.example.org protocols=>=TLSv1.2')]), 'unchanged');
  t.equal(
    outcome(secure, verified, [told('OK secure match=mx.other.example')]),
    'unknown server certificate',
  );
  t.equal(outcome(secure, verified, [told('OK verify match=.example.org')]), 'unknown server certificate');
  t.equal(
    outcome(secure, verified, [told('OK secure match=.example.org', '2026-11-30T11:00:00.000Z')]),
    'unknown server certificate',
    'told later',
  );
  t.equal(outcome(secure, of({ ...TLS, peer: 'trusted' })), 'unknown server certificate');
  t.equal(outcome(secure, of({ ...TLS, peer: 'untrusted' })), 'waits certificate');
  t.equal(outcome({ deliver: 'dane-only' }, of({ ...TLS, peer: 'untrusted' })), 'unknown server certificate');
  t.equal(outcome({ deliver: 'dane-only' }, of({ state: 'plain' })), 'waits plain');
});

test('what the domain publishes is not recorded', async (t) => {
  t.equal(outcome({ deliver: 'auto' }, of({ state: 'plain' })), 'unknown published');
  t.equal(outcome({ deliver: 'auto', deliverFloor: 'encrypt' }, of({ state: 'plain' })), 'waits plain');
  t.equal(outcome({ deliver: 'auto', deliverFloor: 'encrypt' }, of(TLS)), 'unknown published');
  t.equal(outcome({ deliver: 'dane' }, of({ state: 'plain' })), 'unknown published');
  t.equal(
    outcome({ deliver: 'dane' }, of({ state: 'plain' }, { demanded: { level: 'dane', from: 'log' } })),
    'unchanged',
  );
  const same = told('OK dane-only', '2026-11-30T08:00:00.000Z', '');
  t.equal(outcome({ deliver: 'auto' }, of(TLS), [same]), 'unchanged', 'this very table had answered');
});
