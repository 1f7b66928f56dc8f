// Debian packages of any architecture through the host's apt, with a state of its own: it uses the host's sources,
// keys, proxies and credentials, but changes nothing of the host's and needs no root. apt checks the archive's
// signature; that is why it comes before a plain mirror (debian-mirror.ts). apt.conf(5), sources.list(5)

import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UserError } from '../user-error.ts';
import {
  archivePreferences,
  archiveSources,
  type DebianArchive,
  type HostSourceText,
} from './debian-archive.ts';
import { parseStanzas, type Stanza } from './debian-control.ts';
import { runTool } from '../run-tool.ts';
import type { SourceContext } from './source-context.ts';
import { makeDirectory } from '../files/make-directory.ts';

export interface AptTools {
  get: string;
  cache: string;
  config: string;
}

/** Package lists that are no older serve whoever has no versions yet: fetching and reading them anew takes seconds. */
const LISTS_FRESH_MS = 60 * 60 * 1000;
/** Beside the lists: what they were fetched from, at the time of the file. */
const FETCHED_FROM = 'fetched-from';

/** One per board and build: remembers that the package lists are fresh. */
export class Apt {
  readonly #context: SourceContext;
  readonly #tools: AptTools;
  /** undefined: what the host's own sources have. */
  readonly #archive: DebianArchive | undefined;
  #directory = '';
  #updateWords: string | undefined;
  #hasFailed = false;
  /** Of the host's configuration and sources. */
  #sourcesHash = '';

  constructor(context: SourceContext, tools: AptTools, archive?: DebianArchive) {
    this.#context = context;
    this.#tools = tools;
    this.#archive = archive;
  }

  /** Fetches the package lists unless those of the last hour are there. */
  async ensureLists(): Promise<void> {
    if (!(await this.#hasFreshLists())) await this.update();
  }

  /**
   * Fetches the package lists; once, unless another process has fetched some from other sources since. What apt complains about is
   * kept for when a package is missing.
   */
  async update(): Promise<void> {
    if (this.#updateWords !== undefined && (this.#hasFailed || (await this.#hasFreshLists()))) return;
    const step = this.#context.report.start(`Debian package lists (${this.#context.board.debianArch})`);
    const result = await this.#run(this.#tools.get, ['update', '--quiet']);
    this.#updateWords = result.stderr.trim();
    this.#hasFailed = result.status !== 0 || this.complaint !== '';
    const mark = join(this.#directory, FETCHED_FROM);
    if (this.#hasFailed) await rm(mark, { force: true });
    else await writeFile(mark, this.#sourcesHash);
    step.done();
  }

  async #hasFreshLists(): Promise<boolean> {
    const mark = join(this.#directory, FETCHED_FROM);
    try {
      const ageMs = Date.now() - (await stat(mark)).mtimeMs;
      return ageMs >= 0 && ageMs < LISTS_FRESH_MS && (await readFile(mark, 'utf8')) === this.#sourcesHash;
    } catch {
      return false;
    }
  }

  /** What apt said when the lists could not be fetched completely. */
  get complaint(): string {
    const [line = ''] = (this.#updateWords ?? '').split('\n').filter((text) => /^[EW]: /.test(text));
    return line.replace(/^[EW]: /, '');
  }

  /** The stanzas of the candidate versions; packages that apt does not know are left out. */
  async show(names: readonly string[]): Promise<Stanza[]> {
    const result = await this.#run(this.#tools.cache, ['show', '--no-all-versions', ...names]);
    return [...parseStanzas(result.stdout.split('\n'))];
  }

  /** Those of all packages. */
  async names(): Promise<string[]> {
    const { stdout } = await this.#run(this.#tools.cache, ['pkgnames']);
    return stdout.split('\n').filter(Boolean);
  }

  /** By each name the package that stands for it: the first that apt knows. Names without one are left out. */
  async providersOf(names: readonly string[]): Promise<Map<string, string>> {
    const { stdout } = await this.#run(this.#tools.cache, ['showpkg', ...names]);
    const found = new Map<string, string>();
    for (const text of stdout.split(/^Package: /m)) {
      const [, name] = /^(\S+)/.exec(text) ?? [];
      const [, provider] = /^Reverse Provides: *\n(\S+) /m.exec(text) ?? [];
      if (name !== undefined && provider !== undefined) found.set(name, provider);
    }
    return found;
  }

  /** Downloads `name=version` for each into `directory`; returns apt's complaint when it could not. */
  async download(
    packages: readonly { name: string; version: string }[],
    directory: string,
    onPercent: (percent: number) => void,
  ): Promise<string | undefined> {
    const result = await this.#run(
      this.#tools.get,
      ['download', '--quiet', '-o', 'APT::Status-Fd=3', ...packages.map((p) => `${p.name}=${p.version}`)],
      directory,
      (line) => {
        // dlstatus:<item>:<percent>:<text>
        const [kind, , percent] = line.split(':');
        if (kind === 'dlstatus') onPercent(Number(percent));
      },
    );
    return result.status === 0
      ? undefined
      : result.stderr.trim() || `apt-get ended with status ${result.status}`;
  }

  async #run(
    tool: string,
    args: readonly string[],
    directory?: string,
    onStatusLine?: (line: string) => void,
  ) {
    const environment = {
      ...this.#context.environment,
      APT_CONFIG: join(this.#directory, 'apt.conf'),
      // apt's messages are read.
      LC_ALL: 'C.UTF-8',
    };
    return runTool(tool, args, {
      environment,
      directory: directory ?? this.#directory,
      ...(onStatusLine ? { onStatusLine } : {}),
    });
  }

  /**
   * Writes what apt is to go by, which it shares with other processes: has to be called whenever the lock on it was taken, before
   * all else.
   */
  async prepare(): Promise<void> {
    const { cache, board, environment } = this.#context;
    const directory = await cache.stateDirectory('apt', aptStateName(board.debianArch, this.#archive));
    for (const name of ['state/lists/partial', 'cache/archives/partial', 'sources.list.d']) {
      await makeDirectory(join(directory, name));
    }
    const dump = await runTool(this.#tools.config, ['dump'], { environment, directory });
    if (dump.status !== 0) {
      throw new UserError(`Cannot use apt: apt-config: ${dump.stderr.trim()}`, {
        hint: 'Repair the configuration of apt, or set TSK_DEBIAN_MIRROR',
      });
    }
    // apt reads the lists anew when it is newer than what apt has made of them.
    await writeFile(join(directory, 'state', 'status'), '', { flag: 'a' });
    const config = privateConfig(dump.stdout, directory, board.debianArch, this.#archive);
    const sources = await this.#writeSources(dump.stdout, directory);
    await writeFile(join(directory, 'apt.conf'), config);
    this.#sourcesHash = createHash('sha256')
      .update([config, ...sources].join('\0'))
      .digest('hex');
    this.#directory = directory;
  }

  /** Returns the texts that it has written. */
  async #writeSources(dump: string, directory: string): Promise<string[]> {
    const archive = this.#archive;
    const destination = join(directory, 'sources.list.d');
    for (const stale of await readdir(destination)) await rm(join(destination, stale));
    const ofHost = await readSources(dump);
    if (archive === undefined) return copySources(ofHost, this.#context.board.debianArch, destination);
    const lines = archiveSources(ofHost, archive);
    if (lines === undefined) {
      throw new UserError(
        `Cannot ask for Debian's area ${archive.area}: no source of this computer's apt is an archive of Debian`,
        { hint: 'Set TSK_DEBIAN_MIRROR to the address of a Debian mirror' },
      );
    }
    await writeFile(join(destination, '0.list'), lines);
    const preferences = archivePreferences(archive);
    await writeFile(join(directory, 'preferences'), preferences);
    return [lines, preferences];
  }
}

/** Of the directory with the lists, and of the lock on it. */
export function aptStateName(architecture: string, archive: DebianArchive | undefined): string {
  return archive === undefined ? architecture : `${architecture}-${archive.area}`;
}

/** Settings of the host that would act on the host, or that are set anew here. */
const NOT_COPIED =
  /^(Dir|DPkg|Binary|CommandLine|APT::(Update|Architectures?|Sandbox|Default-Release|NeverAutoRemove))\b/;

function privateConfig(
  dump: string,
  directory: string,
  architecture: string,
  archive: DebianArchive | undefined,
): string {
  const own = {
    'APT::Architecture': architecture,
    'APT::Architectures::': architecture,
    // apt as root would download as user _apt, who cannot enter a home directory.
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    'Dir::State': join(directory, 'state'),
    'Dir::State::status': join(directory, 'state', 'status'),
    'Dir::Cache': join(directory, 'cache'),
    // Saves 35 MB of the 70; the other half makes `apt-cache show` quick.
    'Dir::Cache::srcpkgcache': '',
    // All of the host's configuration is in this file; its hooks must not come back through the side door.
    'Dir::Etc::main': '/dev/null',
    'Dir::Etc::parts': '/dev/null',
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': join(directory, 'sources.list.d'),
    ...(archive && {
      'Dir::Etc::preferences': join(directory, 'preferences'),
      'Dir::Etc::preferencesparts': '/dev/null',
    }),
  };
  const copied = dump.split('\n').filter((line) => !NOT_COPIED.test(line));
  return [...copied, ...Object.entries(own).map(([key, value]) => `${key} "${value}";`), ''].join('\n');
}

async function readSources(dump: string): Promise<HostSourceText[]> {
  const setting = (name: string) => new RegExp(`^${name} "(.*)";$`, 'm').exec(dump)?.[1] ?? '';
  const base = resolve(setting('Dir') || '/', setting('Dir::Etc') || 'etc/apt');
  const parts = resolve(base, setting('Dir::Etc::sourceparts') || 'sources.list.d');
  const paths = [resolve(base, setting('Dir::Etc::sourcelist') || 'sources.list')];
  for (const name of await readdir(parts).catch(() => [])) {
    if (/\.(list|sources)$/.test(name)) paths.push(join(parts, name));
  }
  const files: HostSourceText[] = [];
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text !== '') files.push({ text, isDeb822: path.endsWith('.sources') });
  }
  return files;
}

/** The host's sources, without those that say that they do not have the architecture. */
async function copySources(
  sources: readonly HostSourceText[],
  architecture: string,
  destination: string,
): Promise<string[]> {
  const files = sources.map(({ text, isDeb822 }, index) => ({
    name: `${index}.${isDeb822 ? 'sources' : 'list'}`,
    content: isDeb822 ? deb822For(text, architecture) : oneLineFor(text, architecture),
  }));
  for (const { name, content } of files) await writeFile(join(destination, name), content);
  return files.map(({ content }) => content);
}

export function oneLineFor(text: string, architecture: string): string {
  return text
    .split('\n')
    .filter((line) => {
      const [, options] = /^\s*deb\s+\[([^\]]*)\]/.exec(line) ?? [];
      const [, list] = /\barch=(\S+)/.exec(options ?? '') ?? [];
      return /^\s*deb\s/.test(line) && (list === undefined || list.split(',').includes(architecture));
    })
    .map((line) => `${line}\n`)
    .join('');
}

export function deb822For(text: string, architecture: string): string {
  return text
    .split(/\n[ \t]*\n/)
    .filter((stanza) => {
      const [, list] = /^Architectures:\s*(.+)$/im.exec(stanza) ?? [];
      return list === undefined || list.trim().split(/\s+/).includes(architecture);
    })
    .map((stanza) => `${stanza.trim()}\n`)
    .join('\n');
}
