// `tsk add ./caddy`

import { open } from 'node:fs/promises';
import { isElf } from '../../../formats/elf.ts';
import { type AppArgument, appName, fromInstance, type GuessedApp } from '../app-argument.ts';

export async function guessBinary({
  what,
  text,
  instanceDirectory,
}: AppArgument): Promise<GuessedApp | undefined> {
  if (what !== 'file' || !isElf(await readHead(text))) return undefined;
  return { name: appName(text), source: fromInstance(text, instanceDirectory) };
}

async function readHead(path: string): Promise<Buffer> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
  return buffer.subarray(0, bytesRead);
}
