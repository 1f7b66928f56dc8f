// The message for an image that does not fit its partition: by how much, and which files are worth a look.

import { UserError } from '../user-error.ts';
import type { PartWeight } from './weigh-parts.ts';

export interface WeighedFile {
  /** Name as the user knows it, with its origin where that helps. */
  name: string;
  sizeBytes: number;
}

const LISTED = 5;

/** `parts`: who brings the files, the heaviest first, where there is more than one. */
export function tooLarge(
  act: string,
  sizes: { neededBytes: number; maxBytes: number },
  files: readonly WeighedFile[],
  parts: readonly PartWeight[] = [],
): UserError {
  const { neededBytes, maxBytes } = sizes;
  const heaviestFiles = files
    .toSorted((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, LISTED)
    .map(({ name, sizeBytes }) => weightLine(name, sizeBytes));
  const heaviestParts = parts.slice(0, LISTED).map(({ name, bytes }) => weightLine(name, bytes));
  const lines = [
    ...(heaviestParts.length === 0 ? [] : ['What weighs most, uncompressed:', ...heaviestParts]),
    'The largest files, uncompressed:',
    ...heaviestFiles,
  ];
  return new UserError(
    `${act}: it needs ${mebibytes(neededBytes)}, ${mebibytes(neededBytes - maxBytes)} more than its partition of ${mebibytes(maxBytes)}`,
    { hint: lines.join('\n') },
  );
}

function weightLine(name: string, sizeBytes: number): string {
  return `  ${mebibytes(sizeBytes).padStart(9)}  ${name}`;
}

/** Rounded up, so that what is missing is never said to be 0. */
function mebibytes(bytes: number): string {
  return `${(Math.ceil((bytes / 1024 / 1024) * 10) / 10).toFixed(1)} MiB`;
}
