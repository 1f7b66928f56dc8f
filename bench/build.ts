// How long builds of examples/demo take and how large they are; our squashfs writer beside mksquashfs on the
// same tree in one run. Whole processes are timed, as a person waits for them.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SquashfsEntry } from '../src/formats/squashfs/writer.ts';
import { writeSquashfs } from '../src/formats/squashfs/writer.ts';
import { zlibCompressor } from '../src/formats/squashfs/zlib-compressor.ts';
import { defaultCacheDirectory } from '../src/host/cache-directory.ts';
import { FileDevice, sourceOfFile } from '../src/host/files/file-device.ts';
import { findTool } from '../test/support/require-tool.ts';
import { type Checkout, checkouts, runTsk } from './checkouts.ts';
import { childrenCpuSeconds } from './cpu-time.ts';
import { copyDemo } from './demo-copy.ts';
import { type Figures, median, medians, say } from './figures.ts';
import { measureImage } from './image-sizes.ts';

const GO = findTool('go');
const GO_CACHE =
  GO === undefined ? undefined : execFileSync(GO, ['env', 'GOCACHE'], { encoding: 'utf8' }).trim();

export async function benchBuild(runs: number, against: string | undefined): Promise<Figures> {
  const { directory } = await copyDemo();
  const [own, ...others] = checkouts(against) as [Checkout, ...Checkout[]];
  const disk = join(directory, 'disk.img');
  const boot = join(directory, 'boot.img');
  const root = join(directory, 'root.img');
  // Fetches what is missing, so that no run below waits for the network.
  runTsk(own, directory, ['build', '--disk', disk, '--boot', boot, '--root', root]);

  say('cold builds: components cached, nothing packed or bundled before');
  const cold = Array.from({ length: Math.min(runs, 3) }, () => timeColdBuild(own, directory, disk));
  say('warm rebuilds after a change of one line, and runs of tsk -V');
  const warm = measureWarmRuns([own, ...others], directory, disk, runs);

  return {
    runs,
    ...warm.get(own),
    coldBuildMs: Math.round(median(cold)),
    ...Object.fromEntries(others.map((other) => [other.name, warm.get(other)!])),
    ...(await measureImage(boot, root)),
    ...(await compareCompressors(directory, root)),
  };
}

function timeMs(action: () => void): number {
  const started = performance.now();
  action();
  return performance.now() - started;
}

/** A cache with hard links to the components, and nothing else. */
function timeColdBuild(checkout: Checkout, directory: string, disk: string): number {
  const home = join(directory, 'cold-cache');
  const cache = join(home, 'tskrazy');
  rmSync(home, { recursive: true, force: true });
  execFileSync('mkdir', ['-p', cache]);
  for (const name of ['blobs', 'trees']) {
    execFileSync('cp', ['-al', join(defaultCacheDirectory(), name), cache]);
  }
  // Go keeps its compiled standard library below XDG_CACHE_HOME too; that is no part of a build of ours.
  const env = { XDG_CACHE_HOME: home, ...(GO_CACHE === undefined ? {} : { GOCACHE: GO_CACHE }) };
  return timeMs(() => runTsk(checkout, directory, ['build', '--offline', '--disk', disk], env));
}

function measureWarmRuns(
  all: readonly Checkout[],
  directory: string,
  disk: string,
  runs: number,
): Map<Checkout, Record<string, number>> {
  const samples = new Map<Checkout, Record<string, number>[]>(all.map((checkout) => [checkout, []]));
  // The first of each fills its caches.
  for (let run = -1; run < runs; run += 1) {
    for (const checkout of all) {
      const entry = join(directory, 'src', 'hello.ts');
      writeFileSync(entry, `${readFileSync(entry, 'utf8')}\nconsole.log('change ${run}');\n`);
      const rebuild = measure(() => runTsk(checkout, directory, ['build', '--offline', '--disk', disk]));
      const version = measure(() => runTsk(checkout, directory, ['-V']));
      if (run < 0) continue;
      samples.get(checkout)!.push({
        warmRebuildMs: Math.round(rebuild.ms),
        warmRebuildCpuMs: rebuild.cpuMs,
        versionMs: Math.round(version.ms),
        versionCpuMs: version.cpuMs,
      });
    }
  }
  return new Map([...samples].map(([checkout, figures]) => [checkout, medians(figures)]));
}

function measure(action: () => void): { ms: number; cpuMs: number } {
  const before = childrenCpuSeconds();
  const ms = timeMs(action);
  return { ms, cpuMs: Math.round((childrenCpuSeconds() - before) * 1000) };
}

async function compareCompressors(directory: string, root: string): Promise<Figures> {
  const unsquashfs = findTool('unsquashfs');
  const mksquashfs = findTool('mksquashfs');
  if (unsquashfs === undefined || mksquashfs === undefined)
    return { squashfsMiBPerSec: 'squashfs-tools are missing' };
  const tree = join(directory, 'tree');
  execFileSync(unsquashfs, ['-quiet', '-no-progress', '-dest', tree, root], { stdio: 'ignore' });
  const entries = listTree(tree, '');
  const mib =
    entries.reduce((sum, e) => sum + (e.kind === 'file' ? e.content.sizeBytes : 0), 0) / 1024 / 1024;
  const ours: number[] = [];
  const theirs: number[] = [];
  const ourImage = join(directory, 'ours.sqfs');
  const theirImage = join(directory, 'theirs.sqfs');
  for (let round = 0; round < 3; round += 1) {
    rmSync(ourImage, { force: true });
    const started = performance.now();
    const device = await FileDevice.create(ourImage, 0);
    await writeSquashfs(entries, device, { mtimeSec: 0, compress: zlibCompressor(6) });
    await device.close();
    ours.push(performance.now() - started);
    const args = [tree, theirImage, '-noappend', '-no-progress', '-quiet', '-all-root', '-no-xattrs'];
    const level = ['-comp', 'gzip', '-Xcompression-level', '6', '-b', '131072'];
    theirs.push(timeMs(() => execFileSync(mksquashfs, [...args, ...level], { stdio: 'ignore' })));
  }
  return {
    rootTreeMiB: mib,
    squashfsMiBPerSec: mib / (median(ours) / 1000),
    mksquashfsMiBPerSec: mib / (median(theirs) / 1000),
    squashfsBytes: statSync(ourImage).size,
    mksquashfsBytes: statSync(theirImage).size,
  };
}

function listTree(top: string, path: string): SquashfsEntry[] {
  return readdirSync(join(top, path), { withFileTypes: true }).flatMap((entry): SquashfsEntry[] => {
    const here = `${path}/${entry.name}`;
    const info = statSync(join(top, here), { throwIfNoEntry: false });
    const base = { path: here, mode: 0o755, uid: 0, gid: 0, mtimeSec: 0 };
    if (entry.isDirectory()) return [{ ...base, kind: 'directory' }, ...listTree(top, here)];
    if (!entry.isFile() || !info) return [];
    return [{ ...base, kind: 'file', layer: 'all', content: sourceOfFile(join(top, here), info.size) }];
  });
}
