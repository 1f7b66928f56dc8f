// The packages that an npm app asks for, by name: those that are tarballs of one's own are read for it, and have a hash.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { unpackTar } from 'modern-tar';
import type { LockedNpmPackages } from '../../components/locked-npm-tree.ts';
import { UserError } from '../../user-error.ts';
import { type NpmApp, type NpmSpec, type NpmTarball, parseNpmSpec } from './npm-spec.ts';
import { type PackedFile, secretAmong } from './secrets-in-tarball.ts';

/** The program first. */
export function readSpecs(app: NpmApp, instanceDirectory: string): Promise<NpmSpec[]> {
  const texts = [app.npm, ...(app.plugins ?? [])];
  return Promise.all(
    texts.map(async (text, index) => {
      if (!/^\.{1,2}\//.test(text)) return parseNpmSpec(text);
      const key = `apps.${app.name}.${index === 0 ? 'npm' : `plugins[${index - 1}]`}`;
      return readTarball(app, key, text, instanceDirectory);
    }),
  );
}

/** The tarballs that are others than the lock says. */
export function changedTarballs(specs: readonly NpmSpec[], packages: LockedNpmPackages): NpmTarball[] {
  return specs.flatMap(({ name, tarball }) =>
    tarball === undefined || packages[`node_modules/${name}`]?.integrity === tarball.integrity
      ? []
      : [tarball],
  );
}

/** npm leaves out the first directory, whatever its name. */
const FIRST_DIRECTORY = /^(?:\.\/)?[^/]+\//;
const PACKAGE_NAME = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/i;

async function readTarball(
  app: NpmApp,
  key: string,
  text: string,
  instanceDirectory: string,
): Promise<NpmSpec> {
  const path = resolve(instanceDirectory, text);
  const act = `Cannot use "${text}" for app "${app.name}"`;
  if (!existsSync(path) || !statSync(path).isFile()) {
    throw new UserError(`${act}: there is no file "${path}"`, {
      hint: `Make it ("npm pack" does), or set ${key} in ${join(instanceDirectory, 'tskrazy.json')} to the file that is meant.`,
    });
  }
  const bytes = readFileSync(path);
  const files = await unpack(bytes, act);
  const { name, version } = packageJsonIn(files, act);
  if (typeof name !== 'string' || typeof version !== 'string' || !PACKAGE_NAME.test(name)) {
    throw new UserError(`${act}: its package.json has no "name" or no "version" that npm takes`, {
      hint: 'Give it both, and make the file anew with "npm pack".',
    });
  }
  const secret = app.dependencies?.files === 'all' ? undefined : secretAmong(files);
  if (secret !== undefined) {
    throw new UserError(`${act}: it has ${secret}`, {
      hint: `Name what belongs into it under "files" in its package.json, and make it anew with "npm pack". If the program needs this on the device, set apps.${app.name}.dependencies.files in ${join(instanceDirectory, 'tskrazy.json')} to "all".`,
    });
  }
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  return { name, range: version, tarball: { text, path, place: placeOf(text), integrity } };
}

/** Where it lies for npm, in a directory of its own. */
function placeOf(text: string): string {
  return text
    .split('/')
    .flatMap((part) => (part === '..' ? ['up'] : part === '.' || part === '' ? [] : [part]))
    .join('/');
}

async function unpack(bytes: Uint8Array, act: string): Promise<PackedFile[]> {
  try {
    const tar = await promisify(gunzip)(bytes);
    const entries = await unpackTar(tar, { filter: ({ type }) => type === 'file' });
    return entries.map(({ header, data = new Uint8Array() }) => ({
      path: header.name.replace(FIRST_DIRECTORY, ''),
      bytes: data,
    }));
  } catch (cause) {
    throw noPackage(act, cause);
  }
}

function packageJsonIn(files: readonly PackedFile[], act: string): { name?: unknown; version?: unknown } {
  // Of two the later one is what stays.
  const file = files.findLast(({ path }) => path === 'package.json');
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(file?.bytes));
    return typeof json === 'object' && json !== null ? json : {};
  } catch (cause) {
    throw noPackage(act, cause);
  }
}

function noPackage(act: string, cause: unknown): UserError {
  return new UserError(`${act}: it is no npm package: ${(cause as Error).message}`, {
    cause,
    hint: 'A directory with package.json becomes one by "npm pack".',
  });
}
