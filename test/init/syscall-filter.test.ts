// The filter of system calls in this computer's own kernel: what it refuses there, and programs that run under it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { suite, test } from 'node:test';
import { text } from 'node:stream/consumers';
import type { Readable, Writable } from 'node:stream';
import { join } from 'node:path';
import {
  SYSCALL_GROUP_NAMES,
  SYSCALL_GROUPS,
  SYSCALL_NUMBERS,
  type SyscallGroupName,
  type SyscallName,
} from '../../src/shared/services/syscalls.ts';
import { type FilteredApp, syscallFilter } from '../../src/device/init/supervisor/syscall-filter.ts';
import { findTool } from '../support/require-tool.ts';

const SUPPORT = join(import.meta.dirname, '../fixtures/sandbox');
const NODE = [process.execPath, '--disable-warning=ExperimentalWarning'];
const architecture = process.arch === 'x64' || process.arch === 'arm64' ? process.arch : undefined;
const column = architecture === 'arm64' ? 1 : 0;

async function runFiltered(app: FilteredApp, ...argv: string[]): Promise<string> {
  const [node = '', ...options] = NODE;
  // A session of its own: a call that comes through by mistake finds no terminal.
  const child = spawn(node, [...options, join(SUPPORT, 'run-filtered.ts'), ...argv], {
    detached: true,
    env: { ...process.env, UV_USE_IO_URING: '0' },
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  });
  (child.stdio[3] as Writable).end(syscallFilter(architecture ?? assert.fail(), app));
  return (await text(child.stdout as Readable)).trim();
}

async function tryCalls(app: FilteredApp, calls: readonly SyscallName[]): Promise<Map<SyscallName, string>> {
  const numbers = calls.map((call) => SYSCALL_NUMBERS[call][column]);
  const output = await runFiltered(app, ...NODE, join(SUPPORT, 'try-syscalls.ts'), JSON.stringify(numbers));
  const codes = JSON.parse(output) as string[];
  return new Map(calls.map((call, index) => [call, codes[index] ?? '']));
}

const callsOf = (name: SyscallGroupName): readonly SyscallName[] => SYSCALL_GROUPS[name].calls;

suite('the filter of system calls', { skip: architecture === undefined && 'other architecture' }, () => {
  test('refuses in the kernel what it refuses on paper', async () => {
    const expected = new Map<SyscallName, string>([
      ...SYSCALL_GROUP_NAMES.flatMap((name) =>
        callsOf(name)
          .filter((call) => SYSCALL_NUMBERS[call][column] !== null)
          .map((call): [SyscallName, string] => [call, SYSCALL_GROUPS[name].answer]),
      ),
      ['clone', 'EPERM'],
      ['clone3', 'ENOSYS'],
      ['unshare', 'EPERM'],
      ['socket', 'EAFNOSUPPORT'],
      ['socketpair', 'EAFNOSUPPORT'],
    ]);
    assert.deepEqual(await tryCalls({ capabilities: [] }, [...expected.keys()]), expected);
  });

  test('lets through what an app has been given back', async () => {
    const calls = ['add_key', 'keyctl', 'userfaultfd', 'open_by_handle_at'] as const;
    const given = await tryCalls(
      { capabilities: ['CAP_DAC_READ_SEARCH'], syscalls: ['keyring', 'userfaultfd'] },
      calls,
    );
    for (const [call, code] of given) assert.ok(!['EPERM', 'ENOSYS'].includes(code), `${call}: ${code}`);
  });

  test('lets a Node.js program do what such programs do', async () => {
    const output = await runFiltered({ capabilities: [] }, ...NODE, join(SUPPORT, 'ordinary-program.ts'));
    assert.deepEqual(JSON.parse(output), {
      answer: 'hello',
      fromWorker: 'done',
      row: { x: 42 },
      file: 'text',
      child: 'child',
      localhost: true,
      loopback: true,
      hasUser: true,
      crypto: 4,
      zipped: true,
    });
  });

  test(
    'lets a Go program start',
    { skip: findTool('go') === undefined && '"go" is not installed' },
    async () => {
      assert.match(await runFiltered({ capabilities: [] }, 'go', 'version'), /^go version go/);
    },
  );
});
