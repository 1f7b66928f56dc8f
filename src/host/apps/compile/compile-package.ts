// `compile` of an app: add-ons of packages that bring none for the board, compiled on this computer by node-gyp and a cross
// compiler, against the headers of the app's Node.js. A package's build file may run programs: as with npm's install
// scripts, who asks for it trusts the package. The result lies in the cache, and its hash in tskrazy.lock.json.

import { createHash } from 'node:crypto';
import { cpSync, existsSync, globSync, readFileSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { NodeLine } from '../../../shared/services/node-lines.ts';
import { ancestors } from '../../files/ancestors.ts';
import { ComponentCache } from '../../components/cache.ts';
import { makeDirectory } from '../../files/make-directory.ts';
import { runTool } from '../../run-tool.ts';
import { npmEnvironment } from '../../tool-environment.ts';
import { UserError } from '../../user-error.ts';
import type { AppContext } from '../app-context.ts';
import { cacheKeyOf } from '../cache-key.ts';
import type { NpmPackage } from '../packages/npm-package.ts';
import { type PackageFile, readElfFile } from '../packages/package-files.ts';
import { type NodeHeaders, nodeHeaders } from './node-headers.ts';
import { preGypArguments } from './pre-gyp.ts';
import { findToolchain, type Toolchain } from './toolchain.ts';

export interface CompiledPackage {
  files: PackageFile[];
  /** In the lock: `arm64 unix-dgram@2.0.7`; for an app with a Node.js of its own `arm64 node-22 unix-dgram@2.0.7`. */
  key: string;
  sha256: string;
}

/** Counts up when what this file makes of a package changes. */
const FORMAT = 1;

export function canCompile({ directory }: NpmPackage): boolean {
  return existsSync(join(directory, 'binding.gyp'));
}

export async function compilePackage(
  { appName, nodeVersion }: { appName: string; nodeVersion: NodeLine | undefined },
  found: NpmPackage,
  context: AppContext,
): Promise<CompiledPackage> {
  const { board, cacheDirectory, lock, report } = context;
  const act = `Cannot compile package "${found.name}" ${found.version} of app "${appName}" for board "${board.id}"`;
  const environment = npmEnvironment(process.env);
  const toolchain = await findToolchain(board, act, environment);
  const headers = await nodeHeaders(act, nodeVersion, context);
  const { realName, version } = found;
  const of = nodeVersion === undefined ? '' : ` node-${nodeVersion}`;
  const key = `${board.nodeArch}${of} ${realName}@${version}`;
  const sources = hashOfFiles(
    found.directory,
    globSync('**', { cwd: found.directory, exclude: ['node_modules'] }),
  );
  const name = `compiled-${cacheKeyOf([FORMAT, [key, sources, headers.version, toolchain.version]])}`;
  const cache = new ComponentCache(cacheDirectory);
  const directory = join(await cache.stateDirectory('compiled-add-ons'), name);
  await cache.withLock(name, async () => {
    if (existsSync(directory)) return;
    const step = report.start(`compiling package ${realName} ${version} for ${board.id}`);
    await cache.withTemporary(name, async (temporary) => {
      const work = join(temporary, basename(found.directory));
      cpSync(found.directory, work, { recursive: true });
      await runNodeGyp({ act, appName, found, work, headers, toolchain }, context);
      const outcome = join(temporary, 'outcome');
      for (const path of resultsIn(work)) {
        await makeDirectory(dirname(join(outcome, path)));
        cpSync(join(work, path), join(outcome, path));
      }
      if (!existsSync(outcome)) {
        throw new UserError(`${act}: node-gyp made no add-on`, {
          topic: 'native-add-on',
          hint: `Compile it as its authors say, and put the result into apps.${appName}.addons.`,
        });
      }
      renameSync(outcome, directory);
    });
    step.done();
  });
  const paths = globSync('**/*.node', { cwd: directory }).toSorted();
  const sha256 = hashOfFiles(directory, paths);
  const pinned = lock.compiled?.[key];
  if (pinned !== undefined && pinned !== sha256) {
    throw new UserError(`${act}: what came out is not what tskrazy.lock.json pins`, {
      topic: 'native-add-on',
      hint: `The compiler is another one (${toolchain.version}), or Node.js. "tsk get -u" takes what is made now.`,
    });
  }
  const files = await Promise.all(
    paths.map(async (path): Promise<PackageFile> => {
      const hostPath = join(directory, path);
      const elf = await readElfFile(hostPath);
      if (elf?.machine !== board.elfMachine)
        throw new UserError(
          `${act}: its "${path}" is not for the board: its build file asks for this computer`,
          {
            topic: 'native-add-on',
            hint: `Compile it on a machine like the board, and put the result into apps.${appName}.addons.`,
          },
        );
      return { path, hostPath, sizeBytes: readFileSync(hostPath).length, isExecutable: false, elf };
    }),
  );
  return { files, key, sha256 };
}

/** What packages load: gyp's intermediate files have the same names. */
function resultsIn(directory: string): string[] {
  return globSync('**/*.node', {
    cwd: directory,
    exclude: ['node_modules', '**/obj.target', '**/obj', 'prebuilds'],
  });
}

interface Run {
  act: string;
  appName: string;
  found: NpmPackage;
  work: string;
  headers: NodeHeaders;
  toolchain: Toolchain;
}

async function runNodeGyp(
  { act, appName, found, work, headers, toolchain }: Run,
  { board }: AppContext,
): Promise<void> {
  const { node, nodeGyp, variables } = toolchain;
  // Names of this computer's directories would be in the result, and another one's would differ.
  const flags = [work, headers.directory, found.directory]
    .map((path) => `-ffile-prefix-map=${path}=.`)
    .join(' ');
  const environment = {
    ...npmEnvironment(process.env),
    ...variables,
    CFLAGS: flags,
    CXXFLAGS: flags,
    LDFLAGS: '-s -Wl,--build-id=none',
    PYTHONDONTWRITEBYTECODE: '1',
    // Build files ask Node.js where headers of other packages are.
    NODE_PATH: ancestors(found.directory)
      .map((path) => join(path, 'node_modules'))
      .filter((path) => existsSync(path))
      .join(':'),
  };
  const args = [
    nodeGyp,
    'rebuild',
    '--release',
    `--arch=${board.nodeArch}`,
    `--nodedir=${headers.directory}`,
    ...preGypArguments(found, work, headers.version),
  ];
  const result = await runTool(node, args, { environment, directory: work });
  if (result.status === 0) return;
  const lines = `${result.stdout}\n${result.stderr}`.split('\n');
  const errors = lines.filter(
    (line) => /\berror:|Error:|No such file|not found/i.test(line) && !line.startsWith('make'),
  );
  throw new UserError(
    `${act}:\n  ${(errors.length > 0 ? errors : lines.slice(-10)).slice(0, 8).join('\n  ')}`,
    {
      topic: 'native-add-on',
      hint:
        `A library that it is to be linked with, for ${board.gnuTriplet}, or a file of its own may be missing here. Use a version that ` +
        `is published with prebuilt files, or put what was compiled elsewhere into apps.${appName}.addons.`,
    },
  );
}

function hashOfFiles(directory: string, paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths.toSorted()) {
    const file = join(directory, path);
    const bytes = readIfFile(file);
    if (bytes !== undefined) hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

function readIfFile(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EISDIR') return undefined;
    throw error;
  }
}
