// Debian packages of any architecture through the host's apt, with a state of its own: it uses the host's sources,
// keys, proxies and credentials, but changes nothing of the host's and needs no root. apt checks the archive's
// signature; that is why it comes before a plain mirror (debian-mirror.ts). apt.conf(5), sources.list(5)

import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../user-error.ts';
import { parseStanzas, type Stanza } from './debian-control.ts';
import { runTool } from '../run-tool.ts';
import type { SourceContext } from './source-context.ts';
import { makeDirectory } from '../files/make-directory.ts';

export interface AptTools {
  get: string;
  cache: string;
  config: string;
}

/** One per board and build: remembers that the package lists are fresh. */
export class Apt {
  readonly #context: SourceContext;
  readonly #tools: AptTools;
  #directory = '';
  #updateWords: string | undefined;

  constructor(context: SourceContext, tools: AptTools) {
    this.#context = context;
    this.#tools = tools;
  }

  /** Fetches the package lists; at most once. What apt complains about is kept for when a package is missing. */
  async update(): Promise<void> {
    if (this.#updateWords !== undefined) return;
    const step = this.#context.report.start(`Debian package lists (${this.#context.board.debianArch})`);
    const result = await this.#run(this.#tools.get, ['update', '--quiet']);
    this.#updateWords = result.stderr.trim();
    step.done();
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
    if (this.#directory === '') await this.#prepare();
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

  async #prepare(): Promise<void> {
    const { cache, board, environment } = this.#context;
    const directory = await cache.stateDirectory('apt', board.debianArch);
    for (const name of ['state/lists/partial', 'cache/archives/partial', 'sources.list.d']) {
      await makeDirectory(join(directory, name));
    }
    const dump = await runTool(this.#tools.config, ['dump'], { environment, directory });
    if (dump.status !== 0) {
      throw new UserError(`Cannot use apt: apt-config: ${dump.stderr.trim()}`, {
        hint: 'Repair the configuration of apt, or set TSK_DEBIAN_MIRROR',
      });
    }
    await writeFile(join(directory, 'state', 'status'), '');
    await copySources(dump.stdout, board.debianArch, join(directory, 'sources.list.d'));
    await writeFile(join(directory, 'apt.conf'), privateConfig(dump.stdout, directory, board.debianArch));
    this.#directory = directory;
  }
}

/** Settings of the host that would act on the host, or that are set anew here. */
const NOT_COPIED =
  /^(Dir|DPkg|Binary|CommandLine|APT::(Update|Architectures?|Sandbox|Default-Release|NeverAutoRemove))\b/;

function privateConfig(dump: string, directory: string, architecture: string): string {
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
  };
  const copied = dump.split('\n').filter((line) => !NOT_COPIED.test(line));
  return [...copied, ...Object.entries(own).map(([key, value]) => `${key} "${value}";`), ''].join('\n');
}

/** The host's sources, without those that say that they do not have the architecture. */
async function copySources(dump: string, architecture: string, destination: string): Promise<void> {
  const setting = (name: string) => new RegExp(`^${name} "(.*)";$`, 'm').exec(dump)?.[1] ?? '';
  const base = join(setting('Dir') || '/', setting('Dir::Etc') || 'etc/apt');
  const parts = join(base, setting('Dir::Etc::sourceparts') || 'sources.list.d');
  const paths = [join(base, setting('Dir::Etc::sourcelist') || 'sources.list')];
  for (const name of await readdir(parts).catch(() => [])) {
    if (/\.(list|sources)$/.test(name)) paths.push(join(parts, name));
  }
  for (const stale of await readdir(destination)) await rm(join(destination, stale));
  for (const [index, path] of paths.entries()) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text === '') continue;
    const isDeb822 = path.endsWith('.sources');
    const content = isDeb822 ? deb822For(text, architecture) : oneLineFor(text, architecture);
    await writeFile(join(destination, `${index}.${isDeb822 ? 'sources' : 'list'}`), content);
  }
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
