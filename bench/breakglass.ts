// What a break-glass session costs and how fast it is, in a virtual machine of 512 MB on this computer's architecture: emulated
// where there is no KVM, and then its times tell only as compared with others of the same computer.

import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { brotliCompressSync } from 'node:zlib';
import { transformSync } from 'esbuild';
import { SSH_PORT } from '../src/shared/breakglass/breakglass-api.ts';
import { loadToolbox } from '../src/host/breakglass/load-toolbox.ts';
import { bundleWebUi, compressAsset, TERMINAL_ASSET } from '../src/host/build/web-ui-bundle.ts';
import { silentProgress } from '../src/host/progress.ts';
import { HOST_BOARD } from '../test/support/machines/host-board.ts';
import { PROBE_APP, ProbeDevice, ProbeDisk } from '../test/support/machines/probe-device.ts';
import { OWN } from './checkouts.ts';
import { type Figures, median, say } from './figures.ts';

const MEMORY_MIB = 512;
/** After a start or an end, until the device is idle. */
const SETTLE_MS = 15_000;
const COPIED_BYTES = 8 * 2 ** 20;
/** What devices have for sessions alone. */
const SOURCES = [
  'src/device/breakglass/*.ts',
  'src/device/init/breakglass/*.ts',
  'src/device/init/api/breakglass-routes.ts',
  'src/device/sys/pseudo-terminal.ts',
  'src/device/web/{breakglass-*,terminal-*,permit*}.ts',
  'src/formats/{openssh-key,ustar}.ts',
  'src/shared/{breakglass,permit}/*.ts',
  'src/web-ui/{device/terminal,views/breakglass-*}.{ts,tsx}',
];

export async function benchBreakglass(runs: number): Promise<Figures> {
  say('building and booting');
  const disk = await ProbeDisk.make({ apps: { probe: PROBE_APP } });
  const device = await ProbeDevice.boot(disk, { memoryMiB: MEMORY_MIB, guestPorts: [SSH_PORT] });
  try {
    return await measure(disk, device, runs);
  } finally {
    await device.stop();
  }
}

async function measure({ instance }: ProbeDisk, device: ProbeDevice, runs: number): Promise<Figures> {
  const host = ['--host', new URL(device.pageUrl).host, '--insecure-http'];
  const tsk = (...args: string[]): string =>
    execFileSync(process.execPath, [join(OWN, 'bin', 'tsk.ts'), '-i', instance.directory, ...args, ...host], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  const { sizeBytes } = await loadToolbox({ instance, board: HOST_BOARD, tools: [], report: silentProgress });
  // What a device has that never had a session, to which all is compared.
  const unused = await freeBytes(device);

  say('a first session: programs of the device load what they have for it, and keep that');
  const open = ['ssh', '--open', '1h', '--listen'];
  const openSeconds = timed(() => tsk(...open));
  tsk('ssh', 'true');
  tsk('ssh', '--close');
  const afterFirst = await freeBytes(device);

  say('a session with the same toolbox');
  const openAgainSeconds = timed(() => tsk(...open));
  const firstPromptSeconds = timed(() => tsk('ssh', 'true'));
  const nextPromptSeconds = median(Array.from({ length: runs }, () => timed(() => tsk('ssh', 'true'))));
  // The toolbox lies in memory, and next to nothing else does.
  const [, usedKiB = ''] = /^Shmem: +(\d+) kB$/m.exec(tsk('ssh', 'cat /proc/meminfo')) ?? [];
  const sessionIdleBytes = unused - (await freeBytes(device)) - Number(usedKiB) * 1024;

  say('copies');
  const file = join(instance.directory, 'copied');
  writeFileSync(file, randomBytes(COPIED_BYTES));
  const scpMiBPerSec = {
    tunnel: mibPerSec(() => tsk('cp', file, ':/tmp/copied')),
    port22: mibPerSec(() => {
      const key = join(instance.stateDirectory, 'ssh-key');
      const options = ['-q', '-P', String(device.portOf(SSH_PORT)), '-i', key];
      // Only how fast it is matters here.
      const anyHost = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'];
      spawnSync('scp', [...options, ...anyHost, file, 'root@127.0.0.1:/tmp/copied'], { stdio: 'inherit' });
    }),
  };
  tsk('ssh', 'rm /tmp/copied');

  say('its end');
  tsk('ssh', '--close');
  const afterSecond = await freeBytes(device);
  return {
    board: HOST_BOARD.id,
    imageGrowthBytes: await imageGrowth(),
    toolboxBytes: sizeBytes,
    openSeconds,
    openAgainSeconds,
    firstPromptSeconds,
    nextPromptSeconds,
    sessionIdleBytes,
    scpMiBPerSec,
    firstSessionBytes: unused - afterFirst,
    // Of two sessions, with copies.
    idleBytesAfterClose: unused - afterSecond,
  };
}

/** Memory that could be had: what the kernel keeps of files for later does not count. */
async function freeBytes(device: ProbeDevice): Promise<number> {
  await delay(SETTLE_MS);
  return (await device.figures()).availableKiB * 1024;
}

function timed(act: () => void): number {
  const started = performance.now();
  act();
  return (performance.now() - started) / 1000;
}

function mibPerSec(copy: () => void): number {
  return COPIED_BYTES / 2 ** 20 / timed(copy);
}

/** Sources by themselves, as small as an image has them, and the page's terminal. */
async function imageGrowth(): Promise<number> {
  const paths = SOURCES.flatMap((pattern) => globSync(pattern, { cwd: OWN }));
  const texts = paths
    .filter((path) => !path.endsWith('.test.ts'))
    .map((path) => readFileSync(join(OWN, path), 'utf8'))
    .map(
      (text) =>
        transformSync(text, { loader: 'tsx', jsx: 'automatic', jsxImportSource: 'preact', minify: true })
          .code,
    );
  const terminal = (await bundleWebUi()).find(({ path }) => path === TERMINAL_ASSET);
  return (
    brotliCompressSync(texts.join('\n')).length + compressAsset(terminal?.bytes ?? Buffer.alloc(0)).length
  );
}
