// Source maps stay on the host, by build: `tsk logs` turns the stack traces of a device into places in the
// user's files. Only the newest few builds are kept.

import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AppBuild } from '../apps/build-app.ts';
import type { BundledProgram } from './device-programs.ts';
import { makeDirectory } from '../files/make-directory.ts';

const KEPT_BUILDS = 20;

/** Maps lie at `<state>/source-maps/<build id>/<device path>.map`. */
export async function saveSourceMaps(
  stateDirectory: string,
  buildId: string,
  apps: readonly AppBuild[],
  programs: readonly BundledProgram[],
): Promise<void> {
  const maps = new Map<string, string | Uint8Array>([
    ...apps.flatMap((app) => [...app.sourceMaps]),
    ...programs.map(({ path, sourceMap }) => [path, sourceMap] as const),
  ]);
  const all = join(stateDirectory, 'source-maps');
  const directory = join(all, buildId);
  for (const [devicePath, content] of maps) {
    const path = join(directory, `${devicePath}.map`);
    await makeDirectory(dirname(path));
    await writeFile(path, content);
  }
  await removeOldBuilds(all, buildId);
}

async function removeOldBuilds(directory: string, current: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => name !== current);
  const builds = await Promise.all(
    names.map(async (name) => ({ name, changedMs: await changedMsOf(join(directory, name)) })),
  );
  const old = builds.toSorted((a, b) => b.changedMs - a.changedMs).slice(KEPT_BUILDS - 1);
  for (const { name } of old) await rm(join(directory, name), { recursive: true, force: true });
}

/** Of what another build of the instance removes at the same time: none. */
async function changedMsOf(path: string): Promise<number> {
  const info = await stat(path).catch(() => undefined);
  return info?.mtimeMs ?? 0;
}
