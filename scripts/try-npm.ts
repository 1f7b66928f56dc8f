// node scripts/try-npm.ts NAME[+NAME...] ...: whether an app that uses a published package starts as tsk builds it.
// For each: an instance in a temporary directory, installed by npm, built for this machine's kind of board, and started
// here. Says whether it started with everything in the bundle, with packages outside of it, or not at all and why.
// What each does beyond importing the package is in try-npm-cases.ts; --all tries everything that is there and below.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { styleText } from 'node:util';
import { type AppBuild, buildApp } from '../src/host/apps/build-app.ts';
import { defaultCacheDirectory } from '../src/host/cache-directory.ts';
import { UserError } from '../src/host/user-error.ts';
import { appConfig, appContext, unpack } from '../test/support/builds/app-builds.ts';
import { HOST_BOARD_ID } from '../test/support/machines/host-board.ts';
import { TRY_CASES } from './try-npm-cases.ts';
import { parseOptions, usageError } from './parse-options.ts';

/** Only imported. */
const IMPORTED =
  'mongoose mysql2 pg redis ioredis ws mqtt bullmq nodemailer @prisma/client puppeteer-core axios got undici ' +
  'bcrypt sqlite3 argon2 better-sqlite3 serialport node-cron multer helmet passport dotenv zod ajv yargs @matter/main';

const START_LIMIT_MS = 60_000;

interface Outcome {
  name: string;
  versions: string;
  /** `bundled`: one file. `unbundled`: with packages beside it, named in `detail`. */
  result: 'bundled' | 'unbundled' | 'fails';
  detail: string;
}

const USAGE = 'node scripts/try-npm.ts NAME[+NAME...] ... | --all';
const { values, positionals } = parseOptions(
  { allowPositionals: true, options: { all: { type: 'boolean' } } },
  USAGE,
);
const names = values.all === true ? [...Object.keys(TRY_CASES), ...IMPORTED.split(' ')] : positionals;
if (names.length === 0) usageError(USAGE);
const outcomes: Outcome[] = [];
for (const name of names) {
  const outcome = await tryPackages(name);
  outcomes.push(outcome);
  console.log(`| ${name} | ${outcome.versions} | ${outcome.result} | ${outcome.detail} |`);
}
const count = (result: Outcome['result']): number => outcomes.filter((each) => each.result === result).length;
console.log(
  styleText(
    'bold',
    `${outcomes.length}: ${count('bundled')} start bundled, ${count('unbundled')} with packages outside of the bundle, ${count('fails')} do not start`,
  ),
);

async function tryPackages(name: string): Promise<Outcome> {
  const scratch = mkdtempSync(join(tmpdir(), 'tsk-try-npm-'));
  const directory = join(scratch, 'instance');
  let versions = '';
  try {
    versions = install(directory, name.split('+'));
    const built = await build(directory, name);
    start(built, join(scratch, 'root'));
    const outside = packagesOf(built);
    const detail = outside.length === 0 ? '' : shorten(outside.join(', '), 80);
    return { name, versions, result: outside.length === 0 ? 'bundled' : 'unbundled', detail };
  } catch (error) {
    return { name, versions, result: 'fails', detail: shorten(describe(error), 300) };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Returns the versions that npm chose. */
function install(directory: string, packages: readonly string[]): string {
  mkdirSync(directory);
  writeFileSync(join(directory, 'package.json'), '{"name": "app", "version": "1.0.0", "type": "module"}');
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages], {
    cwd: directory,
    stdio: 'pipe',
  });
  return packages
    .map((name) => {
      const text = readFileSync(join(directory, 'node_modules', name, 'package.json'), 'utf8');
      return (JSON.parse(text) as { version: string }).version;
    })
    .join(', ');
}

function build(directory: string, name: string): Promise<AppBuild> {
  const { code, files, include } = TRY_CASES[name] ?? { code: importing(name.split('+')) };
  const started = "const started = () => { console.log('STARTED'); process.exit(); };";
  for (const [path, content] of Object.entries({ ...files, 'main.js': `${started}\n${code}\n` })) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  const app = appConfig({ node: './main.js', include: include ?? [] });
  return buildApp(app, appContext(directory, HOST_BOARD_ID, defaultCacheDirectory()));
}

function importing(packages: readonly string[]): string {
  const imports = packages.map((name, index) => `import * as it${index} from '${name}';`);
  const checks = packages.map(
    (_, index) => `if (Object.keys(it${index}).length === 0) throw new Error('empty');`,
  );
  return [...imports, ...checks, 'started();'].join('\n');
}

/** `root` has no packages of the instance above it, as the device has none. */
function start(built: AppBuild, root: string): void {
  const dataDirectory = join(root, 'perm/app');
  mkdirSync(dataDirectory, { recursive: true });
  unpack(built, root);
  const [, ...args] = built.service.argv;
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    args.map((arg) => (arg.startsWith('/app/') ? join(root, arg) : arg)),
    {
      cwd: dataDirectory,
      encoding: 'utf8',
      timeout: START_LIMIT_MS,
      env: { ...built.service.env, HOME: dataDirectory, TSK_APP_DIR: join(root, 'app/app') },
    },
  );
  if (stdout.includes('STARTED') && status === 0) return;
  const line = stderr.split('\n').find((text) => /^(?:\w*Error\b|Error:|\s+\[?cause|.*Error \[)/.test(text));
  throw new Error(`it ended with ${signal ?? status}: ${line ?? stderr.slice(-300)}`);
}

function packagesOf({ entries }: AppBuild): string[] {
  const names = entries.flatMap(
    ({ path }) => /^\/app\/app\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [],
  );
  return [...new Set(names)];
}

function describe(error: unknown): string {
  if (error instanceof UserError) return `${error.message} (hint: ${error.hint ?? 'none'})`;
  const { message, stderr } = error as Error & { stderr?: Buffer };
  return stderr === undefined ? message : `npm: ${String(stderr).split('\n').slice(0, 3).join(' ')}`;
}

function shorten(text: string, length: number): string {
  const line = text.replaceAll(/\s+/g, ' ').replaceAll('|', '/').trim();
  return line.length <= length ? line : `${line.slice(0, length)}...`;
}
