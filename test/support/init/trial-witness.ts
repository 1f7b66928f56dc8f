// Watches the machine of a trial world (trial-world.ts): what it must never do fails at once, and what its history has to
// tell of is kept, for judging afterwards.

import assert from 'node:assert/strict';
import { TRIAL_TABLE } from '../../../src/device/init/update/trial/machine.ts';
import {
  type TrialEffect,
  type TrialEvent,
  type TrialMachine,
  trialOf,
} from '../../../src/device/init/update/trial/state.ts';
import type { Slot } from '../../../src/shared/board/slots.ts';

export class TrialWitness {
  /** Trials that were accepted, why they were rolled back, and those of which something could not be noted. */
  readonly accepted = new Set<string>();
  readonly reasons = new Map<string, string>();
  readonly untold = new Set<string>();
  /** A commit has become true against the machine's will, which only a failing disk can bring about. */
  isDiskDoubtful = false;
  readonly #seen: Set<string>;
  /** Whether builds, by slot, have ever run: nothing else may be committed. */
  readonly #haveRun = new Set<string>();
  #haveRolledBack = new Set<string>();
  #isSupervised = false;

  /** `seen`: collects the ways that were gone, as `state, event: state`. */
  constructor(seen: Set<string>) {
    this.#seen = seen;
  }

  /** The device starts with this build. */
  starts(slot: Slot, buildId: string): void {
    this.#isSupervised = false;
    this.#haveRolledBack.clear();
    this.runs(slot, buildId);
  }

  runs(slot: Slot, buildId: string): void {
    this.#haveRun.add(`${slot} ${buildId}`);
  }

  commits(slot: Slot, buildId: string): void {
    assert.ok(this.#haveRun.has(`${slot} ${buildId}`), 'a build is committed that never ran');
  }

  hasRolledBack(slot: Slot): boolean {
    return this.#haveRolledBack.has(slot);
  }

  /** Before the effects of a step. */
  goes(before: TrialMachine, event: TrialEvent, machine: TrialMachine): void {
    const [from, to] = [before.phase.name, machine.phase.name];
    const row = TRIAL_TABLE[from].on[event.type];
    assert.ok(
      row?.includes(to) ?? machine.phase === before.phase,
      `"${event.type}" led from "${from}" to "${to}"`,
    );
    if (row !== undefined) this.#seen.add(`${from}, ${event.type}: ${to}`);
  }

  /** `machine`: as it is after the step that this comes of. */
  does(effect: TrialEffect, machine: TrialMachine): void {
    switch (effect.type) {
      case 'record':
        assert.ok(effect.outcome.outcome === 'confirmed' || effect.outcome.reason !== null);
        return;
      case 'commit':
        assert.ok(!this.#haveRolledBack.has(effect.slot), `slot ${effect.slot} was rolled back`);
        return;
      case 'supervise':
        assert.ok(!this.#isSupervised, 'two trials at once');
        this.#isSupervised = true;
        // Another build in that slot, or another start of it.
        this.#haveRolledBack.clear();
        return;
      case 'stop supervising':
        this.#isSupervised = false;
        return;
      case 'answer':
        if (effect.to === 'asker' && effect.refusal === null) this.#accept(machine);
        return;
      default:
    }
  }

  /** After them. */
  rests(machine: TrialMachine): void {
    this.#noteRollBack(machine);
    const { name } = machine.phase;
    const isOnTrial = name !== 'starting' && name !== 'resting' && name !== 'leaving';
    if (name !== 'leaving') assert.equal(trialOf(machine, { nowMs: 0, dateMs: 0 }, null) !== null, isOnTrial);
    assert.equal(this.#isSupervised, name === 'trying' || name === 'committing');
  }

  #accept({ phase }: TrialMachine): void {
    if (phase.name === 'armed') this.accepted.add(phase.pending.id);
    else if (phase.name === 'trying') this.accepted.add(phase.trial.pending.id);
    else assert.fail(`A trial is accepted in the state "${phase.name}"`);
  }

  #noteRollBack({ phase }: TrialMachine): void {
    if (phase.name !== 'taking back' && phase.name !== 'switching back' && phase.name !== 'leaving') return;
    // One that a way down has interrupted may still be confirmed: it was about to be.
    if (phase.name === 'leaving' && phase.awaits === 'commit') return;
    const pending = phase.name === 'leaving' ? phase.pending : phase.trial.pending;
    const reason = pending?.ending?.reason ?? null;
    if (pending === null || reason === null) return;
    this.reasons.set(pending.id, reason);
    this.#haveRolledBack.add(pending.slot);
  }
}
