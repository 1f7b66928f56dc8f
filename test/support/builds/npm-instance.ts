// An instance directory with npm packages that exist nowhere else: each is a tarball in the directory, so that the real
// npm installs it without a network.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { packTar } from 'modern-tar';
import { makeFiles } from './app-builds.ts';

export interface NpmFixture {
  /** Of package.json, besides name and version (1.0.0). */
  json?: object;
  files?: Readonly<Record<string, string | Uint8Array>>;
}

/** The directory with main.ts, package.json and its lock file and, if asked, node_modules. */
export async function makeNpmInstance(
  t: TestContext,
  packages: Readonly<Record<string, NpmFixture>>,
  main: string,
  options: { isInstalled?: boolean } = {},
): Promise<string> {
  const directory = makeFiles(t, { 'main.ts': main });
  for (const [name, fixture] of Object.entries(packages)) {
    writeFileSync(join(directory, tarballName(name)), await makeTarball(name, fixture));
  }
  const dependencies = Object.fromEntries(
    Object.keys(packages).map((name) => [name, `file:${tarballName(name)}`]),
  );
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({ name: 'app', version: '1.0.0', dependencies }),
  );
  installHere(directory, ...(options.isInstalled === true ? [] : ['--package-lock-only']));
  return directory;
}

/** As `npm pack` calls it. */
function tarballName(name: string): string {
  return `${name.replace(/^@/, '').replace('/', '-')}-1.0.0.tgz`;
}

/** What a user does on their own machine. */
export function installHere(directory: string, ...args: string[]): void {
  const all = ['install', '--ignore-scripts', '--offline', '--no-audit', '--no-fund', ...args];
  execFileSync('npm', all, { cwd: directory, stdio: 'pipe' });
}

export async function makeTarball(name: string, { json, files }: NpmFixture): Promise<Uint8Array> {
  const all = {
    'package.json': JSON.stringify({ name, version: '1.0.0', ...json }),
    'index.js': '',
    ...files,
  };
  const entries = Object.entries(all).map(([path, content]) => {
    const body = Buffer.from(content);
    return { header: { name: `package/${path}`, size: body.length, mode: 0o644 }, body };
  });
  return gzipSync(await packTar(entries));
}
