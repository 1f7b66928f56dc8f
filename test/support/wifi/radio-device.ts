// A card with an instance of a Zero 2 W, and the device that starts from it with nothing but a radio.

import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { answers } from '../../../src/host/vm/answers.ts';
import { runTsk, type TskRun } from '../cli/instances.ts';
import { eventually } from '../machines/appliance.ts';
import { FIRST_SECTOR } from '../raspberry-pi/pi-card.ts';
import { SECTOR_BYTES } from '../raspberry-pi/boot-partition.ts';
import { piModel } from '../raspberry-pi/pi-models.ts';
import { StandIn } from '../raspberry-pi/stand-in.ts';
import type { AccessPoint, Air } from './access-point.ts';
import type { HwsimMachine } from './hwsim-machine.ts';

const CARD_BYTES = 2 ** 31;
const PAGE_PORT = 80;
const TLS_PORT = 443;
const LIMIT_MS = 5 * 60_000;
const LOOK_EVERY_MS = 200;

export class RadioCard {
  readonly instance: string;
  readonly path: string;

  constructor(instance: string, path: string) {
    this.instance = instance;
    this.path = path;
  }

  async tsk(args: readonly string[], input = ''): Promise<TskRun> {
    return runTsk(['-i', this.instance, ...args], { input });
  }

  async flash(): Promise<void> {
    writeFileSync(this.path, '');
    truncateSync(this.path, CARD_BYTES);
    const { code, stdout, stderr } = await this.tsk(['flash', this.path, '--yes']);
    if (code !== 0) throw new Error(stdout + stderr);
  }

  /** As any other computer does it. */
  writeWifiFile(file: object): void {
    const text = join(this.instance, 'wifi-by-hand.json');
    writeFileSync(text, JSON.stringify(file));
    execFileSync('mcopy', ['-o', '-i', `${this.path}@@${FIRST_SECTOR * SECTOR_BYTES}`, text, '::wifi.json']);
  }
}

export class RadioDevice {
  readonly #card: RadioCard;
  readonly #standIn: StandIn;
  /** Only what is said behind it counts. */
  #from = 0;

  private constructor(card: RadioCard, standIn: StandIn) {
    this.#card = card;
    this.#standIn = standIn;
  }

  static async powerOn(
    t: { after(end: () => unknown): void },
    card: RadioCard,
    machine: HwsimMachine['machine'],
    words: readonly string[] = [],
  ): Promise<RadioDevice> {
    const standIn = await StandIn.powerOn({
      machine,
      model: piModel('zero-2-w'),
      diskPath: card.path,
      guestPorts: [PAGE_PORT, TLS_PORT],
      extraWords: ['tskrazy.console=logs', ...words],
    });
    t.after(() => standIn.dispose());
    return new RadioDevice(card, standIn);
  }

  console(): string {
    return this.#standIn.console();
  }

  get restarts(): number {
    return this.#standIn.restarts;
  }

  forget(): void {
    this.#from = this.console().length;
  }

  says(line: RegExp): Promise<void> {
    return this.#wait(String(line), async () => line.test(this.console().slice(this.#from)));
  }

  isConnected(): boolean {
    return /: connected to/.test(this.console().slice(this.#from));
  }

  pageAnswers(): Promise<void> {
    return this.#wait('the page', () => answers(`http://${this.#host(PAGE_PORT)}/health`));
  }

  /** Over Wi-Fi: the device has nothing else. */
  tsk(args: readonly string[], input = ''): Promise<TskRun> {
    return this.#card.tsk([...args, '--host', this.#host(TLS_PORT)], input);
  }

  cutPower(): Promise<void> {
    return this.#standIn.cutPower();
  }

  /** The access point is in the same machine: until `signal`, it is put up anew after each start. */
  async keepAir(accessPoint: AccessPoint, air: Air, signal: AbortSignal): Promise<void> {
    for (let starts = 0; !signal.aborted; await delay(LOOK_EVERY_MS)) {
      if (this.#standIn.starts.length === starts) continue;
      starts = this.#standIn.starts.length;
      await accessPoint.prepare();
      await accessPoint.start(air);
    }
  }

  #host(guestPort: number): string {
    return `127.0.0.1:${this.#standIn.ports.get(guestPort)}`;
  }

  async #wait(what: string, probe: () => Promise<boolean>): Promise<void> {
    const failed = this.#standIn.ended.then((how) =>
      Promise.reject(new Error(`It is ${how}: ${this.console().slice(-3000)}`)),
    );
    failed.catch(() => undefined);
    try {
      await Promise.race([eventually(what, probe, LIMIT_MS), failed]);
    } catch (cause) {
      throw new Error(`In vain: ${what}\n${this.console().slice(-6000)}`, { cause });
    }
  }
}
