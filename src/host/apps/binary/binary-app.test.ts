import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { appConfig, appContext, makeFiles, userError } from '../../../../test/support/builds/app-builds.ts';
import { makeElf } from '../../../../test/support/formats/make-elf.ts';
import { ELF_MACHINE } from '../../../formats/elf.ts';
import type { AppConfig } from '../../config/app-config.ts';
import { type AppBuild, buildApp } from '../build-app.ts';

const INTERPRETER = '/lib64/ld-linux-x86-64.so.2';
const STATIC = makeElf({ machine: ELF_MACHINE.x86_64 });

function build(
  t: TestContext,
  content: string | Uint8Array,
  app: Partial<AppConfig> = {},
): Promise<AppBuild> {
  const directory = makeFiles(t, { 'tool-amd64': content, 'lib/libown.so.1': '' });
  return buildApp(appConfig({ name: 'tool', binary: './tool-${arch}', ...app }), appContext(directory));
}

suite('buildApp of a binary app', () => {
  test('takes a static program for the board', async (t) => {
    const { entries, service } = await build(t, STATIC, { args: ['run'] });
    assert.deepEqual(
      entries.map(({ path, mode, layer }) => ({ path, mode, layer })),
      [{ path: '/user/tool', mode: 0o755, layer: 'app:tool' }],
    );
    assert.deepEqual([service.kind, service.argv], ['binary', ['/user/tool', 'run']]);
  });

  test('takes a dynamic program whose libraries the image has, or the app on its library path', async (t) => {
    const needed = ['libc.so.6', 'libown.so.1'];
    const program = makeElf({ machine: ELF_MACHINE.x86_64, interpreter: INTERPRETER, needed });
    await build(t, makeElf({ machine: ELF_MACHINE.x86_64, interpreter: INTERPRETER, needed: ['libc.so.6'] }));
    const include = [{ from: 'lib', to: 'lib' }];
    await build(t, program, { include, env: { LD_LIBRARY_PATH: '/app/tool/lib' } });
    await assert.rejects(
      build(t, program, { include }),
      userError(
        'Cannot use "./tool-amd64" as app "tool": it needs the shared library "libown.so.1", which the image lacks',
        /^Use a statically linked build/,
      ),
    );
  });

  test('refuses what cannot run on the board, saying why', async (t) => {
    const cases: readonly [string | Uint8Array, RegExp][] = [
      [
        makeElf({ machine: ELF_MACHINE.aarch64 }),
        /: it is for 64-bit Arm, but board "pc-amd64" has 64-bit x86$/,
      ],
      [
        makeElf({ machine: ELF_MACHINE.x86_64, interpreter: '/lib/ld-musl-x86_64.so.1' }),
        /: it needs the dynamic linker "\/lib\/ld-musl-x86_64\.so\.1", but the image has "\/lib64\/ld-linux/,
      ],
      [
        makeElf({
          machine: ELF_MACHINE.x86_64,
          interpreter: INTERPRETER,
          needed: ['libusb-1.0.so.0', 'libx.so'],
        }),
        /: it needs the shared libraries "libusb-1\.0\.so\.0", "libx\.so", which the image lacks$/,
      ],
      ['#!/bin/sh -e\necho', /: it is a script \(#!\/bin\/sh -e\)$/],
      ['MZ\x90', /: it is a program for Windows$/],
      [new Uint8Array([0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1]), /: it is a program for macOS$/],
      ['', /: it is an empty file$/],
      ['hello', /: it is no ELF executable$/],
      [STATIC.subarray(0, 40), /: it is a damaged ELF file$/],
    ];
    for (const [content, message] of cases) await assert.rejects(build(t, content), userError(message));
  });

  test('refuses a path that is not there, or has an unknown variable', async (t) => {
    await assert.rejects(
      build(t, STATIC, { binary: './none-${nodeArch}' }),
      userError(
        /^Cannot use "\.\/none-x64" as app "tool": there is no file ".*\/none-x64"$/,
        /"pc-amd64" \(amd64\)/,
      ),
    );
    await assert.rejects(
      build(t, STATIC, { binary: './tool-${cpu}' }),
      userError('Cannot use "./tool-${cpu}" as app "tool": "${cpu}" is not known', /\$\{arch\}/),
    );
  });
});
