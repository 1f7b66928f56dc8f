// A device that is updated in tests: a virtual machine with a disk that outlives it, whose instance has two apps,
// "keeper", which no update changes, and "speaker", which most do.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import { type ByteDevice, sliceDevice } from '../../../src/formats/byte-source.ts';
import { openFat } from '../../../src/formats/fat/volume.ts';
import { buildImage } from '../../../src/host/build/build-image.ts';
import { signManifest } from '../../../src/host/build/sign-manifest.ts';
import { DEFAULT_DISK_BYTES, writeDiskImage } from '../../../src/host/build/disk-image.ts';
import type { UpdateResult } from '../../../src/host/deploy/update/update-result.ts';
import { openInstance } from '../../../src/host/config/instance.ts';
import { ensureUpdateKeys } from '../../../src/host/config/update-keys.ts';
import { FileDevice } from '../../../src/host/files/file-device.ts';
import { silentProgress } from '../../../src/host/progress.ts';
import { answers } from '../../../src/host/vm/answers.ts';
import { bootMachine } from '../../../src/host/vm/boot-machine.ts';
import { powerOff, startVirtualMachine, type VirtualMachine } from '../../../src/host/vm/virtual-machine.ts';
import { type BoardId, BOARDS } from '../../../src/shared/board/boards.ts';
import { layOutDisk, SECTOR_BYTES } from '../../../src/shared/board/disk-layout.ts';
import type { Slot } from '../../../src/shared/board/slots.ts';
import type { UpdatePermissions } from '../../../src/shared/manifest/manifest-signature.ts';
import { UPDATE_API, type UpdateStatus } from '../../../src/shared/update/update-api.ts';
import { WEB_API, type WebStatus } from '../../../src/shared/api/web-api.ts';
import { CommandLine, type Follower } from '../cli/command-line.ts';
import { atTheEnd, endMachineAtTheEnd } from '../at-the-end.ts';
import { resume, resumeArguments, type SavedMemory } from '../machines/saved-memory.ts';
import { LabPage } from './lab-page.ts';

const PAGE_PORT = 80;
const TLS_PORT = 443;
const KEEPER_PORT = 8081;
const SPEAKER_PORT = 8082;
/** Of /perm, as keeper.ts writes it. */
export const KEPT_FILE = { path: '/keeper/kept', content: 'kept from the first start on\n'.repeat(300) };

/** What of a test is needed here, so that scripts and benches may use it, too (script-context.ts). */
export type Lifetime = Pick<TestContext, 'after' | 'diagnostic'>;

export interface LabOptions {
  /** Such as `tskrazy.trial-sec=60`, which makes trials shorter. */
  kernelArgs?: readonly string[];
  /** "web" of tskrazy.json. */
  web?: object;
}

export interface BootOptions {
  extraQemuArgs?: readonly string[];
  /** Another disk than the lab's, with firmware that knows nothing of it. */
  diskPath?: string;
  /** From which it goes on. A machine that dies then is started once more, from its disk. */
  memory?: SavedMemory;
}

interface SpeakerChanges {
  word?: string;
  healthStatus?: number;
  /** Put before everything else. */
  first?: string;
}

export interface SignableImage {
  manifest: string;
  sign(signedAtSec: number, options?: { of?: string; permitted?: UpdatePermissions }): string;
}

/** As far as anybody can tell afterwards. */
export const DID_NOT_COME_UP = /did not come up: panic, hang or power cut|did not try the new build/;

export class UpdateLab {
  readonly directory: string;
  readonly diskPath: string;
  readonly page: LabPage;
  readonly #t: Lifetime;
  readonly board: BoardId;
  #config: Record<string, unknown>;
  #machine: VirtualMachine | undefined;

  private constructor(t: Lifetime, directory: string, board: BoardId, options: LabOptions) {
    this.#t = t;
    this.board = board;
    this.directory = directory;
    this.diskPath = join(directory, 'disk.img');
    this.page = new LabPage(directory, () => this.url);
    const { kernelArgs = [], web = {} } = options;
    this.#config = { hostname: 'lab', board, kernel: { extraArgs: kernelArgs }, web };
    this.configureSpeaker({});
    this.speak({});
  }

  /** In a directory that has all of it. */
  static at(t: Lifetime, directory: string, board: BoardId, options: LabOptions): UpdateLab {
    const lab = new UpdateLab(t, directory, board, options);
    t.after(() => lab.kill());
    return lab;
  }

  /** With a disk that has not been started from yet. */
  static async make(t: Lifetime, board: BoardId, options: LabOptions = {}): Promise<UpdateLab> {
    const directory = mkdtempSync(join(tmpdir(), 'tsk-test-update-'));
    atTheEnd(t, () => rmSync(directory, { recursive: true, force: true }));
    cpSync(join(import.meta.dirname, '..', 'machines', 'device-apps'), join(directory, 'src'), {
      recursive: true,
    });
    const lab = UpdateLab.at(t, directory, board, options);
    const instance = await openInstance(directory);
    const built = await buildImage({
      instance,
      board: BOARDS[board],
      offline: false,
      report: silentProgress,
    });
    await writeDiskImage(built, lab.diskPath, { sizeBytes: DEFAULT_DISK_BYTES });
    await built.dispose();
    return lab;
  }

  /** Changes keys of tskrazy.json. */
  configure(changes: Readonly<Record<string, unknown>>): void {
    this.#config = { ...this.#config, ...changes };
    writeFileSync(join(this.directory, 'tskrazy.json'), JSON.stringify(this.#config));
  }

  /** Adds keys to what tskrazy.json says of "speaker". */
  configureSpeaker(keys: Readonly<Record<string, unknown>>): void {
    const health = `http://127.0.0.1:${SPEAKER_PORT}/health`;
    const speaker = { node: './src/speaker.ts', health, ...keys };
    this.configure({ apps: { keeper: { node: './src/keeper.ts' }, speaker } });
  }

  /** Makes another "speaker" of it; what is not named is as in the first build. */
  speak({ word = 'one', healthStatus = 200, first = '' }: SpeakerChanges): void {
    const source = readFileSync(
      join(import.meta.dirname, '..', 'machines', 'device-apps', 'speaker.ts'),
      'utf8',
    );
    const changed = source
      .replace(`'one'`, `'${word}'`)
      .replace('HEALTH_STATUS = 200', `HEALTH_STATUS = ${healthStatus}`);
    writeFileSync(join(this.directory, 'src', 'speaker.ts'), `${first}\n${changed}`);
  }

  /** Until the page answers. */
  async boot({ extraQemuArgs = [], diskPath = this.diskPath, memory }: BootOptions = {}): Promise<void> {
    const directory = diskPath === this.diskPath ? this.directory : mkdtempSync(join(this.directory, 'vm-'));
    this.page.forgetSession();
    let saved = memory;
    const start = async (): Promise<VirtualMachine> => {
      const resumed = saved;
      saved = undefined;
      const machine = await startVirtualMachine({
        board: BOARDS[this.board],
        name: 'lab',
        diskPath,
        directory,
        memoryMiB: 512,
        forwards: [PAGE_PORT, TLS_PORT, KEEPER_PORT, SPEAKER_PORT].map((guestPort) => ({
          hostPort: 0,
          guestPort,
        })),
        extraArgs: extraQemuArgs,
        warn: (text) => this.diagnose(text),
        ...(resumed && { firstArgs: resumeArguments(resumed), accelerator: resumed.accelerator }),
      });
      this.#machine = machine;
      endMachineAtTheEnd(machine);
      if (resumed) await resume(machine, resumed);
      return machine;
    };
    await bootMachine({
      start,
      isUp: () => answers(new URL(WEB_API.health, this.url)),
      warn: (text) => this.diagnose(text),
      report: silentProgress,
    });
  }

  /** As when the power goes. */
  async kill(): Promise<void> {
    const machine = this.#machine;
    if (!machine) return;
    this.#machine = undefined;
    // A machine that has ended may have left its number to another process.
    const isGone = await Promise.race([machine.ended.then(() => true), delay(0, false)]);
    if (!isGone) process.kill(machine.pid, 'SIGKILL');
    await machine.ended;
  }

  async powerOff(): Promise<'powered-off' | 'killed'> {
    const { machine } = this;
    this.#machine = undefined;
    return powerOff(machine, machine.ended, 60_000);
  }

  get machine(): VirtualMachine {
    if (!this.#machine) throw new Error('The lab does not run');
    return this.#machine;
  }

  get url(): string {
    return this.#urlOf(PAGE_PORT);
  }

  /** For tsk. */
  get #host(): string {
    return new URL(this.#urlOf(TLS_PORT)).host;
  }

  console(): string {
    const { consolePath } = this.machine;
    return existsSync(consolePath) ? readFileSync(consolePath, 'utf8') : '';
  }

  /** Runs tsk for this device; `from` is another release of it. */
  async tsk(args: readonly string[], from = new CommandLine(this.directory)): Promise<string> {
    return from.succeeds(...args, '--host', this.#host);
  }

  follow(args: readonly string[], from = new CommandLine(this.directory)): Follower {
    return from.follow(...args, '--host', this.#host);
  }

  /**
   * `tsk update --json`. An emulated boot may die on a busy computer; a build on trial is then rolled back, as it should be,
   * and tried once more here.
   */
  async update(...options: string[]): Promise<UpdateResult> {
    const first = await this.#updateOnce(options);
    if (!DID_NOT_COME_UP.test(first.reason ?? '')) return first;
    this.diagnose(`second try after "${first.reason}"`);
    return this.#updateOnce(options);
  }

  /** The same in words, for a person; with those of a first try that died. */
  async updateInWords(): Promise<string> {
    try {
      return await this.tsk(['update']);
    } catch (error) {
      const first = String(error);
      if (!DID_NOT_COME_UP.test(first)) throw error;
      this.diagnose(`second try after: ${first}`);
      return `${first}${await this.tsk(['update'])}`;
    }
  }

  async updateStatus(): Promise<UpdateStatus> {
    return (await this.page.get(UPDATE_API.update)) as UpdateStatus;
  }

  async status(): Promise<WebStatus> {
    return (await this.page.get(WEB_API.status)) as WebStatus;
  }

  /** For whoever reads the output of the test. */
  diagnose(text: string): void {
    this.#t.diagnostic(`${text}; the console: ${this.#keepConsole()}`);
  }

  /** Whose apps run, which is not the running slot's build after a live switch. */
  async runningBuild(): Promise<{ slot: Slot; buildId: string }> {
    const { running, appsFrom, slots } = await this.updateStatus();
    const slot = appsFrom ?? running;
    const content = slot === null ? null : slots[slot];
    if (slot === null || !content) throw new Error('The device does not say what it runs');
    return { slot, buildId: content.buildId };
  }

  /** As init knows it: inside its sandbox, an app has another. */
  async servicePid(name: string): Promise<number | null> {
    const service = (await this.status()).services.find((each) => each.name === name);
    if (!service) throw new Error(`The device has no service "${name}"`);
    return service.pid;
  }

  async keeperPid(): Promise<number> {
    const response = await fetch(this.#urlOf(KEEPER_PORT), { signal: AbortSignal.timeout(5000) });
    return ((await response.json()) as { pid: number }).pid;
  }

  async speaker(): Promise<{ word: string; pid: number }> {
    const response = await fetch(this.#urlOf(SPEAKER_PORT), { signal: AbortSignal.timeout(5000) });
    return (await response.json()) as { word: string; pid: number };
  }

  /** 32 bytes, of the key that signs the instance's images. */
  async publicKey(): Promise<Uint8Array> {
    const { current } = await ensureUpdateKeys(await openInstance(this.directory));
    return Buffer.from(current.publicKey, 'base64');
  }

  /** Of the slot that was written first, from the disk's file. */
  async readBootFile(path: string): Promise<Buffer> {
    return this.withBootPartition(async (boot) =>
      Buffer.from(await (await openFat(boot)).readFile(`a/${path}`)),
    );
  }

  /** Behind the machine's back, if it runs. */
  async withBootPartition<T>(use: (boot: ByteDevice) => Promise<T>): Promise<T> {
    const disk = await FileDevice.open(this.diskPath, 'r+');
    try {
      const [{ firstSector, sectorCount }] = layOutDisk(disk.sizeBytes).partitions;
      return await use(sliceDevice(disk, firstSector * SECTOR_BYTES, sectorCount * SECTOR_BYTES));
    } finally {
      await disk.close();
    }
  }

  /** What the instance is now, built and not sent anywhere, with its keys to sign that or another manifest. */
  async buildSigned(): Promise<SignableImage> {
    const instance = await openInstance(this.directory);
    const options = { instance, board: BOARDS[this.board], offline: false, report: silentProgress };
    const image = await buildImage(options);
    await image.dispose();
    const keys = await ensureUpdateKeys(instance);
    const manifest = Buffer.from(image.manifestBytes).toString();
    return {
      manifest,
      sign: (sec, { of = manifest, permitted } = {}) =>
        Buffer.from(signManifest(Buffer.from(of), keys, sec, permitted)).toString(),
    };
  }

  copyDisk(path: string): void {
    execFileSync('cp', ['--sparse=always', this.diskPath, path]);
  }

  /** A directory for a component of the instance's own (`components` in tskrazy.json). */
  componentDirectory(name: string, files: Readonly<Record<string, Uint8Array>>): string {
    const directory = join(this.directory, name);
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), content);
    }
    return directory;
  }

  async #updateOnce(options: readonly string[]): Promise<UpdateResult> {
    const host = options.includes('--insecure-http') ? new URL(this.url).host : this.#host;
    const args = ['update', '--json', ...options, '--host', host];
    const { stdout, stderr } = await new CommandLine(this.directory).tsk(...args);
    const result = JSON.parse(stdout || '{}') as UpdateResult;
    if (typeof result.outcome !== 'string') throw new Error(`tsk ${args.join(' ')}: ${stdout}${stderr}`);
    return result;
  }

  /** A copy that outlives the lab. */
  #keepConsole(): string {
    const path = join(mkdtempSync(join(tmpdir(), 'tsk-console-')), 'console.log');
    writeFileSync(path, this.console());
    return path;
  }

  #urlOf(guestPort: number): string {
    return `http://127.0.0.1:${this.machine.ports.get(guestPort) ?? 0}/`;
  }
}
