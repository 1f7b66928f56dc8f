// Components that are made of Debian packages: which packages exactly, and where their files are on this machine.
// apt where the host has it, a plain mirror (TSK_DEBIAN_MIRROR) else; the lock's SHA-256 decides in any case.

import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../user-error.ts';
import { noNetwork, notInCache, wrongHash } from './component-error.ts';
import { Apt } from './debian-apt.ts';
import { dependenciesOf, type Stanza } from './debian-control.ts';
import { debianMirror, mirrorDownload, mirrorPackages, type PackageList } from './debian-mirror.ts';
import { sha256OfFile } from './file-hash.ts';
import type { LockedDebian, LockedDebianPackage } from './lock-file.ts';
import { megabytes } from '../progress.ts';
import { findTool } from '../run-tool.ts';
import type { SourceContext } from './source-context.ts';
import { makeDirectory } from '../files/make-directory.ts';

/** A component's packages: those named, and what they depend on as far as `follows` says. */
export interface DebianSelection {
  /** The first gives the component its version. */
  packages: readonly string[];
  follows: (dependency: string) => boolean;
}

/** Debian for one board and build; shared by all components, so that apt is asked one thing at a time. */
export class DebianSource {
  readonly #context: SourceContext;
  #apt: Promise<Apt | undefined> | undefined;
  #mirrorList: Promise<PackageList> | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(context: SourceContext) {
    this.#context = context;
  }

  /** The newest versions, with their hashes: all from apt or all from the mirror, so that they fit together. */
  async resolve(component: string, selection: DebianSelection): Promise<LockedDebian> {
    const apt = await this.#findApt();
    const mirror = debianMirror(this.#context);
    if (!apt && mirror === undefined) throw cannotDownload(component, [], 'apt is not installed', false);
    let found: Map<string, Stanza> | undefined;
    if (apt) found = await select(selection, (names) => this.#aptStanzas(apt, names));
    if (!found && mirror !== undefined) {
      this.#mirrorList ??= mirrorPackages(this.#context, mirror);
      const list = await this.#mirrorList;
      found = await select(selection, async (names) => list(names));
    }
    if (!found) throw this.#noSuchPackage(component, selection, apt);
    const packages = [...found.values()].map((stanza) => lockedPackage(component, stanza));
    packages.sort((a, b) => (a.name < b.name ? -1 : 1));
    const main = packages.find((candidate) => candidate.name === selection.packages[0]);
    return { source: 'debian', version: main?.version ?? '', packages };
  }

  /** Paths of the packages' .deb files, by name; each has the locked hash. */
  async fetch(component: string, locked: LockedDebian): Promise<Map<string, string>> {
    const { cache, offline } = this.#context;
    const paths = new Map<string, string>();
    const missing: LockedDebianPackage[] = [];
    for (const each of locked.packages) {
      const path = cache.blobPath(digestOf(each));
      if (await hasHash(path, each.sha256)) paths.set(each.name, path);
      else missing.push(each);
    }
    if (missing.length === 0) return paths;
    if (offline) throw notInCache(component, locked.version);
    const totalBytes = missing.reduce((sum, each) => sum + each.sizeBytes, 0);
    const step = this.#context.report.start(`${component} ${locked.version}`, totalBytes);
    await this.#download(component, missing, (bytes) => step.advance(bytes));
    step.done(megabytes(totalBytes));
    for (const each of missing) paths.set(each.name, cache.blobPath(digestOf(each)));
    return paths;
  }

  async #download(
    component: string,
    packages: readonly LockedDebianPackage[],
    onBytes: (bytes: number) => void,
  ): Promise<void> {
    const apt = await this.#findApt();
    const mirror = debianMirror(this.#context);
    let complaint: string | undefined = 'apt is not installed';
    if (apt) {
      complaint = await this.#exclusively(() => this.#downloadByApt(apt, component, packages, onBytes));
      if (complaint === undefined) return;
    }
    if (mirror === undefined) throw cannotDownload(component, packages, complaint, apt !== undefined);
    for (const each of packages) {
      const isIntact = (path: string) => hasHash(path, each.sha256);
      await this.#context.cache.blob(digestOf(each), isIntact, (destination) =>
        mirrorDownload(component, mirror, each, destination, onBytes),
      );
    }
  }

  /** Tries with the lists that are there, then with fresh ones. Returns apt's complaint when neither does. */
  async #downloadByApt(
    apt: Apt,
    component: string,
    packages: readonly LockedDebianPackage[],
    onBytes: (bytes: number) => void,
  ): Promise<string | undefined> {
    const directory = await this.#context.cache.stateDirectory(
      'apt',
      this.#context.board.debianArch,
      'download',
    );
    await rm(directory, { recursive: true });
    await makeDirectory(directory);
    const totalBytes = packages.reduce((sum, each) => sum + each.sizeBytes, 0);
    let reached = 0;
    const onPercent = (percent: number) => {
      const bytes = Math.floor((totalBytes * percent) / 100);
      if (bytes > reached && bytes <= totalBytes) {
        onBytes(bytes - reached);
        reached = bytes;
      }
    };
    let complaint = await apt.download(packages, directory, onPercent);
    if (complaint !== undefined) {
      await apt.update();
      complaint = await apt.download(packages, directory, onPercent);
    }
    // A package is unknown also when the lists could not be fetched; then that is what to say.
    if (complaint !== undefined) return isNetworkComplaint(apt.complaint) ? apt.complaint : complaint;
    await this.#adopt(component, packages, directory);
    onBytes(totalBytes - reached);
    return undefined;
  }

  /** Moves apt's downloads into the cache. Which file is which package, the name up to the first `_` says. */
  async #adopt(
    component: string,
    packages: readonly LockedDebianPackage[],
    directory: string,
  ): Promise<void> {
    const files = await readdir(directory);
    for (const each of packages) {
      const file = files.find((name) => name.startsWith(`${each.name}_`) && name.endsWith('.deb'));
      if (file === undefined) throw new Error(`Cannot find the download of "${each.name}" in "${directory}"`);
      const path = join(directory, file);
      const got = await sha256OfFile(path);
      if (got !== each.sha256) {
        await rm(path);
        throw wrongHash(component, `${each.name} ${each.version}`, each.sha256, got);
      }
      const isIntact = (blob: string) => hasHash(blob, each.sha256);
      await this.#context.cache.blob(digestOf(each), isIntact, (destination) => rename(path, destination));
    }
  }

  #aptStanzas(apt: Apt, names: readonly string[]): Promise<Stanza[]> {
    return this.#exclusively(async () => {
      await apt.update();
      return apt.show(names);
    });
  }

  /** apt's lists are one state for all components, in this process and in others. */
  async #exclusively<T>(action: () => Promise<T>): Promise<T> {
    const { cache, board } = this.#context;
    const result = this.#queue.then(() => cache.withLock(`apt-${board.debianArch}`, action));
    this.#queue = result.catch(() => {
      // The caller hears of it; the next in the queue need not.
    });
    return result;
  }

  #findApt(): Promise<Apt | undefined> {
    this.#apt ??= (async () => {
      const { environment } = this.#context;
      const [get, cache, config] = await Promise.all(
        ['apt-get', 'apt-cache', 'apt-config'].map((name) => findTool(name, environment)),
      );
      return get && cache && config ? new Apt(this.#context, { get, cache, config }) : undefined;
    })();
    return this.#apt;
  }

  #noSuchPackage(component: string, selection: DebianSelection, apt: Apt | undefined): UserError {
    const complaint = apt?.complaint ?? '';
    if (isNetworkComplaint(complaint))
      return noNetwork(component, 'the Debian archive', new Error(complaint));
    const { debianArch } = this.#context.board;
    const from = apt ? 'apt' : 'TSK_DEBIAN_MIRROR';
    return new UserError(
      `Cannot download component ${component}: ${from} does not offer "${selection.packages.join('", "')}" ` +
        `for ${debianArch}${complaint === '' ? '' : `: ${complaint}`}`,
      { hint: `Set TSK_DEBIAN_MIRROR to a Debian mirror that carries ${debianArch}` },
    );
  }
}

/** The selection's packages with those that they depend on; `undefined` when one is not to be had. */
async function select(
  selection: DebianSelection,
  ask: (names: readonly string[]) => Promise<Stanza[]>,
): Promise<Map<string, Stanza> | undefined> {
  const found = new Map<string, Stanza>();
  let wanted = [...selection.packages];
  while (wanted.length > 0) {
    for (const stanza of await ask(wanted)) found.set(stanza['Package'] ?? '', stanza);
    if (wanted.some((name) => !found.has(name))) return undefined;
    const dependencies = [...found.values()].flatMap(dependenciesOf);
    wanted = [...new Set(dependencies)].filter((name) => selection.follows(name) && !found.has(name));
  }
  return found;
}

function lockedPackage(component: string, stanza: Stanza): LockedDebianPackage {
  const { Package: name, Version: version, Filename: path, Size: size, SHA256: sha256 } = stanza;
  if (!name || !version || !path || !size || !/^[0-9a-f]{64}$/.test(sha256 ?? '')) {
    throw new UserError(`Cannot use component ${component}: apt states no SHA-256 for package "${name}"`, {
      hint: 'Use a Debian archive of release 12 or later',
    });
  }
  return { name, version, path, sizeBytes: Number(size), sha256: sha256 ?? '' };
}

function digestOf(locked: LockedDebianPackage): string {
  return `sha256-${locked.sha256}`;
}

async function hasHash(path: string, sha256: string): Promise<boolean> {
  try {
    return (await sha256OfFile(path)) === sha256;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function isNetworkComplaint(text: string): boolean {
  return /Could not resolve|Could not connect|Unable to connect|Connection (refused|timed out)|Temporary failure|Network is unreachable/.test(
    text,
  );
}

function cannotDownload(
  component: string,
  packages: readonly LockedDebianPackage[],
  complaint: string,
  hasApt: boolean,
): UserError {
  const reason =
    complaint
      .split('\n')
      .find((line) => line.startsWith('E: '))
      ?.slice(3) ?? complaint;
  const names = packages.map((each) => `${each.name} ${each.version}`).join(', ');
  if (isNetworkComplaint(complaint)) return noNetwork(component, 'the Debian archive', new Error(reason));
  if (complaint.includes('Hash Sum mismatch')) {
    const [expected = 'another', got = 'another'] = Array.from(
      complaint.matchAll(/SHA256:([0-9a-f]{64})/g),
      ([, hash]) => hash,
    );
    return wrongHash(component, names, expected, got);
  }
  if (!hasApt) {
    return new UserError(`Cannot download component ${component}: ${reason}`, {
      hint: 'Set TSK_DEBIAN_MIRROR to the address of a Debian mirror',
    });
  }
  return new UserError(`Cannot download component ${component} (${names}): ${reason}`, {
    hint: 'Run "tsk get -u" to move to the newest version, or set TSK_DEBIAN_MIRROR to an archive that keeps old ones',
  });
}
