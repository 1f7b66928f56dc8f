// Core dumps (core(5)): of whatever dies by a fault while a session is open, into the session's own root, by a program that
// comes with the toolbox (src/host/breakglass/keep-core.ts). At all other times nothing leaves one.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BREAKGLASS_PATHS, KEEP_CORE } from '../../../shared/breakglass/breakglass-api.ts';
import type { Sys } from '../../sys/sys.ts';

const PATTERN = '/proc/sys/kernel/core_pattern';
const PIPE_LIMIT = '/proc/sys/kernel/core_pipe_limit';
/** More at once would share the memory that there is for them; the kernel's log says what was left out. */
const MAX_AT_ONCE = 2;

/** Also of processes whose limit for cores is 0: that one does not count for programs. */
export function keepCoreDumps(sys: Sys): void {
  const program = join(BREAKGLASS_PATHS.root, KEEP_CORE);
  // A kernel without CONFIG_COREDUMP, or a toolbox of another version.
  if (!existsSync(sys.path(PATTERN)) || !existsSync(sys.path(program))) return;
  writeFileSync(sys.path(PIPE_LIMIT), String(MAX_AT_ONCE));
  // As the kernel counts it: process, signal. It has 128 bytes for all of it.
  writeFileSync(sys.path(PATTERN), `|/bin/node ${program} %P %s`);
}

export function dropCoreDumps(sys: Sys): void {
  if (existsSync(sys.path(PATTERN))) writeFileSync(sys.path(PATTERN), '\n');
}
