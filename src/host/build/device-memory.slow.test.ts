// What a device program has of memory once it has looked at passwords. In a process of its own: it is about the C library.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { GIVES_MEMORY_BACK } from './device-config.ts';

const PASSWORD_MODULE = join(import.meta.dirname, '..', '..', 'shared', 'api', 'password.ts');
/** Of one look at a password (RFC 7914: 128 * N * r). */
const SCRYPT_BYTES = 16 * 2 ** 20;

/** Bytes that the process has more after some looks than before. */
function growth(environment: Readonly<Record<string, string>>): number {
  const script = `
    const { hashPassword } = await import(${JSON.stringify(PASSWORD_MODULE)});
    const { readFileSync } = await import('node:fs');
    const own = () => Number(/^Private_Dirty: +(\\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'latin1'))[1]);
    const before = own();
    for (let count = 0; count < 5; count++) hashPassword('x');
    console.log((own() - before) * 1024);`;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script];
  return Number(execFileSync(process.execPath, args, { env: { ...process.env, ...environment } }));
}

test('what a password was looked at in is given back', { skip: process.platform !== 'linux' }, () => {
  const kept = growth(GIVES_MEMORY_BACK);
  assert.ok(kept < SCRYPT_BYTES / 4, `${kept} bytes`);
});
