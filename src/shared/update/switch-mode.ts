// Which way a device goes from one build to another. What decides is the two manifests.

import type { Manifest, ManifestApp } from '../manifest/manifest.ts';
import type { SwitchMode } from './update-state.ts';

export interface SwitchDecision {
  mode: SwitchMode | 'none';
  /** Why not `live`, a phrase each, the most telling first. */
  rebootBecause: readonly string[];
  /** Apps that are new, gone or other than before. */
  changedApps: readonly string[];
  /** Apps that both have, and the same. */
  unchangedApps: readonly string[];
}

export function decideSwitch(from: Manifest, to: Manifest): SwitchDecision {
  const apps = compareApps(from.apps, to.apps);
  if (from.buildId === to.buildId) return { mode: 'none', rebootBecause: [], ...apps };
  if (from.systemSha256 === to.systemSha256) return { mode: 'live', rebootBecause: [], ...apps };
  return { mode: 'reboot', rebootBecause: describeSystemChange(from, to), ...apps };
}

export function compareApps(
  from: readonly ManifestApp[],
  to: readonly ManifestApp[],
): Pick<SwitchDecision, 'changedApps' | 'unchangedApps'> {
  const before = new Map(from.map((app) => [app.name, app.contentSha256]));
  const after = new Map(to.map((app) => [app.name, app.contentSha256]));
  const names = [...new Set([...before.keys(), ...after.keys()])].toSorted();
  const isSame = (name: string): boolean => before.get(name) === after.get(name);
  return {
    changedApps: names.filter((name) => !isSame(name)),
    unchangedApps: names.filter(isSame),
  };
}

function describeSystemChange(from: Manifest, to: Manifest): string[] {
  const names = [...new Set([...Object.keys(from.components), ...Object.keys(to.components)])].toSorted();
  const reasons = names
    .filter((name) => from.components[name] !== to.components[name])
    .map((name) => `${name} ${from.components[name] ?? 'none'} becomes ${to.components[name] ?? 'none'}`);
  if (from.kernelArgs.join(' ') !== to.kernelArgs.join(' ')) reasons.push('the kernel command line changes');
  if (from.tskrazyVersion !== to.tskrazyVersion)
    reasons.push(`tskrazy ${from.tskrazyVersion} becomes ${to.tskrazyVersion}`);
  return reasons.length > 0 ? reasons : ['programs or configuration of the system change'];
}
