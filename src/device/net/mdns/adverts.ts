// The services that a device announces: its page, and that it is one of ours, so that `tsk` finds it.

import { DEVICE_SERVICE_TYPE, PAGE_SERVICE_TYPE } from '../../../shared/network/mdns-names.ts';
import type { DeviceConfig } from '../../../shared/services/services.ts';
import type { ServiceAdvert } from './own-records.ts';

export function advertsOf({ web, board, buildId, tskrazyVersion }: DeviceConfig): ServiceAdvert[] {
  return [
    { type: PAGE_SERVICE_TYPE, port: web.port, txt: ['path=/'] },
    {
      type: DEVICE_SERVICE_TYPE,
      port: web.port,
      txt: [`board=${board}`, `build=${buildId}`, `version=${tskrazyVersion}`],
    },
  ];
}
