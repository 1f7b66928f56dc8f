// The environment that a service starts with. Nothing of init's own gets in: the kernel adds to that what
// it does not understand of its command line.

import { APP_SOCKET_VARIABLE, appSocketPath } from '../../../shared/services/app-contract.ts';
import { secretVariables } from '../../../shared/services/app-secrets.ts';
import type { ServiceSpec } from '../../../shared/services/services.ts';

export function serviceEnvironment(spec: ServiceSpec, isFirstAtBoot: boolean): Record<string, string> {
  return {
    PATH: '/user:/tsk:/bin',
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
  };
}
