// The `h1:` hash by which go.sum pins a Go module: SHA-256 over a sorted list of the SHA-256 of its files.
// Algorithm "Hash1" of golang.org/x/mod/sumdb/dirhash; https://go.dev/ref/mod#go-sum-files

import { createHash } from 'node:crypto';

export interface HashedFile {
  /** Name as in the module's zip file: `github.com/user/module@v1.2.3/path/in/module`. */
  name: string;
  /** Lower-case hexadecimal. */
  sha256: string;
}

export function goModuleHash(files: Iterable<HashedFile>): string {
  // Go compares strings by bytes, JavaScript by UTF-16 units: they differ outside of the basic plane.
  const sorted = [...files]
    .map((file) => ({ ...file, key: Buffer.from(file.name) }))
    .sort((a, b) => Buffer.compare(a.key, b.key));
  const hash = createHash('sha256');
  for (const file of sorted) {
    if (file.name.includes('\n')) {
      throw new TypeError(`Cannot hash Go module: the file name ${JSON.stringify(file.name)} has a newline`);
    }
    hash.update(`${file.sha256}  ${file.name}\n`);
  }
  return `h1:${hash.digest('base64')}`;
}
