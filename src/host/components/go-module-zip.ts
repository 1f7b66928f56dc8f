// Reads the zip file of a Go module: hands out its files and works out its `h1:` hash on the way.
// https://go.dev/ref/mod#zip-files

import { createHash, type Hash } from 'node:crypto';
import * as yauzl from 'yauzl';
import { goModuleHash, type HashedFile } from '../../formats/go-module-hash.ts';

/** Go itself refuses module zips of more (golang.org/x/mod/zip, MaxZipFile); keeps a zip bomb off the disk. */
const MAX_UNPACKED_BYTES = 500 * 1024 * 1024;

export interface ModuleFileTaker {
  wants(path: string): boolean;
  /** Reads `content` to its end. */
  take(path: string, content: AsyncIterable<Uint8Array>): Promise<void>;
}

/**
 * The `h1:` hash of the zip file. `taker` gets the files of `module@version` by their path within the module.
 * Throws a SyntaxError for what is no zip of this module.
 */
export async function readGoModuleZip(
  path: string,
  module: GoModuleName,
  taker?: ModuleFileTaker,
): Promise<string> {
  return readOpenedGoModuleZip(
    () => yauzl.openPromise(path, { autoClose: false, lazyEntries: true }),
    path,
    module,
    taker,
  );
}

export interface GoModuleName {
  path: string;
  version: string;
}

/** `path` is what errors name. */
export async function readOpenedGoModuleZip(
  open: () => Promise<yauzl.ZipFile>,
  path: string,
  module: GoModuleName,
  taker?: ModuleFileTaker,
): Promise<string> {
  const prefix = `${module.path}@${module.version}/`;
  const hashes: HashedFile[] = [];
  let unpackedBytes = 0;
  let zip: yauzl.ZipFile | undefined;
  try {
    zip = await open();
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith('/')) continue;
      unpackedBytes += entry.uncompressedSize;
      if (!entry.fileName.startsWith(prefix)) throw new Error(`"${entry.fileName}" is not below "${prefix}"`);
      if (unpackedBytes > MAX_UNPACKED_BYTES) throw new Error('it unpacks to more than 500 MiB');
      const hash = createHash('sha256');
      const content = hashed(await zip.openReadStreamPromise(entry), hash);
      const name = entry.fileName.slice(prefix.length);
      if (taker?.wants(name)) await taker.take(name, content);
      else for await (const chunk of content) void chunk;
      hashes.push({ name: entry.fileName, sha256: hash.digest('hex') });
    }
  } catch (error) {
    // Errors of the file system (a full disk) are not about the zip.
    if (!(error instanceof Error) || 'syscall' in error) throw error;
    throw new SyntaxError(`Cannot read Go module "${path}": ${error.message}`, { cause: error });
  } finally {
    zip?.close();
  }
  return goModuleHash(hashes);
}

async function* hashed(stream: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    hash.update(chunk);
    yield chunk;
  }
}
