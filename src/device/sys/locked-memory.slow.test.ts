import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { requireTool } from '../../../test/support/require-tool.ts';

const IMPORT = `import { limitLockedMemory } from ${JSON.stringify(join(import.meta.dirname, 'locked-memory.ts'))};`;
const NODE_OPTIONS = '--disable-warning=ExperimentalWarning';

/** What a program prints that is started with the limit. */
function runLimited(bytes: number, program: string, ...args: string[]): string {
  const start = `import { execFileSync } from 'node:child_process';
    limitLockedMemory(${bytes});
    process.stdout.write(execFileSync(${JSON.stringify(program)}, ${JSON.stringify(args)}));`;
  const argv = ['--input-type=module-typescript', '--eval', IMPORT + start];
  return execFileSync(process.execPath, argv, { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS } });
}

test('limitLockedMemory holds for what a program starts, pages of files included', (t) => {
  if (!requireTool(t, 'setpriv')) return;
  const libc = JSON.stringify(join(import.meta.dirname, 'libc.ts'));
  // mmap(2) of this Node.js itself, a file that anybody reads, then mlock(2) of parts of it.
  const lock = `import { openSync } from 'node:fs';
    import { bindLibc, openSyscall } from ${libc};
    const mmap = openSyscall('mmap', Array(7).fill('int64'));
    const mlock = bindLibc('mlock', ['int64', 'int64']);
    const number = process.arch === 'arm64' ? 222n : 9n;
    const fd = BigInt(openSync(process.execPath, 'r'));
    const start = BigInt(mmap(number, 0n, 1048576n, 1n, 2n, fd, 0n));
    mlock(start, 65536n);
    try { mlock(start, 1048576n); console.log('locked'); } catch ({ code }) { console.log(code); }`;
  const node = [process.execPath, '--input-type=module-typescript', '--eval', lock];
  const powerless = process.getuid?.() === 0 ? ['--inh-caps=-all', '--bounding-set=-all'] : [];
  assert.equal(runLimited(64 * 1024, 'setpriv', ...powerless, '--no-new-privs', ...node), 'ENOMEM\n');
});
