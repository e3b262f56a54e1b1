/**
 * What `tlsward doctor` finds fault with in this host's own certificate, its MX, MTA-STS and TLSA records, as a look of
 * the alarms. What doctor cannot find out is no alarm: it is unjudged.
 */
import type { Condition, Look } from '../alarms/condition.ts';
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import { loadConfig } from '../config/load/load.ts';
import { examine, type Found } from '../doctor/checks.ts';
import { gatherFacts } from '../doctor/gather/gatherFacts.ts';

/** Checks that need no more than the files: what DNS does not tell leaves them judged. */
const OF_FILES = ['certificate-unreadable', 'certificate-expired'];
const NOT_KNOWN: Look = { conditions: [], unjudged: ['own-certificate'] };

/** `directory`: of main.cf. Rejects when there is no Postfix to look at. */
export async function ownCertificate(
  file: string,
  { controlListen }: ServiceSettings,
  directory: string | undefined,
): Promise<Look> {
  // read for each look: the table may be large, and is not kept
  const loaded = loadConfig(file);
  if (!loaded.ok) return NOT_KNOWN;
  const [control] = controlListen;
  const facts = await gatherFacts({
    table: { ...loaded, file },
    control: control?.kind === 'unix' ? control.path : '/dev/null',
    directory,
    dns: true,
    now: new Date(),
  });
  return identityLook(examine(facts).findings);
}

/**
 * What doctor found, as a look: dangers and warnings are alarms; one that it could not make leaves all unjudged, but for
 * those of the files when the files could be read.
 */
export function identityLook(findings: readonly Found[]): Look {
  const found = findings.filter(({ group }) => group === 'identity');
  const conditions = found
    .filter(({ severity }) => severity === 'danger' || severity === 'warning')
    .map(conditionOf);
  const unknown = found.filter(({ severity }) => severity === 'unknown').map(({ id }) => id);
  if (unknown.length === 0) return { conditions, unjudged: [] };
  const wrong = conditions.map(({ subject }) => subject);
  const fine = unknown.some((id) => OF_FILES.includes(id))
    ? []
    : OF_FILES.filter((id) => !wrong.includes(id));
  const good = fine.map(
    (id): Condition => ({ ...common(id), severity: 'warning', level: 'good', summary: id, advice: [] }),
  );
  return { conditions: [...conditions, ...good], unjudged: ['own-certificate'] };
}

function conditionOf({ id, severity, seen, mend }: Found): Condition {
  return {
    ...common(id),
    severity: severity === 'danger' ? 'critical' : 'warning',
    level: 'bad',
    summary: seen,
    advice: [...mend, 'tlsward doctor'],
  };
}

/** `id`: the check, so that each has an end of its own. */
function common(id: string): Pick<Condition, 'kind' | 'subject' | 'clearMs' | 'count' | 'domains'> {
  return { kind: 'own-certificate', subject: id, clearMs: 0, count: 0, domains: [] };
}
