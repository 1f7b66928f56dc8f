// What tsk status prints: what one wants to know first, first.

import { describeLink } from '../../shared/api/describe-link.ts';
import type { InterfaceStatus } from '../../shared/network/net-status.ts';
import { shortBuildId } from '../../shared/manifest/short-build-id.ts';
import { DEVICE_PACKAGES_NOTICE, describeDevicePackages } from '../../shared/services/device-packages.ts';
import type { UpdateStatus } from '../../shared/update/update-api.ts';
import { describeBootDisk, describePower } from '../../shared/api/describe-hardware.ts';
import {
  isOnDeviceOnly,
  type ListeningPort,
  type PageCertificate,
  type WebStatus,
} from '../../shared/api/web-api.ts';
import { UpdateApiClient } from '../deploy/update/update-api-client.ts';
import { pageUrl } from '../devices/device-address.ts';
import { UserError } from '../user-error.ts';
import { connect, type DeviceOptions } from './device-session.ts';
import { wifiNewsInRow } from '../../shared/network/wifi-api.ts';
import { paint } from './output.ts';
import type { Session } from './session.ts';
import { describeUpdates } from './show-slots.ts';
import { formatBytes } from './sizes.ts';
import { formatDuration, formatTime } from './times.ts';

export async function showStatus(session: Session, options: DeviceOptions): Promise<void> {
  const { client, status } = await connect(session, options);
  const url = pageUrl(client.device.foundBy, client.address);
  const updates = await orNull(new UpdateApiClient(client, status.system.hostname).status(), session.signal);
  const ports = await orNull(client.ports(), session.signal);
  const text = formatStatus(status, url, client.device.foundBy, updates, ports);
  session.output.result({ url, ...status, update: updates ?? status.update, ports }, text);
}

/** null: a device that is older than what is asked, or whose init does not answer. The rest can still be told. */
async function orNull<T>(answer: Promise<T>, signal: AbortSignal): Promise<T | null> {
  try {
    return await answer;
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
  ports: readonly ListeningPort[] | null = null,
): string {
  const { system, usage } = status;
  const { memory, cpu } = usage;
  const busy = cpu.busyFraction === null ? '' : `, ${(cpu.busyFraction * 100).toFixed(0)}% busy`;
  const rows: [string, string][] = [
    ['Page', foundBy === 'virtual machine' ? `${url} (virtual machine)` : url],
    ...(status.certificate ? [describeCertificate(status.certificate)] : []),
    ['Apps', describeApps(status)],
    ...describeInstalled(status),
    ['Up', `${formatDuration(system.uptimeSec)}, since ${formatTime(system.bootedAtMs).slice(0, 19)}`],
    [
      'Build',
      `${shortBuildId(system.buildId)}, tskrazy ${system.tskrazyVersion}${describeSlot(system.slot)}`,
    ],
    ['Board', describeBoard(status)],
    ...(system.power ? [['Power', describePower(system.power)] as [string, string]] : []),
    [
      'Memory',
      `${formatBytes(memory.totalBytes - memory.availableBytes)} of ${formatBytes(memory.totalBytes)} used`,
    ],
    [
      'CPU',
      `${cpu.cores} ${cpu.cores === 1 ? 'core' : 'cores'}${busy}${describeTemperature(usage.temperatureCelsius)}${describeFan(usage.fanRpm)}`,
    ],
    ...(status.bootDisk
      ? [['Disk', describeBootDisk(status.bootDisk, formatBytes)] as [string, string]]
      : []),
    ['/perm', describePerm(status)],
    ...(ports === null || ports.length === 0 ? [] : [['Ports', describePorts(ports)] as [string, string]]),
    ...(updates === null ? [] : describeUpdates(updates, Date.now() - status.timeMs)),
    ...(typeof status.network?.wifi?.problem === 'string'
      ? [['Wi-Fi', paint('yellow', status.network.wifi.problem)] as [string, string]]
      : []),
    ...describeTriedNetwork(status),
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

function describeTriedNetwork({ system: { wifi }, timeMs }: WebStatus): [string, string][] {
  const news = wifiNewsInRow(wifi, timeMs);
  return news === null ? [] : [['Wi-Fi', news]];
}

/** For whoever compares it with what a browser shows. */
function describeCertificate({ fingerprint, isOwn }: PageCertificate): [string, string] {
  return ['Certificate', `SHA-256 ${fingerprint}${isOwn ? ' (your own)' : ''}`];
}

function describeSlot(slot: string | null): string {
  return slot === null ? '' : `, slot ${slot}`;
}

function describeBoard({ system, model, revision, serialNumber }: WebStatus): string {
  const marks = [revision && `revision ${revision}`, serialNumber && `serial number ${serialNumber}`];
  return [system.board, model, ...marks, `Linux ${system.kernel}`].filter(Boolean).join(', ');
}

function describeFan(rpm: number | null | undefined): string {
  return typeof rpm === 'number' ? `, fan at ${rpm} turns a minute` : '';
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

/** A row for each app whose program has installed something by itself, and what that means. */
function describeInstalled({ services }: WebStatus): [string, string][] {
  const rows = services.flatMap(({ name, installed }): [string, string][] => {
    const text = installed && describeDevicePackages(installed);
    return text === undefined ? [] : [['Packages', `${name}: ${text}`]];
  });
  return rows.length === 0 ? [] : [...rows, ['', DEVICE_PACKAGES_NOTICE]];
}

/** `TCP 80 web, TCP 8080 sensor`; without what the device alone can reach. */
function describePorts(ports: readonly ListeningPort[]): string {
  const outside = ports.filter((port) => !isOnDeviceOnly(port));
  const words = outside.map(({ protocol, port, service }) =>
    [protocol.toUpperCase(), port, service].filter((word) => word !== null).join(' '),
  );
  return words.length === 0 ? 'none' : words.join(', ');
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

function describeInterface(each: InterfaceStatus): string {
  const { carrier, addresses, wifi, problem } = each;
  const own = addresses.length === 0 ? 'no address yet' : addresses.join(', ');
  const parts = [...(wifi !== undefined || !carrier ? [describeLink(each)] : []), ...(carrier ? [own] : [])];
  const state = parts.join(', ');
  return problem === null ? state : `${state} (${problem})`;
}
