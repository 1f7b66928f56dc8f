import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { BREAKGLASS_PATHS, KEEP_CORE } from '../../shared/breakglass/breakglass-api.ts';
import { KEEP_CORE_PROGRAM } from './keep-core.ts';

/** The program where a session has it, and what it says. */
class Session {
  readonly root: string;
  readonly #log: string;
  readonly #program: string;

  constructor(t: TestContext) {
    this.root = mkdtempSync(join(tmpdir(), 'tsk-cores-'));
    t.after(() => rmSync(this.root, { recursive: true, force: true }));
    this.#log = join(this.root, 'log');
    this.#program = join(this.root, KEEP_CORE);
    mkdirSync(dirname(this.#program), { recursive: true });
    const text = KEEP_CORE_PROGRAM.replace(BREAKGLASS_PATHS.log, this.#log);
    writeFileSync(this.#program, text.replace(BREAKGLASS_PATHS.cgroup, join(this.root, 'cgroup')));
  }

  open(): void {
    mkdirSync(join(this.root, 'cgroup'));
  }

  /** As the kernel does when this very process has died. */
  keep(core: Uint8Array, signal = 11): string {
    const { status } = spawnSync(process.execPath, [this.#program, String(process.pid), String(signal)], {
      input: core,
    });
    assert.equal(status, 0);
    return readFileSync(this.#log, 'utf8').trimEnd().split('\n').at(-1) ?? '';
  }

  cores(): string[] {
    return readdirSync(join(this.root, 'cores')).sort();
  }
}

test('a core dump is kept byte for byte, and its zeros take no room', (t) => {
  const session = new Session(t);
  session.open();
  const core = Buffer.alloc(20 * 1024 * 1024 + 5);
  core.write('head', 0);
  core.write('tail', core.length - 4);
  const said = session.keep(core);
  assert.match(said, /^core dump of \S+ \(SIGSEGV\): \/cores\/\S+-\d+\.core, 0\.0 MB$/);
  const [name = ''] = session.cores();
  const path = join(session.root, 'cores', name);
  assert.ok(readFileSync(path).equals(core));
  const { blocks, mode } = statSync(path);
  assert.ok(blocks * 512 < 1e6, `${blocks} blocks`);
  assert.equal(mode & 0o777, 0o600);
});

test('of many the newest three stay', (t) => {
  const session = new Session(t);
  session.open();
  mkdirSync(join(session.root, 'cores'));
  for (const count of [1, 2, 3, 4]) writeFileSync(join(session.root, 'cores', `${count}.core`), '');
  session.keep(Buffer.from('new'));
  assert.deepEqual(session.cores().slice(0, 2), ['3.core', '4.core']);
  assert.equal(session.cores().length, 3);
});

test('without a session there is none', (t) => {
  const session = new Session(t);
  assert.match(session.keep(Buffer.from('x')), /^cannot keep the core dump of process \d+: ENOENT/);
  assert.deepEqual(readdirSync(session.root).sort(), ['log', 'usr']);
});
