/**
 * A message that a rule speaks of and that has `TLS-Required: no`, held (`tls-required-no = hold`) on a Postfix that would grant the
 * wish: released, it leaves, and is not held a second time by the second look; by its level, as tls_required_enable = no.
 */
import t from 'tap';
import { releaseSkip } from './harness/requirements.ts';
import { messageScene, NEIGHBOUR } from './harness/scenes/message-scene.ts';

const skip = releaseSkip('trixie', ['root', 'openssl', 'sasl', 'unbound']);
const subject = '[secure] report';
const headers = ['TLS-Required: no'];

for (const milters of ['', '$tlsward_milter'])
  t.test(`released, non_smtpd_milters = ${milters}`, { skip, timeout: 600_000 }, async (t) => {
    const x = await messageScene(t, {
      release: 'trixie',
      main: { non_smtpd_milters: milters },
      service: () => ({ 'tls-required-no': 'hold', 'local-domains': 'local.example' }),
      tables: '[rule secure]\nsubject-tag = [secure]\n',
    });
    const { postfix } = x;
    const file = postfix.file('virtual', 'team@our.example u@good.example, u@plain.example\n');
    await postfix.setMain({ virtual_alias_domains: 'our.example', virtual_alias_maps: `texthash:${file}` });
    const held = async (to: readonly string[]): Promise<string> => {
      await x.accepted(t, { to, subject, headers });
      return (await postfix.waitForQueue(({ queue_name }) => queue_name === 'hold')).queue_id;
    };
    const id = await held(['team@our.example', 'v@good.example', NEIGHBOUR]);
    x.sealed(t);
    await postfix.release(id);
    t.equal(await x.outcome(id, 'v@good.example'), 'tlsward-encrypt 2.0.0 sent');
    t.equal(await x.outcome(id, 'u@good.example'), 'tlsward-encrypt 2.0.0 sent');
    t.equal(await x.outcome(id, 'u@plain.example'), 'tlsward-encrypt 5.7.4 bounced');
    t.equal(await x.outcome(id, NEIGHBOUR), 'virtual 2.0.0 sent');
    t.equal(postfix.log().match(/milter-hold/g)?.length, 1, 'held once');
    t.strictSame(await postfix.left(), []);

    const next = await held(['w@good.example']);
    const from = postfix.logMark();
    await postfix.requeue();
    await postfix.waitForLog(/to=<w@good\.example\.tlsward-encrypt>.*status=sent/, { from });
    t.notMatch(postfix.log().slice(from), /milter-hold/);
    t.ok(next);
    x.sealed(t);
    t.strictSame(x.daemon.events('bug'), []);
  });
