// Where a build keeps what it makes on its way: `.tskrazy/build-PID-XXXXXX`, gone when the build is done. What
// a killed build left is removed by the next one.

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { processExists } from '../process-exists.ts';
import { makeDirectory } from '../files/make-directory.ts';

export async function makeWorkDirectory(stateDirectory: string): Promise<string> {
  await makeDirectory(stateDirectory, { mode: 0o700 });
  await removeLeftovers(stateDirectory);
  return mkdtemp(join(stateDirectory, `build-${process.pid}-`));
}

async function removeLeftovers(stateDirectory: string): Promise<void> {
  for (const name of await readdir(stateDirectory)) {
    const pid = /^build-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || processExists(Number(pid))) continue;
    await rm(join(stateDirectory, name), { recursive: true, force: true });
  }
}
