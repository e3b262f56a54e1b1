/** What `tlsward doctor` prints: the worst first, each finding in a few lines, the numbers at the end. */
import { test } from 'tap';
import { examine } from '../../src/doctor/checks.ts';
import { reportJson, reportText } from '../../src/doctor/doctorReport.ts';
import { shellWord, splitEntry } from '../../src/doctor/mend.ts';
import { patient } from './patient.ts';

const subject = {
  mta: 'Postfix',
  place: '/etc/postfix (3.7.11)',
  config: '/etc/tlsward/tlsward.ini',
} as const;
const text = (change: Parameters<typeof patient>[0]): string =>
  reportText(examine(patient(change)), subject, (_, word) => word);

test('nothing is wrong', async (t) => {
  t.match(
    text({}),
    /^Postfix in \/etc\/postfix \(3\.7\.11\), tlsward by \S+\n\n[0-9]+ checks passed, [0-9]+ do not concern this host\n$/,
  );
});

test('findings', async (t) => {
  const said = text({
    main: 'smtp_tls_loglevel = 0\nsmtpd_tls_security_level =\nsmtpd_tls_received_header = no\nsmtp_tls_policy_maps =',
    facts: (facts) => ({
      ...facts,
      system: { ...facts.system, clock: { known: false, why: 'nobody says' } },
    }),
  });
  const at = (part: string) => said.indexOf(part);
  t.ok(at('DANGER: tls-not-offered: smtp (inet, smtpd): smtpd_tls_security_level is ""\n') > 0, said);
  t.ok(at("    mend: postconf -e 'smtpd_tls_security_level = may'\n") > 0);
  t.ok(at('DANGER: tls-not-offered') < at('note: received-without-tls'), 'the worst first');
  t.ok(at('mail that arrives:') < at('logs:'), 'groups with the worst first');
  t.match(said, /smtp \(unix, smtp\), relay \(unix, smtp\)/, 'what one command mends is one finding');
  t.match(said, /2 dangers, 1 warning, 1 not known, 1 note, [0-9]+ checks passed/);
  for (const line of said.split('\n')) t.notMatch(line, /undefined|\[object/);
});

test('JSON has the same', async (t) => {
  const examination = examine(patient({ main: 'smtp_tls_loglevel = 0' }));
  t.match(reportJson(examination, subject), {
    ok: false,
    postfix: '/etc/postfix (3.7.11)',
    findings: [
      {
        id: 'smtp-tls-loglevel',
        group: 'records',
        severity: 'warning',
        seen: /is 0/,
        why: /mail log/,
        mend: ["postconf -e 'smtp_tls_loglevel = 1'"],
      },
    ],
  });
  t.equal(examination.exit, 1);
  const { passed, notConcerned, findings } = examination;
  t.notOk(passed.includes('smtp-tls-loglevel'));
  t.notOk(notConcerned.some((id) => passed.includes(id)));
  t.equal(findings.length, 1);
});

test('several things that are not known are one finding, and a warning where they could be dangerous', async (t) => {
  const unreadable = (path: string) => [path, { known: false, why: 'cannot be looked at (EACCES)' }] as const;
  const { findings, exit } = examine(
    patient({
      facts: (facts) => ({
        ...facts,
        files: new Map([...facts.files.keys()].map(unreadable)),
      }),
    }),
  );
  t.equal(findings.filter(({ id }) => id === 'socket-permission').length, 1);
  t.match(findings.find(({ id }) => id === 'socket-permission')?.seen, /\(and 2 more\)$/);
  t.equal(exit, 1);
});

test('words for a shell', async (t) => {
  t.equal(shellWord('smtp/inet/x=y'), 'smtp/inet/x=y');
  t.equal(shellWord('a = $b'), "'a = $b'");
  t.equal(shellWord("a'b"), "'a'\\''b'");
  t.same(splitEntry('127.0.0.1:25 (inet, smtpd): x'), ['127.0.0.1:25 (inet, smtpd)', ': x']);
  t.equal(splitEntry('x is y'), null);
});
