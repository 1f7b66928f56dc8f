// What the screen of a device shows: who it is, where it is reached, how its apps and its updates are. Nothing that only some
// may know: everybody who passes by reads it. Pure.

import { describeLink } from '../../../shared/api/describe-link.ts';
import type { SystemStatus } from '../../../shared/api/init-api.ts';
import { shortBuildId } from '../../../shared/manifest/short-build-id.ts';
import { wifiNewsInRow } from '../../../shared/network/wifi-api.ts';
import type { InterfaceStatus, NetStatus } from '../../../shared/network/net-status.ts';
import type { DeviceTls } from '../../../shared/services/device-tls.ts';
import type { ServiceStatus } from '../../../shared/services/services.ts';
import { visibleText } from '../../../shared/text/visible-text.ts';
import type { UpdateState } from '../../../shared/update/update-state.ts';

export interface ScreenFacts {
  system: SystemStatus;
  model: string | null;
  tls: DeviceTls | undefined;
  webPort: number;
  services: readonly ServiceStatus[];
  /** null: not known yet. */
  network: NetStatus | null;
  updates: UpdateState | null;
  nowMs: number;
}

/** A text console has at least so much, and 25 lines: with the following, 24 are used at most. */
const COLUMNS = 80;
const MAX_INTERFACES = 4;
const MAX_APPS = 8;
const MAX_WARNINGS = 2;

/** Lines of the screen, each no longer than it has room. */
export function screenLines(facts: ScreenFacts): string[] {
  const { system, model } = facts;
  const build = `tskrazy ${system.tskrazyVersion}, build ${shortBuildId(system.buildId)}`;
  return [
    `${system.hostname}   ${model ?? system.board}`,
    system.slot === null ? build : `${build}, slot ${system.slot}`,
    '',
    row('Page', describePage(facts)),
    ...describeCertificate(facts.tls),
    ...describeNetwork(facts),
    '',
    ...describeApps(facts.services),
    ...describeUpdate(facts),
    ...system.warnings.slice(-MAX_WARNINGS).map((text) => row('Warning', text)),
  ].map((line) => cut(asciiOf(line)));
}

function row(name: string, text: string): string {
  return `${name.padEnd(10)} ${text}`;
}

function describePage({ system, tls, webPort, network }: ScreenFacts): string {
  const name = network?.mdnsName ?? system.hostname;
  const [scheme, port, usual] = tls === undefined ? ['http', webPort, 80] : ['https', tls.port, 443];
  return `${scheme}://${name}${port === usual ? '' : `:${port}`}/`;
}

/** For whoever compares it with what a browser shows; in two lines of 16 bytes. */
function describeCertificate(tls: DeviceTls | undefined): string[] {
  if (tls === undefined || tls.own !== undefined) return [];
  const half = Math.ceil(tls.fingerprint.length / 2);
  return [row('SHA-256', tls.fingerprint.slice(0, half)), row('', tls.fingerprint.slice(half))];
}

function describeNetwork(facts: ScreenFacts): string[] {
  const { network } = facts;
  if (network === null) return [row('Network', 'not known yet')];
  const radios = network.wifi?.problem ?? null;
  const ofAll = [...(radios === null ? [] : [row('Wi-Fi', radios)]), ...describeTriedNetwork(facts)];
  if (network.interfaces.length === 0) return [...ofAll, row('Network', 'no interface')];
  // Interfaces with a cable come first.
  const ordered = network.interfaces.toSorted((a, b) => Number(b.carrier) - Number(a.carrier));
  return [
    ...ofAll,
    ...ordered.slice(0, MAX_INTERFACES - ofAll.length).map((each) => row(each.name, describeInterface(each))),
  ];
}

function describeTriedNetwork({ system: { wifi }, nowMs }: ScreenFacts): string[] {
  const news = wifiNewsInRow(wifi, nowMs);
  return news === null ? [] : [row('Wi-Fi', news)];
}

function describeInterface(each: InterfaceStatus): string {
  const { carrier, addresses, wifi, problem } = each;
  if (!carrier) return wifi === undefined ? describeLink(each) : (problem ?? 'looks for a Wi-Fi network');
  const own = addresses.length === 0 ? 'no address yet' : addresses.join(', ');
  // Of a radio the network's name stands first, where it is not cut off.
  const state = wifi === undefined ? own : `${describeLink(each)}, ${own}`;
  return problem === null ? state : `${state} (${problem})`;
}

/** Apps that are not well come first: the others may not have room. Programs of ours are shown when they are not. */
function describeApps(services: readonly ServiceStatus[]): string[] {
  const shown = services.filter(({ kind, state }) => kind !== 'system' || state !== 'running');
  const ordered = shown.toSorted((a, b) => Number(a.state === 'running') - Number(b.state === 'running'));
  const rows = ordered
    .slice(0, MAX_APPS)
    .map(({ name, state, reason }) => row(name, reason === null ? state : `${state}: ${reason}`));
  const more = ordered.length - rows.length;
  return more > 0 ? [...rows, row('', `and ${more} more`)] : rows;
}

function describeUpdate({ updates, nowMs }: ScreenFacts): string[] {
  if (updates === null) return [];
  const { trial, history } = updates;
  if (trial !== null) {
    const minutes = Math.max(0, Math.ceil((trial.deadlineAtMs - nowMs) / 60_000));
    const waits = trial.waitsFor.length === 0 ? 'is well' : `waits: ${trial.waitsFor.join('; ')}`;
    return [
      '',
      row('Update', `build ${shortBuildId(trial.buildId)} on trial, ${minutes} min left, ${waits}`),
    ];
  }
  const [last] = history;
  if (last === undefined || last.outcome === 'confirmed') return [];
  const why = last.reason === null ? '' : `: ${last.reason}`;
  return ['', row('Update', `build ${shortBuildId(last.toBuildId)} ${last.outcome}${why}`)];
}

/** The font of a text console has little else. */
function asciiOf(line: string): string {
  return visibleText(line).replaceAll(/[^ -~]/gu, '?');
}

function cut(line: string): string {
  return line.length <= COLUMNS ? line : `${line.slice(0, COLUMNS - 3)}...`;
}
