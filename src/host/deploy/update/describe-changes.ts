// What a device runs, beside what it is to run: what a person wants to see before the update begins.

import type { Manifest } from '../../../shared/manifest/manifest.ts';
import type { SlotContent } from '../../../shared/update/update-api.ts';

interface NamedChange {
  /** A component, `tskrazy`, `hostname`. */
  name: string;
  /** null: there is none. */
  from: string | null;
  to: string | null;
}

interface AppChange {
  name: string;
  change: 'new' | 'changed' | 'gone';
}

export interface Changes {
  system: readonly NamedChange[];
  apps: readonly AppChange[];
}

type Content = Pick<SlotContent, 'hostname' | 'tskrazyVersion' | 'components' | 'apps'>;

export function describeChanges(
  from: Content,
  to: Pick<Manifest, 'hostname' | 'tskrazyVersion' | 'components' | 'apps'> | Content,
): Changes {
  return { system: systemChanges(from, to), apps: appChanges(from.apps, to.apps) };
}

function systemChanges(from: Content, to: Content): NamedChange[] {
  const before = namesOf(from);
  const after = namesOf(to);
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((name) => ({ name, from: before.get(name) ?? null, to: after.get(name) ?? null }))
    .filter((change) => change.from !== change.to);
}

function namesOf({ hostname, tskrazyVersion, components }: Content): Map<string, string> {
  const sorted = Object.entries(components).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return new Map([['hostname', hostname], ['tskrazy', tskrazyVersion], ...sorted]);
}

function appChanges(from: Manifest['apps'], to: Manifest['apps']): AppChange[] {
  const before = new Map(from.map((app) => [app.name, app.contentSha256]));
  const after = new Map(to.map((app) => [app.name, app.contentSha256]));
  return [...new Set([...before.keys(), ...after.keys()])].toSorted().flatMap((name): AppChange[] => {
    if (!before.has(name)) return [{ name, change: 'new' }];
    if (!after.has(name)) return [{ name, change: 'gone' }];
    return before.get(name) === after.get(name) ? [] : [{ name, change: 'changed' }];
  });
}
