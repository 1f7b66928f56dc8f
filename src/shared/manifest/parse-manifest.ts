// Reads a manifest that came over the network or from a slot that nobody vouches for. Everything in it is bounded
// and fits together afterwards; whether its contents are to be trusted is up to its signatures.

import { MAX_CHUNK_BYTES } from '../../formats/chunk-stream.ts';
import { checkName, directoriesAbove, foldName } from '../../formats/fat/names.ts';
import { BOARD_IDS, BOARDS } from '../board/boards.ts';
import { kernelArgsProblem } from '../board/cmdline.ts';
import {
  type Manifest,
  type ManifestApp,
  type ManifestChunk,
  type ManifestFile,
  MANIFEST_NAME,
  MAX_MANIFEST_BYTES,
} from './manifest.ts';
import { SIGNATURES_NAME } from './manifest-signature.ts';
import { APP_NAME } from '../app-name.ts';
import { parseUntrustedJson, type UntrustedValue } from '../untrusted-json.ts';

const SHA256 = /^[0-9a-f]{64}$/;
const HOSTNAME = /^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$/;
/** Printable, without blanks. */
const VERSION = /^[!-~]{1,200}$/;
/** Such as FAT makes for files of long names: another file could be the same one under it. */
const FAT_ALIAS = /^[^.]{1,7}~\d{1,6}(?:\.[^.]{1,3})?$/;
const KERNEL_WORD = /^[ -~]{1,1000}$/;

const GIB = 1024 ** 3;
const MAX_TIME_SEC = 2 ** 32 - 1;
const MAX_COMPONENTS = 64;
const MAX_APPS = 1000;
/** A Raspberry Pi has some 400, nearly all of them overlays. */
const MAX_BOOT_FILES = 2000;
const MAX_BOOT_FILE_BYTES = GIB;
const MAX_ROOT_BYTES = 64 * GIB;
const MAX_PARTITION_BYTES = 1024 * GIB;
const MAX_PATH = 200;
const MAX_KERNEL_ARGS = 200;
/** More do not fit into MAX_MANIFEST_BYTES. */
const MAX_CHUNKS = MAX_MANIFEST_BYTES / 64;

/** Throws SyntaxError. */
export function parseManifest(bytes: Uint8Array): Manifest {
  const root = parseUntrustedJson(bytes, { name: 'the manifest', maxBytes: MAX_MANIFEST_BYTES });
  const formatVersion = root.field('formatVersion').oneOf([1]);
  const board = root.field('board').oneOf(BOARD_IDS);
  const rootImage = parseContent(root.field('root'), MAX_ROOT_BYTES);
  return {
    formatVersion,
    buildId: root.field('buildId').text(SHA256),
    hostname: root.field('hostname').text(HOSTNAME),
    board,
    arch: root.field('arch').oneOf([BOARDS[board].goArch]),
    tskrazyVersion: root.field('tskrazyVersion').text(VERSION),
    buildTimeSec: root.field('buildTimeSec').integer(0, MAX_TIME_SEC),
    components: parseComponents(root.field('components')),
    kernelArgs: parseKernelArgs(root.field('kernelArgs')),
    systemSha256: root.field('systemSha256').text(SHA256),
    apps: parseApps(root.field('apps')),
    bootFiles: parseBootFiles(root.field('bootFiles')),
    root: rootImage,
    minLayout: parseMinLayout(root.field('minLayout'), rootImage.sizeBytes),
  };
}

function parseComponents(value: UntrustedValue): Record<string, string> {
  const entries = value.entries(MAX_COMPONENTS);
  return Object.fromEntries(
    entries.map(([name, version]) => {
      if (!APP_NAME.test(name)) throw version.error('is no component');
      return [name, version.text(VERSION)];
    }),
  );
}

function parseKernelArgs(value: UntrustedValue): string[] {
  const words = value.items(MAX_KERNEL_ARGS).map((word) => word.text(KERNEL_WORD));
  const problem = kernelArgsProblem(words);
  if (problem !== undefined) throw value.error(problem);
  return words;
}

function parseApps(value: UntrustedValue): ManifestApp[] {
  const apps = value.items(MAX_APPS).map((app) => ({
    name: app.field('name').text(APP_NAME),
    kind: app.field('kind').text(APP_NAME),
    contentSha256: app.field('contentSha256').text(SHA256),
  }));
  refuseTwins(
    value,
    apps.map(({ name }) => name),
  );
  return apps;
}

function parseBootFiles(value: UntrustedValue): ManifestFile[] {
  const files = value.items(MAX_BOOT_FILES).map((file) => ({
    path: parsePath(file.field('path')),
    ...parseContent(file, MAX_BOOT_FILE_BYTES),
  }));
  // FAT has one name for those that differ in case only, and one name is either a file or a directory.
  const paths = [...files.map(({ path }) => path), MANIFEST_NAME, SIGNATURES_NAME];
  const folded = paths.map(foldName);
  refuseTwins(value, folded);
  const directories = new Set(folded.flatMap(directoriesAbove));
  const both = paths.find((path) => directories.has(foldName(path)));
  if (both !== undefined) throw value.error(`has "${both}" both as a file and as a directory`);
  return files;
}

function parsePath(value: UntrustedValue): string {
  const path = value.text(/^[!-~]/);
  if (path.length > MAX_PATH) throw value.error(`has more than ${MAX_PATH} characters`);
  if (!/^[ -~]+$/.test(path)) throw value.error('has characters other than printable ASCII');
  try {
    for (const name of path.split('/')) checkName(name);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw value.error(`is not the path of a file in the slot's directory: ${cause.message}`);
  }
  const alias = path.split('/').find((name) => FAT_ALIAS.test(name));
  if (alias !== undefined) throw value.error(`has "${alias}", which is a name that FAT gives to other files`);
  return path;
}

function refuseTwins(value: UntrustedValue, names: readonly string[]): void {
  const twin = names.find((name, index) => names.indexOf(name) !== index);
  if (twin !== undefined) throw value.error(`has "${twin}" twice`);
}

interface Content {
  sizeBytes: number;
  sha256: string;
  chunks: ManifestChunk[];
}

function parseContent(value: UntrustedValue, maxBytes: number): Content {
  const sizeBytes = value.field('sizeBytes').integer(0, maxBytes);
  const chunks = value
    .field('chunks')
    .items(MAX_CHUNKS)
    .map((chunk) => ({
      lengthBytes: chunk.field('lengthBytes').integer(1, MAX_CHUNK_BYTES),
      sha256: chunk.field('sha256').text(SHA256),
    }));
  const total = chunks.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  if (total !== sizeBytes) throw value.field('chunks').error(`have ${total} bytes, not ${sizeBytes}`);
  return { sizeBytes, sha256: value.field('sha256').text(SHA256), chunks };
}

function parseMinLayout(value: UntrustedValue, rootBytes: number): Manifest['minLayout'] {
  return {
    rootPartitionBytes: value.field('rootPartitionBytes').integer(rootBytes, MAX_PARTITION_BYTES),
    bootPartitionBytes: value.field('bootPartitionBytes').integer(0, MAX_PARTITION_BYTES),
  };
}
