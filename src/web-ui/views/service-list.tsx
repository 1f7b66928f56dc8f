// Services as rows: what each is doing and the last thing it said. A row leads to the service's log.

import { DEVICE_PACKAGES_NOTICE, describeDevicePackages } from '../../shared/services/device-packages.ts';
import { summarizeLine } from '../../shared/services/structured-log.ts';
import { plainText } from '../../shared/text/styled-text.ts';
import type { ServiceView } from '../../shared/api/web-api.ts';
import type { History } from '../device/history.ts';
import { formatBytes, formatPercent } from '../parts/format.ts';
import { Chart } from '../parts/chart.tsx';
import { ServiceButtons } from '../parts/service-buttons.tsx';
import { StateMark, StateText } from '../parts/service-state.tsx';
import { logHref } from './route.ts';

interface RowProps {
  service: ServiceView;
  history: History;
  nowMs: number;
}

function ServiceRow({ service, history, nowMs }: RowProps) {
  const { name, usage, lastLine, state, reason } = service;
  const cores = usage?.cpuCores ?? null;
  const memory = usage?.memoryBytes ?? null;
  const packages = service.installed && describeDevicePackages(service.installed);
  const isToCome = state === 'waiting' || state === 'starting';
  const isDown = state === 'backoff' || state === 'failed';
  return (
    <li class="service" data-state={state} data-up={usage ? 'yes' : undefined}>
      <div class="service-head">
        <StateMark state={state} />
        <a class="service-name" href={logHref(name)}>
          {name}
        </a>
        <StateText service={service} nowMs={nowMs} />
      </div>
      <p class="service-line" title={isDown ? (reason ?? undefined) : undefined}>
        {isToCome && reason !== null ? (
          <span class="quiet">{reason}</span>
        ) : lastLine === null ? (
          <span class="quiet">no output yet</span>
        ) : (
          plainText(summarizeLine(lastLine))
        )}
      </p>
      {packages !== undefined && (
        <p class="service-packages">
          {packages} <span class="quiet">({DEVICE_PACKAGES_NOTICE})</span>
        </p>
      )}
      <div class="service-cpu">
        <Chart
          series={[{ label: 'CPU', of: `cpu:${name}` }]}
          history={history}
          atLeast={0.1}
          format={formatPercent}
          label={cores === null ? `${name}: not running` : `${name}: ${formatPercent(cores)} of a core`}
        />
        <span class="figure">{cores === null ? '–' : formatPercent(cores)}</span>
      </div>
      <span class="figure service-memory">{memory === null ? '–' : formatBytes(memory)}</span>
      <ServiceButtons service={service} />
    </li>
  );
}

interface ListProps {
  title: string;
  services: readonly ServiceView[];
  history: History;
  nowMs: number;
}

export function ServiceList({ title, services, history, nowMs }: ListProps) {
  const id = `services-${title.toLowerCase().replaceAll(' ', '-')}`;
  return (
    <section class="card" aria-labelledby={id}>
      <div class="services-head">
        <h2 id={id}>{title}</h2>
        <span aria-hidden="true">Last line</span>
        <span aria-hidden="true">CPU</span>
        <span aria-hidden="true">Memory</span>
      </div>
      <ul class="services">
        {services.map((service) => (
          <ServiceRow key={service.name} {...{ service, history, nowMs }} />
        ))}
      </ul>
      {services.length === 0 && (
        <p class="empty">
          No apps yet. Add one to <code>tskrazy.json</code>.
        </p>
      )}
    </section>
  );
}
