// The first view: what a person wants to see first.

import type { WebStatus } from '../../shared/api/web-api.ts';
import type { History } from '../device/history.ts';
import { DeviceNotices } from '../parts/notice.tsx';
import { BreakglassNotice } from './breakglass-notice.tsx';
import { BuildCard, DeviceCard, NetworkCard, StorageCard } from './details.tsx';
import { PortsCard } from './ports-card.tsx';
import { ServiceList } from './service-list.tsx';
import { UpdateNotice } from './update-notice.tsx';
import { Vitals } from './vitals.tsx';
import { WifiCard, WifiNotice } from './wifi-card.tsx';

export interface OverviewProps {
  status: WebStatus;
  history: History;
  onPower: (act: 'reboot' | 'poweroff') => void;
}

export function Overview({ status, history, onPower }: OverviewProps) {
  const apps = status.services.filter((service) => service.kind !== 'system');
  const system = status.services.filter((service) => service.kind === 'system');
  return (
    <>
      <BreakglassNotice status={status} />
      <UpdateNotice status={status} />
      <WifiNotice status={status} />
      <DeviceNotices status={status} />
      <ServiceList title="Apps" services={apps} history={history} nowMs={status.timeMs} />
      <Vitals status={status} history={history} />
      <ServiceList title="System programs" services={system} history={history} nowMs={status.timeMs} />
      <div class="columns">
        <div class="column">
          <NetworkCard status={status} />
          <WifiCard status={status} />
          <PortsCard status={status} />
        </div>
        <div class="column">
          <DeviceCard status={status} onPower={onPower} />
          <StorageCard status={status} />
        </div>
        <BuildCard status={status} />
      </div>
    </>
  );
}
