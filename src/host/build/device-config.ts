// What init, net and web read on the device: the services and the instance's settings.

import { X509Certificate } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { OWN_CERTIFICATE_PATH, OWN_KEY_PATH } from '../../shared/api/device-tls.ts';
import type { Board } from '../../shared/board/boards.ts';
import { SYSTEM_SERVICES } from '../../shared/services/device-programs.ts';
import { pageSockets, type ListenSpec } from '../../shared/services/listen.ts';
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
    network: config.network,
    time: config.time,
    web: { port: config.web.port, hosts: config.web.hosts, passwordHash, ...deviceTls(plan) },
    services: [...servicesOfOurs(pageSockets(config.web)), ...plan.apps.map((app) => app.service)].map(
      (service) => inTimeZone(service, config.time.zone),
    ),
  };
}

/** Node.js and Go go by the variable, an app's own first; what has no such variable reads /etc/localtime. */
function inTimeZone(service: ServiceSpec, zone: string | undefined): ServiceSpec {
  return zone === undefined ? service : { ...service, env: { TZ: zone, ...service.env } };
}

/** A small young generation: after a burst of requests `web` stays at 79 MB instead of 100 MB. */
const NODE_FLAGS = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=1'];

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

function servicesOfOurs(ofPage: readonly ListenSpec[]): ServiceSpec[] {
  return SYSTEM_SERVICES.map(({ name, path }) => ({
    name,
    kind: 'system',
    argv: ['/bin/node', ...NODE_FLAGS, path],
    env: {},
    dataDir: `/perm/${name}`,
    restart: 'always',
    autostart: true,
    stopTimeoutSec: 5,
    listen: name === 'web' ? ofPage : [],
  }));
}
