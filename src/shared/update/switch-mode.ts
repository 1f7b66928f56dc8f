// Which way a device goes from one build to another. What decides is the two manifests.

import type { Manifest } from '../manifest/manifest.ts';
import type { SwitchMode } from './update-state.ts';

export interface SwitchDecision {
  mode: SwitchMode | 'none';
  /** Why not `live`, a phrase each, the most telling first. */
  rebootBecause: readonly string[];
  /** Apps that are new, gone or other than before. */
  changedApps: readonly string[];
}

export function decideSwitch(from: Manifest, to: Manifest): SwitchDecision {
  const changedApps = changedAppsOf(from, to);
  if (from.buildId === to.buildId) return { mode: 'none', rebootBecause: [], changedApps };
  if (from.systemSha256 === to.systemSha256) return { mode: 'live', rebootBecause: [], changedApps };
  return { mode: 'reboot', rebootBecause: describeSystemChange(from, to), changedApps };
}

function changedAppsOf(from: Manifest, to: Manifest): string[] {
  const before = new Map(from.apps.map((app) => [app.name, app.contentSha256]));
  const after = new Map(to.apps.map((app) => [app.name, app.contentSha256]));
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((name) => before.get(name) !== after.get(name))
    .toSorted();
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
