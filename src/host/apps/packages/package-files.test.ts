import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { makeFiles } from '../../../../test/support/builds/app-builds.ts';
import { makeElf } from '../../../../test/support/formats/make-elf.ts';
import { ELF_MACHINE } from '../../../formats/elf.ts';
import { BOARDS } from '../../../shared/board/boards.ts';
import { type PackageChoice, packageFiles } from './package-files.ts';

/** `MZ`, and where the word at 0x3c points, `PE`. */
function windowsProgram(): Uint8Array {
  const bytes = Buffer.alloc(256);
  bytes.write('MZ');
  bytes.writeUInt32LE(128, 0x3c);
  bytes.write('PE', 128);
  return bytes;
}

function macProgram(magic: number, next: number): Uint8Array {
  const bytes = Buffer.alloc(128);
  bytes.writeUInt32BE(magic, 0);
  bytes.writeUInt32BE(next, 4);
  return bytes;
}

const PC = { board: BOARDS['pc-arm64'], keepsDeclarations: false, isWanted: () => false, keepsAll: false };

suite('packageFiles', () => {
  test('leaves of the binaries those that the board can load', async (t) => {
    const directory = makeFiles(t, {
      'prebuilds/linux-arm64/x.glibc.node': makeElf({ machine: ELF_MACHINE.aarch64, needed: ['libc.so.6'] }),
      'prebuilds/linux-arm64/x.musl.node': makeElf({ machine: ELF_MACHINE.aarch64 }),
      'prebuilds/alpine/x.node': makeElf({
        machine: ELF_MACHINE.aarch64,
        needed: ['libc.musl-aarch64.so.1'],
      }),
      'prebuilds/android-arm64/x.node': makeElf({ machine: ELF_MACHINE.aarch64, needed: ['libc.so'] }),
      'prebuilds/linux-x64/x.node': makeElf({ machine: ELF_MACHINE.x86_64, needed: ['libc.so.6'] }),
      'prebuilds/win32-x64/x.node': windowsProgram(),
      'prebuilds/darwin-arm64/x.node': macProgram(0xcffaedfe, 0),
      'prebuilds/darwin-universal/x.node': macProgram(0xcafebabe, 2),
      'lib/Main.class': macProgram(0xcafebabe, 61),
      'lib/index.js': 'exports.x = 1;',
      'lib/short.bin': 'MZ',
    });
    const { files, leftOut } = await packageFiles(directory, PC);
    assert.deepEqual(
      files.map(({ path }) => path),
      ['lib/Main.class', 'lib/index.js', 'lib/short.bin', 'prebuilds/linux-arm64/x.glibc.node'],
    );
    assert.deepEqual(files.at(-1)?.elf?.machine, ELF_MACHINE.aarch64);
    assert.ok(leftOut.every(({ reason }) => reason === 'foreign binary'));
    assert.equal(leftOut.length, 7);
  });
});

/** Paths by what becomes of them. */
async function sorted(
  directory: string,
  choice: Partial<PackageChoice> = {},
): Promise<Record<string, string[]>> {
  const { files, leftOut } = await packageFiles(directory, { ...PC, ...choice });
  const result: Record<string, string[]> = { taken: files.map(({ path }) => path) };
  for (const { reason, path } of leftOut) (result[reason] ??= []).push(path);
  return result;
}

suite('packageFiles of a package', () => {
  test('takes all that may be read, whatever its name', async (t) => {
    const names = [
      '.npmignore',
      '.well-known/x',
      'CHANGELOG.md',
      'README',
      'Test/Fixture.JSON',
      'dist/.hash',
      'docs/a b\u00e9.html',
      'examples/flow.json',
      'firmware/blink.c',
      'include/x.h',
      'level1.map',
      'lib/node_modules/inner/index.js',
      'movie.ts',
      'package-lock.json',
      'short.bin',
      'test/index.js',
      'tsconfig.json',
      'yarn.lock',
    ];
    const directory = makeFiles(t, Object.fromEntries(names.map((name) => [name, name])));
    assert.deepEqual(await sorted(directory), { taken: names });
  });

  test('leaves to npm what npm has put below it', async (t) => {
    const directory = makeFiles(t, { 'index.js': '', 'node_modules/dependency/index.js': '' });
    assert.deepEqual(await sorted(directory), { taken: ['index.js'] });
  });

  test('leaves out declarations and source maps, but not what only has such a name', async (t) => {
    const directory = makeFiles(t, {
      'a.js': '',
      'a.js.map': '{"version":3}',
      'b.css.map': 'not a source map',
      'types/a.d.ts': '',
      'types/b.D.MTS': '',
    });
    assert.deepEqual(await sorted(directory), {
      taken: ['a.js', 'b.css.map'],
      'source map': ['a.js.map'],
      declaration: ['types/a.d.ts', 'types/b.D.MTS'],
    });
  });

  test('keeps declarations where code reads them', async (t) => {
    const files = { 'public/types/a.d.ts': '', 'public/editor.js': "load('types/' + name + '.d.ts');" };
    const expected = { taken: ['public/editor.js', 'public/types/a.d.ts'] };
    assert.deepEqual(await sorted(makeFiles(t, files)), expected);
    const others = makeFiles(t, { 'index.d.ts': '', 'index.js': '' });
    assert.deepEqual(await sorted(others, { keepsDeclarations: true }), {
      taken: ['index.d.ts', 'index.js'],
    });
  });

  test('leaves out what an add-on is compiled from, in packages that are compiled', async (t) => {
    const sources = ['Makefile', 'binding.gyp', 'deps/x.h', 'src/addon.cc'];
    const names = [...sources, 'index.js', 'src/index.js'].toSorted();
    const directory = makeFiles(t, Object.fromEntries(names.map((name) => [name, ''])));
    assert.deepEqual(await sorted(directory), {
      taken: ['index.js', 'src/index.js'],
      'native source': sources,
    });
  });

  test('takes a static program for any C library, and binaries for other machines that are wanted', async (t) => {
    const directory = makeFiles(t, {
      'bin/tool-musl': makeElf({ machine: ELF_MACHINE.aarch64 }),
      'bin/x64': makeElf({ machine: ELF_MACHINE.x86_64 }),
      'bin/arm': makeElf({ machine: ELF_MACHINE.arm }),
      'bin/damaged': Buffer.from('\x7fELF and no more'),
    });
    const found = await sorted(directory, { isWanted: (path) => path === 'bin/x64' });
    assert.deepEqual(found, {
      taken: ['bin/damaged', 'bin/tool-musl', 'bin/x64'],
      'foreign binary': ['bin/arm'],
    });
  });

  test('takes all files where that is wanted', async (t) => {
    const files = {
      'binding.gyp': '{}',
      'src/a.cc': '',
      'index.d.ts': '',
      'index.js.map': '{}',
      'x64.node': makeElf({ machine: ELF_MACHINE.x86_64 }),
      'musl.node': makeElf({ machine: ELF_MACHINE.aarch64, needed: ['libc.musl-aarch64.so.1'] }),
    };
    const all = await packageFiles(makeFiles(t, files), { ...PC, isWanted: () => true, keepsAll: true });
    assert.deepEqual(all.leftOut, []);
    assert.deepEqual(all.files.map(({ path }) => path).toSorted(), Object.keys(files).toSorted());
    // None of them shows that the package has an add-on for the board.
    assert.ok(all.files.every(({ elf }) => elf === undefined));
  });

  test('follows no symbolic links, and says so', async (t) => {
    const directory = makeFiles(t, { 'a.js': '' });
    symlinkSync('a.js', join(directory, 'b.js'));
    symlinkSync('..', join(directory, 'loop'));
    assert.deepEqual(await sorted(directory), { taken: ['a.js'], link: ['b.js', 'loop'] });
  });
});
