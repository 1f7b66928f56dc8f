// Fetches Go modules without Go: the GOPROXY protocol. Which proxies, the user's Go environment says; this
// project names none. Leaves out: `direct` (needs version control tools) and the checksum database, so the first
// `tsk get` trusts the proxy as `GONOSUMDB` would; from then on the lock's hash decides.
// https://go.dev/ref/mod#module-proxy, #environment-variables

import { copyFile, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../user-error.ts';
import { noNetwork } from './component-error.ts';
import {
  downloadFile,
  type DownloadOptions,
  downloadText,
  HttpStatusError,
  isNetworkError,
  isTamperProof,
  withoutCredentials,
} from './download.ts';
import type { Environment } from '../tool-environment.ts';
import { compareVersions, isPrerelease, isPseudoVersion } from './semver.ts';

interface Proxy {
  url: string;
  /** `|` in GOPROXY: go on after any error; with `,` only after "there is no such module". */
  fallsBackOnAnyError: boolean;
}

/** The proxies of GOPROXY, from the environment or from Go's own configuration file (`go env -w`). */
export async function goProxies(environment: Environment): Promise<Proxy[]> {
  const value = environment['GOPROXY'] || (await goConfigValue('GOPROXY', environment));
  const hint = 'Install Go, or set GOPROXY to the address of a Go module proxy';
  if (value === undefined) {
    throw new UserError('Cannot download Go modules: Go is not installed and GOPROXY is not set', { hint });
  }
  const proxies: Proxy[] = [];
  for (const [, name = '', separator = ''] of value.matchAll(/([^,|]+)([,|]?)/g)) {
    const url = name.trim();
    if (url === '' || url === 'direct') continue;
    if (url === 'off') break;
    if (!/^(https?|file):\/\//.test(url)) {
      throw new UserError(
        `Cannot download Go modules: "${url}" in GOPROXY is no http, https or file address`,
        { hint },
      );
    }
    proxies.push({ url: url.replace(/\/+$/, ''), fallsBackOnAnyError: separator === '|' });
  }
  if (proxies.length === 0) {
    throw new UserError(`Cannot download Go modules: GOPROXY is "${value}", which names no proxy`, { hint });
  }
  return proxies;
}

/** Lines of `NAME=value` (cmd/go, "go env -w"). */
async function goConfigValue(name: string, environment: Environment): Promise<string | undefined> {
  const home = environment['HOME'] || homedir();
  const file =
    environment['GOENV'] || join(environment['XDG_CONFIG_HOME'] || join(home, '.config'), 'go', 'env');
  if (file === 'off') return undefined;
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    // No such file is the usual case; one that cannot be read is as good as none, as it is for Go.
    return undefined;
  }
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name}=`));
  return line?.slice(name.length + 1).trim() || undefined;
}

export interface ModuleQuery {
  component: string;
  module: string;
  environment: Environment;
  /** Whether a hash is known by which to check what comes; else the way has to be safe. */
  isPinned: boolean;
}

/**
 * The version that the go command takes for `@latest`: the newest release, else the newest pre-release, else what
 * the proxy calls latest. Not every proxy answers that; some list pseudo-versions instead.
 */
export async function proxyLatestVersion(query: ModuleQuery): Promise<string> {
  return fromProxies(query, async (proxy) => {
    const module = `${proxy}/${escapePath(query.module)}`;
    const list = (await readText(`${module}/@v/list`)).split(/\s+/).filter(Boolean).sort(compareVersions);
    const release = list.findLast((version) => !isPrerelease(version));
    const tagged = release ?? list.findLast((version) => !isPseudoVersion(version));
    if (tagged !== undefined) return tagged;
    try {
      const { Version } = JSON.parse(await readText(`${module}/@latest`)) as { Version?: unknown };
      if (typeof Version === 'string' && Version !== '') return Version;
      throw new SyntaxError(`Cannot read "${withoutCredentials(module)}/@latest": it names no version`);
    } catch (error) {
      const pseudo = list.at(-1);
      if (pseudo !== undefined && isNoSuchModule(error)) return pseudo;
      throw error;
    }
  });
}

function readText(url: string): Promise<string> {
  return url.startsWith('file:') ? readFile(fileURLToPath(url), 'utf8') : downloadText(url);
}

/** Writes the module's zip file to `destination`. */
export async function proxyDownloadZip(
  query: ModuleQuery & { version: string },
  download: Pick<DownloadOptions, 'destination' | 'verify' | 'onBytes'>,
): Promise<void> {
  await fromProxies(query, async (proxy) => {
    const url = `${proxy}/${escapePath(query.module)}/@v/${escapePath(query.version)}.zip`;
    if (!url.startsWith('file:')) return downloadFile({ url, ...download });
    await copyFile(fileURLToPath(url), download.destination);
    return download.verify(download.destination);
  });
}

async function fromProxies<T>(query: ModuleQuery, ask: (proxyUrl: string) => Promise<T>): Promise<T> {
  const proxies = await goProxies(query.environment);
  for (const [index, proxy] of proxies.entries()) {
    if (!query.isPinned && !isTamperProof(proxy.url)) {
      throw new UserError(
        `Cannot trust Go module proxy "${withoutCredentials(proxy.url)}": it is not reached by https, ` +
          `and tskrazy.lock.json has no hash of component ${query.component} yet`,
        { hint: 'Install Go, which checks modules by the checksum database, or use an https address' },
      );
    }
    try {
      return await ask(proxy.url);
    } catch (error) {
      const isMissing = isNoSuchModule(error);
      if (index + 1 < proxies.length && (isMissing || proxy.fallsBackOnAnyError)) continue;
      if (isNetworkError(error)) throw noNetwork(query.component, withoutCredentials(proxy.url), error);
      if (!isMissing && !(error instanceof HttpStatusError)) throw error;
      throw new UserError(
        `Cannot download component ${query.component}: Go module "${query.module}": ${(error as Error).message}`,
        { hint: 'Check GOPROXY and the version in tskrazy.lock.json', cause: error },
      );
    }
  }
  throw new RangeError('goProxies returned no proxy');
}

function isNoSuchModule(error: unknown): boolean {
  if (error instanceof HttpStatusError) return error.status === 404 || error.status === 410;
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** Upper-case letters become `!` and the lower-case letter, for file systems that ignore case. */
function escapePath(path: string): string {
  return path.replace(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`);
}
