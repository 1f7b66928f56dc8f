// The files that `tsk build` writes, and what it says of them.

import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { MIN_DISK_BYTES } from '../../shared/board/disk-layout.ts';
import { shortBuildId } from '../../shared/manifest/short-build-id.ts';
import { checkArchiveName, writeArchive } from '../build/archive.ts';
import type { BuiltImage } from '../build/build-image.ts';
import { DEFAULT_DISK_BYTES, writeBootImage, writeDiskImage, writeRootFile } from '../build/disk-image.ts';
import type { LeftOutReason } from '../apps/left-out.ts';
import { displayPath } from '../config/problem.ts';
import { checkOutputTarget } from '../files/output-file.ts';
import { UserError } from '../user-error.ts';
import { formatTable } from './output.ts';
import type { Session } from './session.ts';
import { formatBytes } from './sizes.ts';

export interface ImageFileOptions {
  disk?: string;
  size?: number;
  boot?: string;
  root?: string;
  archive?: string;
}

const KINDS = {
  disk: 'the disk image',
  boot: 'the boot image',
  root: 'the root image',
  archive: 'the archive',
} as const;
type ImageFileKind = keyof typeof KINDS;

export interface ImageFile {
  kind: ImageFileKind;
  /** Absolute. */
  path: string;
  sizeBytes: number;
}

/** Checks before the build: nobody should wait for it to hear of a mistyped size or path. */
export async function checkImageFileOptions(options: ImageFileOptions): Promise<void> {
  checkDiskSize(options);
  checkDistinct(options);
  if (options.archive !== undefined) checkArchiveName(options.archive);
  for (const [kind, path] of namedFiles(options)) await checkOutputTarget(path, KINDS[kind]);
}

function namedFiles(options: ImageFileOptions): [ImageFileKind, string][] {
  return (Object.keys(KINDS) as ImageFileKind[]).flatMap((kind) => {
    const path = options[kind];
    return path === undefined ? [] : [[kind, path]];
  });
}

function checkDistinct(options: ImageFileOptions): void {
  const paths = namedFiles(options).map(([, path]) => resolve(path));
  const twice = paths.find((path, index) => paths.indexOf(path) !== index);
  if (twice === undefined) return;
  throw new UserError(`Cannot write two images to "${twice}"`, { hint: 'Name a file for each of them.' });
}

function checkDiskSize({ disk, size }: ImageFileOptions): void {
  if (size === undefined) return;
  if (disk === undefined) {
    throw new UserError('Cannot use "--size": it goes with "--disk"', { hint: 'Add "--disk FILE".' });
  }
  if (size >= MIN_DISK_BYTES) return;
  throw new UserError(
    `Cannot make a disk of ${formatBytes(size)}: the partitions need ${formatBytes(MIN_DISK_BYTES)} at least`,
    { hint: `Give --size ${Math.ceil(MIN_DISK_BYTES / 1024 ** 2)}MiB or more.` },
  );
}

export async function writeImageFiles(
  session: Session,
  image: BuiltImage,
  options: ImageFileOptions,
): Promise<ImageFile[]> {
  const sizeBytes = options.size ?? DEFAULT_DISK_BYTES;
  const { signal } = session;
  const writers: Record<ImageFileKind, (path: string) => Promise<void>> = {
    disk: (path) => writeDiskImage(image, path, { sizeBytes, signal }),
    boot: (path) => writeBootImage(image, path, signal),
    root: (path) => writeRootFile(image, path, signal),
    archive: (path) => writeArchive(image, path, signal),
  };
  const files: ImageFile[] = [];
  for (const [kind, given] of namedFiles(options)) {
    const path = resolve(given);
    const step = session.output.progress.start(`Writing ${displayPath(path)}`);
    await writers[kind](path);
    step.done();
    files.push({ kind, path, sizeBytes: (await stat(path)).size });
  }
  return files;
}

export function describeImage(
  image: BuiltImage,
  files: readonly ImageFile[],
  { whySize }: { whySize: boolean },
): { value: unknown; text: string } {
  const { manifest } = image;
  const { buildId, hostname, board, components, apps } = manifest;
  const head = `Built ${hostname} for ${board}: build ${shortBuildId(buildId)}, root ${formatBytes(manifest.root.sizeBytes)}`;
  const rows = files.map(({ kind, path, sizeBytes }) => [
    `  ${kind}`,
    formatBytes(sizeBytes),
    displayPath(path),
  ]);
  return {
    value: {
      buildId,
      hostname,
      board,
      components,
      apps: apps.map(({ name, kind }) => ({ name, kind, leftOut: image.leftOut.get(name) ?? [] })),
      rootBytes: manifest.root.sizeBytes,
      files,
      ...(whySize ? { parts: image.parts } : {}),
      warnings: image.warnings,
      notes: image.notes,
    },
    text: [
      head,
      ...(rows.length === 0 ? [] : [formatTable(rows)]),
      ...describeLeftOut(image),
      ...(whySize ? describeParts(image) : []),
      ...(rows.length === 0 ? nextSteps(hostname) : []),
    ].join('\n'),
  };
}

function nextSteps(hostname: string): string[] {
  return [
    `Next: "tsk flash" writes it to a card or disk, "tsk build --disk ${hostname}.img" to an image file.`,
  ];
}

const LISTED_PARTS = 20;

function describeParts({ parts }: BuiltImage): string[] {
  const rest = parts.slice(LISTED_PARTS);
  const last = {
    name: `${rest.length} more`,
    files: sum(rest.map(({ files }) => files)),
    bytes: sum(rest.map(({ bytes }) => bytes)),
    leftOutBytes: sum(rest.map(({ leftOutBytes }) => leftOutBytes)),
  };
  const rows = [...parts.slice(0, LISTED_PARTS), ...(rest.length === 0 ? [] : [last])].map(
    ({ name, files, bytes, leftOutBytes }) => [
      `  ${formatBytes(bytes)}`,
      `${files}`,
      name,
      leftOutBytes === 0 ? '' : `without ${formatBytes(leftOutBytes)}`,
    ],
  );
  return [
    'What weighs most, before it is compressed:',
    formatTable([['  SIZE', 'FILES', 'PART', ''], ...rows]),
  ];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Of one, and of several. */
const REASONS: Readonly<Record<LeftOutReason, readonly [string, string]>> = {
  'foreign binary': ['binary for another machine', 'binaries for other machines'],
  'native source': ['source of an add-on', 'sources of add-ons'],
  declaration: ['type declaration', 'type declarations'],
  'source map': ['source map', 'source maps'],
  link: ['symbolic link', 'symbolic links'],
  'build tool': ['package that only compiles', 'packages that only compile'],
};

/** A line for each app whose packages have something that no device needs. */
function describeLeftOut({ leftOut }: BuiltImage): string[] {
  return [...leftOut]
    .filter(([, rows]) => rows.length > 0)
    .map(([app, rows]) => {
      const words = rows.map(
        ({ reason, files, bytes }) =>
          `${files} ${REASONS[reason][files === 1 ? 0 : 1]} (${formatBytes(bytes)})`,
      );
      return `  left out of the packages of app ${app}: ${words.join(', ')}`;
    });
}
