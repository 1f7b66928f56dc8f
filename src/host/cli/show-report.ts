// What tsk doctor --device prints: a report to read oneself, and to paste into an issue.

import { describeLink, describeOtherNetworks } from '../../shared/api/describe-link.ts';
import { describeBootFirmware } from '../../shared/boot-loader/boot-firmware.ts';
import { describeBootDisk, describePower } from '../../shared/api/describe-hardware.ts';
import { shortBuildId } from '../../shared/manifest/short-build-id.ts';
import type { InterfaceStatus } from '../../shared/network/net-status.ts';
import type { TimeServerStatus } from '../../shared/network/time-status.ts';
import type { BootRecord } from '../../shared/api/init-api.ts';
import type { ServiceStatus } from '../../shared/services/services.ts';
import type { DiskUsage, WebStatus } from '../../shared/api/web-api.ts';
import { describeStarts } from '../../shared/update/describe-starts.ts';
import type { UpdateStatus } from '../../shared/update/update-api.ts';
import { readAllSecrets } from '../config/app-secrets.ts';
import { secretsOfEnvironment } from '../config/instance-secrets.ts';
import { readWifiKeys } from '../config/wifi-keys.ts';
import { type Instance, openInstance } from '../config/instance.ts';
import { DeviceClient } from '../devices/device-client.ts';
import { findDevice } from '../devices/find-device.ts';
import { readInstancePassword } from '../devices/instance-password.ts';
import { type DeviceReport, makeDeviceReport } from '../report/device-report.ts';
import { formsOfSecret, maskSecrets, maskValue } from '../report/mask-secrets.ts';
import { packageRoot } from '../package-root.ts';
import { type DeviceOptions, findOptions } from './device-session.ts';
import type { Session } from './session.ts';
import { formatBytes } from './sizes.ts';
import { formatDuration } from './times.ts';

const SHOWN_RECORDS = 5;
/** Of what failed an update: an error with its stack. */
const SHOWN_LINES = 20;
const SHOWN_BOOTS = 5;

/** Rows without a name are lines of their own. */
type Rows = [name: string, value: string][];

interface Section {
  title: string;
  rows: Rows;
}

export async function showReport(session: Session, options: DeviceOptions): Promise<void> {
  const { output, signal, instanceDirectory } = session;
  const instance = await openInstance(instanceDirectory);
  const known = await readInstancePassword(instance);
  const found = await findDevice({ instance, ...findOptions(options), signal });
  const client = new DeviceClient(found, known, signal);
  const report = await makeDeviceReport(client, signal);
  // A serial number is no secret, and yet nothing for strangers: it says who has bought the board.
  const secrets = [...(await knownSecrets(instance, known.password)), report.status?.serialNumber ?? ''];
  output.result(maskValue(report, secrets), maskSecrets(formatReport(report), secrets));
}

/** What apps write of their secrets ends in last lines, reasons and the kernel's log. */
async function knownSecrets(instance: Instance, password: string): Promise<string[]> {
  const given = await secretsOfEnvironment(process.env);
  const contents = await readAllSecrets(instance, given?.secrets.apps);
  const wifi = await readWifiKeys(instance);
  const keys = wifi.flatMap(({ passphrase = '', psk = '' }) => [passphrase, psk]);
  return [password, ...contents, ...keys].flatMap((content) => formsOfSecret(content));
}

export function formatReport(report: DeviceReport): string {
  const { status, updates, boots, kernelWarnings, findings, lacks } = report;
  const sections: Section[] = [
    { title: 'What is wrong', rows: lines(findings, 'nothing that shows') },
    ...(status ? sectionsOf(status, report.clockOffsetMs ?? 0) : []),
    ...(updates ? [{ title: 'Updates', rows: describeUpdates(updates) }] : []),
    ...(boots ? [{ title: 'Starts', rows: lines(boots.slice(0, SHOWN_BOOTS).map(describeBoot)) }] : []),
    ...(kernelWarnings
      ? [
          {
            title: 'What the kernel warns of',
            rows: lines(
              kernelWarnings.map(({ text }) => text),
              'nothing',
            ),
          },
        ]
      : []),
    ...(lacks.length > 0 ? [{ title: 'Not told', rows: lines(lacks) }] : []),
  ];
  return sections.map(({ title, rows }) => `${title}\n${formatRows(rows)}`).join('\n\n');
}

function lines(values: readonly string[], whenNone = 'none'): Rows {
  return (values.length > 0 ? values : [whenNone]).map((value) => ['', value]);
}

function formatRows(rows: Rows): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows
    .map(([name, value]) => `  ${width === 0 ? value : `${name.padEnd(width)}  ${value}`}`)
    .join('\n');
}

function describeBoot({ boot, bootedAtMs, buildId, slot, end }: BootRecord): string {
  const how = boot === 0 ? '' : end === null ? ', cut off' : `, ended: ${end.how}`;
  return `${boot}: ${time(bootedAtMs)}, build ${shortBuildId(buildId)}, slot ${slot ?? '?'}${how}`;
}

function sectionsOf(status: WebStatus, clockOffsetMs: number): Section[] {
  const interfaces = status.network?.interfaces ?? [];
  return [
    { title: 'Device', rows: describeDevice(status) },
    { title: 'Clock', rows: describeClock(status, clockOffsetMs) },
    ...interfaces.map((each) => ({ title: `Network ${each.name}`, rows: describeInterface(each) })),
    { title: 'Storage', rows: describeStorage(status) },
    { title: 'Services', rows: lines(status.services.map(describeService)) },
  ];
}

function describeDevice({ system, usage, network, model, processor, revision }: WebStatus): Rows {
  const { memory, temperatureCelsius, cpu } = usage;
  const load = system.loadAverage.map((each) => each.toFixed(2)).join(' ');
  return [
    ['name', [system.hostname, network?.mdnsName].filter(Boolean).join(', ')],
    [
      'board',
      [system.board, model, revision && `revision ${revision}`, processor].filter(Boolean).join(', '),
    ],
    ['build', `${shortBuildId(system.buildId)}, slot ${system.slot ?? 'unknown'}`],
    ['tskrazy', `${system.tskrazyVersion} (tsk here: ${packageRoot().version})`],
    ['kernel', system.kernel],
    ['components', describeComponents(system.components)],
    ['up', formatDuration(system.uptimeSec)],
    ['memory', `${formatBytes(memory.availableBytes)} of ${formatBytes(memory.totalBytes)} available`],
    ['load', `${load}, ${cpu.cores} ${cpu.cores === 1 ? 'core' : 'cores'}`],
    ['temperature', temperatureCelsius === null ? 'not told' : `${temperatureCelsius.toFixed(0)} °C`],
    ['watchdog', system.watchdog],
    ...(system.power ? [['power', describePower(system.power)] as [string, string]] : []),
  ];
}

function describeStorage({ system: { perm }, usage, bootDisk }: WebStatus): Rows {
  return [
    ...(bootDisk ? [['starts from', describeBootDisk(bootDisk, formatBytes)] as [string, string]] : []),
    ['/perm is', [perm.state, perm.device, perm.note].filter(Boolean).join(', ')],
    ...usage.disks.map((disk): [string, string] => [disk.mountPoint, describeDisk(disk)]),
  ];
}

function describeService({ name, state, reason, startCount, lastExit }: ServiceStatus): string {
  const why = reason === null ? '' : ` (${reason})`;
  const end = lastExit === null ? '' : `, ended last with ${lastExit.signal ?? `code ${lastExit.code}`}`;
  const times = startCount === 1 ? 'once' : `${startCount} times`;
  return `${name}: ${state}${why}, started ${times}${end}`;
}

function describeComponents(components: Readonly<Record<string, string>>): string {
  return Object.entries(components)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
}

function describeClock({ timeMs, time: clock }: WebStatus, offsetMs: number): Rows {
  const ahead = offsetMs > 0 ? 'ahead of' : 'behind';
  return [
    ['now', `${time(timeMs)}, ${(Math.abs(offsetMs) / 1000).toFixed(1)} s ${ahead} this computer`],
    ['set', clock === null ? 'not told' : clock.synchronised ? 'by time servers' : 'not by time servers'],
    ...(clock?.problem ? [['problem', clock.problem] as [string, string]] : []),
    ...(clock?.servers ?? []).map((server): [string, string] => ['server', describeServer(server)]),
    ...(clock?.notes ?? []).map((note): [string, string] => ['note', note]),
  ];
}

function describeServer({ name, address, state, offsetMs, stratum, problem }: TimeServerStatus): string {
  const facts = [
    address === null || address === name ? name : `${name} (${address})`,
    state,
    offsetMs === null ? undefined : `${offsetMs.toFixed(0)} ms`,
    stratum === null ? undefined : `stratum ${stratum}`,
    problem ?? undefined,
  ];
  return facts.filter((fact) => fact !== undefined).join(', ');
}

function describeInterface(each: InterfaceStatus): Rows {
  const { mac, ipv4, addresses, dhcp, gateways, dns, search, ntpServers, problem, notes = [] } = each;
  const lease = dhcp?.lease;
  const ends = lease?.leaseSec === null ? 'for ever' : `for ${formatDuration(lease?.leaseSec ?? 0)}`;
  return [
    ['link', `${mac}, ${describeLink(each)}`],
    ['addresses', list(addresses)],
    ['IPv4', dhcp === null ? ipv4 : `DHCP, ${dhcp.state}${lease ? `, from ${lease.server} ${ends}` : ''}`],
    ['routers', list(gateways)],
    ['DNS', `${list(dns)}${search.length > 0 ? `, search ${search.join(' ')}` : ''}`],
    ['NTP by DHCP', list(ntpServers)],
    ...(problem === null ? [] : [['problem', problem] as [string, string]]),
    ...describeOtherNetworks(each).map((text): [string, string] => ['network', text]),
    ...notes.map((note): [string, string] => ['note', note]),
  ];
}

function describeDisk({ availableBytes, totalBytes, health }: DiskUsage): string {
  const { fileSystemErrors = null, wearPercent = null } = health ?? {};
  return [
    `${formatBytes(availableBytes)} of ${formatBytes(totalBytes)} free`,
    fileSystemErrors === null ? 'errors not told' : `${fileSystemErrors} errors`,
    wearPercent === null ? 'wear not told' : `${wearPercent} % worn`,
  ].join(', ');
}

function describeUpdates(updates: UpdateStatus): Rows {
  const { running, appsFrom, trial, bootFirmware, history } = updates;
  return [
    ['runs', `slot ${running ?? 'unknown'}${appsFrom === null ? '' : `, apps of slot ${appsFrom}`}`],
    ['starts', describeStarts(updates)],
    ...(bootFirmware === undefined
      ? []
      : [['firmware', describeBootFirmware(bootFirmware)] as [string, string]]),
    ...(trial === null
      ? []
      : [['trial', `${shortBuildId(trial.buildId)}: ${trial.waitsFor.join('; ')}`] as [string, string]]),
    ...history.slice(0, SHOWN_RECORDS).map((record): [string, string] => {
      const { startedAtMs, fromBuildId, toBuildId, mode, outcome, reason, lastLines } = record;
      const lines =
        lastLines?.lines.slice(-SHOWN_LINES).map((line) => `\n    ${lastLines.of}: ${line}`) ?? [];
      const what = `${shortBuildId(fromBuildId)} -> ${shortBuildId(toBuildId)}, ${mode}`;
      return [
        time(startedAtMs),
        `${what}: ${outcome}${reason === null ? '' : `: ${reason}`}${lines.join('')}`,
      ];
    }),
  ];
}

function list(values: readonly string[]): string {
  return values.length === 0 ? 'none' : values.join(', ');
}

/** UTC: whoever reads the report may be in another zone. */
function time(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
