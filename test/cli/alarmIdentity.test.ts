/** What doctor finds about this host's own certificate, as alarms. */
import { test } from 'tap';
import { identityLook } from '../../src/cli/alarmIdentity.ts';
import type { Found } from '../../src/doctor/checks.ts';

function found(id: string, severity: Found['severity'], group: Found['group'] = 'identity'): Found {
  return { id, severity, group, why: 'w', seen: `${id} seen`, mend: ['certbot renew'] };
}

test('dangers and warnings are alarms', async (t) => {
  const { conditions, unjudged } = identityLook([
    found('certificate-expired', 'danger'),
    found('mx-name', 'warning'),
    found('tlsrpt-not-asked-for', 'note'),
    found('tls-not-offered', 'danger', 'receiving'),
  ]);
  t.strictSame(unjudged, []);
  t.match(conditions, [
    {
      kind: 'own-certificate',
      subject: 'certificate-expired',
      severity: 'critical',
      level: 'bad',
      summary: 'certificate-expired seen',
      advice: ['certbot renew', 'tlsward doctor'],
    },
    { subject: 'mx-name', severity: 'warning' },
  ]);
  t.equal(conditions.length, 2);
});

test('what DNS did not tell ends no alarm that it could tell of', async (t) => {
  const look = identityLook([found('tlsa-does-not-fit', 'unknown')]);
  t.strictSame(look.unjudged, ['own-certificate']);
  t.strictSame(
    look.conditions.map(({ subject, level }) => [subject, level]),
    [
      ['certificate-unreadable', 'good'],
      ['certificate-expired', 'good'],
    ],
    'a renewed certificate is fine without it',
  );
  t.match(
    identityLook([found('tlsa-does-not-fit', 'unknown'), found('certificate-expired', 'danger')]).conditions,
    [
      { subject: 'certificate-expired', level: 'bad' },
      { subject: 'certificate-unreadable', level: 'good' },
    ],
  );
  t.strictSame(identityLook([found('certificate-unreadable', 'unknown')]), {
    conditions: [],
    unjudged: ['own-certificate'],
  });
  t.strictSame(identityLook([]), { conditions: [], unjudged: [] });
});
