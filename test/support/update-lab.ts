// An instance whose device is updated in tests: two apps, "keeper", which no update changes, and "speaker", which
// most do; and the ways to make a build that is bad.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openInstance } from '../../src/host/config/instance.ts';
import type { BoardId } from '../../src/shared/boards.ts';
import { UPDATE_API, type UpdateStatus } from '../../src/shared/update-api.ts';
import { Appliance, type ApplianceOptions } from './appliance.ts';
import { CommandLine } from './command-line.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const KEEPER_PORT = 8081;
const SPEAKER_PORT = 8082;
/** Of /perm, as keeper.ts writes it. */
export const KEPT_FILE = { path: '/keeper/kept', content: 'kept from the first start on\n'.repeat(300) };

interface SpeakerChanges {
  word?: string;
  healthStatus?: number;
  /** Put before everything else. */
  first?: string;
}

export class UpdateLab {
  readonly directory: string;
  readonly commandLine: CommandLine;
  readonly #t: TestContext;
  readonly #board: BoardId;
  #config: Record<string, unknown>;
  #appliance: Appliance | undefined;

  private constructor(t: TestContext, directory: string, board: BoardId, kernelArgs: readonly string[]) {
    this.#t = t;
    this.#board = board;
    this.directory = directory;
    this.commandLine = new CommandLine(directory);
    const health = { url: `http://127.0.0.1:${SPEAKER_PORT}/health` };
    const apps = { keeper: { node: './src/keeper.ts' }, speaker: { node: './src/speaker.ts', health } };
    this.#config = { hostname: 'lab', board, apps, kernel: { extraArgs: kernelArgs } };
    this.configure({});
    this.speak({});
  }

  /** `kernelArgs`: such as `tskrazy.trial-sec=60`, which makes trials shorter. */
  static make(t: TestContext, board: BoardId, kernelArgs: readonly string[] = []): UpdateLab {
    const directory = mkdtempSync(join(tmpdir(), 'tsk-test-update-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    cpSync(join(import.meta.dirname, 'device-apps'), join(directory, 'src'), { recursive: true });
    return new UpdateLab(t, directory, board, kernelArgs);
  }

  /** Changes keys of tskrazy.json; undefined removes one. */
  configure(changes: Readonly<Record<string, unknown>>): void {
    this.#config = { ...this.#config, ...changes };
    writeFileSync(join(this.directory, 'tskrazy.json'), JSON.stringify(this.#config));
  }

  /** Makes another "speaker" of it; what is not named is as in the first build. */
  speak({ word = 'one', healthStatus = 200, first = '' }: SpeakerChanges): void {
    const source = readFileSync(join(import.meta.dirname, 'device-apps', 'speaker.ts'), 'utf8');
    const changed = source
      .replace(`'one'`, `'${word}'`)
      .replace('HEALTH_STATUS = 200', `HEALTH_STATUS = ${healthStatus}`);
    writeFileSync(join(this.directory, 'src', 'speaker.ts'), `${first}\n${changed}`);
  }

  async boot(options: Omit<ApplianceOptions, 'board' | 'guestPorts'> = {}): Promise<Appliance> {
    const instance = await openInstance(this.directory);
    this.#appliance = await Appliance.boot(this.#t, instance, {
      ...options,
      board: this.#board,
      guestPorts: [KEEPER_PORT, SPEAKER_PORT],
    });
    return this.#appliance;
  }

  get appliance(): Appliance {
    if (!this.#appliance) throw new Error('The lab has not booted');
    return this.#appliance;
  }

  async updateStatus(): Promise<UpdateStatus> {
    const response = await this.appliance.request(UPDATE_API.update);
    if (!response.ok) throw new Error(`${UPDATE_API.update}: ${response.status} ${await response.text()}`);
    return (await response.json()) as UpdateStatus;
  }

  async keeperPid(): Promise<number> {
    const response = await fetch(this.appliance.urlOf(KEEPER_PORT), { signal: AbortSignal.timeout(5000) });
    return ((await response.json()) as { pid: number }).pid;
  }

  async speaker(): Promise<{ word: string; pid: number }> {
    const response = await fetch(this.appliance.urlOf(SPEAKER_PORT), { signal: AbortSignal.timeout(5000) });
    return (await response.json()) as { word: string; pid: number };
  }

  /**
   * The command line of a broken release of tskrazy: our sources, with `text` before everything else in the file at
   * `path`.
   */
  brokenRelease(path: string, text: string): CommandLine {
    const checkout = mkdtempSync(join(tmpdir(), 'tsk-test-release-'));
    this.#t.after(() => rmSync(checkout, { recursive: true, force: true }));
    for (const name of ['bin', 'src', 'package.json', 'tsconfig.json']) {
      cpSync(join(REPOSITORY, name), join(checkout, name), { recursive: true });
    }
    symlinkSync(join(REPOSITORY, 'node_modules'), join(checkout, 'node_modules'));
    const file = join(checkout, path);
    writeFileSync(file, `${text}\n${readFileSync(file, 'utf8')}`);
    return new CommandLine(this.directory, checkout);
  }

  /** A directory for a component of the instance's own (`components` in tskrazy.json). */
  componentDirectory(name: string, files: Readonly<Record<string, Uint8Array>>): string {
    const directory = join(this.directory, name);
    mkdirSync(directory);
    for (const [path, content] of Object.entries(files)) writeFileSync(join(directory, path), content);
    return directory;
  }
}
