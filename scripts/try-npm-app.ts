// node scripts/try-npm-app.ts NAME[@RANGE][+PLUGIN...] ... [--override NAME@RANGE]... [--install PACKAGE] [--args "WORD ..."]
// [--bin NAME|FILE] [--after SECONDS] [--node PATH]: published programs as npm apps, as tsk builds them. Each is pinned, built
// for both architectures of PCs, and started where nothing but its own files is, without a shell's help: says whether it listens,
// and where, or how it ended. `--install` has Node-RED install a node by its palette's API, as its page does, and looks whether it
// is there after a restart, too. `--after` adds the memory that it has (resident) when it has run for so long; `--node` starts it by
// another Node.js. Wants a registry of npm. On Linux only: it reads /proc.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { listeningSockets } from '../src/device/listening-sockets.ts';
import { type AppBuild, buildApp } from '../src/host/apps/build-app.ts';
import { pinApps } from '../src/host/apps/pin-apps.ts';
import { defaultCacheDirectory } from '../src/host/cache-directory.ts';
import { appConfig, appContext, unpack } from '../test/support/builds/app-builds.ts';
import { installByPalette } from '../test/support/examples/palette.ts';
import type { Ask } from '../test/support/examples/place.ts';
import { HOST_BOARD_ID } from '../test/support/machines/host-board.ts';
import { findTool } from '../test/support/require-tool.ts';
import { parseOptions, usageError } from './parse-options.ts';

const START_LIMIT_MS = 300_000;
const USAGE =
  'node scripts/try-npm-app.ts NAME[@RANGE][+PLUGIN...] ... [--override NAME@RANGE]... [--install PACKAGE] ' +
  '[--args "WORD ..."] [--bin NAME|FILE] [--after SECONDS] [--node PATH]';
const { values, positionals } = parseOptions(
  {
    allowPositionals: true,
    options: {
      after: { type: 'string' },
      args: { type: 'string' },
      bin: { type: 'string' },
      node: { type: 'string' },
      install: { type: 'string' },
      override: { type: 'string', multiple: true },
    },
  },
  USAGE,
);
if (positionals.length === 0) usageError(USAGE);
if (!/^\d*$/.test(values.after ?? '')) usageError(USAGE, `"${values.after}" is no number of seconds`);
if (values.node !== undefined && !existsSync(values.node))
  usageError(USAGE, `There is no Node.js at "${values.node}"`);
const nodePath = values.node ?? process.execPath;
const overrides = Object.fromEntries((values.override ?? []).map(parseOverride));

function parseOverride(text: string): [name: string, range: string] {
  const [, name, range] = /^(@?[^@]+)@(.+)$/.exec(text) ?? [];
  if (name === undefined || range === undefined)
    usageError(USAGE, `An override is NAME@RANGE, not "${text}"`);
  return [name, range];
}

async function tryProgram(spec: string, scratch: string, install: string | undefined): Promise<string> {
  const [npm = '', ...plugins] = spec.split('+');
  const app = appConfig({
    name: 'tried',
    npm,
    plugins,
    overrides,
    args: values.args?.split(' ').filter(Boolean) ?? [],
    ...(values.bin !== undefined && { bin: values.bin }),
    ...(install !== undefined && { installOnDevice: true }),
  });
  const sizes: string[] = [];
  let own: AppBuild | undefined;
  for (const board of ['pc-amd64', 'pc-arm64'] as const) {
    const context = appContext(scratch, board, defaultCacheDirectory());
    const { lock } = await pinApps(context.lock, [app], context, { update: false, withoutTool: 'refuse' });
    const built = await buildApp(app, { ...context, lock });
    if (board === HOST_BOARD_ID) own = built;
    sizes.push(`${board} ${built.entries.length} files`);
  }
  if (own === undefined) throw new Error('this computer is none of the boards that it was built for');
  const root = join(scratch, 'root');
  unpack(own, root);
  const device = new TriedDevice(own, root);
  await using run = await device.start();
  const seen = `${sizes.join(', ')}; ${run.summary}${await memoryLater(run)}`;
  if (install === undefined) return seen;
  return `${seen}; ${await usePalette(device, run, install)}`;
}

interface Running extends AsyncDisposable {
  pid: number;
  ports: number[];
  summary: string;
}

/** Where the app's directories are those of the device to it. */
class TriedDevice {
  readonly #built: AppBuild;
  readonly #root: string;
  readonly #here: (text: string) => string;

  constructor(built: AppBuild, root: string) {
    this.#built = built;
    this.#root = root;
    this.#here = (text) => text.replaceAll(/\/(?:app|perm)\/tried/g, (path) => join(root, path));
    mkdirSync(join(root, 'perm/tried'), { recursive: true });
    const npm = dirname(dirname(realpathSync(findTool('npm') ?? '/none/none/none')));
    const own = join(root, 'app/tried/device');
    const files = this.#built.entries.some(({ path }) => path.endsWith('/device/start.cjs'))
      ? ['device-packages.cjs', 'start.cjs', 'bin/npm']
      : [];
    for (const path of files) {
      const text = readFileSync(join(own, path), 'utf8');
      const moved = text.replaceAll('/opt/npm', npm).replace('#!/bin/node', `#!${nodePath}`);
      writeFileSync(join(own, path), this.#here(moved));
    }
  }

  /** Resolves when it listens. */
  async start(): Promise<Running> {
    const { service } = this.#built;
    const data = join(this.#root, 'perm/tried');
    const own = Object.fromEntries(
      Object.entries(service.env).map(([name, value]) => [name, this.#here(value)]),
    );
    const child = spawn(nodePath, service.argv.slice(1).map(this.#here), {
      cwd: data,
      // Of this computer it has the directory of Node.js alone.
      env: {
        ...own,
        HOME: data,
        TSK_DATA_DIR: data,
        PATH: [own['PATH'] ?? '', dirname(nodePath)].join(delimiter),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-10_000)));
    const ended = once(child, 'close');
    const deadline = Date.now() + START_LIMIT_MS;
    for (;;) {
      const ports = child.pid === undefined ? [] : portsOf(child.pid);
      if (ports.length > 0) return running(child, ended, ports, output);
      if (child.exitCode !== null || Date.now() > deadline) {
        child.kill('SIGKILL');
        await ended;
        const how = child.exitCode === null ? 'listens nowhere' : `ended with code ${child.exitCode}`;
        throw new Error(
          `it ${how}: ${/^\S*Error\b.*$/m.exec(output)?.[0] ?? ''} ... ${output.trim().slice(-400)}`,
        );
      }
      await sleep(500);
    }
  }
}

function running(child: ChildProcess, ended: Promise<unknown>, ports: number[], output: string): Running {
  const told = output.split('\n').filter((line) => line.includes('tskrazy:'));
  return {
    pid: child.pid ?? 0,
    ports,
    summary: [`listens on ${ports.join(', ')}`, ...told].join('; '),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), 10_000).unref();
      await ended;
    },
  };
}

/** As asked for, of the program and all that it has started. */
async function memoryLater({ pid }: Running): Promise<string> {
  if (values.after === undefined) return '';
  await sleep(Number(values.after) * 1000);
  return `; after ${values.after} s ${Math.round(memoryOf(pid) / 1000)} MB`;
}

function memoryOf(pid: number): number {
  const kB = /^Rss: +(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1];
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').split(' ').filter(Boolean),
  );
  return children.reduce((sum, child) => sum + memoryOf(Number(child)), Number(kB));
}

function portsOf(pid: number): number[] {
  const own = new Set(
    namesOf(`/proc/${pid}/fd`).flatMap((name) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${name}`))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  const found = listeningSockets('/proc').filter(
    ({ protocol, inode }) => protocol === 'tcp' && own.has(inode),
  );
  return [...new Set(found.map(({ port }) => port))].toSorted((a, b) => a - b);
}

/** None of a process that has ended. */
function namesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function askOf({ ports: [port] }: Running): Ask {
  return (path, init) => fetch(new URL(path, `http://127.0.0.1:${port}/`), init);
}

async function usePalette(device: TriedDevice, run: Running, name: string): Promise<string> {
  await installByPalette(askOf(run), name);
  await run[Symbol.asyncDispose]();
  await using again = await device.start();
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    const list = await askOf(again)(`/nodes/${name}`, { headers: { accept: 'application/json' } });
    if (list.ok) return `its palette has installed ${name}, which is there after a restart`;
    if (Date.now() > deadline) throw new Error(`${name} is not there after a restart (${list.status})`);
    await sleep(500);
  }
}

for (const spec of positionals) {
  const scratch = mkdtempSync(join(tmpdir(), 'tsk-try-npm-app-'));
  try {
    console.log(`| ${spec} | ${await tryProgram(spec, scratch, values.install)} |`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`| ${spec} | fails: ${(error as Error).message.replaceAll('\n', ' ')} |`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
