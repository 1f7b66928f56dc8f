// Instances in temporary directories, and the real `tsk` run on them with the user's own cache of components:
// each test that builds would otherwise download 100 MB.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { findTool } from '../require-tool.ts';
import type { BoardId } from '../../../src/shared/board/boards.ts';
import type { Lock } from '../../../src/host/components/lock-file.ts';
import { defaultCacheDirectory } from '../../../src/host/cache-directory.ts';
import { TSK } from '../tsk-program.ts';

/** A directory that goes when the tests of the file are over. */
export function makeRoot(name: string): string {
  const root = mkdtempSync(join(tmpdir(), `tsk-${name}-`));
  after(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

export const APP_SOURCE = `setInterval(() => console.log('one line'), 1000);\n`;

/** A TypeScript app that is its own file; `config` is added to tskrazy.json. */
export function writeInstance(directory: string, board: BoardId, config: object = {}): string {
  mkdirSync(join(directory, 'src'), { recursive: true });
  writeFileSync(join(directory, 'src', 'main.ts'), APP_SOURCE);
  writeConfig(directory, { board, ...config });
  return directory;
}

export function writeConfig(directory: string, config: object): void {
  const whole = { hostname: 'garden', apps: { hello: { node: './src/main.ts' } }, ...config };
  writeFileSync(join(directory, 'tskrazy.json'), JSON.stringify(whole, null, 2));
}

/** What makes an instance what it is, and none of its build state. */
export function copyInstance(from: string, to: string): string {
  for (const name of [
    'src',
    'tskrazy.json',
    'tskrazy.lock.json',
    '.tskrazy/password',
    '.tskrazy/password-hash',
    '.tskrazy/update-key.pem',
    '.tskrazy/identity-ca.pem',
    '.tskrazy/identity.pem',
  ]) {
    mkdirSync(dirname(join(to, name)), { recursive: true });
    cpSync(join(from, name), join(to, name), { recursive: true });
  }
  return to;
}

/** An environment whose cache has the components, but nothing packed yet. */
export function coldPackedCache(directory: string): Record<string, string> {
  const warm = defaultCacheDirectory();
  mkdirSync(join(directory, 'tskrazy'), { recursive: true });
  for (const name of readdirSync(warm)) {
    if (name !== 'packed') symlinkSync(join(warm, name), join(directory, 'tskrazy', name));
  }
  return { XDG_CACHE_HOME: directory };
}

export interface TskRun {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface TskOptions {
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Its standard input, which is not there otherwise. */
  input?: string;
}

export function startTsk(
  args: readonly string[],
  options: TskOptions = {},
): { child: ChildProcess; ended: Promise<TskRun> } {
  const child = spawn(process.execPath, [TSK, ...args], {
    cwd: options.cwd,
    env: { ...process.env, SOURCE_DATE_EPOCH: undefined, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  child.stdin?.end(options.input);
  return { child, ended: collect(child) };
}

async function collect(child: ChildProcess): Promise<TskRun> {
  const run: TskRun = { code: null, stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (run.stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (run.stderr += chunk.toString()));
  [run.code] = (await once(child, 'close')) as [number | null];
  return run;
}

export function runTsk(args: readonly string[], options: TskOptions = {}): Promise<TskRun> {
  return startTsk(args, options).ended;
}

/** Names that a build leaves in the instance and beside its output while it works, and must not after it. */
export function leftovers(instance: string, output: string): string[] {
  const state = join(instance, '.tskrazy');
  return [
    ...(existsSync(state) ? readdirSync(state).filter((name) => name.startsWith('build-')) : []),
    ...readdirSync(dirname(output)).filter((name) => name.endsWith('.tmp')),
  ];
}

/** To which the times in an image are set. */
export function lockTimeSec(instance: string): number {
  const lock = JSON.parse(readFileSync(join(instance, 'tskrazy.lock.json'), 'utf8')) as Lock;
  return lock.createdAtSec;
}

/** Byte for byte. `cmp` reads the holes of a disk image through memory, which takes seconds; qemu-img skips them. */
export function haveSameBytes(one: string, other: string): boolean {
  if (statSync(one).size !== statSync(other).size) return false;
  const qemuImg = findTool('qemu-img');
  const command = qemuImg === undefined ? 'cmp' : qemuImg;
  const options = qemuImg === undefined ? ['-s'] : ['compare', '-q', '-f', 'raw', '-F', 'raw'];
  return spawnSync(command, [...options, one, other]).status === 0;
}
