// The update receiver, loaded when somebody first asks for it: most of the time nobody does, and its code and what
// that draws in (node:zlib, node:ffi) would be memory for nothing.

import { existsSync, readFileSync } from 'node:fs';

import { type BoardId, BOARDS } from '../../shared/board/boards.ts';
import { renewedFiles } from '../../shared/boot-loader/boot-loader-layout.ts';
import { layoutOf } from '../../shared/boot-loader/layout-of.ts';
import type { DeviceConfig } from '../../shared/services/services.ts';
import { TIME_STATUS_PATH, type TimeStatus } from '../../shared/network/time-status.ts';
import { SESSION_IDLE_MS, type SessionView } from '../../shared/update/update-api.ts';
import type { UpdateReceiver } from '../update/update-receiver.ts';
import type { DiskUse, OpenUpdateDisk } from '../update/update-disk.ts';
import type { InitClient } from './init-client.ts';
import { logError, logLine } from './log.ts';
import { Turns } from './turns.ts';

export interface UpdatesOptions {
  config: DeviceConfig;
  init: InitClient;
  timeStatusPath?: string;
  /** Set by tests: a disk of another kind than the one that this device runs from. */
  openDisk?: (use: DiskUse) => OpenUpdateDisk;
  idleMs?: number;
  unhealthyApps: () => Promise<readonly string[]>;
}

export class Updates {
  /** Taken while a request for an update is read and its signature checked: it may have 10 MiB. */
  readonly turns = new Turns();
  readonly #options: UpdatesOptions;
  #loading: Promise<UpdateReceiver> | undefined;
  #receiver: UpdateReceiver | undefined;
  #trustsItsSigners: boolean | undefined;
  #renewing: Promise<void> | undefined;

  constructor(options: UpdatesOptions) {
    this.#options = options;
  }

  get session(): SessionView | null {
    return this.#receiver?.sessionView ?? null;
  }

  /** Whether time servers have set it since the start. */
  isClockSet(): boolean {
    return isClockSet(this.#options.timeStatusPath ?? TIME_STATUS_PATH);
  }

  async receiver(): Promise<UpdateReceiver> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** What keeps this image from taking the next update, for a trial of it; null: nothing, or it is to take none. */
  async lockOut(): Promise<string | null> {
    if ((this.#options.config.update?.trustedKeys ?? []).length === 0) return null;
    this.#trustsItsSigners ??= await (await this.receiver()).trustsItsSigners();
    return this.#trustsItsSigners ? null : 'the image trusts none of the keys that it is signed with';
  }

  /**
   * After a trial and before an update; it is no failure of theirs when it does not work. Whoever comes while that goes on
   * waits for it, and does not find the device busy with itself.
   */
  async renewSharedFiles(): Promise<void> {
    const { boot } = BOARDS[this.#options.config.board];
    if (renewedFiles(layoutOf(boot)).length === 0) return;
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    await this.#renewing;
  }

  async #renew(): Promise<void> {
    try {
      const names = await (await this.receiver()).renewSharedFiles();
      if (names.length > 0) logLine(`Firmware of this build is in place: ${names.join(', ')}`);
    } catch (error) {
      logError('Cannot put the firmware of this build in place', error);
    }
  }

  async #load(): Promise<UpdateReceiver> {
    const { config, init, timeStatusPath = TIME_STATUS_PATH, idleMs = SESSION_IDLE_MS } = this.#options;
    const [{ UpdateReceiver }, { openSlotInstaller }] = await Promise.all([
      import('../update/update-receiver.ts'),
      import('../update/slot-installer.ts'),
    ]);
    this.#receiver = new UpdateReceiver({
      config,
      init,
      idleMs,
      unhealthyApps: this.#options.unhealthyApps,
      isClockSet: () => isClockSet(timeStatusPath),
      openDisk: this.#options.openDisk ?? (await realDisk(config.board)),
      openInstaller: openSlotInstaller,
    });
    return this.#receiver;
  }

  async close(): Promise<void> {
    await this.#receiver?.close();
  }
}

async function realDisk(board: BoardId): Promise<(use: DiskUse) => OpenUpdateDisk> {
  const [{ openUpdateDisk }, { linuxStorage }] = await Promise.all([
    import('../update/update-disk.ts'),
    import('../sys/linux-storage.ts'),
  ]);
  const sys = linuxStorage();
  const layout = layoutOf(BOARDS[board].boot);
  return (use) => openUpdateDisk(sys, layout, use);
}

function isClockSet(path: string): boolean {
  return existsSync(path) && (JSON.parse(readFileSync(path, 'utf8')) as TimeStatus).synchronised;
}
