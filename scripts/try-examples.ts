// node scripts/try-examples.ts [--machine] [NAME...]: the examples that are servers, built and used. Each is copied, built as its
// README says, made into an app for both architectures of PCs, and started here, where nothing but the app's own files is; with
// --machine it is made into an image that a virtual machine starts. Then the example is used, started again, and asked for what it
// was to keep. Ends with a table; exit code 1 where one failed. Needs root, and a registry of npm, or npm's cache of it.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { AppBuild } from '../src/host/apps/build-app.ts';
import { EXAMPLE_CASES, type ExampleCase } from '../test/support/examples/example-cases.ts';
import { paletteCase } from '../test/support/examples/palette.ts';
import { buildExample, tryHere } from '../test/support/examples/try-here.ts';
import { tryOnMachine, type TryOptions } from '../test/support/examples/try-on-machine.ts';
import { HOST_BOARD_ID } from '../test/support/machines/host-board.ts';
import { ScriptContext } from '../test/support/script-context.ts';
import { parseOptions, usageError } from './parse-options.ts';

/** Node-RED that installs a node on the device: of a machine alone. */
const PALETTE = 'palette';
const EXAMPLES = Object.keys(EXAMPLE_CASES);
const USAGE = `node scripts/try-examples.ts [${EXAMPLES.join('|')}]... | --machine [${[...EXAMPLES, PALETTE].join('|')}]...`;
const { positionals, values } = parseOptions(
  { allowPositionals: true, options: { machine: { type: 'boolean', default: false } } },
  USAGE,
);
const known = values.machine ? [...EXAMPLES, PALETTE] : EXAMPLES;
const names = positionals.length === 0 ? known : positionals;
const unknown = names.find((name) => !known.includes(name));
if (unknown !== undefined) usageError(USAGE, `There is no example "${unknown}" to try`);

const scratch = mkdtempSync(join(tmpdir(), 'tsk-try-examples-'));
let failures = 0;
try {
  for (const name of names) await tell(name);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;

async function tell(name: string): Promise<void> {
  const began = Date.now();
  const t = new ScriptContext((text) => process.stderr.write(`${text}\n`));
  try {
    const directory = copyExample(name === PALETTE ? 'node-red' : name);
    const example =
      name === PALETTE ? await paletteCase(t, directory) : (EXAMPLE_CASES[name]?.() as ExampleCase);
    const tried = { directory, scratch: scratchOf(name) };
    const seen = await (values.machine ? tryOnMachine : tryBuilds)(t, example, tried);
    console.log(`| ${name} | ${seen} | ${Math.round((Date.now() - began) / 1000)} s |`);
  } catch (error) {
    failures++;
    console.log(`| ${name} | fails: ${(error as Error).message} | |`);
  } finally {
    await t.end();
  }
}

function scratchOf(name: string): string {
  const directory = join(scratch, name, 'packages');
  mkdirSync(directory, { recursive: true });
  return directory;
}

/** As its README says. */
function copyExample(name: string): string {
  const directory = join(scratch, name, 'instance');
  cpSync(join(import.meta.dirname, '../examples', name), directory, {
    recursive: true,
    filter: (source) => !['node_modules', '.tskrazy', '.next', 'dist'].includes(basename(source)),
  });
  const path = join(directory, 'package.json');
  if (!existsSync(path)) return directory;
  const { scripts = {} } = JSON.parse(readFileSync(path, 'utf8')) as { scripts?: Record<string, string> };
  const run = (...args: string[]): void => {
    execFileSync('npm', args, { cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] });
  };
  run('ci', '--ignore-scripts', '--no-audit', '--no-fund');
  if (scripts['build'] !== undefined) run('run', 'build');
  return directory;
}

async function tryBuilds(
  t: ScriptContext,
  example: ExampleCase,
  { directory, scratch: packages }: TryOptions,
): Promise<string> {
  const sizes: string[] = [];
  let own: AppBuild[] | undefined;
  for (const board of ['pc-amd64', 'pc-arm64'] as const) {
    const builds = await buildExample(directory, example, board);
    if (board === HOST_BOARD_ID) own = builds;
    const files = builds.reduce((sum, { entries }) => sum + entries.length, 0);
    sizes.push(
      `${board} ${files} files, ${Math.round(builds.reduce((sum, each) => sum + bytesOf(each), 0) / 1e6)} MB`,
    );
  }
  if (own === undefined) throw new Error(`this machine is no ${HOST_BOARD_ID}`);
  const seen = await tryHere(t, example, { directory, builds: own, scratch: packages });
  return `${sizes.join('; ')} | ${seen}`;
}

function bytesOf({ entries }: AppBuild): number {
  return entries.reduce((sum, entry) => {
    if (entry.kind !== 'file') return sum;
    return sum + (entry.content.kind === 'bytes' ? entry.content.bytes.length : entry.content.sizeBytes);
  }, 0);
}
