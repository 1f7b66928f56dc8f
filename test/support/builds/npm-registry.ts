// A registry of npm packages on loopback that exist nowhere else, and instances whose npm asks it alone.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFiles } from './app-builds.ts';
import { type FileServer, startFileServer } from './file-server.ts';
import { makeTarball, type NpmFixture } from './npm-instance.ts';
import type { Lifetime } from '../updates/update-lab.ts';

export interface NpmRegistry extends Pick<FileServer, 'url' | 'files' | 'requests' | 'close'> {
  /** The version published last is the newest one. */
  publish(name: string, version: string, fixture?: NpmFixture): Promise<void>;
  /** An instance with these files, whose settings name the registry, and a cache of its own. */
  makeInstance(files?: Readonly<Record<string, string>>): string;
}

export async function startNpmRegistry(t: Pick<Lifetime, 'after'>): Promise<NpmRegistry> {
  const server = await startFileServer(t, {});
  const published = new Map<string, Record<string, object>>();
  return {
    ...server,
    async publish(name, version, fixture = {}) {
      const json = { name, version, ...fixture.json };
      const bytes = await makeTarball(name, { ...fixture, json });
      const path = `/${name}/-/${version}.tgz`;
      server.files.set(path, { bytes, isAnonymous: true });
      const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
      const versions = {
        ...published.get(name),
        [version]: { ...json, dist: { integrity, tarball: server.url + path } },
      };
      published.set(name, versions);
      const packument = JSON.stringify({ name, 'dist-tags': { latest: version }, versions });
      // npm keeps what has an ETag without asking again.
      server.files.set(`/${name}`, { bytes: Buffer.from(packument), isAnonymous: true });
    },
    makeInstance(files = {}) {
      // "npm test" has it in the environment, which goes before the settings of a directory.
      delete process.env['npm_config_cache'];
      const directory = makeFiles(t, files);
      const settings = [
        `registry=${server.url}/`,
        `cache=${join(directory, '.npm-cache')}`,
        'fetch-retries=0',
      ];
      writeFileSync(join(directory, '.npmrc'), `${settings.join('\n')}\n`);
      return directory;
    },
  };
}
