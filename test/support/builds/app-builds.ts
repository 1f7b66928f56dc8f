// Builds apps of a throw-away instance directory, and puts what came out where a test can run it.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Lifetime } from '../updates/update-lab.ts';
import type { AppConfig } from '../../../src/host/config/app-config.ts';
import type { AppContext } from '../../../src/host/apps/app-context.ts';
import type { AppBuild } from '../../../src/host/apps/build-app.ts';
import { silentProgress } from '../../../src/host/progress.ts';
import { type BoardId, BOARDS } from '../../../src/shared/board/boards.ts';

/** A new directory with these files; gone when the test is over. */
export function makeFiles(
  t: Pick<Lifetime, 'after'>,
  files: Readonly<Record<string, string | Uint8Array>>,
): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-apps-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  return directory;
}

export function appConfig(app: Partial<AppConfig>): AppConfig {
  return {
    name: 'app',
    args: [],
    env: {},
    include: [],
    autostart: true,
    restart: 'always',
    stopTimeoutSec: 5,
    waitFor: [],
    ready: false,
    user: 'own',
    sandbox: { devices: [], paths: {}, capabilities: [] },
    limits: { maxProcesses: 512 },
    ...app,
  };
}

/** glibc and what Node.js needs, as the images have them. */
const LIBRARIES = [
  'ld-linux-aarch64.so.1',
  'ld-linux-x86-64.so.2',
  'libc.so.6',
  'libdl.so.2',
  'libgcc_s.so.1',
  'libm.so.6',
  'libpthread.so.0',
  'libstdc++.so.6',
];

export function appContext(
  instanceDirectory: string,
  board: BoardId = 'pc-amd64',
  cacheDirectory = join(instanceDirectory, '.cache'),
): AppContext {
  return {
    instanceDirectory,
    board: BOARDS[board],
    cacheDirectory,
    offline: false,
    report: silentProgress,
    libraries: new Set(LIBRARIES),
    appNames: new Set(),
    secrets: { salt: '', apps: {} },
    lock: { formatVersion: 1, createdAtSec: 0, boards: {} },
  };
}

/** Puts the app's files below `directory`, each at its device path. */
export function unpack({ entries }: AppBuild, directory: string): void {
  for (const entry of entries) {
    const path = join(directory, entry.path);
    mkdirSync(dirname(path), { recursive: true });
    if (entry.kind === 'directory') mkdirSync(path, { recursive: true });
    if (entry.kind === 'symlink') symlinkSync(entry.target, path);
    if (entry.kind !== 'file') continue;
    const { content } = entry;
    writeFileSync(path, content.kind === 'bytes' ? content.bytes : readFileSync(content.path), {
      mode: entry.mode,
    });
  }
}

/** What an assertion compares of a UserError. */
export function userError(message: string | RegExp, hint?: string | RegExp): object {
  return { name: 'UserError', message, ...(hint === undefined ? {} : { hint }) };
}
