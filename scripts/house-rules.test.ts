// Each rule of the house that a machine checks is shown to refuse a file that breaks it, with the real configuration: a
// rule that nothing can break proves nothing. The last files break none.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { ROOMS, type Room } from '../tools/lint/rooms.ts';

const CHECKOUT = join(import.meta.dirname, '..');

interface Case {
  file: string;
  code: string;
  /** Rule that refuses the file, and words of what it says. */
  refused: { rule: string; says: RegExp };
}

const BY_ROOMS = 'house(rooms)';
const RESTRICTED = 'eslint(no-restricted-globals)';

const CASES: readonly Case[] = [
  {
    file: 'src/shared/update/reads-a-file.ts',
    code: `import { readFileSync } from 'node:fs';\nexport const text = readFileSync('/etc/hosts', 'utf8');`,
    refused: { rule: BY_ROOMS, says: /no node:fs here/ },
  },
  {
    file: 'src/shared/update/reads-a-file-without-prefix.ts',
    code: `import { readFileSync } from 'fs';\nexport const text = readFileSync('/etc/hosts', 'utf8');`,
    refused: { rule: BY_ROOMS, says: /no node:fs here/ },
  },
  {
    file: 'src/formats/opens-a-socket.ts',
    code: `import { connect } from 'node:net';\nexport const socket = connect(80);`,
    refused: { rule: BY_ROOMS, says: /of node:net no "connect" here/ },
  },
  {
    file: 'src/formats/hands-on-a-builtin.ts',
    code: `export * from 'node:fs';`,
    refused: { rule: BY_ROOMS, says: /no node:fs here/ },
  },
  {
    file: 'src/device/net/asks-the-process.ts',
    code: `export const ffi = process.getBuiltinModule('node:ffi');`,
    refused: { rule: BY_ROOMS, says: /no node:ffi here/ },
  },
  ...['process.env', 'setTimeout(() => {}, 1)', 'setInterval(() => {}, 1)', 'setImmediate(() => {})'].map(
    (code, index) => ({
      file: `src/shared/board/uses-a-global-${index}.ts`,
      code: `export const used = ${code};`,
      refused: { rule: RESTRICTED, says: /nothing here (?:waits|depends on who runs it)/ },
    }),
  ),
  {
    file: 'src/formats/looks-at-the-clock.ts',
    code: `export const now = Date.now();`,
    refused: { rule: 'eslint(no-restricted-properties)', says: /'Date.now' is restricted/ },
  },
  ...['new Date()', 'Date()', 'Date(0)'].map((code, index) => ({
    file: `src/shared/board/makes-a-date-of-now-${index}.ts`,
    code: `export const now = ${code};`,
    refused: { rule: 'house(no-clock)', says: /nothing here has a clock/ },
  })),
  {
    file: 'src/formats/draws-lots.ts',
    code: `export const lot = Math.random();`,
    refused: { rule: 'eslint(no-restricted-properties)', says: /'Math.random' is restricted/ },
  },
  ...[`new WebSocket('ws://[::1]/')`, `new EventSource('/')`, 'performance.now()'].flatMap((code, index) =>
    ['src/device/net', 'src/formats'].map((room) => ({
      file: `${room}/loads-much-${index}.ts`,
      code: `export const loaded = ${code};`,
      refused: { rule: RESTRICTED, says: /WebSocket|EventSource|performance/ },
    })),
  ),
  {
    file: 'src/web-ui/views/follows-by-itself.ts',
    code: `export const events = new EventSource('/api/v1/events');`,
    refused: { rule: RESTRICTED, says: /it cannot say who asks/ },
  },
  {
    file: 'src/host/build/makes-a-directory-at-once.ts',
    code: `import { mkdirSync } from 'node:fs';\nexport const made = mkdirSync('x', { recursive: true });`,
    refused: {
      rule: 'eslint(no-restricted-imports)',
      says: /'mkdirSync' import from 'node:fs' is restricted/,
    },
  },
  {
    file: 'src/device/net/is-long.test.ts',
    code: linesOf(751),
    refused: { rule: 'eslint(max-lines)', says: /too many lines \(751\)/ },
  },
  {
    file: 'src/device/net/loads-libc-late.ts',
    code: `export async function open(): Promise<unknown> {\n  return await import('node:ffi');\n}`,
    refused: { rule: BY_ROOMS, says: /no node:ffi here/ },
  },
  {
    file: 'src/device/init/runs-libc-in-a-worker.ts',
    code: "export const PROGRAM = `const { dlopen } = require('node:ffi'); dlopen('libc.so.6');`;",
    refused: { rule: BY_ROOMS, says: /no node:ffi here/ },
  },
  {
    file: 'src/device/init/loads-what-it-is-told.ts',
    code: `export async function load(name: string): Promise<unknown> {\n  return await import(name);\n}`,
    refused: { rule: BY_ROOMS, says: /only the running program can name/ },
  },
  {
    file: 'src/device/update/goes-up-to-init.ts',
    code: `import { Device } from '../init/device/device.ts';\nexport const device = Device;`,
    refused: { rule: BY_ROOMS, says: /no import of "src\/device\/init\/device\/device.ts" here/ },
  },
  {
    file: 'src/device/init/screen/goes-up-to-init.ts',
    code: `import { BOOT_LIST } from '../boot-list.ts';\nexport const list = BOOT_LIST;`,
    refused: { rule: BY_ROOMS, says: /no import of "src\/device\/init\/boot-list.ts" here/ },
  },
  {
    file: 'src/device/init/parlour/has-no-row.ts',
    code: `import type { Device } from '../device/device.ts';\nexport type Other = Device;`,
    refused: { rule: BY_ROOMS, says: /no row of tools\/lint\/rooms.ts has "src\/device\/init\/parlour"/ },
  },
  {
    file: 'src/shared/network/goes-up-to-services.ts',
    code: `import type { ListenSpec } from '../services/listen.ts';\nexport type Port = ListenSpec['port'];`,
    refused: { rule: BY_ROOMS, says: /no import of "src\/shared\/services\/listen.ts" here/ },
  },
  {
    file: 'src/device/net/takes-a-package.ts',
    code: `import { Hono } from 'hono/tiny';\nexport const app = new Hono();`,
    refused: { rule: BY_ROOMS, says: /no package "hono" here/ },
  },
  {
    file: 'src/device/web/fetches.ts',
    code: `export const answer = fetch('http://127.0.0.1/');`,
    refused: { rule: RESTRICTED, says: /fetch/ },
  },
  {
    file: 'src/web-ui/views/names-a-type-of-the-device.ts',
    code: `export type Kernel = import('../../device/sys/sys.ts').Sys;`,
    refused: { rule: BY_ROOMS, says: /no import of "src\/device\/sys\/sys.ts" here/ },
  },
  {
    file: 'src/web-ui/views/asks-by-itself.ts',
    code: `export const answer = fetch('/api/v1/status');`,
    refused: { rule: RESTRICTED, says: /says who asks/ },
  },
  {
    file: 'src/web-ui/views/uses-node.ts',
    code: `import { inspect } from 'node:util';\nexport const text = inspect({});`,
    refused: { rule: BY_ROOMS, says: /no node:util here/ },
  },
  {
    file: 'src/web-ui/views/exports-by-default.ts',
    code: `const view = 1;\nexport default view;`,
    refused: { rule: 'import(no-default-export)', says: /named exports/ },
  },
  {
    file: 'src/host/config/goes-up-to-apps.ts',
    code: `import type { App } from '../apps/build-app.ts';\nexport type Other = App;`,
    refused: { rule: BY_ROOMS, says: /no import of "src\/host\/apps\/build-app.ts" here/ },
  },
  {
    file: 'src/host/apps/goes-up-to-build.ts',
    code: `import { buildImage } from '../build/build-image.ts';\nexport const build = buildImage;`,
    refused: { rule: BY_ROOMS, says: /no import of "src\/host\/build\/build-image.ts" here/ },
  },
  {
    file: 'src/host/build/runs-on-the-device.ts',
    code: `import { openLinux } from '../../device/sys/linux.ts';\nexport const open = openLinux;`,
    refused: { rule: BY_ROOMS, says: /no import of "src\/device\/sys\/linux.ts" here/ },
  },
  {
    file: 'src/host/build/uses-a-test.ts',
    code: `import { sparse } from '../../../test/support/formats/sparse-device.ts';\nexport const device = sparse;`,
    refused: { rule: BY_ROOMS, says: /no import of "test\/support\/formats\/sparse-device.ts" here/ },
  },
  {
    file: 'src/cloud/has-no-row.ts',
    code: `export const cloud = 1;`,
    refused: { rule: BY_ROOMS, says: /no row of tools\/lint\/rooms.ts has "src\/cloud"/ },
  },
  {
    file: 'src/app/imports-ours.ts',
    code: `import { SLOTS } from '../shared/board/slots.ts';\nexport const slots = SLOTS;`,
    refused: { rule: BY_ROOMS, says: /no import of "src\/shared\/board\/slots.ts" here/ },
  },
  {
    file: 'src/shared/board/there.ts',
    code: `import type { Back } from './back.ts';\nexport interface There {\n  back: Back;\n}`,
    refused: { rule: 'import(no-cycle)', says: /cycle/i },
  },
  {
    file: 'src/shared/board/back.ts',
    code: `import type { There } from './there.ts';\nexport interface Back {\n  there: There;\n}`,
    refused: { rule: 'import(no-cycle)', says: /cycle/i },
  },
  {
    file: 'src/host/build/is-lazy-in-a-circle.ts',
    code: `export async function load(): Promise<unknown> {\n  return await import('./takes-a-type-back.ts');\n}\nexport type Load = typeof load;`,
    refused: {
      rule: 'house(lazy-circle)',
      says: /is-lazy-in-a-circle.ts -> \S+\/takes-a-type-back.ts -> \S+\/is-/,
    },
  },
  {
    file: 'src/host/build/names-a-type-in-a-circle.ts',
    code: `export type Loaded = typeof import('./takes-a-type-back.ts');`,
    refused: { rule: 'house(lazy-circle)', says: /a circle of imports: \S+names-a-type-in-a-circle.ts -> / },
  },
  {
    file: 'src/device/net/talks.ts',
    code: `console.log('hello');\nexport const said = true;`,
    refused: { rule: 'eslint(no-console)', says: /console/ },
  },
  {
    file: 'src/host/build/makes-a-directory.ts',
    code: `import { mkdir } from 'node:fs/promises';\nexport const made = mkdir('x', { recursive: true });`,
    refused: {
      rule: 'eslint(no-restricted-imports)',
      says: /'mkdir' import from 'node:fs\/promises' is restricted/,
    },
  },
  {
    file: 'src/device/net/is-long.ts',
    code: linesOf(401),
    refused: { rule: 'eslint(max-lines)', says: /too many lines \(401\)/ },
  },
  {
    file: 'src/formats/is-long-with-blank-lines.ts',
    code: linesOf(201).replaceAll('\n', '\n\n'),
    refused: { rule: 'eslint(max-lines)', says: /too many lines \(401\)/ },
  },
];

const KEEP_ALL_RULES = [
  {
    file: 'src/shared/board/makes-a-date-of-an-argument.ts',
    code: `export function yearOf(ms: number): number {\n  return new Date(ms).getUTCFullYear();\n}`,
  },
  {
    file: 'src/device/net/keeps-all-rules.ts',
    code: `import { readFileSync } from 'node:fs';\nexport const text = readFileSync('/etc/hosts', 'utf8');`,
  },
  {
    file: 'src/host/build/takes-a-type-back.ts',
    code: `import type { Load } from './is-lazy-in-a-circle.ts';\nimport type { Loaded } from './names-a-type-in-a-circle.ts';\nexport type Both = [Load, Loaded];`,
  },
  {
    file: 'src/host/build/is-lazy.ts',
    code: `export async function load(): Promise<unknown> {\n  return await import('./takes-a-type-back.ts');\n}`,
  },
];

const directory = mkdtempSync(join(tmpdir(), 'tsk-house-rules-'));
after(() => rmSync(directory, { recursive: true, force: true }));

test('house rules refuse each file that breaks one, and no other', () => {
  write('.oxlintrc.json', withoutTypes(readFileSync(join(CHECKOUT, '.oxlintrc.json'), 'utf8')));
  cpSync(join(CHECKOUT, 'tools/lint'), join(directory, 'tools/lint'), { recursive: true });
  symlinkSync(join(CHECKOUT, 'node_modules'), join(directory, 'node_modules'));
  for (const { file, code } of [...CASES, ...KEEP_ALL_RULES]) write(file, `${code}\n`);
  const problems = lint();
  for (const { file, refused } of CASES) {
    const ofFile = problems.filter((problem) => problem.filename === file);
    assert.deepEqual(
      ofFile.map(({ code }) => code),
      [refused.rule],
      `${file}: ${ofFile.map(({ message }) => message).join('; ')}`,
    );
    assert.match(ofFile[0]?.message ?? '', refused.says, file);
  }
  assert.deepEqual(
    problems.filter(({ filename }) => KEEP_ALL_RULES.some(({ file }) => file === filename)),
    [],
  );
});

test('no two directories may import each other', () => {
  assert.deepEqual(importsOfLowerRows(ROOMS), []);
  const room = { imports: [], builtins: {} };
  assert.deepEqual(
    importsOfLowerRows([
      { ...room, directory: 'src/shared/network', imports: ['src/shared/services'] },
      { ...room, directory: 'src/shared/services', imports: ['src/shared/network'] },
    ]),
    ['src/shared/network -> src/shared/services'],
  );
  assert.deepEqual(
    importsOfLowerRows([
      { ...room, directory: 'src/host/deploy' },
      { ...room, directory: 'src/host/deploy/update', imports: ['src/host/deploy'] },
    ]),
    ['src/host/deploy -> src/host/deploy/update'],
  );
});

test('docs have no line of prose over 150 characters', () => {
  for (const file of globSync(['*.md', 'docs/*.md'], { cwd: CHECKOUT }))
    assert.deepEqual(longLines(readFileSync(join(CHECKOUT, file), 'utf8')), [], file);
  const long = 'word '.repeat(40);
  assert.deepEqual(longLines(`# Title\n${long}\n| ${long} |\n\`\`\`\n${long}\n\`\`\`\n`), [2]);
});

test('sources that docs name are there', () => {
  for (const file of globSync(['*.md', 'docs/*.md'], { cwd: CHECKOUT }))
    assert.deepEqual(lostSources(readFileSync(join(CHECKOUT, file), 'utf8')), [], file);
  assert.deepEqual(
    lostSources('`src/shared/lost.ts`, `src/host/cli/NAME.ts`, `test/tools/` and `src/host/*.ts`'),
    ['src/shared/lost.ts'],
  );
});

test('no file is kept that .gitignore leaves out', () => {
  // The lock of an example, say: with it and without its key, its first build is refused.
  const { status, stdout } = spawnSync('git', ['ls-files', '--cached', '--ignored', '--exclude-standard'], {
    cwd: CHECKOUT,
    encoding: 'utf8',
  });
  assert.deepEqual({ status, stdout }, { status: 0, stdout: '' });
});

function linesOf(count: number): string {
  return Array.from({ length: count }, (_, line) => `export const line${line} = ${line};`).join('\n');
}

/** Where each row names only those above it, no circle of directories is left. */
function importsOfLowerRows(rooms: readonly Room[]): string[] {
  return rooms.flatMap(({ directory, imports }, row) => {
    const allowed = [directory, ...imports];
    const lower = rooms.slice(row + 1).filter((other) => allowed.some((each) => takesIn(each, other)));
    return lower.map((other) => `${directory} -> ${other.directory}`);
  });
}

function takesIn(allowed: string, { directory }: Room): boolean {
  return directory === allowed || directory.startsWith(`${allowed}/`);
}

/** Numbers of the lines, from 1. Tables, code and addresses cannot be broken. */
function longLines(text: string): number[] {
  let isCode = false;
  return text.split('\n').flatMap((line, index) => {
    if (line.trimStart().startsWith('```')) isCode = !isCode;
    const isProse = !isCode && !/^\s*(?:\||!\[)/.test(line);
    return isProse && line.length > 150 ? [index + 1] : [];
  });
}

/** Paths in the text that are not there; NAME and `*` stand for many, and src/main.ts is in the instance of whoever reads. */
function lostSources(text: string): string[] {
  const named = text.matchAll(/`((?:src|test|scripts|bench|tools|examples)\/[\w./-]+)`/g);
  return [...named]
    .map(([, path = '']) => path)
    .filter((path) => !path.includes('NAME') && path !== 'src/main.ts' && !existsSync(join(CHECKOUT, path)));
}

/** Types are not what these rules look at, and they cost seconds. */
function withoutTypes(configuration: string): string {
  return JSON.stringify({ ...(JSON.parse(configuration) as object), options: {} });
}

function lint(): readonly { filename: string; code: string; message: string }[] {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [join(CHECKOUT, 'node_modules/oxlint/bin/oxlint'), '--format=json', 'src'],
    { cwd: directory, encoding: 'utf8' },
  );
  assert.ok(stdout.startsWith('{'), stderr + stdout);
  const { diagnostics } = JSON.parse(stdout) as {
    diagnostics: { filename: string; code: string; message: string }[];
  };
  return diagnostics;
}

function write(path: string, text: string): void {
  const file = join(directory, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
