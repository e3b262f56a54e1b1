#!/usr/bin/env -S node --max-semi-space-size=4
/**
 * The `tlsward` executable: looks at the version of Node.js and hands over to cli/runProcess.ts. That is
 * imported only then, and this file is written in words that an old Node.js can read, so that it ends with a
 * sentence and not with a syntax error. Debian 12 has Node.js 18.20, Ubuntu 24.04 has 18.19.
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 18 || (major === 18 && minor < 19)) {
  const found = `${process.execPath} is ${process.versions.node}`;
  process.stderr.write(`tlsward needs Node.js 18.19 or later; ${found}\n`);
  process.exitCode = 71; // EX_OSERR, EXIT.system
} else {
  void import('./cli/runProcess.ts').then(({ runProcess }) => runProcess());
}
