/** What the system says of users, and of the limits of its journal. */
import { test } from 'tap';
import { gatherSystem, journalLimitIn } from '../../../src/doctor/gather/gatherSystem.ts';

test('limits of the journal', async (t) => {
  t.same(journalLimitIn(''), { burst: 10_000, seconds: 30 });
  t.same(journalLimitIn('[Journal]\n#RateLimitBurst=5\nRateLimitBurst=0\n'), { burst: 0, seconds: 30 });
  t.same(journalLimitIn('RateLimitIntervalSec=5s\nRateLimitBurst=100\nRateLimitBurst=200\n'), {
    burst: 200,
    seconds: 5,
  });
});

test('the system', async (t) => {
  const { mailOwner, resolvers, units } = await gatherSystem('root');
  // where tests run there may be no systemd
  if (units.known) t.ok([...units.value].every((name) => name === '' || name.startsWith('tlsward')));
  else t.match(units.why, /systemctl/);
  t.match(mailOwner, { known: true, value: { name: 'root', uid: 0 } });
  t.ok(resolvers.length > 0);
  t.match((await gatherSystem('nobody-has-this-name')).mailOwner, { known: false, why: /not known here/ });
});
