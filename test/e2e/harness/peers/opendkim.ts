/**
 * A private OpenDKIM of Debian's package: a milter that signs mail from one domain, and the check of what it signed by the
 * same program with the public key, without DNS. It listens on loopback and ends with the test.
 *
 * Sources: opendkim(8) (-t), opendkim.conf(5) (TestPublicKeys, InternalHosts).
 */
import { execFile, spawn } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { until, within } from '../deadline.ts';
import { exited, freePorts, guardProcess, portOpen } from '../processes.ts';
import { command } from '../requirements.ts';

const SELECTOR = 'reports';
const READY_MS = 20_000;

export interface OpenDkim {
  /** As Postfix's `smtpd_milters` has it. */
  readonly milter: string;
  readonly selector: string;
  /** Does the message, lines ending in CR LF, carry a signature that verifies? What the program said of it. */
  verify(message: string): Promise<{ readonly good: boolean; readonly said: string }>;
}

/** Signs what comes from `domain`, from clients on loopback. */
export async function startOpenDkim(t: Test, domain: string): Promise<OpenDkim> {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-dkim-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keyFile = join(dir, 'key.pem');
  writeFileSync(keyFile, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
  const der = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64');
  const keys = join(dir, 'keys');
  writeFileSync(keys, `${SELECTOR}._domainkey.${domain} v=DKIM1; k=rsa; s=*; p=${der}\n`);
  const [port] = await freePorts(1);
  const common = `TestPublicKeys ${keys}\nUMask 077\nSyslog no\nBackground no\nRequireSafeKeys no\nCanonicalization relaxed/relaxed\n`;
  const signing = join(dir, 'sign.conf');
  const signed =
    'From,To,Date,Subject,Message-ID,MIME-Version,Content-Type,TLS-Report-Domain,TLS-Report-Submitter';
  writeFileSync(
    signing,
    `${common}Mode s\nDomain ${domain}\nSelector ${SELECTOR}\nKeyFile ${keyFile}\nSocket inet:${port}@127.0.0.1\n` +
      `InternalHosts 127.0.0.0/8\nSignHeaders ${signed}\nOversignHeaders From\nPidFile ${join(dir, 'pid')}\n`,
  );
  const verifying = join(dir, 'verify.conf');
  writeFileSync(verifying, `${common}Mode v\n`);
  const program = command('opendkim');
  const child = spawn(program, ['-f', '-x', signing], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  const guard = child.pid === undefined ? null : guardProcess(child.pid);
  t.teardown(async () => {
    child.kill('SIGTERM');
    await within(READY_MS, 'end of opendkim', exited(child)).catch(() => child.kill('SIGKILL'));
    guard?.release();
  });
  await until(
    READY_MS,
    'opendkim',
    () => {
      if (child.exitCode !== null) throw new Error(`opendkim ended: ${said}`);
      return portOpen(port!);
    },
    () => said,
  );
  let checked = 0;
  return {
    milter: `inet:127.0.0.1:${port}`,
    selector: SELECTOR,
    verify: (message) => {
      const file = join(dir, `message-${++checked}`);
      writeFileSync(file, message, 'latin1');
      return new Promise((resolve) => {
        execFile(program, ['-t', file, '-x', verifying], { timeout: 20_000 }, (error, stdout, stderr) =>
          resolve({
            good: error === null && /: verification \([^)]*\) succeeded$/m.test(stdout + stderr),
            said: stdout + stderr,
          }),
        );
      });
    },
  };
}
