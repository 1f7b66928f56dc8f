// Starts device-program.ts in a namespace, and an instance whose device it is.

import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeviceConfig, ServiceSpec } from '../../../src/shared/services/services.ts';
import { ensurePassword, openInstance } from '../../../src/host/config/instance.ts';
import { ensureUpdateKeys } from '../../../src/host/config/update-keys.ts';
import { atTheEnd } from '../at-the-end.ts';
import { TSK } from '../tsk-program.ts';
import { CommandLine } from '../cli/command-line.ts';
import { HOST_BOARD_ID } from '../machines/host-board.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..', '..');
const PROGRAM = join(import.meta.dirname, 'device-program.ts');
/** $1: a directory of its own. The rest: what to run. */
const SCRIPT = `
set -e
scratch=$1; shift
mount -t tmpfs none "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
for name in boot dev mnt perm proc run sys tmp work; do mkdir -p "$scratch/upper/$name"; done
mount -t overlay overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
cd "$scratch/root"
# Images have a directory of its own there, with the C library in it.
if [ -L lib ]; then
  rm lib
  for path in usr/lib/*-linux-gnu/ld-linux-*.so.* usr/lib/*-linux-gnu/lib[cm].so.6 usr/lib/*-linux-gnu/libresolv.so.2 \
    usr/lib/*-linux-gnu/libgcc_s.so.1; do
    mkdir -p "lib/$(basename "$(dirname "$path")")"
    cp -L "$path" "lib/$(basename "$(dirname "$path")")/"
  done
fi
mkdir -p tsk/bin
cp "$(command -v setpriv)" tsk/bin/
mount --rbind /dev dev
mount -t proc proc proc
# Core dumps of this computer are nothing of the test's.
for name in core_pattern core_pipe_limit; do
  : >"$scratch/$name"
  mount --bind "$scratch/$name" "proc/sys/kernel/$name"
done
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs perm
mount -t tmpfs -o mode=1777 tmpfs tmp
mkdir -p "\${TSK_SCRATCH#/}"
mount --bind "$TSK_SCRATCH" "\${TSK_SCRATCH#/}"
exec chroot . "$@"
`;

export const APP_NAME = 'glasshouse';
export const APP_UID = 300_000_000;
/** An app in a sandbox as bwrap makes one: process 2 in namespaces of its own, without any rights. */
const APP: ServiceSpec = {
  name: APP_NAME,
  kind: 'node',
  argv: [
    'unshare',
    '--pid',
    '--mount',
    '--ipc',
    '--fork',
    '--mount-proc',
    'sh',
    '-c',
    `setpriv --reuid=${APP_UID} --regid=${APP_UID} --groups=7,8 --no-new-privs --bounding-set=-all --inh-caps=-all sleep 1000000 & wait`,
  ],
  env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  dataDir: `/perm/${APP_NAME}`,
  user: { name: APP_NAME, uid: APP_UID },
  restart: 'never',
  autostart: true,
  stopTimeoutSec: 1,
};

type Child = ChildProcessByStdio<Writable, Readable, null>;

export class SessionDevice {
  /** What init said. */
  readonly said: string[] = [];
  readonly tsk: CommandLine;
  readonly directory: string;
  /** Of the page. */
  readonly password: string;
  readonly #child: Child;
  #port = 0;

  private constructor(child: Child, directory: string, password: string) {
    this.#child = child;
    this.directory = directory;
    this.password = password;
    this.tsk = new CommandLine(join(directory, 'garden'));
  }

  static async start(t: TestContext): Promise<SessionDevice> {
    const directory = mkdtempSync(join(tmpdir(), 'tsk-session-'));
    atTheEnd(t, () => rmSync(directory, { recursive: true, force: true }));
    const garden = join(directory, 'garden');
    for (const each of [garden, join(directory, 'mount')]) mkdirSync(each);
    const board = HOST_BOARD_ID;
    const text = { hostname: 'garden', board, web: { tls: 'off' } };
    writeFileSync(join(garden, 'tskrazy.json'), JSON.stringify(text));
    const instance = await openInstance(garden);
    const { hash, password } = await ensurePassword(instance);
    const { current } = await ensureUpdateKeys(instance);
    const config: DeviceConfig = {
      formatVersion: 1,
      hostname: 'garden',
      board,
      buildId: 'b',
      buildTimeSec: 1_790_000_000,
      tskrazyVersion: '0.1.0',
      components: {},
      web: { port: 0, passwordHash: hash },
      update: { trustedKeys: [{ id: current.id, publicKey: current.publicKey }] },
      services: [APP],
    };
    writeFileSync(join(directory, 'device.json'), JSON.stringify(config));
    const command = ['sh', '-c', SCRIPT, 'sh', join(directory, 'mount')];
    const child = spawn(
      'unshare',
      [
        '--mount',
        '--pid',
        '--fork',
        '--kill-child',
        ...command,
        process.execPath,
        PROGRAM,
        join(directory, 'device.json'),
      ],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        cwd: REPOSITORY,
        env: { ...process.env, TSK_SCRATCH: directory },
      },
    );
    const device = new SessionDevice(child, directory, password);
    t.after(() => device.#end());
    await device.#listen();
    return device;
  }

  get port(): number {
    return this.#port;
  }

  get host(): readonly string[] {
    return ['--host', `127.0.0.1:${this.#port}`];
  }

  /** As init does it before the device restarts, say. */
  endSession(why: string): void {
    this.#child.stdin.write(`${why}\n`);
  }

  /** Until init has said it. */
  async says(text: string | RegExp): Promise<string> {
    for (;;) {
      const found = this.said.find((line) =>
        typeof text === 'string' ? line.includes(text) : text.test(line),
      );
      if (found !== undefined) return found;
      if (this.#child.exitCode !== null) throw new Error(`The device has ended: ${this.said.join('\n')}`);
      await sleep(20);
    }
  }

  /** Until there is no session any more, and nothing of it. */
  async closes(): Promise<void> {
    while (this.said.at(-1) !== 'break-glass: closed') {
      assert.doesNotMatch(this.said.join('\n'), /left something behind/);
      await sleep(20);
    }
  }

  /** Mounts and processes in the device's namespace that a session has made. */
  left(): string[] {
    const pid = this.#pid;
    const mounts = readFileSync(`/proc/${pid}/mounts`, 'utf8').split('\n');
    const tree = descendantsOf(pid).map((each) => commandOf(each));
    return [
      ...mounts.filter((line) => line.includes('/run/tsk/breakglass')),
      ...tree.filter((command) => command !== '' && !command.includes('1000000')),
    ];
  }

  /** What the kernel is told to do with core dumps. */
  get corePattern(): string {
    return readFileSync(join('/proc', this.#pid, 'root/proc/sys/kernel/core_pattern'), 'utf8').trim();
  }

  /** As the kernel does when the first process of the device dies by SIGSEGV. */
  dumpCore(core: Uint8Array): void {
    const [program = '', ...words] = this.corePattern.replace('%P', '1').replace('%s', '11').split(' ');
    const enter = ['--target', this.#pid, '--mount', '--pid', '--root', '--wd', '--'];
    const node = process.execPath;
    assert.equal(program, '|/bin/node');
    const { status, stderr } = spawnSync('nsenter', [...enter, node, ...words], { input: core });
    assert.equal(status, 0, stderr.toString());
  }

  /** Of the device's first process, outside of its namespace. */
  get #pid(): string {
    const text = readFileSync(`/proc/${this.#child.pid}/task/${this.#child.pid}/children`, 'utf8');
    return text.split(' ')[0] ?? '';
  }

  /** tsk with that for its standard input. */
  pipe(input: Uint8Array, ...args: string[]): Promise<{ code: number | null; stdout: Buffer }> {
    const argv = [TSK, '-i', this.tsk.directory, ...args];
    const child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end(input);
    const ended = once(child, 'exit') as Promise<[number | null]>;
    return Promise.all([buffer(child.stdout), ended]).then(([stdout, [code]]) => ({ code, stdout }));
  }

  async #listen(): Promise<void> {
    const lines = createInterface({ input: this.#child.stdout });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#child.once('exit', () => reject(new Error('The device did not start')));
    lines.on('line', (line) => {
      const value = JSON.parse(line) as { said?: string; port?: number };
      if (value.said !== undefined) this.said.push(value.said);
      if (value.port === undefined) return;
      this.#port = value.port;
      resolve();
    });
    await promise;
  }

  async #end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin.end();
    await ended;
  }
}

function childrenOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  } catch {
    return [];
  }
}

function descendantsOf(pid: string): string[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

/** Empty for what has ended, and waits for its parent. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
