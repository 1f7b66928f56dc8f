// The header files of the Node.js that an app runs on, out of the npm package that the component comes from: the lock pins both at once.

import { createReadStream, existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { unpackTar } from 'modern-tar/fs';
import type { NodeLine } from '../../../shared/services/node-lines.ts';
import { ComponentCache } from '../../components/cache.ts';
import { nodeComponentOf } from '../../components/component.ts';
import { fetchNpmPackage } from '../../components/npm-source.ts';
import { UserError } from '../../user-error.ts';
import type { AppContext } from '../app-context.ts';
import { cacheKeyOf } from '../cache-key.ts';

const INCLUDE = 'package/include/node/';

export interface NodeHeaders {
  /** Has `include/node`. */
  directory: string;
  version: string;
}

/** `act`: for the message, what was attempted. */
export async function nodeHeaders(
  act: string,
  nodeVersion: NodeLine | undefined,
  context: AppContext,
): Promise<NodeHeaders> {
  const { board, cacheDirectory, lock, offline, report } = context;
  const component = nodeComponentOf(nodeVersion);
  const locked = lock.boards[board.id]?.[component];
  const hint = `Take components.${component} out of tskrazy.json, or "compile" out of the app.`;
  if (locked?.source !== 'npm') {
    throw new UserError(
      `${act}: tskrazy.lock.json names no npm package of Node.js, which would have its headers`,
      {
        topic: 'native-add-on',
        hint,
      },
    );
  }
  const cache = new ComponentCache(cacheDirectory);
  const name = `node-headers-${cacheKeyOf([locked.integrity])}`;
  const parent = await cache.stateDirectory('node-headers');
  const directory = join(parent, name);
  await cache.withLock(name, async () => {
    if (existsSync(directory)) return;
    const source = { board, cache, offline, report, environment: process.env };
    const tarball = await fetchNpmPackage(source, component, locked);
    await cache.withTemporary(name, async (temporary) => {
      const unpacked = join(temporary, 'headers');
      await pipeline(
        createReadStream(tarball),
        createGunzip(),
        unpackTar(unpacked, { strict: true, filter: ({ name: path }) => path.startsWith(INCLUDE) }),
      );
      if (!existsSync(join(unpacked, `${INCLUDE}node_api.h`)))
        throw new UserError(`${act}: npm package "${locked.package}" has no headers of Node.js`, {
          topic: 'native-add-on',
          hint,
        });
      renameSync(join(unpacked, 'package'), directory);
    });
  });
  return { directory, version: locked.version };
}
