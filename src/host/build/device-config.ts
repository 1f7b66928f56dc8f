// What init, net and web read on the device: the services and the instance's settings.

import { X509Certificate } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { OWN_CERTIFICATE_PATH, OWN_KEY_PATH } from '../../shared/services/device-tls.ts';
import type { Board } from '../../shared/board/boards.ts';
import {
  SUPPLICANT_DIRECTORY,
  SUPPLICANT_PATH,
  SUPPLICANT_SERVICE,
  SUPPLICANT_SOCKET,
  WIFI_LIBRARY_DIRECTORY,
} from '../../shared/network/wifi.ts';
import { SYSTEM_SERVICES } from '../../shared/services/device-programs.ts';
import { pageSockets, type ListenSpec } from '../../shared/services/listen.ts';
import { uidOfApp } from '../../shared/services/sandbox.ts';
import type { DeviceConfig, ServiceSpec } from '../../shared/services/services.ts';
import type { AppBuild } from '../apps/build-app.ts';
import type { Instance } from '../config/instance.ts';
import type { InstanceSecrets } from '../config/instance-secrets.ts';
import { packageRoot } from '../package-root.ts';
import type { Components } from './component-files.ts';
import { trustedKeysOf } from './sign-manifest.ts';

interface DeviceConfigPlan {
  instance: Instance;
  board: Board;
  components: Components;
  apps: readonly AppBuild[];
  buildTimeSec: number;
  secrets: InstanceSecrets;
}

/** Plans without the build id, which is computed from the configuration among other things. */
export function planDeviceConfig(plan: DeviceConfigPlan): DeviceConfig {
  const { config } = plan.instance;
  const { updateKeys, passwordHash } = plan.secrets;
  const components = [...plan.components.values()].map(({ name, version }) => [name, version] as const);
  return {
    formatVersion: 1,
    hostname: config.hostname,
    board: plan.board.id,
    buildId: '',
    buildTimeSec: plan.buildTimeSec,
    tskrazyVersion: packageRoot().version,
    components: Object.fromEntries(components.toSorted(([a], [b]) => (a < b ? -1 : 1))),
    update: { trustedKeys: trustedKeysOf(updateKeys, config.update.trustedKeys) },
    ...(config.breakglass === 'off' && { breakglass: 'off' as const }),
    network: config.network,
    ...(config.wifi && { wifi: config.wifi }),
    time: config.time,
    web: { port: config.web.port, hosts: config.web.hosts, passwordHash, ...deviceTls(plan) },
    services: [
      ...servicesOfOurs(pageSockets(config.web)),
      ...(config.wifi ? [SUPPLICANT] : []),
      ...plan.apps.map((app) => app.service),
    ].map((service) => inTimeZone(service, config.time.zone)),
  };
}

/** Node.js and Go go by the variable, an app's own first; what has no such variable reads /etc/localtime. */
function inTimeZone(service: ServiceSpec, zone: string | undefined): ServiceSpec {
  return zone === undefined ? service : { ...service, env: { TZ: zone, ...service.env } };
}

/**
 * A small young generation: after a burst of requests `web` stays at 79 MB instead of 100 MB. With nearly any other flag of
 * V8's at its start Node.js compiles all its builtins anew.
 */
export const NODE_FLAGS = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=1'];

function deviceTls({ instance, secrets }: DeviceConfigPlan): Pick<DeviceConfig['web'], 'tls'> {
  const { tls, tlsPort, own } = instance.config.web;
  if (tls === 'off') return {};
  const { fingerprint256 } = new X509Certificate(secrets.identity.device.certificate);
  return {
    tls: {
      port: tlsPort,
      fingerprint: fingerprint256,
      ...(own && {
        own: {
          certificatePath: isAbsolute(own.certificate) ? own.certificate : OWN_CERTIFICATE_PATH,
          keyPath: isAbsolute(own.key) ? own.key : OWN_KEY_PATH,
        },
      }),
    },
  };
}

/**
 * It waits for what `net` tells it over its control socket; of D-Bus it is told nothing. It reads what everybody in the air sends,
 * so that it may change the network and nothing else: no files but its sockets, no user's rights but its own.
 */
const SUPPLICANT: ServiceSpec = {
  name: SUPPLICANT_SERVICE,
  kind: 'system',
  argv: [SUPPLICANT_PATH, '-g', SUPPLICANT_SOCKET],
  env: { LD_LIBRARY_PATH: WIFI_LIBRARY_DIRECTORY },
  dataDir: SUPPLICANT_DIRECTORY,
  restart: 'always',
  autostart: true,
  stopTimeoutSec: 5,
  user: { name: SUPPLICANT_SERVICE, uid: uidOfApp(SUPPLICANT_SERVICE) },
  sandbox: {
    // Whether radios are switched off.
    devices: ['/dev/rfkill'],
    paths: { [SUPPLICANT_DIRECTORY]: 'rw' },
    capabilities: ['CAP_NET_ADMIN', 'CAP_NET_RAW'],
  },
};

/**
 * glibc keeps the memory of what it has once given back for the next time, up to 32 MiB (mallopt(3), M_MMAP_THRESHOLD): the 16 MiB
 * in which `web` looks at a password were never the device's again. A threshold that is set stays as it is. Threads that share
 * one heap leave less behind than with one each: 2 MB after a toolbox was unpacked.
 */
export const GIVES_MEMORY_BACK = { MALLOC_MMAP_THRESHOLD_: String(128 * 1024), MALLOC_ARENA_MAX: '1' };

function servicesOfOurs(ofPage: readonly ListenSpec[]): ServiceSpec[] {
  return SYSTEM_SERVICES.map(({ name, path, servesPage }) => ({
    name,
    kind: 'system',
    argv: ['/bin/node', ...NODE_FLAGS, path],
    env: GIVES_MEMORY_BACK,
    dataDir: `/perm/${name}`,
    restart: 'always',
    autostart: true,
    stopTimeoutSec: 5,
    listen: servesPage ? ofPage : [],
  }));
}
