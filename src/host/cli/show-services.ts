// What tsk ps prints.

import type { ServiceState } from '../../shared/services/services.ts';
import type { ServiceView, WebStatus } from '../../shared/api/web-api.ts';
import { plainText } from '../../shared/text/styled-text.ts';
import { pageUrl } from '../devices/device-address.ts';
import { connect, type DeviceOptions } from './device-session.ts';
import { formatTable, paint } from './output.ts';
import type { Session } from './session.ts';
import { formatBytes } from './sizes.ts';
import { formatDuration } from './times.ts';

export async function showServices(session: Session, options: DeviceOptions): Promise<void> {
  const { client, status } = await connect(session, options);
  const device = { hostname: status.system.hostname, url: pageUrl(client.device.foundBy, client.address) };
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  session.output.result({ device, services: status.services }, formatServices(status, width));
}

const HEAD = ['NAME', 'STATE', 'UPTIME', 'MEMORY', 'CPU', 'RESTARTS', 'LAST LINE'];

/** `width`: of the terminal; without one nothing is cut. Apps first, then our own programs. */
export function formatServices(status: WebStatus, width: number | undefined): string {
  const services = [
    ...status.services.filter(({ kind }) => kind !== 'system'),
    ...status.services.filter(({ kind }) => kind === 'system'),
  ];
  const table = formatTable([HEAD, ...services.map((service) => rowOf(service, status.timeMs))]);
  const lines = table.split('\n').map((line) => (width === undefined ? line : cut(line, width)));
  const [head = '', ...rows] = lines;
  return [paint('bold', head), ...rows.map((row, index) => paintState(row, services[index]?.state))].join(
    '\n',
  );
}

function rowOf(service: ServiceView, nowMs: number): string[] {
  const { name, state, startedAtMs, usage, startCount, lastLine, reason } = service;
  const isUp = state === 'running' && startedAtMs !== null;
  const memory = usage?.memoryBytes ?? null;
  const cpu = usage?.cpuCores ?? null;
  // Why it does not run says more than what it said last.
  const remark = state === 'running' || reason === null ? (lastLine ?? '') : `(${reason}) ${lastLine ?? ''}`;
  return [
    name,
    state,
    isUp ? formatDuration((nowMs - startedAtMs) / 1000) : '-',
    memory === null ? '-' : formatBytes(memory),
    cpu === null ? '-' : `${(cpu * 100).toFixed(cpu < 0.0995 ? 1 : 0)}%`,
    String(Math.max(0, startCount - 1)),
    plainText(remark).trimEnd(),
  ];
}

function cut(line: string, width: number): string {
  const characters = Array.from(line);
  return characters.length <= width ? line : `${characters.slice(0, Math.max(1, width - 1)).join('')}…`;
}

const COLORS: Partial<Record<ServiceState, 'green' | 'yellow' | 'red' | 'dim'>> = {
  running: 'green',
  backoff: 'red',
  failed: 'red',
  stopped: 'dim',
  starting: 'yellow',
  stopping: 'yellow',
  waiting: 'yellow',
};

function paintState(row: string, state: ServiceState | undefined): string {
  const color = state === undefined ? undefined : COLORS[state];
  if (state === undefined || color === undefined) return row;
  // The second column; the name before it may be that of a state.
  return row.replace(new RegExp(`^(\\S+ +)${state}`), (_, before: string) => before + paint(color, state));
}
