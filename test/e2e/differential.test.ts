/**
 * The random differential test: random tables, sessions and envelopes, what real MTAs answer to them at each interface
 * against what `explain --json` predicts. Replies, holds and marks must be the same, word by word.
 *
 *   TLSWARD_COMBINATIONS=3000   messages to play, default 300: three quarters on Postfix (policy, milter, both), the
 *                               rest on Sendmail
 *   TLSWARD_SEED=N              the seed, as a failing run named it
 *   TLSWARD_MTA=postfix         one MTA
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Interface } from '../../src/receive/interfaces.ts';
import { type Generator, generator } from '../mark/generator.ts';
import { Daemon, type ProtocolName } from './harness/daemon.ts';
import { Postfix } from './harness/mta/postfix.ts';
import type { Parameters } from './harness/mta/postfix-config.ts';
import { Sendmail } from './harness/mta/sendmail.ts';
import { sendmailSkip } from './harness/mta/sendmail-fetch.ts';
import { type CertificateAuthority, createCa, SERVER_NAME } from './harness/peers/ca.ts';
import { e2eSkip } from './harness/requirements.ts';
import type { MtaName } from './harness/scenes/case.ts';
import { LOCAL_DOMAINS, randomSession, randomTable } from './harness/scenes/differential-cases.ts';
import {
  type DifferentialMta,
  outcomeWith,
  type PlayedCase,
  playSession,
  postfixDifferential,
  predicted,
  sendmailDifferential,
} from './harness/scenes/differential-play.ts';
import { fragment } from './harness/scenes/scene.ts';

const COMBINATIONS = Number(process.env.TLSWARD_COMBINATIONS ?? 300);
const { TLSWARD_MTA = '' } = process.env;
/** Messages played under one table. */
const BATCH = 30;
/** Sessions at the same time: what is remembered of one must not serve another. */
const AT_ONCE = 4;

t.setTimeout(600_000 + COMBINATIONS * 1000);
const skip = e2eSkip();

/** A listener that takes every protocol and cipher there is, asks for a certificate and offers AUTH. */
function listener(policy: boolean, milter: boolean): Parameters {
  return {
    smtpd_tls_security_level: 'may',
    smtpd_tls_ask_ccert: 'yes',
    smtpd_tls_protocols: '>=TLSv1',
    smtpd_tls_ciphers: 'medium',
    tls_medium_cipherlist: 'ALL:eNULL:@SECLEVEL=0',
    smtpd_sasl_auth_enable: 'yes',
    smtpd_recipient_restrictions: policy ? '$tlsward_policy' : '',
    smtpd_milters: milter ? '$tlsward_milter' : '',
  };
}

interface Bench {
  readonly mta: DifferentialMta;
  readonly daemon: Daemon;
  readonly ca: CertificateAuthority;
  readonly interfaces: readonly Interface[];
  readonly name: MtaName;
}

/** Plays `count` messages under new tables until all are played; one assertion for each. */
async function compare(t: Test, bench: Bench, random: Generator, count: number): Promise<void> {
  const { mta, daemon, ca } = bench;
  let number = 0;
  let differences = 0;
  for (let left = count; left > 0; ) {
    const table = randomTable(random, ca);
    const loaded = await daemon.reload(table);
    if (loaded.event !== 'config.loaded') {
      t.fail('the table was refused', { table, loaded });
      return;
    }
    const sessions = [];
    for (let batch = Math.min(left, BATCH); batch > 0; ) {
      const session = randomSession(random, bench.name, batch);
      sessions.push({ where: random.pick(bench.interfaces), session });
      batch -= session.messages.length;
      left -= session.messages.length;
    }
    const played: PlayedCase[] = [];
    const work = sessions.values();
    const worker = async (): Promise<void> => {
      for (const { where, session } of work)
        played.push(...(await playSession(mta, where, ca, session, table, () => ++number)));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    const mail = await mta.settled();
    for (const one of played) {
      const live = outcomeWith(one, mail);
      const explained = await predicted(daemon, one);
      const name = `${one.subject}, ${one.where}: ${one.argv.join(' ')}`;
      if (JSON.stringify(live) === JSON.stringify(explained)) t.pass(name);
      else if (++differences <= 20)
        t.fail(name, { live, explained, table, session: one.session, transcript: one.transcript });
    }
    await mta.clear();
  }
  t.equal(differences, 0, `differences in ${number} messages`);
  t.equal(number, count);
  t.strictSame(daemon.events('bug'), []);
  t.strictSame(daemon.events('wire.error'), []);
}

async function startedDaemon(
  t: Test,
  socketDir: string,
  protocols: readonly ProtocolName[],
): Promise<Daemon> {
  const daemon = await Daemon.create({ tables: '[domains]\n* = may', protocols, socketDir });
  t.teardown(() => daemon.close());
  await daemon.start();
  return daemon;
}

const random = generator();
t.comment(`TLSWARD_SEED=${random.seed} TLSWARD_COMBINATIONS=${COMBINATIONS}`);
const ca = skip === false ? createCa() : null;
t.teardown(() => ca?.remove());

t.test('Postfix', { skip: TLSWARD_MTA === 'sendmail' || skip, timeout: 0 }, async (t) => {
  const postfix = new Postfix({
    ca: ca!,
    // bare postmaster becomes one of this host's
    localDomains: [...LOCAL_DOMAINS, SERVER_NAME],
    main: { ...fragment('both'), mynetworks: '127.0.0.0/8' },
    listeners: {
      policy: listener(true, false),
      milter: listener(false, true),
      both: listener(true, true),
    },
  });
  t.teardown(() => postfix.close());
  const socketDir = join(postfix.queueDirectory, 'tlsward');
  mkdirSync(socketDir, { mode: 0o755 });
  const daemon = await startedDaemon(t, socketDir, ['policy', 'milter', 'control']);
  await postfix.start();
  const mta = postfixDifferential(postfix);
  const bench: Bench = { mta, daemon, ca: ca!, interfaces: ['policy', 'milter', 'both'], name: 'postfix' };
  await compare(t, bench, generator(random.seed), Math.ceil(COMBINATIONS * 0.75));
});

t.test(
  'Sendmail',
  { skip: TLSWARD_MTA === 'postfix' || (skip === false ? sendmailSkip() : skip), timeout: 0 },
  async (t) => {
    const sendmail = await Sendmail.start(ca!);
    t.teardown(() => sendmail.close());
    const daemon = await startedDaemon(t, sendmail.socketDir, ['milter', 'control']);
    const mta = sendmailDifferential(sendmail);
    const bench: Bench = { mta, daemon, ca: ca!, interfaces: ['sendmail'], name: 'sendmail' };
    await compare(t, bench, generator(random.seed + 1), Math.floor(COMBINATIONS * 0.25));
  },
);
