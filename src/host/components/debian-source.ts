// Components that are made of Debian packages: which packages exactly, and where their files are on this machine.
// apt where the host has it, a plain mirror (TSK_DEBIAN_MIRROR) else; the lock's SHA-256 decides in any case.

import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { nearestOfMany } from '../nearest-name.ts';
import { UserError } from '../user-error.ts';
import { noNetwork, notInCache, wrongHash } from './component-error.ts';
import { Apt, aptStateName } from './debian-apt.ts';
import type { DebianArchive } from './debian-archive.ts';
import { dependenciesOf, providedBy, type Stanza } from './debian-control.ts';
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
  /** Where it is to be had. Absent: `main` of the host's release. */
  archive?: DebianArchive;
  /**
   * Taken along besides, and then nothing that is followed has to be there: what matters is what programs turn out to need.
   * Absent: all has to be there.
   */
  extras?: readonly string[];
  /** Whether a person has typed the name: where it is not to be had, that is wrong rather than the archive. Absent: false. */
  isTyped?: boolean;
}

interface Question {
  names: Set<string>;
  answer: Promise<Answer>;
}

interface Answer {
  stanzas: Stanza[];
  /** Packages that stand for names that are no package's, by these. */
  providers: ReadonlyMap<string, string>;
  areAllKnown: boolean;
}

/** Debian for one board and build; shared by all components, so that apt is asked one thing at a time. */
export class DebianSource {
  readonly #context: SourceContext;
  readonly #isNewestWanted: boolean;
  /** By area; '' for the host's own lists. */
  readonly #apts = new Map<string, Promise<Apt | undefined>>();
  readonly #mirrorLists = new Map<string, Promise<PackageList>>();
  #queue: Promise<unknown> = Promise.resolve();
  /** Those that apt has not been asked yet. */
  readonly #questions = new Map<Apt, Question>();

  /** `newest`: package lists of up to an hour ago do not do. */
  constructor(context: SourceContext, { newest }: { newest: boolean } = { newest: false }) {
    this.#context = context;
    this.#isNewestWanted = newest;
  }

  /** The newest versions, with their hashes: all from apt or all from the mirror, so that they fit together. */
  async resolve(component: string, selection: DebianSelection): Promise<LockedDebian> {
    const { archive } = selection;
    const apt = await this.#findApt(archive);
    const mirror = debianMirror(this.#context);
    if (!apt && mirror === undefined) throw cannotDownload(component, [], 'apt is not installed', false);
    let found: Map<string, Stanza> | undefined;
    if (apt) found = await select(selection, (names) => this.#aptStanzas(apt, names, archive));
    if (!found && mirror !== undefined) {
      const list = await this.#mirrorList(mirror, archive);
      found = await select(selection, async (names) => list(names));
    }
    if (!found) throw await this.#noSuchPackage(component, selection, apt);
    const packages = [...found.values()].map((stanza) => lockedPackage(component, stanza));
    packages.sort((a, b) => (a.name < b.name ? -1 : 1));
    const main = packages.find((candidate) => candidate.name === selection.packages[0]);
    return { source: 'debian', version: main?.version ?? '', packages };
  }

  /** Paths of the packages' .deb files, by name; each has the locked hash. */
  async fetch(
    component: string,
    locked: LockedDebian,
    archive?: DebianArchive,
  ): Promise<Map<string, string>> {
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
    await this.#download(component, missing, archive, (bytes) => step.advance(bytes));
    step.done(megabytes(totalBytes));
    for (const each of missing) paths.set(each.name, cache.blobPath(digestOf(each)));
    return paths;
  }

  async #download(
    component: string,
    packages: readonly LockedDebianPackage[],
    archive: DebianArchive | undefined,
    onBytes: (bytes: number) => void,
  ): Promise<void> {
    const apt = await this.#findApt(archive);
    const mirror = debianMirror(this.#context);
    let complaint: string | undefined = 'apt is not installed';
    if (apt) {
      complaint = await this.#exclusively(archive, () =>
        this.#downloadByApt(apt, component, packages, archive, onBytes),
      );
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
    archive: DebianArchive | undefined,
    onBytes: (bytes: number) => void,
  ): Promise<string | undefined> {
    await apt.prepare();
    const directory = await this.#context.cache.stateDirectory(
      'apt',
      aptStateName(this.#context.board.debianArch, archive),
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

  /** All that components ask for while apt is at something else is one question: each costs apt a quarter of a second. */
  async #aptStanzas(
    apt: Apt,
    names: readonly string[],
    archive: DebianArchive | undefined,
  ): Promise<Stanza[]> {
    const question = this.#questions.get(apt) ?? this.#ask(apt, archive);
    for (const name of names) question.names.add(name);
    const { stanzas, providers } = await question.answer;
    const own = new Set(names.map((name) => providers.get(name) ?? name));
    return stanzas.filter((stanza) => own.has(stanza['Package'] ?? ''));
  }

  #ask(apt: Apt, archive: DebianArchive | undefined): Question {
    const names = new Set<string>();
    const answer = this.#exclusively(archive, async () => {
      this.#questions.delete(apt);
      await apt.prepare();
      await (this.#isNewestWanted ? apt.update() : apt.ensureLists());
      const found = await lookUp(apt, [...names]);
      if (found.areAllKnown) return found;
      // What is not to be had is so by the newest lists, and by what apt says of them.
      await apt.update();
      return lookUp(apt, [...names]);
    });
    const question = { names, answer };
    this.#questions.set(apt, question);
    return question;
  }

  /** apt's lists are one state for all components, in this process and in others. */
  async #exclusively<T>(archive: DebianArchive | undefined, action: () => Promise<T>): Promise<T> {
    const { cache, board } = this.#context;
    const result = this.#queue.then(() =>
      cache.withLock(`apt-${aptStateName(board.debianArch, archive)}`, action),
    );
    this.#queue = result.catch(() => {
      // The caller hears of it; the next in the queue need not.
    });
    return result;
  }

  #mirrorList(mirror: string, archive: DebianArchive | undefined): Promise<PackageList> {
    const key = archive?.area ?? '';
    const list = this.#mirrorLists.get(key) ?? mirrorPackages(this.#context, mirror, archive);
    this.#mirrorLists.set(key, list);
    return list;
  }

  #findApt(archive: DebianArchive | undefined): Promise<Apt | undefined> {
    const key = archive?.area ?? '';
    const apt = this.#apts.get(key) ?? this.#openApt(archive);
    this.#apts.set(key, apt);
    return apt;
  }

  async #openApt(archive: DebianArchive | undefined): Promise<Apt | undefined> {
    const { environment } = this.#context;
    const [get, cache, config] = await Promise.all(
      ['apt-get', 'apt-cache', 'apt-config'].map((name) => findTool(name, environment)),
    );
    return get && cache && config ? new Apt(this.#context, { get, cache, config }, archive) : undefined;
  }

  async #noSuchPackage(
    component: string,
    selection: DebianSelection,
    apt: Apt | undefined,
  ): Promise<UserError> {
    const complaint = apt?.complaint ?? '';
    if (isNetworkComplaint(complaint))
      return noNetwork(component, 'the Debian archive', new Error(complaint));
    const { debianArch } = this.#context.board;
    const from = apt ? 'apt' : 'TSK_DEBIAN_MIRROR';
    if (selection.isTyped === true && complaint === '') {
      const [name = ''] = selection.packages;
      const names = apt === undefined ? [] : await this.#exclusively(selection.archive, () => apt.names());
      const nearest = nearestOfMany(name, names);
      return new UserError(
        `Cannot take "${name}" along: ${from} knows no package of that name for ${debianArch}`,
        {
          hint:
            (nearest === undefined ? '' : `Did you mean ${nearest}? `) +
            'It has to be the name of a package of Debian, such as bind9-dnsutils for dig.',
        },
      );
    }
    const carried =
      selection.archive === undefined ? debianArch : `${debianArch} and ${selection.archive.area}`;
    return new UserError(
      `Cannot download component ${component}: ${from} does not offer "${selection.packages.join('", "')}" ` +
        `for ${debianArch}${complaint === '' ? '' : `: ${complaint}`}`,
      { hint: `Set TSK_DEBIAN_MIRROR to a Debian mirror that carries ${carried}` },
    );
  }
}

async function lookUp(apt: Apt, names: readonly string[]): Promise<Answer> {
  const stanzas = await apt.show(names);
  const known = new Set(stanzas.map((stanza) => stanza['Package']));
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length === 0) return { stanzas, providers: new Map(), areAllKnown: true };
  const providers = await apt.providersOf(unknown);
  const others = [...new Set(providers.values())].filter((name) => !known.has(name));
  if (others.length > 0) stanzas.push(...(await apt.show(others)));
  return { stanzas, providers, areAllKnown: unknown.every((name) => providers.has(name)) };
}

/** The selection's packages with those that they depend on; `undefined` when one is not to be had. */
async function select(
  selection: DebianSelection,
  ask: (names: readonly string[]) => Promise<Stanza[]>,
): Promise<Map<string, Stanza> | undefined> {
  const found = new Map<string, Stanza>();
  const { packages, extras } = selection;
  let wanted = [...packages, ...(extras ?? [])];
  const asked = new Set<string>();
  while (wanted.length > 0) {
    for (const stanza of await ask(wanted)) found.set(stanza['Package'] ?? '', stanza);
    const needed = extras === undefined ? wanted : packages;
    const provided = new Set([...found.values()].flatMap(providedBy));
    if (needed.some((name) => !found.has(name) && !provided.has(name))) return undefined;
    for (const name of wanted) asked.add(name);
    const dependencies = [...found.values()].flatMap(dependenciesOf);
    wanted = [...new Set(dependencies)].filter(
      (name) => selection.follows(name) && !found.has(name) && !asked.has(name),
    );
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
