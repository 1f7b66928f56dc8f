// Sizes as people read and write them.

import { InvalidArgumentError } from 'commander';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Three significant digits, powers of 1000: `1.21 GB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

const POWERS = ['', 'k', 'm', 'g', 't'];

/** `8G` and `8GiB` are powers of 1024, as qemu-img and dd have it; `8GB` is what is printed on a card. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?b)?|b)?$/i.exec(text.trim());
  if (!match) throw new InvalidArgumentError('Give a size like 2G, 1500MiB or 8GB.');
  const [, number, prefix = '', suffix = ''] = match;
  const base = suffix.toLowerCase() === 'b' ? 1000 : 1024;
  const bytes = Math.floor(Number(number) * base ** POWERS.indexOf(prefix.toLowerCase()));
  if (!Number.isSafeInteger(bytes)) throw new InvalidArgumentError('That is more than any disk has.');
  return bytes;
}
