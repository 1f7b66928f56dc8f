// The filters of system calls in this computer's own kernel, the second one and Landlock set by `confine` as on a device:
// what they refuse there, and programs that run under them.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, suite, test } from 'node:test';
import { HOST_BOARD } from '../support/machines/host-board.ts';
import {
  SYSCALL_GROUP_NAMES,
  SYSCALL_GROUPS,
  type SyscallGroupName,
} from '../../src/shared/services/syscalls.ts';
import type { NodeArch } from '../../src/shared/board/boards.ts';
import { type SyscallName, syscallNumber } from '../../src/shared/board/syscall-numbers.ts';
import { bindLibc } from '../../src/device/sys/libc.ts';
import { type FilteredApp, syscallFilters } from '../../src/device/init/supervisor/syscall-filter.ts';
import { confineProgram } from '../../src/host/build/confine-program.ts';
import { findTool } from '../support/require-tool.ts';

const SUPPORT = join(import.meta.dirname, '../fixtures/sandbox');
const NODE = [process.execPath, '--disable-warning=ExperimentalWarning'] as const;
const isKnown = process.arch === 'x64' || process.arch === 'arm64';
const architecture = process.arch as NodeArch;

const scratch = mkdtempSync(join(tmpdir(), 'tsk-confine-'));
after(() => rmSync(scratch, { recursive: true }));
const confine = join(scratch, 'confine');
if (isKnown) writeFileSync(confine, confineProgram(HOST_BOARD), { mode: 0o755 });

interface Output {
  stdout: string;
  stderr: string;
  code: number | null;
}

async function runFiltered(app: FilteredApp, ...argv: string[]): Promise<Output> {
  const [node, ...options] = NODE;
  // A session of its own: a call that comes through by mistake finds no terminal.
  const child = spawn(node, [...options, join(SUPPORT, 'run-filtered.ts'), confine, ...argv], {
    detached: true,
    env: { ...process.env, TSK_TEST_VALUE: 'value' },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  const { silent, logged } = syscallFilters(architecture, app);
  (child.stdio[3] as Writable).end(silent);
  (child.stdio[4] as Writable).end(logged);
  const [stdout, stderr] = await Promise.all([
    text(child.stdout as Readable),
    text(child.stderr as Readable),
    new Promise((resolve) => child.on('close', resolve)),
  ]);
  return { stdout: stdout.trim(), stderr, code: child.exitCode };
}

async function tryCalls(app: FilteredApp, calls: readonly SyscallName[]): Promise<Map<SyscallName, string>> {
  const numbers = JSON.stringify(calls.map((call) => syscallNumber(call, architecture)));
  const { stdout, stderr } = await runFiltered(app, ...NODE, join(SUPPORT, 'try-syscalls.ts'), numbers);
  assert.equal(stderr, '');
  const codes = JSON.parse(stdout) as string[];
  return new Map(calls.map((call, index) => [call, codes[index] ?? '']));
}

const callsOf = (name: SyscallGroupName): readonly SyscallName[] => SYSCALL_GROUPS[name].calls;

/** 6 and later have scopes (landlock(7)). */
function landlockAbi(): number {
  const LANDLOCK_CREATE_RULESET = 444n;
  const VERSION = 1n;
  try {
    return bindLibc('syscall', ['int64', 'int64', 'int64', 'int64'])(
      LANDLOCK_CREATE_RULESET,
      0n,
      0n,
      VERSION,
    );
  } catch {
    return 0;
  }
}

suite('the filters of system calls', { skip: !isKnown && 'another architecture' }, () => {
  test('refuse in the kernel what they refuse on paper', async () => {
    const expected = new Map<SyscallName, string>([
      ...SYSCALL_GROUP_NAMES.flatMap((name) =>
        callsOf(name)
          .filter((call) => syscallNumber(call, architecture) !== null)
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

  test('let through what an app has been given back', async () => {
    const calls = ['add_key', 'keyctl', 'userfaultfd', 'open_by_handle_at'] as const;
    const given = await tryCalls(
      { capabilities: ['CAP_DAC_READ_SEARCH'], syscalls: ['keyring', 'userfaultfd'] },
      calls,
    );
    for (const [call, code] of given) assert.ok(!['EPERM', 'ENOSYS'].includes(code), `${call}: ${code}`);
  });

  test('let a Node.js program do what such programs do', async () => {
    const { stdout, stderr } = await runFiltered(
      { capabilities: [] },
      ...NODE,
      join(SUPPORT, 'ordinary-program.ts'),
    );
    assert.equal(stderr, '');
    assert.deepEqual(JSON.parse(stdout), {
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
    'let a Go program start',
    { skip: findTool('go') === undefined && '"go" is not installed' },
    async () => {
      assert.match((await runFiltered({ capabilities: [] }, 'go', 'version')).stdout, /^$|^go version go/);
    },
  );
});

suite('confine', { skip: !isKnown && 'another architecture' }, () => {
  test('keeps abstract sockets of others away, and leaves a program its own', async (t) => {
    if (landlockAbi() < 6) return t.skip('the kernel has no scopes of Landlock');
    const name = `tsk-confine-${process.pid}`;
    await using server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(`\0${name}`, resolve));
    const program = `
      const { connect, createServer } = require('node:net');
      const reach = (name) => new Promise((resolve) => {
        const socket = connect('\\0' + name).on('connect', () => resolve('ok') ?? socket.destroy());
        socket.on('error', ({ code }) => resolve(code));
      });
      const own = createServer((socket) => socket.destroy()).listen('\\0own-${name}', async () => {
        console.log(await reach('own-${name}'), await reach('${name}'));
        own.close();
      });`;
    const { stdout, stderr } = await runFiltered({ capabilities: [] }, process.execPath, '-e', program);
    assert.deepEqual([stdout, stderr], ['ok EPERM', '']);
  });

  test('gives the program its arguments, its environment and no further descriptor', async () => {
    const program = 'echo "$0 $1 $TSK_TEST_VALUE"; test -e /proc/$$/fd/4 && echo open || echo closed';
    const { stdout } = await runFiltered({ capabilities: [] }, '/bin/sh', '-c', program, 'a b', 'c');
    assert.deepEqual(stdout.split('\n'), ['a b c value', 'closed']);
  });

  test('says that a program cannot be started, and why by its exit code', async () => {
    const { stderr, code } = await runFiltered({ capabilities: [] }, '/nowhere');
    assert.match(stderr, /^confine: cannot start the program/);
    const ENOENT = 2;
    assert.equal(code, ENOENT);
  });
});
