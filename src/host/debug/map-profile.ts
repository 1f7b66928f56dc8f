// Places of a CPU profile (Profiler.Profile of the Chrome DevTools Protocol) in the user's files instead of in bundles: the
// device has no source maps, and DevTools find none. Pure but for the maps. The profile is an app's word.

import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import type { SourcePlaces } from '../devices/source-places.ts';
import { devicePath } from './device-path.ts';
import { objectOf, textOf } from './loose-values.ts';

/** `directory`: the instance's, which sources are relative to. */
export function mapProfile(
  profile: Record<string, unknown>,
  places: SourcePlaces,
  directory: string,
): Record<string, unknown> {
  const { nodes } = profile;
  if (!Array.isArray(nodes)) return profile;
  return { ...profile, nodes: nodes.map((node) => mapNode(objectOf(node), places, directory)) };
}

function mapNode(
  node: Record<string, unknown>,
  places: SourcePlaces,
  directory: string,
): Record<string, unknown> {
  const frame = objectOf(node['callFrame']);
  const path = devicePath(textOf(frame['url']));
  const { lineNumber, columnNumber } = frame;
  if (path === undefined || typeof lineNumber !== 'number' || typeof columnNumber !== 'number') return node;
  // The protocol counts both from 0.
  const found = places.find(path, lineNumber + 1, columnNumber + 1);
  if (found === undefined) return node;
  const callFrame = {
    ...frame,
    url: pathToFileURL(resolve(directory, found.source)).href,
    lineNumber: found.line - 1,
    columnNumber: found.column - 1,
  };
  return { ...node, callFrame, ...mapTicks(node['positionTicks'], path, found.source, places) };
}

/** How often each line was seen; lines of what the bundler has added belong to no file. */
function mapTicks(ticks: unknown, path: string, source: string, places: SourcePlaces): object {
  if (!Array.isArray(ticks)) return {};
  const counts = new Map<number, number>();
  for (const tick of ticks) {
    const { line, ticks: count } = objectOf(tick);
    if (typeof line !== 'number' || typeof count !== 'number') continue;
    const found = places.find(path, line);
    if (found?.source === source) counts.set(found.line, (counts.get(found.line) ?? 0) + count);
  }
  return { positionTicks: [...counts].map(([line, count]) => ({ line, ticks: count })) };
}
