// A copy of examples/demo in a directory of its own, gone when the bench ends: it may be edited and built.

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDemoInstance } from '../scripts/demo-instance.ts';
import type { Instance } from '../src/host/config/instance.ts';
import { ensureUpdateKeys } from '../src/host/config/update-keys.ts';
import { say } from './figures.ts';

export async function copyDemo(): Promise<Instance> {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-bench-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  cpSync(join(import.meta.dirname, '..', 'examples', 'demo'), directory, {
    recursive: true,
    filter: (source) => !/node_modules|\.tskrazy$/.test(source),
  });
  const instance = await openDemoInstance({ say }, directory);
  // Its lock may have come along, and that without a key would be refused.
  await ensureUpdateKeys(instance);
  return instance;
}

export async function setKernelArguments(
  { configPath }: Instance,
  extraArgs: readonly string[],
): Promise<void> {
  const config = await readFile(configPath, 'utf8');
  await writeFile(
    configPath,
    config.replace('"apps":', `"kernel": ${JSON.stringify({ extraArgs })},\n  "apps":`),
  );
}
