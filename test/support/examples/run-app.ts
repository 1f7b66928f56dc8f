// An app as tsk builds it, run on this machine where nothing but its own files is: no shell, no packages of anybody else,
// a data directory, and a network namespace of its own.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AppBuild } from '../../../src/host/apps/build-app.ts';
import { unpack } from '../builds/app-builds.ts';
import type { Lan } from './lan.ts';

const KEPT_OUTPUT_CHARS = 20_000;
const RESTART_PAUSE_MS = 1000;

interface RunningApp {
  /** What it has said last. */
  output(): string;
  stop(): Promise<void>;
}

/** Puts the app's files into a directory that stands for the device's root. */
export function installApp(built: AppBuild, root: string): void {
  unpack(built, root);
  const { name } = built.service;
  mkdirSync(join(root, 'perm', name), { recursive: true });
  for (const script of ['data-files.cjs', 'writable-files.cjs']) {
    const path = join(root, 'app', name, script);
    if (existsSync(path)) writeFileSync(path, inRoot(readFileSync(path, 'utf8'), root));
  }
}

/** What tsk makes names places of the device. */
function inRoot(text: string, root: string): string {
  return text.replaceAll(/(?<![\w.])\/(app|perm)\//g, `${root}/$1/`);
}

/** As init does, it starts what has ended by itself again: a program may give up what a busy machine is too slow for. */
export function runApp({ service }: AppBuild, root: string, lan: Lan): RunningApp {
  const data = join(root, 'perm', service.name);
  const [, ...args] = service.argv.map((arg) => inRoot(arg, root));
  const ownEnv = Object.entries(service.env).map(([key, value]) => [key, inRoot(value, root)]);
  const env = {
    ...Object.fromEntries(ownEnv),
    HOME: data,
    PATH: '/none',
    TSK_DATA_DIR: data,
    TSK_SERVICE: service.name,
  };
  let said = '';
  let isStopped = false;
  let child: ChildProcess;
  let pause: NodeJS.Timeout | undefined;
  const say = (text: string): void => {
    said = (said + text).slice(-KEPT_OUTPUT_CHARS);
  };
  const start = (): void => {
    child = lan.spawn(process.execPath, args, { cwd: data, env });
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => say(chunk.toString()));
    child.once('exit', (code, signal) => {
      if (isStopped) return;
      say(`\n${service.name} ended by itself: ${code ?? signal}\n`);
      pause = setTimeout(start, RESTART_PAUSE_MS);
    });
  };
  start();
  return {
    output: () => said,
    async stop() {
      isStopped = true;
      clearTimeout(pause);
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
