// What tsk status prints: what one wants to know first, first.

import type { InterfaceStatus } from '../../shared/network/net-status.ts';
import { shortBuildId } from '../../shared/manifest/short-build-id.ts';
import type { UpdateStatus } from '../../shared/update/update-api.ts';
import type { WebStatus } from '../../shared/api/web-api.ts';
import { UpdateApiClient } from '../deploy/update/update-api-client.ts';
import { deviceUrl } from '../devices/device-address.ts';
import { UserError } from '../user-error.ts';
import { connect, type DeviceOptions } from './device-session.ts';
import { paint } from './output.ts';
import type { Session } from './session.ts';
import { describeUpdates } from './show-slots.ts';
import { formatBytes } from './sizes.ts';
import { formatDuration, formatTime } from './times.ts';

export async function showStatus(session: Session, options: DeviceOptions): Promise<void> {
  const { client, status } = await connect(session, options);
  const url = deviceUrl(client.address);
  const updates = await readUpdates(new UpdateApiClient(client, status.system.hostname), session.signal);
  const text = formatStatus(status, url, client.device.foundBy, updates);
  session.output.result({ url, ...status, update: updates ?? status.update }, text);
}

/** null: a device that is older than updates, or whose init does not answer. What it is otherwise can still be told. */
async function readUpdates(api: UpdateApiClient, signal: AbortSignal): Promise<UpdateStatus | null> {
  try {
    return await api.status();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof UserError) return null;
    throw error;
  }
}

export function formatStatus(
  status: WebStatus,
  url: string,
  foundBy: string,
  updates: UpdateStatus | null = null,
): string {
  const { system, usage } = status;
  const { memory, cpu } = usage;
  const busy = cpu.busyFraction === null ? '' : `, ${(cpu.busyFraction * 100).toFixed(0)}% busy`;
  const rows: [string, string][] = [
    ['Page', foundBy === 'virtual machine' ? `${url} (virtual machine)` : url],
    ['Apps', describeApps(status)],
    ['Up', `${formatDuration(system.uptimeSec)}, since ${formatTime(system.bootedAtMs).slice(0, 19)}`],
    [
      'Build',
      `${shortBuildId(system.buildId)}, tskrazy ${system.tskrazyVersion}${describeSlot(system.slot)}`,
    ],
    ['Board', [system.board, status.model, `Linux ${system.kernel}`].filter(Boolean).join(', ')],
    [
      'Memory',
      `${formatBytes(memory.totalBytes - memory.availableBytes)} of ${formatBytes(memory.totalBytes)} used`,
    ],
    [
      'CPU',
      `${cpu.cores} ${cpu.cores === 1 ? 'core' : 'cores'}${busy}${describeTemperature(usage.temperatureCelsius)}`,
    ],
    ['/perm', describePerm(status)],
    ...(updates === null ? [] : describeUpdates(updates, Date.now() - status.timeMs)),
    ...(status.network?.interfaces ?? []).map((each): [string, string] => [
      each.name,
      describeInterface(each),
    ]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  const warnings = system.warnings.map((warning) => `  ${paint('yellow', 'Warning:')} ${warning}`);
  return [paint('bold', system.hostname), ...lines, ...warnings].join('\n');
}

function describeSlot(slot: string | null): string {
  return slot === null ? '' : `, slot ${slot}`;
}

function describeTemperature(celsius: number | null): string {
  return celsius === null ? '' : `, ${celsius.toFixed(0)} °C`;
}

/** `3 running, 1 failed: pump (exited with code 1)`. */
function describeApps({ services }: WebStatus): string {
  const apps = services.filter(({ kind }) => kind !== 'system');
  const ours = services.filter(({ kind, state }) => kind === 'system' && state !== 'running');
  if (apps.length === 0 && ours.length === 0) return 'none';
  const running = apps.filter(({ state }) => state === 'running');
  const others = [...apps.filter(({ state }) => state !== 'running'), ...ours].map(
    ({ name, state, reason }) => {
      const text = `${name} ${state}${reason === null ? '' : ` (${reason})`}`;
      return state === 'failed' || state === 'backoff' ? paint('red', text) : text;
    },
  );
  return [`${running.length} running`, ...others].join(', ');
}

function describePerm({ system, usage }: WebStatus): string {
  const { state, device, note } = system.perm;
  const disk = usage.disks.find(({ mountPoint }) => mountPoint === '/perm');
  const room =
    disk === undefined ? '' : `, ${formatBytes(disk.availableBytes)} of ${formatBytes(disk.totalBytes)} free`;
  const remark = note === null ? '' : ` (${note})`;
  if (state === 'mounted') return `${device ?? 'mounted'}${room}${remark}`;
  return state === 'tmpfs' ? paint('red', `in memory: lost at the next reboot${remark}`) : 'being prepared';
}

function describeInterface({ carrier, addresses, problem }: InterfaceStatus): string {
  const state = carrier ? (addresses.length === 0 ? 'no address yet' : addresses.join(', ')) : 'no cable';
  return problem === null ? state : `${state} (${problem})`;
}
