// An extracted component on disk: `files/` with its files, `component.json` with their hashes, `checked.json`.
//
// Every load verifies every file. Hashing the 170 MB of a board's components would take longer than a whole
// rebuild may (0.8 s), so a file counts as verified when its size, modification time and inode are those noted in
// checked.json after its bytes had been hashed; any other file is hashed again, and a wrong one makes the tree
// useless. That finds damage and careless edits. Somebody who can forge times in the user's own cache could also
// edit component.json: `verifyFile` is for callers who want the bytes checked all the same.

import { createHash } from 'node:crypto';
import { lstat, open, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UserError } from '../user-error.ts';
import { COMPONENT_NAMES, type Component, type ComponentFile, type ComponentName } from './component.ts';
import { wrongHash } from './component-error.ts';
import { sha256Of, sha256OfFile } from './file-hash.ts';
import { makeDirectory } from '../files/make-directory.ts';

const FORMAT_VERSION = 1;

interface TreeRecord {
  formatVersion: typeof FORMAT_VERSION;
  name: ComponentName;
  version: string;
  files: ComponentFile[];
}

/** Size, modification time and inode by path. */
type CheckedRecord = Record<string, string>;

/** Writes the files of a component into a directory and notes their hashes on the way. */
export class TreeWriter {
  readonly #directory: string;
  readonly #files = new Map<string, ComponentFile>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  get files(): ComponentFile[] {
    return [...this.#files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }

  async file(
    path: string,
    mode: number,
    content: Uint8Array | AsyncIterable<Uint8Array>,
  ): Promise<ComponentFile> {
    const target = await this.#prepare(path);
    const hash = createHash('sha256');
    let sizeBytes = 0;
    const handle = await open(target, 'wx', mode);
    try {
      for await (const chunk of content instanceof Uint8Array ? [content] : content) {
        hash.update(chunk);
        sizeBytes += chunk.length;
        await handle.writeFile(chunk);
      }
      // `open` applies the umask.
      await handle.chmod(mode);
    } finally {
      await handle.close();
    }
    const file: ComponentFile = { path, kind: 'file', mode, sizeBytes, sha256: hash.digest('hex') };
    this.#files.set(path, file);
    return file;
  }

  async symlink(path: string, target: string): Promise<void> {
    await symlink(target, await this.#prepare(path));
    const sizeBytes = Buffer.byteLength(target);
    this.#files.set(path, {
      path,
      kind: 'symlink',
      mode: 0o777,
      sizeBytes,
      sha256: sha256Of(target),
      target,
    });
  }

  async #prepare(path: string): Promise<string> {
    // Paths come from archives: none may climb out of the tree.
    if (path === '' || path.split('/').some((part) => part === '' || part === '.' || part === '..')) {
      throw new RangeError(`Cannot add "${path}" to a component: not a relative, normalised path`);
    }
    if (this.#files.has(path))
      throw new RangeError(`Cannot add "${path}" to a component: it is there already`);
    const target = join(this.#directory, path);
    await makeDirectory(dirname(target));
    return target;
  }
}

/**
 * Makes the tree at `path`: `fill` writes the files, everything happens in `temporary`, one rename publishes it.
 * A tree that is already there is replaced.
 */
export async function createTree(
  path: string,
  temporary: string,
  identity: { name: ComponentName; version: string },
  fill: (writer: TreeWriter) => Promise<void>,
): Promise<Component> {
  const work = join(temporary, 'tree');
  const filesDirectory = join(work, 'files');
  await makeDirectory(filesDirectory);
  const writer = new TreeWriter(filesDirectory);
  await fill(writer);
  const record: TreeRecord = { formatVersion: FORMAT_VERSION, ...identity, files: writer.files };
  await writeFile(join(work, 'component.json'), `${JSON.stringify(record, null, 1)}\n`);
  const checked: CheckedRecord = {};
  for (const file of record.files) checked[file.path] = await stampOf(join(filesDirectory, file.path));
  await writeFile(join(work, 'checked.json'), `${JSON.stringify(checked)}\n`);
  await makeDirectory(dirname(path));
  await rm(path, { recursive: true, force: true });
  await rename(work, path);
  return { ...identity, directory: join(path, 'files'), files: record.files };
}

/** The component at `path`; `undefined` when there is none or when it is damaged (`onDamage` says how). */
export async function openTree(
  path: string,
  onDamage: (what: string) => void,
): Promise<Component | undefined> {
  const record = await readRecord(join(path, 'component.json'));
  if (record === undefined) return undefined;
  if (record === 'damaged') {
    onDamage('"component.json" is not readable');
    return undefined;
  }
  const directory = join(path, 'files');
  const checked = await readJson<CheckedRecord>(join(path, 'checked.json'));
  const stamps: CheckedRecord = {};
  let mustWrite = false;
  for (const file of record.files) {
    const state = await checkFile(directory, file, checked?.[file.path]);
    if (state.damage !== undefined) {
      onDamage(`"${file.path}" ${state.damage}`);
      return undefined;
    }
    stamps[file.path] = state.stamp;
    mustWrite ||= state.stamp !== checked?.[file.path];
  }
  if (mustWrite) await writeChecked(join(path, 'checked.json'), stamps);
  return { name: record.name, version: record.version, directory, files: record.files };
}

/** Hashes the bytes of one file, whatever its times say. */
export async function verifyFile(component: Component, path: string): Promise<void> {
  const file = component.files.find((candidate) => candidate.path === path);
  if (!file) throw new RangeError(`Cannot verify "${path}": component ${component.name} has no such file`);
  const got = await contentHash(component.directory, file);
  if (got !== file.sha256) throw wrongHash(component.name, path, file.sha256, got);
}

type FileState = { stamp: string; damage?: undefined } | { damage: string };

async function checkFile(
  directory: string,
  file: ComponentFile,
  knownStamp: string | undefined,
): Promise<FileState> {
  const path = join(directory, file.path);
  let stamp: string;
  try {
    stamp = await stampOf(path);
    if (stamp === knownStamp) return { stamp };
    const got = await contentHash(directory, file);
    return got === file.sha256 ? { stamp } : { damage: `has SHA-256 ${got}, not ${file.sha256}` };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // EINVAL: a file where the symlink was. EISDIR: the other way round.
    if (code === 'ENOENT' || code === 'ENOTDIR') return { damage: 'is missing' };
    if (code === 'EINVAL' || code === 'EISDIR') return { damage: 'is of another kind' };
    throw error;
  }
}

async function contentHash(directory: string, file: ComponentFile): Promise<string> {
  const path = join(directory, file.path);
  return file.kind === 'symlink' ? sha256Of(await readlink(path)) : sha256OfFile(path);
}

async function stampOf(path: string): Promise<string> {
  const { size, mtimeNs, ino, mode } = await lstat(path, { bigint: true });
  return `${size} ${mtimeNs} ${ino} ${mode.toString(8)}`;
}

async function writeChecked(path: string, stamps: CheckedRecord): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  try {
    await writeFile(temporary, `${JSON.stringify(stamps)}\n`);
    await rename(temporary, path);
  } catch {
    // A cache that is read-only or full still serves; only the next load hashes again.
    await rm(temporary, { force: true }).catch(() => {
      // Nothing was written then.
    });
  }
}

async function readRecord(path: string): Promise<TreeRecord | 'damaged' | undefined> {
  const record = await readJson<TreeRecord>(path);
  if (record === undefined) return undefined;
  const isSound =
    record !== null &&
    record.formatVersion === FORMAT_VERSION &&
    COMPONENT_NAMES.includes(record.name) &&
    typeof record.version === 'string' &&
    Array.isArray(record.files);
  return isSound ? record : 'damaged';
}

/** `undefined` when there is no such file, `null` when it holds no JSON. */
async function readJson<T>(path: string): Promise<T | null | undefined> {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    // What is in the way, or forbidden, the caller says: it knows where the cache is.
    if (code === 'ENOTDIR' || code === 'EACCES') throw error;
    throw new UserError(`Cannot read the component cache at "${path}": ${(error as Error).message}`, {
      hint: 'Delete that file, or set XDG_CACHE_HOME to another directory',
      cause: error,
    });
  }
  try {
    return JSON.parse(content) as T;
  } catch {
    return null;
  }
}
