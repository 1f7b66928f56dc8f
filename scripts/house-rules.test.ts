// Each rule of the house that a machine checks is shown to refuse a file that breaks it, with the real configuration: a
// rule that nothing can break proves nothing. The last file breaks none.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
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

const CHECKOUT = join(import.meta.dirname, '..');

interface Case {
  file: string;
  code: string;
  /** Rule that refuses the file, and words of what it says. */
  refused: { rule: string; says: RegExp };
}

const ROOMS = 'house(rooms)';

const CASES: readonly Case[] = [
  {
    file: 'src/shared/update/reads-a-file.ts',
    code: `import { readFileSync } from 'node:fs';\nexport const text = readFileSync('/etc/hosts', 'utf8');`,
    refused: { rule: ROOMS, says: /no node:fs here/ },
  },
  {
    file: 'src/shared/update/reads-a-file-without-prefix.ts',
    code: `import { readFileSync } from 'fs';\nexport const text = readFileSync('/etc/hosts', 'utf8');`,
    refused: { rule: ROOMS, says: /no node:fs here/ },
  },
  {
    file: 'src/formats/opens-a-socket.ts',
    code: `import { connect } from 'node:net';\nexport const socket = connect(80);`,
    refused: { rule: ROOMS, says: /of node:net no "connect" here/ },
  },
  {
    file: 'src/formats/hands-on-a-builtin.ts',
    code: `export * from 'node:fs';`,
    refused: { rule: ROOMS, says: /no node:fs here/ },
  },
  {
    file: 'src/formats/asks-the-process.ts',
    code: `export const fs = process.getBuiltinModule('node:fs');`,
    refused: { rule: ROOMS, says: /no node:fs here/ },
  },
  {
    file: 'src/device/net/loads-libc-late.ts',
    code: `export async function open(): Promise<unknown> {\n  return await import('node:ffi');\n}`,
    refused: { rule: ROOMS, says: /no node:ffi here/ },
  },
  {
    file: 'src/device/init/runs-libc-in-a-worker.ts',
    code: "export const PROGRAM = `const { dlopen } = require('node:ffi'); dlopen('libc.so.6');`;",
    refused: { rule: ROOMS, says: /no node:ffi here/ },
  },
  {
    file: 'src/device/init/loads-what-it-is-told.ts',
    code: `export async function load(name: string): Promise<unknown> {\n  return await import(name);\n}`,
    refused: { rule: ROOMS, says: /only the running program can name/ },
  },
  {
    file: 'src/device/update/goes-up-to-init.ts',
    code: `import { Device } from '../init/device.ts';\nexport const device = Device;`,
    refused: { rule: ROOMS, says: /no import of "src\/device\/init\/device.ts" here/ },
  },
  {
    file: 'src/device/net/takes-a-package.ts',
    code: `import { Hono } from 'hono/tiny';\nexport const app = new Hono();`,
    refused: { rule: ROOMS, says: /no package "hono" here/ },
  },
  {
    file: 'src/device/web/fetches.ts',
    code: `export const answer = fetch('http://127.0.0.1/');`,
    refused: { rule: 'eslint(no-restricted-globals)', says: /fetch/ },
  },
  {
    file: 'src/web-ui/views/names-a-type-of-the-device.ts',
    code: `export type Kernel = import('../../device/sys/sys.ts').Sys;`,
    refused: { rule: ROOMS, says: /no import of "src\/device\/sys\/sys.ts" here/ },
  },
  {
    file: 'src/web-ui/views/asks-by-itself.ts',
    code: `export const answer = fetch('/api/v1/status');`,
    refused: { rule: 'eslint(no-restricted-globals)', says: /says who asks/ },
  },
  {
    file: 'src/web-ui/views/uses-node.ts',
    code: `import { inspect } from 'node:util';\nexport const text = inspect({});`,
    refused: { rule: ROOMS, says: /no node:util here/ },
  },
  {
    file: 'src/web-ui/views/exports-by-default.ts',
    code: `const view = 1;\nexport default view;`,
    refused: { rule: 'import(no-default-export)', says: /named exports/ },
  },
  {
    file: 'src/host/config/goes-up-to-apps.ts',
    code: `import type { App } from '../apps/build-app.ts';\nexport type Other = App;`,
    refused: { rule: ROOMS, says: /no import of "src\/host\/apps\/build-app.ts" here/ },
  },
  {
    file: 'src/host/apps/goes-up-to-build.ts',
    code: `import { buildImage } from '../build/build-image.ts';\nexport const build = buildImage;`,
    refused: { rule: ROOMS, says: /no import of "src\/host\/build\/build-image.ts" here/ },
  },
  {
    file: 'src/host/build/runs-on-the-device.ts',
    code: `import { openLinux } from '../../device/sys/linux.ts';\nexport const open = openLinux;`,
    refused: { rule: ROOMS, says: /no import of "src\/device\/sys\/linux.ts" here/ },
  },
  {
    file: 'src/host/build/uses-a-test.ts',
    code: `import { sparse } from '../../../test/support/formats/sparse-device.ts';\nexport const device = sparse;`,
    refused: { rule: ROOMS, says: /no import of "test\/support\/formats\/sparse-device.ts" here/ },
  },
  {
    file: 'src/cloud/has-no-row.ts',
    code: `export const cloud = 1;`,
    refused: { rule: ROOMS, says: /no row of tools\/lint\/rooms.ts has "src\/cloud"/ },
  },
  {
    file: 'src/app/imports-ours.ts',
    code: `import { SLOTS } from '../shared/board/slots.ts';\nexport const slots = SLOTS;`,
    refused: { rule: ROOMS, says: /no import of "src\/shared\/board\/slots.ts" here/ },
  },
  {
    file: 'src/shared/circle/there.ts',
    code: `import type { Back } from './back.ts';\nexport interface There {\n  back: Back;\n}`,
    refused: { rule: 'import(no-cycle)', says: /cycle/i },
  },
  {
    file: 'src/shared/circle/back.ts',
    code: `import type { There } from './there.ts';\nexport interface Back {\n  there: There;\n}`,
    refused: { rule: 'import(no-cycle)', says: /cycle/i },
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
    code: Array.from({ length: 401 }, (_, line) => `export const line${line} = ${line};`).join('\n'),
    refused: { rule: 'eslint(max-lines)', says: /too many lines \(401\)/ },
  },
  {
    file: 'src/formats/is-long.ts',
    code: Array.from({ length: 751 }, (_, line) => `export const line${line} = ${line};`).join('\n'),
    refused: { rule: 'eslint(max-lines)', says: /too many lines \(751\)/ },
  },
];

const KEEPS_ALL_RULES = {
  file: 'src/device/net/keeps-all-rules.ts',
  code: `import { readFileSync } from 'node:fs';\nexport const text = readFileSync('/etc/hosts', 'utf8');`,
};

const directory = mkdtempSync(join(tmpdir(), 'tsk-house-rules-'));
after(() => rmSync(directory, { recursive: true, force: true }));

test('house rules refuse each file that breaks one, and no other', () => {
  write('.oxlintrc.json', withoutTypes(readFileSync(join(CHECKOUT, '.oxlintrc.json'), 'utf8')));
  cpSync(join(CHECKOUT, 'tools/lint'), join(directory, 'tools/lint'), { recursive: true });
  symlinkSync(join(CHECKOUT, 'node_modules'), join(directory, 'node_modules'));
  for (const { file, code } of [...CASES, KEEPS_ALL_RULES]) write(file, `${code}\n`);
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
    problems.filter(({ filename }) => filename === KEEPS_ALL_RULES.file),
    [],
  );
});

test('docs have no line of prose over 150 characters', () => {
  for (const file of globSync(['*.md', 'docs/*.md'], { cwd: CHECKOUT }))
    assert.deepEqual(longLines(readFileSync(join(CHECKOUT, file), 'utf8')), [], file);
  const long = 'word '.repeat(40);
  assert.deepEqual(longLines(`# Title\n${long}\n| ${long} |\n\`\`\`\n${long}\n\`\`\`\n`), [2]);
});

/** Numbers of the lines, from 1. Tables, code and addresses cannot be broken. */
function longLines(text: string): number[] {
  let isCode = false;
  return text.split('\n').flatMap((line, index) => {
    if (line.trimStart().startsWith('```')) isCode = !isCode;
    const isProse = !isCode && !/^\s*(?:\||!\[)/.test(line);
    return isProse && line.length > 150 ? [index + 1] : [];
  });
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
