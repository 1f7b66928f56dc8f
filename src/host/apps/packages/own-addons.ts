// `addons` of an app: native add-ons that the person has built, or had built, for packages that bring none for the board.

import { globSync, statSync } from 'node:fs';
import { basename, join, posix, resolve, sep } from 'node:path';
import { elfMachineName } from '../../../formats/elf.ts';
import type { AppConfig } from '../../config/app-config.ts';
import { UserError } from '../../user-error.ts';
import type { AppContext } from '../app-context.ts';
import { expandArchitecture } from '../expand-architecture.ts';
import { type PackageFile, readElfFile } from './package-files.ts';

/** By the name of the package: files with their paths in it. */
export type OwnAddons = ReadonlyMap<string, readonly PackageFile[]>;

export async function ownAddons(app: AppConfig, context: AppContext): Promise<OwnAddons> {
  const found = new Map<string, readonly PackageFile[]>();
  for (const [name, written] of Object.entries(app.addons ?? {}))
    found.set(name, await addonsIn(app, name, written, context));
  return found;
}

async function addonsIn(
  app: AppConfig,
  packageName: string,
  written: string,
  { instanceDirectory, board }: AppContext,
): Promise<PackageFile[]> {
  const act = `Cannot use "${written}" for package "${packageName}" of app "${app.name}"`;
  const path = resolve(instanceDirectory, expandArchitecture(written, board, act));
  const stats = statSync(path, { throwIfNoEntry: false });
  const hint =
    `Put what was built for linux-${board.nodeArch} there, or set apps.${app.name}.addons to where it is; ` +
    '${arch} stands for amd64 or arm64.';
  if (stats === undefined) throw new UserError(`${act}: there is no "${path}"`, { hint });
  const names = stats.isFile() ? [''] : globSync('**/*.node', { cwd: path }).toSorted();
  if (names.length === 0) throw new UserError(`${act}: there is no file "*.node" in "${path}"`, { hint });
  return Promise.all(
    names.map(async (name): Promise<PackageFile> => {
      const hostPath = join(path, name);
      const { size: sizeBytes } = statSync(hostPath);
      const elf = await readElfFile(hostPath);
      if (elf?.machine !== board.elfMachine) {
        const kind = elf === undefined ? 'no ELF file' : `for ${elfMachineName(elf.machine)}`;
        throw new UserError(
          `${act}: "${hostPath}" is ${kind}, but board "${board.id}" has ${elfMachineName(board.elfMachine)}`,
          { hint },
        );
      }
      return { path: placeOf(name, hostPath), hostPath, sizeBytes, isExecutable: false, elf };
    }),
  );
}

/** One that lies in no directory goes where node-gyp would put it, and where packages look for it. */
function placeOf(name: string, hostPath: string): string {
  const path = name.split(sep).join('/');
  return path.includes('/') ? path : posix.join('build/Release', basename(hostPath));
}
