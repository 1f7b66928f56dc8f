// What the filters of system calls and Landlock cost an app at its start, and while it does nothing: the same Node.js in a
// sandbox with them and without. As the device starts it, in a root image that is unpacked.

import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { sandboxArguments } from '../src/device/init/supervisor/sandbox-arguments.ts';
import { syscallFilters } from '../src/device/init/supervisor/syscall-filter.ts';
import { bindLibc } from '../src/device/sys/libc.ts';
import { linuxSys } from '../src/device/sys/linux.ts';
import type { NodeArch } from '../src/shared/board/boards.ts';
import { RESOLV_CONF_PATH } from '../src/shared/network/net-status.ts';
import { type Figures, medians, say } from './figures.ts';

const APP = ['/bin/node', '/report.cjs'];
const SANDBOX = { devices: [], paths: {}, capabilities: [] };
const USER = { name: 'app', uid: 300_000_001 };
const WAYS = ['filtered', 'unfiltered'] as const;
/** getrusage(2): user and system time of children that have ended, with those of theirs, come first. */
const RUSAGE_CHILDREN = -1;

const getrusage = bindLibc('getrusage', ['int32', 'buffer']);

/** With a table of its own; nothing but for root. */
export async function measureSandboxStart(root: string, starts: number): Promise<Figures> {
  if (process.getuid?.() !== 0) {
    say('only root starts sandboxes as the device does: they are left out');
    return {};
  }
  const samples = WAYS.map(() => [] as Record<string, number>[]);
  for (let start = 0; start < starts; start++) {
    for (const [index, way] of WAYS.entries()) samples[index]!.push(await measure(root, way));
  }
  return { sandbox: samples.map((each, index) => ({ app: WAYS[index]!, ...medians(each) })) };
}

async function measure(root: string, way: (typeof WAYS)[number]): Promise<Record<string, number>> {
  const { promise: exited, resolve } = Promise.withResolvers<void>();
  const { silent, logged } = syscallFilters(process.arch as NodeArch, SANDBOX);
  let output = '';
  const before = childrenCpuMs();
  const started = performance.now();
  await linuxSys().spawn({
    ...commandOf(root, way),
    ...(way === 'filtered' && { extraInputs: [silent, logged] }),
    env: { PATH: '/bin' },
    onOutput: (_stream, chunk) => {
      output += chunk.toString();
    },
    onExit: () => {},
    onClose: resolve,
  });
  await exited;
  const wallMs = performance.now() - started;
  const report = /REPORT (.*)/.exec(output)?.[1];
  if (report === undefined) throw new Error(`Cannot measure the start of an app, ${way}: ${output.trim()}`);
  // The app's own time is from its fork on, when it was bwrap, setpriv and confine one after the other.
  const { cpuMs, privateKiB } = JSON.parse(report) as { cpuMs: number; privateKiB: number };
  return { cpuMs: cpuMs + childrenCpuMs() - before, wallMs, privateKiB };
}

function commandOf(root: string, way: (typeof WAYS)[number]): { argv: string[]; cwd: string } {
  const [, ...args] = sandboxArguments({
    name: 'app',
    argv: APP,
    user: USER,
    sandbox: SANDBOX,
    root,
    devices: { directory: '/dev', sysfs: [], groups: [] },
    isFiltered: way === 'filtered',
    scratchBytes: Math.floor(totalmem() / 4),
  });
  // This computer has no network of a device to show.
  const shown = args.map((arg, index) =>
    arg === dirname(RESOLV_CONF_PATH) && args[index - 1] === '--ro-bind' ? join(root, 'run') : arg,
  );
  return { argv: [join(root, 'tsk/bin/bwrap'), ...shown], cwd: '/' };
}

function childrenCpuMs(): number {
  const usage = new BigInt64Array(18);
  getrusage(RUSAGE_CHILDREN, new Uint8Array(usage.buffer));
  const [userSec = 0n, userUsec = 0n, systemSec = 0n, systemUsec = 0n] = usage;
  return Number((userSec + systemSec) * 1000n) + Number(userUsec + systemUsec) / 1000;
}
