import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { DEVICE_PROGRAMS, type DeviceProgramName } from '../../shared/services/device-programs.ts';
import { bundleDeviceProgram } from './device-programs.ts';
import { LAZY_BUILTINS_CODE } from './lazy-builtins.ts';

/** Public builtins that a program has loaded, beyond those of an empty one, before it does anything. */
const AT_START: Readonly<Record<DeviceProgramName, readonly string[]>> = {
  init: ['ffi', 'os'],
  net: ['ffi', 'os'],
  web: [
    '_http_agent',
    '_http_client',
    '_http_common',
    '_http_incoming',
    '_http_outgoing',
    '_http_server',
    'http',
    'net',
    'stream',
    'stream/promises',
    'string_decoder',
  ],
};

/** Ends init by its first act; net and web end where they find no configuration. */
const PRELOADED = `
  process.umask = () => process.exit();
  process.on('exit', () => {
    const loaded = process.moduleLoadList.map((line) => /^NativeModule (?!internal)(.*)/.exec(line)?.[1]);
    console.log(JSON.stringify(loaded.filter((name) => name !== undefined)));
  });
`;

class Programs {
  readonly #directory: string;

  constructor(t: TestContext) {
    this.#directory = mkdtempSync(join(tmpdir(), 'tsk-lazy-'));
    t.after(() => rmSync(this.#directory, { recursive: true }));
    writeFileSync(join(this.#directory, 'preloaded.cjs'), PRELOADED);
  }

  /** What `code` prints. */
  run(code: string | Uint8Array, flags: readonly string[] = []): string {
    const path = join(this.#directory, 'program.cjs');
    writeFileSync(path, code);
    const { stdout, stderr } = spawnSync(process.execPath, [...flags, path], { encoding: 'utf8' });
    return stdout === '' ? stderr : stdout;
  }

  builtinsOf(code: string | Uint8Array): string[] {
    const output = this.run(code, ['--require', join(this.#directory, 'preloaded.cjs')]);
    return JSON.parse(output.trim().split('\n').at(-1)!) as string[];
  }
}

test('LAZY_BUILTINS_CODE leaves device programs with few builtins when they start', async (t) => {
  const programs = new Programs(t);
  const empty = new Set(programs.builtinsOf(''));
  for (const program of DEVICE_PROGRAMS) {
    const { name } = program;
    const { code } = await bundleDeviceProgram(program);
    const loaded = programs.builtinsOf(code).filter((builtin) => !empty.has(builtin));
    assert.deepEqual(loaded.toSorted(), AT_START[name], name);
  }
});

test('LAZY_BUILTINS_CODE: a stand-in is as good as the builtin, however it is used', (t) => {
  const output = new Programs(t).run(`${LAZY_BUILTINS_CODE}
    const lazy = require('node:crypto');
    const crypto = process.getBuiltinModule('node:crypto');
    const isLoaded = () => process.moduleLoadList.includes('NativeModule crypto');
    const results = [
      lazy.createHash === crypto.createHash,
      lazy.missing === undefined && !('missing' in lazy) && 'createHash' in lazy,
      Object.keys(lazy).join() === Object.keys(crypto).join(),
      { ...lazy }.randomBytes === crypto.randomBytes,
      Object.getOwnPropertyDescriptor(lazy, 'missing') === undefined,
      require('node:fs') === process.getBuiltinModule('node:fs'),
      (function () { return this; })() === undefined,
    ];
    console.log(JSON.stringify(results));
  `);
  assert.deepEqual(
    JSON.parse(output),
    Array.from({ length: 7 }, () => true),
  );
});
