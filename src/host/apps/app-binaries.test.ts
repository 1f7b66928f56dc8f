import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { appConfig, appContext, makeFiles, userError } from '../../../test/support/builds/app-builds.ts';
import { makeElf } from '../../../test/support/formats/make-elf.ts';
import { ELF_MACHINE } from '../../formats/elf.ts';
import type { BoardId } from '../../shared/board/boards.ts';
import type { AppConfig } from '../config/app-config.ts';
import { buildApp } from './build-app.ts';

const ARM = makeElf({ machine: ELF_MACHINE.aarch64, needed: ['libc.so.6'] });
const X64 = makeElf({ machine: ELF_MACHINE.x86_64, needed: ['libc.so.6'] });

/** A node app that includes `files` as its directory `lib`. */
function including(
  t: TestContext,
  files: Record<string, string | Uint8Array>,
  app: Partial<AppConfig> = {},
  board: BoardId = 'pc-arm64',
): ReturnType<typeof buildApp> {
  const below = Object.fromEntries(Object.entries(files).map(([path, content]) => [`lib/${path}`, content]));
  const directory = makeFiles(t, { 'main.ts': 'console.log(1);', ...below });
  const include = [{ from: 'lib', to: 'lib' }];
  return buildApp(appConfig({ node: './main.ts', include, ...app }), appContext(directory, board));
}

suite('a binary in an app', () => {
  test('is taken when the board runs it, and so is all that is none', async (t) => {
    const files = {
      'a.node': ARM,
      'data.bin': '\x7fELF, says the text',
      'empty.node': '',
      'setup.exe': 'MZ',
    };
    assert.deepEqual((await including(t, files)).warnings, []);
    const include = [{ from: 'lib', to: 'node_modules/x/test' }];
    assert.deepEqual((await including(t, { 'data.node': 'of a test' }, { include })).warnings, []);
  });

  test('is refused by path and architecture when it is for another machine', async (t) => {
    const cases: [string, Uint8Array | string, string][] = [
      ['sharp-linux-x64.node', X64, 'for 64-bit x86'],
      ['tool', makeElf({ machine: ELF_MACHINE.arm }), 'for 32-bit Arm'],
      ['tool.txt', makeElf({ machine: ELF_MACHINE.riscv }), 'for RISC-V'],
      ['lib.so.1', makeElf({ machine: ELF_MACHINE.i386 }), 'for 32-bit x86'],
      ['x.node', `MZ${'\0'.repeat(100)}`, 'an add-on for Windows'],
      ['x.node', Buffer.from([0xcf, 0xfa, 0xed, 0xfe, 0, 0, 0, 0]), 'an add-on for macOS'],
      ['x.node', 'module.exports = 1;', 'no add-on'],
      ['x.node', ARM.subarray(0, 100), 'a damaged ELF file'],
    ];
    for (const [name, content, kind] of cases) {
      await assert.rejects(
        including(t, { [name]: content }),
        userError(
          `Cannot put "/app/app/lib/${name}" into app "app": it is ${kind}, but board "pc-arm64" has 64-bit Arm`,
          `Include the file for linux-arm64 in its place, or leave it out. If the app only hands it on, ` +
            `name "lib/${name}" in apps.app.foreignBinaries.`,
        ),
      );
    }
  });

  test('is refused at an absolute place, and in a program of the app', async (t) => {
    const directory = makeFiles(t, { tool: ARM, program: makeElf({ machine: ELF_MACHINE.x86_64 }) });
    chmodSync(join(directory, 'program'), 0o755);
    const include = [{ from: 'tool', to: '/opt/tool' }];
    await assert.rejects(
      buildApp(appConfig({ binary: './program', include }), appContext(directory)),
      userError(
        /^Cannot put "\/opt\/tool" into app "app": it is for 64-bit Arm, but/,
        /name "\/opt\/tool" in/,
      ),
    );
  });

  test('is taken when foreignBinaries names it, which names nothing that is not there', async (t) => {
    const files = { 'a/x64': X64, 'b/x64': X64, 'esp32.elf': makeElf({ machine: 94 }) };
    const foreignBinaries = ['lib/a/x64', './lib/esp32.elf', '/app/app/lib/b/x64'];
    assert.equal((await including(t, files, { foreignBinaries })).entries.length, 4);
    await assert.rejects(
      including(t, files, { foreignBinaries: foreignBinaries.slice(1) }),
      userError(/"\/app\/app\/lib\/a\/x64".* it is for 64-bit x86/),
    );
    await assert.rejects(
      including(t, files, { foreignBinaries: ['lib/a/x46'] }),
      userError(
        'Cannot build app "app": it has no file "/app/app/lib/a/x46", which its foreignBinaries name',
        'Name files as they lie on the device: relative to /app/app, or absolute.',
      ),
    );
  });

  test('that lacks a library is warned of, until the app brings that', async (t) => {
    const usb = makeElf({ machine: ELF_MACHINE.aarch64, needed: ['libusb-1.0.so.0', 'libc.so.6'] });
    const { warnings } = await including(t, { 'hid.node': usb });
    assert.deepEqual(warnings, [
      '"/app/app/lib/hid.node" of app app does not load: it needs the shared library "libusb-1.0.so.0", which the image lacks',
    ]);
    assert.deepEqual((await including(t, { 'hid.node': usb, 'libusb-1.0.so.0': ARM })).warnings, []);
  });
});
