// A device as far as trials of updates see it, without init: a disk, a firmware and time around the pure machine
// (src/device/init/update/trial), for sequences of events that no real device would be put through. trial-witness.ts
// looks after every event for what the machine must never do.

import assert from 'node:assert/strict';
import { needsEvidence } from '../../../src/device/init/update/trial/recall.ts';
import { stepTrial } from '../../../src/device/init/update/trial/machine.ts';
import { NOTHING_BEFORE, type PendingTrial } from '../../../src/device/init/update/trial/pending-trial.ts';
import {
  createTrialMachine,
  type TrialEffect,
  type TrialEvent,
  type TrialMachine,
  type TrialStateName,
} from '../../../src/device/init/update/trial/state.ts';
import type { HealthReport } from '../../../src/device/init/update/trial/health-report.ts';
import {
  addRecord,
  EMPTY_MEMORY,
  formatTrialMemory,
  parseTrialMemory,
  type TrialMemory,
} from '../../../src/device/init/update/trial-memory.ts';
import type { Slot } from '../../../src/shared/board/slots.ts';
import type { ConfirmBy, SwitchMode } from '../../../src/shared/update/update-state.ts';
import { TrialWitness } from './trial-witness.ts';

export const WELL: HealthReport = { waitsFor: [], excused: [], of: 'init', fault: null };
export const UNWELL: HealthReport = { waitsFor: ['app x is starting'], excused: [], of: 'x', fault: null };
export const FAULTY: HealthReport = {
  waitsFor: ['app x exited with code 1'],
  excused: [],
  of: 'x',
  fault: { reason: 'app x exited with code 1', of: 'x' },
};

/** How something that takes time comes out. */
export type Result = 'done' | 'failed' | 'failed, but done';

type Slow = TrialEffect & { type: 'arm' | 'commit' | 'switch apps' | 'switch back' };

export class TrialWorld {
  /** Survives everything. */
  committed: Slot = 'a';
  readonly builds: Record<Slot, string> = { a: 'b1', b: 'b0' };
  memoryFile = formatTrialMemory(EMPTY_MEMORY);
  #armed: { slot: Slot; by: 'firmware' | 'kexec' } | null = null;
  #trace: 'kept' | 'lost' | null = null;
  #lastBoot: { id: string; slot: Slot; buildId: string } | null = null;

  /** What does not work at present. */
  isPermFull = false;
  isPermBroken = false;
  isLoaderUnreadable = false;
  firmwareForgets = false;
  /** Whose kernel's file is gone: the other one is started in its place. */
  gone: Slot | null = null;

  /** Of this start. */
  machine!: TrialMachine;
  #running: Slot = 'a';
  #memory: TrialMemory = EMPTY_MEMORY;
  #isPermMounted = false;
  #isAccepted = false;
  #restart: 'trial' | 'committed' | null = null;
  #slow: Slow[] = [];
  #events: TrialEvent[] = [];
  #nowMs = 0;
  #count = 0;

  readonly witness: TrialWitness;

  /** `seen`: collects the ways that were gone, as `state, event: state`. */
  constructor(seen = new Set<string>()) {
    this.witness = new TrialWitness(seen);
    this.boot();
  }

  get state(): TrialStateName {
    return this.machine.phase.name;
  }

  get running(): Slot {
    return this.#running;
  }

  get history(): TrialMemory['history'] {
    return parseTrialMemory(Buffer.from(this.memoryFile)).history;
  }

  /** A power cut, or the end of a way down, and the start that comes of it. */
  boot(): void {
    // What is still on its way to the disk may get there, or not.
    for (const effect of this.#slow)
      if (effect.type === 'commit' && ++this.#count % 2 === 0) this.#commitAgainstWill(effect.slot);
    if (this.machine !== undefined) {
      const { bootId, buildId } = this.machine.start;
      this.#lastBoot = { id: bootId, slot: this.#running, buildId };
    }
    this.#running = this.#nextSlot();
    if (this.#running === this.gone) this.#running = other(this.gone);
    this.#armed = null;
    this.#restart = null;
    this.#slow = [];
    this.#memory = EMPTY_MEMORY;
    this.#isPermMounted = false;
    this.#isAccepted = false;
    const buildId = this.builds[this.#running];
    this.witness.starts(this.#running, buildId);
    this.machine = createTrialMachine({
      slot: this.#running,
      buildId,
      bootId: this.#id('boot'),
      trialLimitMs: 300_000,
    });
    this.take({ type: 'opened', committed: this.isLoaderUnreadable ? null : this.committed });
  }

  recall(): void {
    if (this.machine.isRecalled) return;
    this.#isPermMounted = !this.isPermBroken;
    const onDisk = parseTrialMemory(Buffer.from(this.memoryFile));
    if (this.#isPermMounted) this.#memory = onDisk;
    else if (onDisk.pending !== null) this.witness.untold.add(onDisk.pending.id);
    const { pending } = this.#memory;
    const isAsked = this.state === 'starting' && this.machine.loader.committed !== null;
    const trace = isAsked ? this.#trace : null;
    if (isAsked) this.#trace = null;
    const evidence =
      pending !== null && needsEvidence(this.machine, pending)
        ? { trace, boot: this.#bootOf(pending) }
        : null;
    this.take({ type: 'recalled', pending, evidence });
  }

  /** An update is installed where there is room, or the way back from a live switch is gone, and asked for. */
  ask(mode: SwitchMode, confirmBy: ConfirmBy): void {
    const running = this.#running;
    const isBack = running !== this.committed;
    const slot = isBack ? running : other(running);
    if (!isBack && this.state === 'resting') this.builds[slot] = this.#id('b');
    const pending: PendingTrial = {
      id: this.#id('trial'),
      slot,
      buildId: this.builds[slot],
      mode: isBack ? 'reboot' : mode,
      confirmBy,
      who: 'tsk',
      changedApps: [],
      fromBuildId: this.builds[running],
      askedAtMs: this.#nowMs,
      askedBootId: this.machine.start.bootId,
      before: NOTHING_BEFORE,
      startedBootId: mode === 'live' && !isBack ? this.machine.start.bootId : null,
      ending: null,
      isSecondTry: false,
      returns: 0,
    };
    this.take({ type: 'asked', pending, trialStart: 'efi-variable' });
  }

  /** Asks when nothing stands in the way, and goes on until the trial has begun. */
  try(mode: SwitchMode, confirmBy: ConfirmBy): void {
    this.recall();
    this.ask(mode, confirmBy);
    if (this.state === 'arming') this.settle('done');
    this.answer();
    if (this.#slow[0]?.type === 'switch apps') this.settle('done');
    if (this.#restart !== 'trial') return;
    this.boot();
    this.recall();
  }

  /** Whoever has asked hears that the trial begins. */
  answer(): void {
    if (!this.#isAccepted) return;
    this.#isAccepted = false;
    this.take({ type: 'answered' });
  }

  confirm(report: HealthReport): void {
    const { phase, start } = this.machine;
    const { buildId } = 'trial' in phase ? phase.trial.pending : start;
    this.take({ type: 'confirm', buildId, who: 'tsk', report });
  }

  look(report: HealthReport, ms: number): void {
    this.#nowMs += ms;
    this.take({ type: 'look', report });
  }

  /** What was begun and takes time comes to its end. */
  settle(result: Result): void {
    const effect = this.#slow.shift();
    if (effect === undefined) return;
    const isDone = result !== 'failed';
    const problem = 'EIO: it does not work';
    if (effect.type === 'switch apps') {
      if (isDone) this.witness.runs(effect.pending.slot, effect.pending.buildId);
      this.take(result === 'done' ? { type: 'switched' } : { type: 'not switched', problem });
    } else if (effect.type === 'switch back') {
      this.take(isDone ? { type: 'switched back' } : { type: 'not switched back', problem });
    } else if (effect.type === 'arm') {
      const isSecond = this.machine.phase.name === 'arming' && this.machine.phase.pending.isSecondTry;
      // A boot switch that fails has armed nothing.
      if (result === 'done') {
        this.#armed = { slot: effect.slot, by: isSecond ? 'kexec' : 'firmware' };
        this.#trace = 'kept';
      }
      this.take(result === 'done' ? { type: 'armed' } : { type: 'not armed', problem });
    } else {
      if (effect.isUnread) {
        if (this.isLoaderUnreadable)
          return this.take({ type: 'not written', slot: effect.slot, problem, committed: null });
        this.take({ type: 'read', committed: this.committed });
      }
      const isTooLate = this.witness.hasRolledBack(effect.slot);
      if (result === 'done' && !isTooLate) this.#commit(effect.slot);
      else if (isDone) this.#commitAgainstWill(effect.slot);
      const committed = this.isLoaderUnreadable ? null : this.committed;
      this.take(
        result === 'done'
          ? { type: 'written', slot: effect.slot }
          : { type: 'not written', slot: effect.slot, problem, committed },
      );
    }
  }

  /** Everything works from now on, and time passes, until nothing moves any more. */
  comeToRest(): void {
    Object.assign(this, {
      isPermFull: false,
      isPermBroken: false,
      isLoaderUnreadable: false,
      firmwareForgets: false,
    });
    for (let round = 0; round < 40; round++) {
      if (this.#restart !== null || this.state === 'leaving') this.boot();
      this.recall();
      this.answer();
      this.look(WELL, 1000);
      while (this.#slow.length > 0) this.settle('done');
      if (this.state === 'resting' && this.#slow.length === 0) return;
      this.look(WELL, 400_000);
    }
    assert.fail(`The device does not come to rest: ${JSON.stringify(this.machine)}`);
  }

  take(event: TrialEvent): void {
    this.#events.push(event);
    while (this.#events.length > 0) this.#step(this.#events.shift() as TrialEvent);
  }

  #step(event: TrialEvent): void {
    const before = this.machine;
    const { machine, effects } = stepTrial(before, event, {
      nowMs: this.#nowMs,
      dateMs: this.#nowMs,
      makeId: () => this.#id('unknown'),
      lastLines: (of) => ({ of, lines: [{ text: 'the last line' }] }),
      stopLimitMs: 20_000,
    });
    this.machine = machine;
    this.witness.goes(before, event, machine);
    for (const effect of effects) this.#do(effect);
    this.witness.rests(machine);
  }

  #do(effect: TrialEffect): void {
    this.witness.does(effect, this.machine);
    switch (effect.type) {
      case 'note':
        this.#remember({ ...this.#memory, pending: effect.pending }, effect.pending?.id);
        this.#events.push({ type: 'noted', isKept: this.#isKept });
        return;
      case 'record':
        return this.#remember(addRecord(this.#memory, effect.pending, effect.outcome), effect.pending.id);
      case 'commit':
      case 'arm':
      case 'switch apps':
      case 'switch back':
        this.#slow.push(effect);
        return;
      case 'disarm':
        this.#armed = null;
        this.#trace = null;
        return;
      case 'restart':
        if (effect.into === 'trial') assert.ok(this.#armed !== null);
        this.#restart ??= effect.into;
        return;
      case 'answer':
        if (effect.to === 'asker' && effect.refusal === null) this.#isAccepted = true;
        return;
      default:
    }
  }

  get #isKept(): boolean {
    return this.#isPermMounted && !this.isPermFull;
  }

  #remember(memory: TrialMemory, id: string | undefined): void {
    this.#memory = memory;
    if (!this.#isKept) {
      if (id !== undefined) this.witness.untold.add(id);
      return;
    }
    this.memoryFile = formatTrialMemory(memory);
    assert.deepEqual(parseTrialMemory(Buffer.from(this.memoryFile)), JSON.parse(JSON.stringify(memory)));
  }

  #commit(slot: Slot): void {
    this.witness.commits(slot, this.builds[slot]);
    this.committed = slot;
  }

  /** Without an answer that says so. */
  #commitAgainstWill(slot: Slot): void {
    this.#commit(slot);
    this.witness.isDiskDoubtful = true;
  }

  #nextSlot(): Slot {
    if (this.#armed === null) return this.committed;
    if (this.#armed.by === 'kexec') return this.#restart === 'trial' ? this.#armed.slot : this.committed;
    if (!this.firmwareForgets) return this.#armed.slot;
    this.#trace = 'lost';
    return this.committed;
  }

  #bootOf(pending: PendingTrial): { id: string; end: null; lastLines: { of: string; lines: [] } } | null {
    const boot = this.#lastBoot;
    const isIt =
      pending.startedBootId === null
        ? boot?.slot === pending.slot && boot.buildId === pending.buildId && boot.id !== pending.askedBootId
        : boot?.id === pending.startedBootId;
    return isIt && boot !== null ? { id: boot.id, end: null, lastLines: { of: 'init', lines: [] } } : null;
  }

  #id(what: string): string {
    return `${what}${++this.#count}`;
  }
}

function other(slot: Slot): Slot {
  return slot === 'a' ? 'b' : 'a';
}
