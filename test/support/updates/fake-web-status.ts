// What a device without a kernel says of itself, for clients that look at its builds and services.

import type { ServiceStatus } from '../../../src/shared/services/services.ts';
import type { WebStatus } from '../../../src/shared/api/web-api.ts';
import { exampleNetwork, exampleTime } from '../web/fake-device.ts';

type Own = Pick<WebStatus, 'bootId' | 'system' | 'mayChange'> & { services: readonly ServiceStatus[] };

export function fakeWebStatus({ services, ...own }: Own): WebStatus {
  return {
    ...own,
    timeMs: Date.now(),
    model: null,
    processor: null,
    services: services.map((service) => ({ ...service, usage: null })),
    usage: {
      cpu: { cores: 1, busyFraction: null },
      memory: { totalBytes: 512e6, availableBytes: 256e6 },
      temperatureCelsius: null,
      disks: [],
      traffic: [],
    },
    network: exampleNetwork(),
    time: exampleTime(),
    update: null,
  };
}
