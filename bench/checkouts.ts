// The checkouts that a run measures in turn: this one, and with --against another.

import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';

export const OWN = join(import.meta.dirname, '..');

export interface Checkout {
  /** `now`, or `against`. */
  name: string;
  directory: string;
}

export function checkouts(against: string | undefined): Checkout[] {
  const own = { name: 'now', directory: OWN };
  return against === undefined ? [own] : [own, { name: 'against', directory: resolve(against) }];
}

export function runTsk(
  { directory }: Pick<Checkout, 'directory'>,
  instance: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): string {
  return execFileSync(process.execPath, [join(directory, 'bin', 'tsk.ts'), '-i', instance, ...args], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}
