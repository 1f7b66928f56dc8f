import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { makeFiles } from '../../../../test/support/builds/app-builds.ts';
import { makeElf } from '../../../../test/support/formats/make-elf.ts';
import { ELF_MACHINE } from '../../../formats/elf.ts';
import { BOARDS } from '../../../shared/board/boards.ts';
import { isForDevelopers, packageFiles } from './package-files.ts';

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
    const files = await packageFiles(directory, BOARDS['pc-arm64']);
    assert.deepEqual(
      files.map(({ path }) => path),
      ['lib/Main.class', 'lib/index.js', 'lib/short.bin', 'prebuilds/linux-arm64/x.glibc.node'],
    );
    assert.deepEqual(files.at(-1)?.elf?.machine, ELF_MACHINE.aarch64);
  });
});

test('isForDevelopers spares code, data and licences', () => {
  for (const path of [
    'index.js',
    'package.json',
    'lib/test/x.js',
    'LICENSE.md',
    'deps/COPYING',
    'x.wasm',
    'docs.js',
  ]) {
    assert.ok(!isForDevelopers(path), path);
  }
  for (const path of [
    'index.d.ts',
    'index.js.map',
    'README.md',
    'README',
    'src/addon.cc',
    'deps/sqlite3.h',
    'binding.gyp',
    'test/x.js',
    'docs/x.html',
    'tsconfig.build.json',
    'lib/.npmignore',
    '.eslintrc',
    'src/index.ts',
  ]) {
    assert.ok(isForDevelopers(path), path);
  }
});
