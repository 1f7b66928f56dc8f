// The message for an image that does not fit its partition: by how much, and which files are worth a look.

import { UserError } from '../user-error.ts';

export interface WeighedFile {
  /** Name as the user knows it, with its origin where that helps. */
  name: string;
  sizeBytes: number;
}

const LISTED_FILES = 5;

export function tooLarge(
  act: string,
  sizes: { neededBytes: number; maxBytes: number },
  files: readonly WeighedFile[],
): UserError {
  const { neededBytes, maxBytes } = sizes;
  const heaviest = files
    .toSorted((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, LISTED_FILES)
    .map(({ name, sizeBytes }) => `  ${mebibytes(sizeBytes).padStart(9)}  ${name}`);
  return new UserError(
    `${act}: it needs ${mebibytes(neededBytes)}, ${mebibytes(neededBytes - maxBytes)} more than its partition of ${mebibytes(maxBytes)}`,
    { hint: `The largest files, uncompressed:\n${heaviest.join('\n')}` },
  );
}

/** Rounded up, so that what is missing is never said to be 0. */
function mebibytes(bytes: number): string {
  return `${(Math.ceil((bytes / 1024 / 1024) * 10) / 10).toFixed(1)} MiB`;
}
