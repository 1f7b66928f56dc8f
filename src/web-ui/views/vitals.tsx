// The device at a glance: processor, memory, storage, network.

import type { ComponentChildren } from 'preact';

import type { WebStatus } from '../../shared/api/web-api.ts';
import type { History } from '../device/history.ts';
import { formatBytes, formatPercent, formatRate } from '../parts/format.ts';
import { Chart } from '../parts/chart.tsx';

interface TileProps {
  title: string;
  value: string;
  detail: string;
  children: ComponentChildren;
}

function Tile({ title, value, detail, children }: TileProps) {
  return (
    <section class="tile" aria-label={title}>
      <h2>{title}</h2>
      <p class="tile-value">{value}</p>
      <p class="tile-detail">{detail}</p>
      {children}
    </section>
  );
}

export function Bar({ used, total, label }: { used: number; total: number; label: string }) {
  const fraction = total > 0 ? Math.min(1, used / total) : 0;
  return (
    <div class="bar" role="img" aria-label={label} data-full={fraction > 0.9 ? 'yes' : undefined}>
      <div class="bar-used" style={{ width: `${(fraction * 100).toFixed(1)}%` }} />
    </div>
  );
}

export function Vitals({ status, history }: { status: WebStatus; history: History }) {
  const { cpu, memory, temperatureCelsius, disks } = status.usage;
  const usedMemory = memory.totalBytes - memory.availableBytes;
  const perm = disks.find((disk) => disk.mountPoint === '/perm') ?? disks[0];
  const received = history.last('received');
  const sent = history.last('sent');
  const cpuText = cpu.busyFraction === null ? '–' : formatPercent(cpu.busyFraction);
  const cpuDetails = [
    cpu.cores === 1 ? '1 core' : `${cpu.cores} cores`,
    temperatureCelsius === null
      ? `load ${status.system.loadAverage[0].toFixed(2)}`
      : `${temperatureCelsius.toFixed(0)} °C`,
  ];
  return (
    <div class="vitals">
      <Tile title="Processor" value={cpuText} detail={cpuDetails.join(', ')}>
        <Chart
          series={[{ label: 'Busy', of: 'cpu' }]}
          history={history}
          max={1}
          format={formatPercent}
          label={`Processor: ${cpuText} busy`}
        />
      </Tile>
      <Tile title="Memory" value={formatBytes(usedMemory)} detail={`of ${formatBytes(memory.totalBytes)}`}>
        <Chart
          series={[{ label: 'Used', of: 'memory' }]}
          history={history}
          max={memory.totalBytes}
          format={formatBytes}
          label={`Memory: ${formatBytes(usedMemory)} of ${formatBytes(memory.totalBytes)} used`}
        />
      </Tile>
      <Tile
        title="Network"
        value={received === undefined ? '–' : `↓ ${formatRate(received)}`}
        detail={sent === undefined ? '↑ –' : `↑ ${formatRate(sent)}`}
      >
        <Chart
          series={[
            { label: '↓', of: 'received' },
            { label: '↑', of: 'sent' },
          ]}
          history={history}
          atLeast={8 * 1024}
          format={formatRate}
          label={`Network: receives ${formatRate(received ?? 0)}, sends ${formatRate(sent ?? 0)}`}
        />
      </Tile>
      <Tile
        title="Storage"
        value={perm ? formatBytes(perm.usedBytes) : '–'}
        detail={perm ? `of ${formatBytes(perm.totalBytes)}` : 'no data partition'}
      >
        <Bar
          used={perm?.usedBytes ?? 0}
          total={perm?.totalBytes ?? 0}
          label={perm ? `${perm.mountPoint}: ${formatBytes(perm.availableBytes)} free` : 'No data partition'}
        />
        <p class="tile-note">
          {perm ? `${formatBytes(perm.availableBytes)} free on ${perm.mountPoint}` : ''}
        </p>
      </Tile>
    </div>
  );
}
