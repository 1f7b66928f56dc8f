// Which view the page shows: the part of the address after `#`, so that the browser's back button works.

export type View = { name: 'overview' } | { name: 'updates' } | { name: 'log'; of: string; boot: number };

export const UPDATES_HREF = '#/updates';

export function parseView(hash: string): View {
  if (hash === UPDATES_HREF) return { name: 'updates' };
  const match = /^#\/logs\/([^/?]+)(?:\?boot=(-\d+))?$/.exec(hash);
  try {
    return match?.[1] === undefined
      ? { name: 'overview' }
      : { name: 'log', of: decodeURIComponent(match[1]), boot: Number(match[2] ?? 0) };
  } catch {
    // An address that somebody typed.
    return { name: 'overview' };
  }
}

/** `boot` as in LogQuery. */
export function logHref(name: string, boot = 0): string {
  return `#/logs/${encodeURIComponent(name)}${boot === 0 ? '' : `?boot=${boot}`}`;
}
