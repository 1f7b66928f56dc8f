// A stub in place of a real library, for a real program and the real dynamic linker.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { encodeStubLibrary, readNeededSymbols } from '../../src/formats/elf-stub-library.ts';
import { requireTool } from '../support/require-tool.ts';

const MACHINE = process.arch === 'arm64' ? 183 : 62;
const SONAME = 'libgone.so.1';
const FUNCTIONS = Array.from({ length: 40 }, (_, index) => `gone_${index}`);

interface Scene {
  directory: string;
  run: () => { status: number | null; stdout: string; stderr: string };
}

/** A program and a library that it calls 40 functions of, each of which returns 7. `flags`: of the linker of the library. */
function makeProgram(t: TestContext, ...flags: readonly string[]): Scene {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-stub-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const gcc = (...args: string[]): void => void execFileSync('gcc', args, { cwd: directory });
  const put = (name: string, lines: readonly string[]): void =>
    writeFileSync(join(directory, name), `${lines.join('\n')}\n`);
  put(
    'gone.c',
    FUNCTIONS.map((name) => `int ${name}(void) { return 7; }`),
  );
  put('gone.map', ['GONE_1_0 { global: *; };']);
  gcc('-shared', '-fPIC', `-Wl,-soname,${SONAME}`, ...flags, '-o', SONAME, 'gone.c');
  put('main.c', [
    '#include <stdio.h>',
    ...FUNCTIONS.map((name) => `int ${name}(void);`),
    `int main(void) { printf("%d\\n", ${FUNCTIONS.map((name) => `${name}()`).join(' + ')}); return 0; }`,
  ]);
  // All at the start, as distributions have it.
  gcc('-Wl,-z,now', '-o', 'main', 'main.c', `./${SONAME}`);
  const run = (): ReturnType<Scene['run']> =>
    spawnSync(join(directory, 'main'), {
      encoding: 'utf8',
      cwd: directory,
      env: { LD_LIBRARY_PATH: directory },
    });
  assert.equal(run().stdout, '280\n');
  return { directory, run };
}

test('a program that is linked to a library starts with a stub in its place, whose functions return 0', (t) => {
  if (!requireTool(t, 'gcc')) return;
  const { directory, run } = makeProgram(t, '-Wl,--version-script=gone.map');
  const program = readFileSync(join(directory, 'main'));
  const { version, names } = readNeededSymbols(program, SONAME);
  assert.equal(version, 'GONE_1_0');
  assert.deepEqual([...names].toSorted(), FUNCTIONS.toSorted());
  const stub = (of: Partial<Parameters<typeof encodeStubLibrary>[0]>): void =>
    writeFileSync(
      join(directory, SONAME),
      encodeStubLibrary({ machine: MACHINE, soname: SONAME, version, functions: names, ...of }),
    );
  stub({});
  const { status, stdout, stderr } = run();
  assert.deepEqual([status, stdout, stderr], [0, '0\n', '']);
  // The linker does look at what is in it.
  stub({ functions: names.slice(1) });
  assert.match(run().stderr, /undefined symbol: gone_/);
  stub({ version: 'GONE_2_0' });
  assert.match(run().stderr, /version `GONE_1_0' not found/);
});

test('functions without a version are told by the library that has them', (t) => {
  if (!requireTool(t, 'gcc')) return;
  const { directory, run } = makeProgram(t);
  const path = join(directory, SONAME);
  const { version, names } = readNeededSymbols(
    readFileSync(join(directory, 'main')),
    SONAME,
    readFileSync(path),
  );
  assert.equal(version, undefined);
  assert.deepEqual([...names].toSorted(), FUNCTIONS.toSorted());
  writeFileSync(path, encodeStubLibrary({ machine: MACHINE, soname: SONAME, version, functions: names }));
  const { status, stdout, stderr } = run();
  assert.deepEqual([status, stdout, stderr], [0, '0\n', '']);
});

test('what needs no such library, or has no versions, is refused', () => {
  const program = readFileSync(process.execPath);
  assert.throws(() => readNeededSymbols(program, 'libnobody.so.9'), {
    name: 'SyntaxError',
    message: 'Cannot read ELF file: it asks for 0 versions of "libnobody.so.9", want 1',
  });
  assert.throws(() => readNeededSymbols(new Uint8Array(64), SONAME), {
    name: 'SyntaxError',
    message: 'Cannot read ELF file: it has no versions of symbols',
  });
});
