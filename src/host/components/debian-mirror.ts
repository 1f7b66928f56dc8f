// Debian packages from a plain mirror (TSK_DEBIAN_MIRROR), for hosts without apt and for versions that apt no
// longer offers. Packages are checked against the lock. Without apt nothing checks the archive's signature, so
// package lists are taken over https only; packages that the lock pins may come over http.
// Layout: Debian Wiki, "DebianRepository/Format".

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { UserError } from '../user-error.ts';
import { noNetwork, wrongHash } from './component-error.ts';
import {
  downloadFile,
  downloadText,
  HttpStatusError,
  isNetworkError,
  isTamperProof,
  withoutCredentials,
} from './download.ts';
import { parseStanzas, providedBy, type Stanza } from './debian-control.ts';
import { sha256OfFile } from './file-hash.ts';
import type { LockedDebianPackage } from './lock-file.ts';
import type { DebianArchive } from './debian-archive.ts';
import type { SourceContext } from './source-context.ts';

/** The release that tskrazy is tested with: used where no host's apt configuration says which. */
const DEFAULT_SUITE = 'bookworm';

export function debianMirror(context: SourceContext): string | undefined {
  const mirror = context.environment['TSK_DEBIAN_MIRROR'];
  if (mirror === undefined || mirror === '') return undefined;
  if (!/^https?:\/\/[^/]/.test(mirror)) {
    throw new UserError(`Cannot use TSK_DEBIAN_MIRROR "${mirror}": it is no http or https address`, {
      hint: 'Set it to the directory of a Debian mirror that holds "dists" and "pool"',
    });
  }
  return mirror.replace(/\/+$/, '');
}

/**
 * The stanzas of some packages, by name; for a name that is no package's, of one that stands for it. Those that the mirror does
 * not have are left out.
 */
export type PackageList = (names: readonly string[]) => Stanza[];

/** The packages of the mirror for the board's architecture; a suite has one version of each. */
export async function mirrorPackages(
  context: SourceContext,
  mirror: string,
  archive: DebianArchive = { area: 'main', suites: [DEFAULT_SUITE] },
): Promise<PackageList> {
  const lists: PackageList[] = [];
  for (const suite of archive.suites) lists.push(await suitePackages(context, mirror, suite, archive.area));
  return (names) =>
    names.flatMap((name) => lists.map((list) => list([name])).find((stanzas) => stanzas.length > 0) ?? []);
}

async function suitePackages(
  context: SourceContext,
  mirror: string,
  suiteName: string,
  area: string,
): Promise<PackageList> {
  const architecture = context.board.debianArch;
  const index = `${area}/binary-${architecture}/Packages.gz`;
  const suite = `${mirror}/dists/${suiteName}`;
  if (!isTamperProof(mirror)) {
    throw new UserError(
      `Cannot trust package lists of TSK_DEBIAN_MIRROR "${withoutCredentials(mirror)}": it is not reached by https, ` +
        'and without apt nothing checks their signature',
      { hint: 'Use the https address of a mirror, or run "tsk get" on a machine with apt' },
    );
  }
  try {
    const release = await downloadText(`${suite}/Release`);
    const expected = sha256InRelease(release, index);
    if (expected === undefined) {
      throw new UserError(
        `Cannot use TSK_DEBIAN_MIRROR "${withoutCredentials(mirror)}": it has no "${index}"`,
        {
          hint: `Use a mirror that carries Debian ${suiteName} for ${architecture}`,
        },
      );
    }
    const directory = await context.cache.stateDirectory('temporary');
    const destination = join(directory, `packages-${process.pid}-${architecture}.gz`);
    const step = context.report.start(`Debian package lists (${architecture})`);
    try {
      const verify = (path: string) => requireSha256(path, 'Debian package lists', index, expected);
      await downloadFile({
        url: `${suite}/${index}`,
        destination,
        verify,
        onBytes: (bytes) => step.advance(bytes),
      });
      step.done();
      return await readPackages(destination);
    } finally {
      await rm(destination, { force: true });
    }
  } catch (error) {
    throw explainMirrorError('Debian package lists', mirror, error);
  }
}

/** Downloads one package; what the mirror delivers has the locked hash, or this throws. */
export async function mirrorDownload(
  component: string,
  mirror: string,
  locked: LockedDebianPackage,
  destination: string,
  onBytes: (bytes: number) => void,
): Promise<void> {
  // `+` and `~` of versions are as they are in a path; a `%3a` of an epoch is part of the file's name.
  const url = `${mirror}/${locked.path.split('/').map(encodeURIComponent).join('/')}`;
  const verify = (path: string) =>
    requireSha256(path, component, `${locked.name} ${locked.version}`, locked.sha256);
  try {
    await downloadFile({ url, destination, verify, onBytes });
  } catch (error) {
    throw explainMirrorError(component, mirror, error);
  }
}

async function requireSha256(path: string, component: string, what: string, expected: string): Promise<void> {
  const got = await sha256OfFile(path);
  if (got !== expected) throw wrongHash(component, what, expected, got);
}

function explainMirrorError(component: string, mirror: string, error: unknown): unknown {
  if (isNetworkError(error)) return noNetwork(component, withoutCredentials(mirror), error);
  if (!(error instanceof HttpStatusError)) return error;
  return new UserError(`Cannot download component ${component}: ${error.message}`, {
    hint: 'Set TSK_DEBIAN_MIRROR to a mirror that has this version, or run "tsk get -u"',
    cause: error,
  });
}

/** Release: after `SHA256:`, lines of ` <hash> <size> <path>`. */
function sha256InRelease(release: string, path: string): string | undefined {
  const [, list = ''] = /^SHA256:\s*\n((?: .*\n?)*)/m.exec(release) ?? [];
  const line = list.split('\n').find((candidate) => candidate.endsWith(` ${path}`));
  return /^ ([0-9a-f]{64}) /.exec(line ?? '')?.[1];
}

/** Kept as text: parsing all 63,000 stanzas would take ten times the memory. */
async function readPackages(path: string): Promise<PackageList> {
  const blocks = new Map<string, string>();
  const text = gunzipSync(await readFile(path)).toString();
  const providers = new Map<string, string>();
  for (const [block, name = ''] of text.matchAll(/^Package: (.*)\n(?:.+\n?)*/gm)) {
    blocks.set(name, block);
    const [, provided] = /^Provides: (.*)$/m.exec(block) ?? [];
    for (const each of providedBy({ Provides: provided ?? '' }))
      if (!providers.has(each)) providers.set(each, block);
  }
  const find = (name: string): string => blocks.get(name) ?? providers.get(name) ?? '';
  return (names) => names.flatMap((name) => [...parseStanzas(find(name).split('\n'))]);
}
