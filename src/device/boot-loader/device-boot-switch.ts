// The boot switch of a device: commits by the boot loader's files, and starts trials by the first way that works. What a
// boot loader needs beyond that is in its own directory.

import { isDeepStrictEqual } from 'node:util';
import type { Slot } from '../../shared/board/slots.ts';
import type { BootLoaderLayout } from '../../shared/boot-loader/boot-loader-layout.ts';
import { describeError } from '../describe-error.ts';
import { type DiskPartition, openPartition } from '../root-disk.ts';
import type { Sys } from '../sys/sys.ts';
import type { BootSwitch, StartTrace } from './boot-switch.ts';
import { LoaderFiles } from './loader-files.ts';
import { readTrialNotes, type TrialNotes, writeTrialNotes } from './trial-notes.ts';
import type { TrialWay } from './trial-way.ts';

export interface BootSwitchParts {
  sys: Sys;
  /** The boot partition. */
  boot: DiskPartition;
  layout: BootLoaderLayout;
  /** The best first. */
  ways: readonly TrialWay[];
  firmware?: BootSwitch['firmware'];
  trialProblem?: BootSwitch['trialProblem'];
  /** Takes away what would win over the file that commits. */
  beforeCommit?: () => Promise<void>;
  say: (text: string) => void;
}

export class DeviceBootSwitch implements BootSwitch {
  readonly #parts: BootSwitchParts;
  /** Ways that have failed since the device has started. */
  readonly #refused = new Set<TrialWay>();
  #armed: TrialWay | undefined;

  private constructor(parts: BootSwitchParts) {
    this.#parts = parts;
  }

  static async open(parts: BootSwitchParts): Promise<DeviceBootSwitch> {
    const bootSwitch = new DeviceBootSwitch(parts);
    // A loader that has started this slot has used it up. Any other would start a slot that may be half written by then.
    await bootSwitch.#takeAllBack();
    return bootSwitch;
  }

  get trialStart(): BootSwitch['trialStart'] {
    return this.#usableWays()[0]?.name ?? null;
  }

  get trialProblem(): BootSwitch['trialProblem'] {
    return this.#parts.trialProblem;
  }

  get firmware(): BootSwitch['firmware'] {
    return this.#parts.firmware;
  }

  async committed(): Promise<Slot> {
    return this.#withFiles('r', (files) => files.committed());
  }

  async commit(slot: Slot): Promise<void> {
    const { sys, boot, beforeCommit } = this.#parts;
    await beforeCommit?.();
    const dropCache = (): void => sys.dropBlockCache(sys.path(boot.path));
    await this.#withFiles('r+', (files) => files.commit(slot, dropCache));
    // A file for trials names the slot that was committed before.
    await this.#takeAllBack();
  }

  async armTrial(slot: Slot): Promise<void> {
    const usable = this.#usableWays();
    for (const [index, way] of usable.entries()) {
      try {
        await this.#armBy(way, slot);
        return;
      } catch (error) {
        // The firmware may have taken the trial nevertheless.
        await this.#takeBack(way);
        const next = usable[index + 1];
        if (next === undefined) throw error;
        this.#refused.add(way);
        this.#parts.say(`${way.refusal}, so the trial will start by ${next.name}: ${describeError(error)}`);
      }
    }
    throw new Error('This device has no way to start another slot for a trial');
  }

  async disarm(): Promise<void> {
    await this.#armed?.disarm();
    this.#armed = undefined;
    this.#note({ armed: undefined, ofWays: this.#notes().ofWays });
  }

  async takeTrace(): Promise<StartTrace> {
    const before = this.#notes();
    let { ofWays } = before;
    let isLost = false;
    for (const way of this.#parts.ways) {
      const recalled = await way.recall?.(ofWays);
      if (recalled === undefined) continue;
      ofWays = recalled.notes;
      if (way.name === before.armed) ({ isLost } = recalled);
    }
    const after = { armed: undefined, ofWays };
    if (!isDeepStrictEqual(after, before)) writeTrialNotes(this.#parts.sys, after);
    if (before.armed === undefined) return null;
    if (isLost) return 'lost';
    const unheard = this.#parts.ways.find(({ name }) => name === before.armed)?.unheard;
    return unheard === undefined ? 'kept' : { unheard };
  }

  async restartIntoTrial(): Promise<void> {
    if (this.#armed === undefined) throw new Error('No trial was armed');
    this.#armed.restart();
  }

  #usableWays(): TrialWay[] {
    const { ofWays } = this.#notes();
    return this.#parts.ways.filter((way) => !this.#refused.has(way) && way.isUsable(ofWays));
  }

  /** A note comes last: a power cut before only loses the trace. */
  async #armBy(way: TrialWay, slot: Slot): Promise<void> {
    const ofWays = await way.arm(slot, this.#notes().ofWays);
    this.#armed = way;
    this.#note({ armed: way.name, ofWays });
  }

  async #takeAllBack(): Promise<void> {
    for (const way of this.#parts.ways) await this.#takeBack(way);
  }

  async #takeBack(way: TrialWay): Promise<void> {
    if (!way.outlivesStarts) return;
    try {
      await way.disarm();
    } catch (error) {
      this.#parts.say(`Cannot take back a start on trial that did not come: ${describeError(error)}`);
    }
  }

  /** Read each time: /perm may not have been there before. */
  #notes(): TrialNotes {
    return readTrialNotes(this.#parts.sys);
  }

  /** A trial does not depend on what is noted of it. */
  #note(notes: TrialNotes): void {
    try {
      writeTrialNotes(this.#parts.sys, notes);
    } catch (error) {
      this.#parts.say(`Cannot note in /perm how the trial starts: ${describeError(error)}`);
    }
  }

  async #withFiles<T>(mode: 'r' | 'r+', use: (files: LoaderFiles) => Promise<T>): Promise<T> {
    const { sys, boot, layout } = this.#parts;
    using device = openPartition(sys, boot, mode);
    return await use(new LoaderFiles(layout, device));
  }
}
