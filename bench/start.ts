// What the programs of ours cost as they start on this computer itself, beside an empty Node.js: processor time and
// memory of their own when all their modules are loaded and the first turn of the event loop is over. Each starts in the
// demo's root as the device has it, in namespaces of its own, in which it can do nothing to this computer.

import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEVICE_PROGRAMS } from '../src/shared/services/device-programs.ts';
import { findTool } from '../test/support/require-tool.ts';
import { checkouts, runTsk } from './checkouts.ts';
import { copyDemo } from './demo-copy.ts';
import { type Figures, medians, say } from './figures.ts';
import { measureSandboxStart } from './sandbox-start.ts';

/** Starts are short and vary. */
const STARTS_PER_RUN = 4;

const REPORT = `
  setImmediate(() => {
    const fs = require('node:fs');
    const { user, system } = process.cpuUsage();
    const [, privateKiB] = /Anonymous: *(\\d+)/.exec(fs.readFileSync('/proc/self/smaps_rollup', 'utf8'));
    const builtins = process.moduleLoadList.filter((name) => name.startsWith('NativeModule')).length;
    fs.writeSync(2, 'REPORT ' + JSON.stringify({ cpuMs: (user + system) / 1000, privateKiB: +privateKiB, builtins }));
    process.exit();
  });
`;

export async function benchStart(runs: number, against: string | undefined): Promise<Figures> {
  const unsquashfs = findTool('unsquashfs');
  if (unsquashfs === undefined || process.platform !== 'linux') {
    say('squashfs-tools are missing, or this is not Linux');
    return {};
  }
  const instance = await copyDemo();
  const programs = [
    { name: 'empty', path: '/empty.cjs' },
    ...DEVICE_PROGRAMS.map(({ name, path }) => ({ name: name as string, path: path as string })),
  ];
  const roots = checkouts(against).map((checkout) => {
    const image = join(instance.directory, 'root.img');
    runTsk(checkout, instance.directory, ['build', '--root', image]);
    const directory = join(instance.directory, `root-${checkout.name}`);
    execFileSync(unsquashfs, ['-quiet', '-no-progress', '-dest', directory, image], { stdio: 'ignore' });
    rmSync(image);
    writeFileSync(join(directory, 'empty.cjs'), '');
    writeFileSync(join(directory, 'report.cjs'), REPORT);
    return { checkout, directory, starts: programs.map(() => [] as Record<string, number>[]) };
  });
  for (let start = 0; start < runs * STARTS_PER_RUN; start += 1) {
    for (const { directory, starts } of roots) {
      for (const [index, { path }] of programs.entries()) starts[index]!.push(measureStart(directory, path));
    }
  }
  const tables = roots.map(({ checkout, starts }) => {
    const rows = starts.map((samples, index) => ({ program: programs[index]!.name, ...medians(samples) }));
    return [checkout.name === 'now' ? 'start' : `start, ${checkout.name}`, rows] as const;
  });
  const sandbox = await measureSandboxStart(roots[0]!.directory, runs * STARTS_PER_RUN);
  return { runs: runs * STARTS_PER_RUN, ...Object.fromEntries(tables), ...sandbox };
}

function measureStart(root: string, path: string): Record<string, number> {
  const node = '/bin/node --disable-warning=ExperimentalWarning --require /report.cjs';
  const script = `mount --rbind /proc "$1/proc" && exec chroot "$1" ${node} "$2"`;
  const namespaces = ['--user', '--map-root-user', '--mount', '--net', '--uts', '--ipc', '--pid', '--fork'];
  const command = [...namespaces, 'sh', '-c', script, 'sh', root, path];
  const output = spawnSync('unshare', command, { encoding: 'utf8' }).stderr;
  const report = /REPORT (.*)/.exec(output)?.[1];
  if (report === undefined) throw new Error(`Cannot measure the start of "${path}": ${output.trim()}`);
  return JSON.parse(report) as Record<string, number>;
}
