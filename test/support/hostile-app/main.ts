// A hostile app: tries everything that a sandbox is to keep from it, and prints a line an attempt: `NAME: OUTCOME`.
// test/boot/isolation.test.ts has the outcomes that are expected, so that a change shows what it opened.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type Attempts, outcomeOf } from './attempt.ts';
import { exhaustionAttempts } from './exhaustion-attempts.ts';
import { fileAttempts } from './file-attempts.ts';
import { kernelAttempts } from './kernel-attempts.ts';

const FIELDS = ['Uid', 'CapEff', 'CapPrm', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Seccomp'];

const status = readFileSync('/proc/self/status', 'latin1');

const surroundings: Attempts = {
  ...Object.fromEntries(
    FIELDS.map((name) => [name, () => new RegExp(`^${name}:\\t(\\S+)`, 'm').exec(status)?.[1]]),
  ),
  USER: () => process.env['USER'],
  'current directory': () => process.cwd(),
  cgroup: () => readFileSync('/proc/self/cgroup', 'latin1').trim(),
  'time zone': () => `${process.env['TZ'] ?? ''} ${new Date(0).getTimezoneOffset()}`,
  localtime: () => readFileSync('/etc/localtime').toString('latin1', 0, 4),
  'machine id': () => (/^[0-9a-f]{32}\n$/.test(readFileSync('/etc/machine-id', 'latin1')) ? 'one' : 'none'),
  'resolv.conf': () => void readFileSync('/etc/resolv.conf'),
};

if (existsSync('/perm/shared')) writeFileSync('/perm/shared/from-hostile', 'x');
for (const [name, attempt] of Object.entries({
  ...surroundings,
  ...fileAttempts,
  ...kernelAttempts,
  ...exhaustionAttempts,
})) {
  console.log(`${name}: ${await outcomeOf(attempt)}`);
}
console.log('all tried');
setInterval(() => {}, 1e6);
