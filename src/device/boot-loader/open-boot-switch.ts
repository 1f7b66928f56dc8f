// The boot switch of a device with systemd-boot on UEFI: loader.conf says which slot is committed, and a trial is
// started by the loader's one-shot variable or, where the firmware keeps no variables, by kexec.

import { existsSync } from 'node:fs';
import type { ByteDevice } from '../../formats/byte-source.ts';
import { BOOT_PARTITION } from '../../shared/board/disk-layout.ts';
import type { Slot } from '../../shared/board/slots.ts';
import { describeError } from '../describe-error.ts';
import { type DiskPartition, locateRootDisk, openPartition, partitionOf } from '../root-disk.ts';
import type { Sys } from '../sys/sys.ts';
import type { BootSwitch } from './boot-switch.ts';
import { readCommittedSlot, writeCommittedSlot } from './committed-slot.ts';
import { EfiVariables, loaderVariable } from './systemd-boot/efi-variables.ts';
import { efiTrial } from './systemd-boot/one-shot-trial.ts';
import { addFirmwareRetry } from './systemd-boot/firmware-retry.ts';
import { kexecTrial } from './kexec-trial.ts';
import type { TrialStart } from './trial-start.ts';
import { FirmwareMemory } from './systemd-boot/firmware-memory.ts';

/** Set by the loader at each start: where it is missing, variables do not work at all. */
const LOADER_INFO = loaderVariable('LoaderInfo');
/**
 * Wins over loader.conf. `bootctl set-default` writes it, and nothing of ours. Left there, it could make a device take
 * every start for a trial, and roll it back.
 */
const LOADER_DEFAULT = loaderVariable('LoaderEntryDefault');
/** There when the kernel can do it at all. */
const KEXEC_STATE = '/sys/kernel/kexec_loaded';

/**
 * Throws when the device has no boot partition of ours. What it remembers is in /perm and read when it is needed:
 * `trialStart` and `takeTrace` are right when /perm is there.
 */
export async function openBootSwitch(sys: Sys, say: (text: string) => void): Promise<BootSwitch> {
  const bootSwitch = new DeviceBootSwitch(sys, partitionOf(locateRootDisk(sys), BOOT_PARTITION), say);
  await bootSwitch.removeOtherDefault();
  await bootSwitch.removeStaleTrial();
  return bootSwitch;
}

class DeviceBootSwitch implements BootSwitch {
  readonly #sys: Sys;
  readonly #boot: DiskPartition;
  readonly #say: (text: string) => void;
  readonly #variables: EfiVariables | undefined;
  readonly #byVariable: TrialStart | undefined;
  readonly #byKexec: TrialStart | undefined;
  readonly #trace: FirmwareMemory;
  #armed: TrialStart | undefined;
  #areVariablesRefused = false;

  constructor(sys: Sys, boot: DiskPartition, say: (text: string) => void) {
    this.#sys = sys;
    this.#boot = boot;
    this.#say = say;
    const variables = new EfiVariables(sys);
    if (variables.has(LOADER_INFO)) {
      this.#variables = variables;
      this.#byVariable = efiTrial(sys, variables);
    }
    if (existsSync(sys.path(KEXEC_STATE))) {
      this.#byKexec = kexecTrial({
        sys,
        device: sys.path(boot.path),
        withBoot: (use) => this.#withBoot('r', use),
      });
    }
    this.#trace = new FirmwareMemory(sys, this.#variables);
  }

  get trialStart(): BootSwitch['trialStart'] {
    if (this.#canUseVariables()) return 'efi-variable';
    return this.#byKexec ? 'kexec' : null;
  }

  async committed(): Promise<Slot> {
    return this.#withBoot('r', readCommittedSlot);
  }

  async commit(slot: Slot): Promise<void> {
    await this.#variables?.remove(LOADER_DEFAULT);
    await this.#withBoot('r+', (boot) => writeCommittedSlot(boot, slot, () => this.#dropCache()));
  }

  async removeOtherDefault(): Promise<void> {
    try {
      await this.#variables?.remove(LOADER_DEFAULT);
    } catch (error) {
      this.#say(`Cannot remove the variable "LoaderEntryDefault": ${describeError(error)}`);
    }
  }

  /** A loader that has started this slot has used it up. Any other would start a slot that may be half written by then. */
  async removeStaleTrial(): Promise<void> {
    try {
      await this.#byVariable?.disarm();
    } catch (error) {
      this.#say(`Cannot take back a start on trial that did not come: ${describeError(error)}`);
    }
  }

  async armTrial(slot: Slot): Promise<void> {
    if (this.#canUseVariables()) {
      try {
        await this.#armByVariable(slot);
        return;
      } catch (error) {
        this.#say(
          `the firmware takes no variables, so the trial will start by kexec: ${describeError(error)}`,
        );
        this.#areVariablesRefused = true;
        // It may have been taken nevertheless.
        await this.removeStaleTrial();
      }
    }
    if (!this.#byKexec) throw new Error('This device has no way to start another slot for a trial');
    await this.#byKexec.arm(slot);
    this.#armed = this.#byKexec;
    this.#remember(() => this.#trace.noteKexec());
  }

  async disarm(): Promise<void> {
    await this.#armed?.disarm();
    this.#armed = undefined;
    this.#remember(() => this.#trace.noteDisarmed());
  }

  async takeTrace(): Promise<'kept' | 'lost' | null> {
    return this.#trace.take();
  }

  async restartIntoTrial(): Promise<void> {
    if (this.#armed === undefined) throw new Error('No trial was armed');
    this.#armed.restart();
  }

  #canUseVariables(): boolean {
    return this.#byVariable !== undefined && !this.#areVariablesRefused && !this.#trace.firmwareForgets;
  }

  async #armByVariable(slot: Slot): Promise<void> {
    const [variables, start] = [this.#variables, this.#byVariable];
    if (!variables || !start) return;
    await addFirmwareRetry(variables, this.#boot).catch((error: unknown) => {
      this.#say(`a kernel that cannot be loaded will need a power cycle: ${describeError(error)}`);
    });
    const expected = await this.#trace.prepare();
    await start.arm(slot);
    this.#armed = start;
    this.#remember(() => this.#trace.noteEfiVariable(expected));
  }

  /** A trial does not depend on what is noted of it. */
  #remember(note: () => void): void {
    try {
      note();
    } catch (error) {
      this.#say(`Cannot note in /perm how the trial starts: ${describeError(error)}`);
    }
  }

  async #withBoot<T>(mode: 'r' | 'r+', use: (boot: ByteDevice) => Promise<T>): Promise<T> {
    using boot = openPartition(this.#sys, this.#boot, mode);
    return await use(boot);
  }

  #dropCache(): void {
    this.#sys.dropBlockCache(this.#sys.path(this.#boot.path));
  }
}
