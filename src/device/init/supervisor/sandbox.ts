// What has to be there before an app starts in its sandbox, and what its end looks like from outside.

import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { constants, totalmem } from 'node:os';
import { dirname } from 'node:path';
import type { NodeArch } from '../../../shared/board/boards.ts';
import { RESOLV_CONF_PATH } from '../../../shared/network/net-status.ts';
import { SCRATCH_SHARE_OF_MEMORY } from '../../../shared/services/app-limits.ts';
import type { SandboxSpec } from '../../../shared/services/sandbox.ts';
import type { ServiceSpec } from '../../../shared/services/services.ts';
import type { ProcessExit, SpawnRequest, Sys } from '../../sys/sys.ts';
import type { AppDirectory } from './app-devices.ts';
import { sandboxArguments } from './sandbox-arguments.ts';
import { syscallFilters } from './syscall-filter.ts';

const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** There where a kernel has seccomp(2) with filters. */
const SECCOMP_ACTIONS = '/proc/sys/kernel/seccomp/actions_avail';

/** How `spec` starts in its sandbox; without `extraInputs` if the kernel cannot filter its system calls. */
export function prepareSandbox(
  sys: Sys,
  spec: ServiceSpec & { sandbox: SandboxSpec },
  places: { root: string; devices: AppDirectory; dataDir?: string; reports?: string; cgroup?: string },
): Pick<SpawnRequest, 'argv' | 'extraInputs'> {
  // A sandbox shows only what is there at the start, and `net` may need a while.
  mkdirSync(sys.path(dirname(RESOLV_CONF_PATH)), { recursive: true });
  for (const [path, mode] of Object.entries(spec.sandbox.paths)) {
    if (mode === 'rw' && path.startsWith('/perm/')) makeSharedDirectory(sys.path(path));
  }
  // The kernel's own bound, half of the memory for each of the two, would leave nothing for others.
  const scratchBytes = Math.floor(totalmem() * SCRATCH_SHARE_OF_MEMORY);
  const program = { ...spec, ...places, scratchBytes };
  if (!existsSync(sys.path(SECCOMP_ACTIONS)))
    return { argv: sandboxArguments({ ...program, isFiltered: false }) };
  const { silent, logged } = syscallFilters(process.arch as NodeArch, spec.sandbox);
  return { argv: sandboxArguments({ ...program, isFiltered: true }), extraInputs: [silent, logged] };
}

/** Apps with users of their own share the directory; who may see it at all, the sandboxes decide. */
function makeSharedDirectory(path: string): void {
  if (mkdirSync(path, { recursive: true }) !== undefined) chmodSync(path, 0o777);
}

/** bwrap ends like a shell: with 128 and the signal's number when a signal killed the app. */
export function exitInSandbox(exit: ProcessExit): ProcessExit {
  const signal = exit.code === null ? undefined : signalNames.get(exit.code - 128);
  return signal === undefined ? exit : { code: null, signal };
}
