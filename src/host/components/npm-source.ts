// Components that are npm packages (Node.js itself), through the user's own npm: its registry, proxy, credentials
// and cache hold for us too.

import { createHash } from 'node:crypto';
import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { NODE_LINES } from '../../shared/services/node-lines.ts';
import { UserError } from '../user-error.ts';
import { isCacheProblem, noNetwork, notInCache, wrongHash } from './component-error.ts';
import { nodeComponentOf } from './component.ts';
import { hashFile } from './file-hash.ts';
import type { LockedNpmPackage } from './lock-file.ts';
import { megabytes } from '../progress.ts';
import { findTool, runTool } from '../run-tool.ts';
import { npmEnvironment } from '../tool-environment.ts';
import { compareVersions } from './semver.ts';
import type { SourceContext } from './source-context.ts';
import { makeDirectory } from '../files/make-directory.ts';
import { parseJson } from './parse-json.ts';

/** The newest version within `range`, with the integrity that the registry states. */
export async function resolveNpmPackage(
  context: SourceContext,
  component: string,
  name: string,
  range: string,
): Promise<LockedNpmPackage> {
  const spec = `${name}@${range}`;
  const answer = await runNpm(context, component, spec, [
    'view',
    spec,
    'version',
    'dist.integrity',
    '--json',
  ]);
  // One version is an object, several are an array; npm sorts them by release, which need not be by version.
  type View = { version: string; 'dist.integrity': string };
  const views = [answer as View | View[]].flat();
  const newest = views.toSorted((a, b) => compareVersions(a.version, b.version)).at(-1);
  if (newest === undefined) throw noSuchPackage(component, spec);
  return { source: 'npm', version: newest.version, package: name, integrity: newest['dist.integrity'] };
}

/** Path of the package's tarball, whose bytes have the locked integrity. */
export async function fetchNpmPackage(
  context: SourceContext,
  component: string,
  locked: LockedNpmPackage,
): Promise<string> {
  const spec = `${locked.package}@${locked.version}`;
  const isIntact = async (path: string) => (await integrityOf(path)) === locked.integrity;
  return context.cache.blob(locked.integrity, isIntact, async (destination) => {
    const directory = `${destination}.d`;
    await makeDirectory(directory);
    const step = context.report.start(`${component} ${locked.version}`);
    try {
      const path = await npmPack(context, component, spec, directory);
      const got = await integrityOf(path);
      if (got !== locked.integrity) throw wrongHash(component, spec, locked.integrity, got);
      const { size } = await stat(path);
      await rename(path, destination);
      step.advance(size);
      step.done(megabytes(size));
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
}

async function npmPack(
  context: SourceContext,
  component: string,
  spec: string,
  directory: string,
): Promise<string> {
  // Scripts off: `pack` must not run what a package brings along.
  const args = [
    'pack',
    spec,
    '--ignore-scripts',
    '--no-dry-run',
    '--no-global',
    '--json',
    `--pack-destination=${directory}`,
  ];
  const answer = await runNpm(context, component, spec, args);
  // npm 11 prints an array, npm 12 an object keyed by name.
  const [packed] = Object.values(answer as Record<string, { filename: string }>);
  if (packed === undefined) throw noSuchPackage(component, spec);
  return join(directory, packed.filename);
}

async function runNpm(
  context: SourceContext,
  component: string,
  spec: string,
  args: readonly string[],
): Promise<unknown> {
  const npm = await findTool('npm', context.environment);
  if (npm === undefined) {
    throw new UserError(`Cannot download component ${component}: npm is not installed`, {
      hint: 'Install Node.js with npm and run the command again',
    });
  }
  const directory = await context.cache.stateDirectory('temporary');
  const result = await runTool(npm, [...args, ...(context.offline ? ['--offline'] : [])], {
    environment: {
      ...npmEnvironment(context.environment),
      // Two quick retries: the defaults wait over a minute before they say that there is no network.
      npm_config_fetch_retries: '2',
      npm_config_fetch_retry_mintimeout: '500',
      npm_config_fetch_retry_maxtimeout: '2000',
      npm_config_update_notifier: 'false',
    },
    directory,
  });
  const answer = parseJson(result.stdout) as { error?: { code?: string; summary?: string } } | undefined;
  if (result.status === 0 && answer !== undefined && !answer.error) return answer;
  throw explainNpmError(context, component, spec, answer?.error, result.stderr);
}

const NETWORK_CODES =
  /^(ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|E5\d\d)$/;

function explainNpmError(
  context: SourceContext,
  component: string,
  spec: string,
  error: { code?: string; summary?: string } | undefined,
  stderr: string,
): UserError {
  const code = error?.code ?? /npm error code (\S+)/.exec(stderr)?.[1] ?? '';
  const reason = error?.summary?.trim() || stderr.trim().split('\n')[0] || 'npm failed without a word';
  if (code === 'ENOTCACHED' || context.offline)
    return notInCache(component, spec.slice(spec.lastIndexOf('@') + 1));
  if (code === 'E404' || code === 'ETARGET' || code === 'ENOVERSIONS') return noSuchPackage(component, spec);
  if (code === 'EINTEGRITY') {
    const [, expected = 'another', got = 'another'] =
      /wanted (sha\d+-\S+) but got (sha\d+-\S+?)\.? /.exec(`${reason} ${stderr} `) ?? [];
    return wrongHash(component, spec, expected, got);
  }
  // The cache's disk is full or read-only: told like any other failed write to it.
  if (error?.code !== undefined && isCacheProblem(error.code))
    throw Object.assign(new Error(reason), { code });
  if (NETWORK_CODES.test(code)) return noNetwork(component, `npm package ${spec}`, new Error(reason));
  return new UserError(`Cannot download component ${component}: npm package "${spec}": ${reason}`, {
    hint: `Try "npm view ${spec}" and see what npm says`,
  });
}

function noSuchPackage(component: string, spec: string): UserError {
  return new UserError(`Cannot download component ${component}: the registry has no npm package "${spec}"`, {
    hint: `Check the version in tskrazy.lock.json and the registry in .npmrc${withoutLine(component)}`,
  });
}

/** No app has to have a further Node.js. */
function withoutLine(component: string): string {
  const line = NODE_LINES.find((each) => nodeComponentOf(each) === component);
  return line === undefined ? '' : `, or take "nodeVersion": "${line}" out of the apps that have it`;
}

async function integrityOf(path: string): Promise<string> {
  return `sha512-${(await hashFile(path, createHash('sha512'))).digest('base64')}`;
}
