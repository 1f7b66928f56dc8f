// A release of tskrazy that is broken: our own sources, but for one file.

import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandLine } from '../cli/command-line.ts';
import type { UpdateLab } from './update-lab.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..', '..');

/** Its command line, for the lab's instance. `text` comes before everything else in the file at `path`. */
export function brokenRelease(lab: UpdateLab, path: string, text: string): CommandLine {
  const checkout = mkdtempSync(join(lab.directory, 'release-'));
  for (const name of ['bin', 'src', 'package.json', 'tsconfig.json']) {
    cpSync(join(REPOSITORY, name), join(checkout, name), { recursive: true });
  }
  symlinkSync(join(REPOSITORY, 'node_modules'), join(checkout, 'node_modules'));
  const file = join(checkout, path);
  writeFileSync(file, `${text}\n${readFileSync(file, 'utf8')}`);
  return new CommandLine(lab.directory, checkout);
}
