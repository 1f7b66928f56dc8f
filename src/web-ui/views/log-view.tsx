// One service: how it is, and its live log. Also the logs that belong to no service (init, kernel).

import { useEffect, useRef } from 'preact/hooks';

import type { ServiceView, WebStatus } from '../../shared/api/web-api.ts';
import type { History } from '../device/history.ts';
import { formatBytes, formatDateTime, formatDuration, formatPercent } from '../parts/format.ts';
import { Chart } from '../parts/chart.tsx';
import { Icon } from '../parts/icons.tsx';
import { Notice } from '../parts/notice.tsx';
import { ServiceButtons } from '../parts/service-buttons.tsx';
import { StateMark, StateText, exitText } from '../parts/service-state.tsx';
import { EarlierLogs } from './earlier-logs.tsx';
import { LogPanel } from './log-panel.tsx';

interface MeterProps {
  title: string;
  value: string;
  chart: preact.ComponentChildren;
}

function Meter({ title, value, chart }: MeterProps) {
  return (
    <div class="meter">
      <p>
        <span class="quiet">{title}</span> <b class="figure">{value}</b>
      </p>
      {chart}
    </div>
  );
}

function ServiceFacts({
  service,
  status,
  history,
}: {
  service: ServiceView;
  status: WebStatus;
  history: History;
}) {
  const { name, usage, startedAtMs, lastExit, pid, startCount, reason } = service;
  const facts = [
    pid === null
      ? ''
      : `process ${pid}${usage && usage.processes > 1 ? ` and ${usage.processes - 1} more` : ''}`,
    startedAtMs === null ? 'never started' : `started ${formatDateTime(startedAtMs)}`,
    startCount > 1 ? `${startCount} starts since boot` : '',
    lastExit
      ? `last ended with ${exitText(lastExit)}, ${formatDuration((status.timeMs - lastExit.atMs) / 1000)} ago`
      : '',
  ];
  const cores = usage?.cpuCores ?? null;
  const memory = usage?.memoryBytes ?? null;
  return (
    <>
      {reason !== null && service.state !== 'running' && service.state !== 'stopped' && (
        <Notice kind="warning">{reason}</Notice>
      )}
      <p class="service-facts">{facts.filter((fact) => fact !== '').join(' · ')}</p>
      <div class="meters">
        <Meter
          title="CPU"
          value={cores === null ? '–' : formatPercent(cores)}
          chart={
            <Chart
              size="large"
              series={[{ label: 'CPU', of: `cpu:${name}` }]}
              history={history}
              atLeast={0.1}
              format={formatPercent}
              label={`CPU of ${name}: ${cores === null ? 'not running' : formatPercent(cores)}`}
            />
          }
        />
        <Meter
          title="Memory"
          value={memory === null ? '–' : formatBytes(memory)}
          chart={
            <Chart
              size="large"
              series={[{ label: 'Memory', of: `memory:${name}` }]}
              history={history}
              atLeast={1024 * 1024}
              format={formatBytes}
              label={`Memory of ${name}: ${memory === null ? 'not running' : formatBytes(memory)}`}
            />
          }
        />
      </div>
    </>
  );
}

const LOG_TITLES: Readonly<Record<string, string>> = {
  init: 'What init did, from the start of the device',
  kernel: 'Messages of the Linux kernel',
};

interface LogViewProps {
  name: string;
  /** As in LogQuery. */
  boot: number;
  status: WebStatus;
  history: History;
}

export function LogView({ name, boot, status, history }: LogViewProps) {
  const service = status.services.find((each) => each.name === name);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // A screen reader hears where it is, and the keyboard starts from here.
    heading.current?.focus();
  }, [name, boot]);
  // The app may be of an earlier build.
  const isKnown = service !== undefined || LOG_TITLES[name] !== undefined || boot < 0;
  const isNow = boot === 0;
  return (
    <div class="log-view">
      <div class="log-head">
        <a class="back" href="#" aria-label={`Back to ${status.system.hostname}`}>
          <Icon name="back" />
        </a>
        {isNow && service && <StateMark state={service.state} />}
        <h1 ref={heading} tabIndex={-1}>
          {name}
        </h1>
        {isNow && service && <StateText service={service} nowMs={status.timeMs} />}
        {isNow && service && <ServiceButtons service={service} withText />}
      </div>
      {isNow && service ? (
        <ServiceFacts service={service} status={status} history={history} />
      ) : (
        LOG_TITLES[name] !== undefined && <p class="service-facts">{LOG_TITLES[name]}</p>
      )}
      {isKnown ? (
        <>
          <EarlierLogs name={name} boot={boot} />
          <LogPanel key={`${name} ${boot}`} name={name} boot={boot} />
        </>
      ) : (
        <Notice kind="warning">There is no service “{name}” on this device.</Notice>
      )}
    </div>
  );
}
