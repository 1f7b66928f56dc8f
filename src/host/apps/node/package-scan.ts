// Scans the files of packages that went into an app's bundle, each version of a file once: what was found is kept in
// the cache with the file's size and times, because parsing takes about as long as bundling.

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { ComponentCache } from '../../components/cache.ts';
import { cacheKeyOf } from '../cache-key.ts';
import { type Finding, scanPackageCode } from './package-code.ts';

/** Counts up when package-code.ts finds other things. */
const FORMAT = 2;

/** By path: the file's state, and what was found in it. */
type Scans = Record<string, [state: string, findings: Finding[]]>;

export class PackageScan {
  readonly #cache: ComponentCache;
  readonly #path: string;
  readonly #before: Scans;
  #now: Scans = {};

  private constructor(cache: ComponentCache, path: string, before: Scans) {
    this.#cache = cache;
    this.#path = path;
    this.#before = before;
  }

  /** `of`: what names the app among all of this computer. */
  static async open(cacheDirectory: string, of: readonly string[]): Promise<PackageScan> {
    const cache = new ComponentCache(cacheDirectory);
    const path = join(await cache.stateDirectory('scans'), `${cacheKeyOf([FORMAT, of])}.json`);
    return new PackageScan(cache, path, readScans(path));
  }

  findings(path: string): Finding[] {
    if (!/\.[cm]?jsx?$/.test(path)) return [];
    const { size, mtimeMs, ctimeMs } = statSync(path);
    const state = `${size} ${mtimeMs} ${ctimeMs}`;
    const known = this.#now[path] ?? this.#before[path];
    const findings = known?.[0] === state ? known[1] : scanPackageCode(readFileSync(path, 'utf8'));
    this.#now[path] = [state, findings];
    return findings;
  }

  async save(): Promise<void> {
    const text = JSON.stringify(this.#now);
    if (text === JSON.stringify(this.#before)) return;
    await this.#cache.withTemporary('scan', async (temporary) => {
      const incoming = join(temporary, 'scan.json');
      writeFileSync(incoming, text);
      await rename(incoming, this.#path);
    });
  }
}

function readScans(path: string): Scans {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Scans;
  } catch {
    // The first build, or a file that a full disk cut short: everything is scanned.
    return {};
  }
}
