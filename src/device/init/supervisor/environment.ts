// The environment that a service starts with. Nothing of init's own gets in: the kernel adds to that what
// it does not understand of its command line.

import { APP_SOCKET_VARIABLE, appSocketPath, SERVICE_PATH } from '../../../shared/services/app-contract.ts';
import { runsOnNode } from '../../../shared/services/crash-reports.ts';
import { secretVariables } from '../../../shared/services/app-secrets.ts';
import type { ServiceSpec } from '../../../shared/services/services.ts';
import { nodeOptions } from './node-options.ts';

/** `reports`: where a Node.js app leaves reports of its crashes. */
export function serviceEnvironment(
  spec: ServiceSpec,
  { isFirstAtBoot, reports }: { isFirstAtBoot: boolean; reports: string | undefined },
): Record<string, string> {
  return {
    PATH: SERVICE_PATH,
    HOME: spec.dataDir,
    USER: spec.user?.name ?? 'root',
    TERM: 'linux',
    TSK_SERVICE: spec.name,
    TSK_DATA_DIR: spec.dataDir,
    ...(spec.kind === 'system' ? {} : { [APP_SOCKET_VARIABLE]: appSocketPath(spec.name) }),
    // gokrazy's way for a program to tell a boot from a start by hand: some exit with 125 when they see it.
    ...(isFirstAtBoot ? { GOKRAZY_FIRST_START: '1' } : {}),
    ...secretVariables(spec),
    ...spec.env,
    ...(runsOnNode(spec.kind) ? { NODE_OPTIONS: nodeOptions(spec, reports) } : {}),
  };
}
