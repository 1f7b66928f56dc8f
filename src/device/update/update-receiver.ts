// Takes updates, one at a time. It decides what may be written, hands the bytes to the installer and the result to
// init; of HTTP it knows nothing (web/update-routes.ts), and the boot loader is init's alone.

import { FatSpaceError } from '../../formats/fat/layout.ts';
import { INIT_API } from '../../shared/api/init-api.ts';
import type { Manifest } from '../../shared/manifest/manifest.ts';
import { otherSlot, SLOTS, type Slot } from '../../shared/board/slots.ts';
import {
  UPDATE_FEATURES,
  UPDATE_PROTOCOL_VERSION,
  type ConfirmRequest,
  type SessionView,
  type SlotContent,
  type TryAccepted,
  type TryRequest,
  type UpdateClient,
  type UpdateOffer,
  type UpdateRequest,
  type UpdateStatus,
} from '../../shared/update/update-api.ts';
import { dictionaryOf } from '../../shared/update/manifest-dictionary.ts';
import { compareApps } from '../../shared/update/switch-mode.ts';
import type { ConfirmTrial, TrialRequest, UpdateState } from '../../shared/update/update-state.ts';
import { checkImage, type OfferedImage, readClock, trustedKeysOf } from './check-image.ts';
import { SlotSizeError } from './chunk-plan.ts';
import { LoaderFiles } from '../boot-loader/loader-files.ts';
import { examineImage } from './examine-image.ts';
import { renewSharedFiles } from './renew-shared-files.ts';
import {
  describeSlot,
  findSlotManifest,
  newestConfirmed,
  noteNewestConfirmed,
  readRunningSlot,
  readSlot,
} from './slot-contents.ts';
import { ImageRefusal, SessionEnded, UpdateConflict } from './update-refusal.ts';
import type { OpenUpdateDisk } from './update-disk.ts';
import { UpdateSession, type SessionWork } from './update-session.ts';
import type { UpdateSurroundings } from './update-surroundings.ts';
import { trustsItsSigners, verifySlot } from './verify-slot.ts';

const ITSELF: UpdateClient = { id: 'the device itself', name: 'the device itself' };

export class UpdateReceiver {
  readonly #around: UpdateSurroundings;
  #session: UpdateSession | undefined;
  #lastEnd: { id: string; reason: Error } | undefined;
  /** Nobody else writes the boot directories: what was read holds until a session has ended. */
  #contents: Promise<UpdateStatus['slots']> | undefined;
  #reading: Promise<UpdateStatus['slots']> | undefined;

  constructor(around: UpdateSurroundings) {
    this.#around = around;
  }

  get sessionView(): SessionView | null {
    return this.#session?.view ?? null;
  }

  async status(): Promise<UpdateStatus> {
    const [state, slots] = await Promise.all([this.#state(), this.#slots()]);
    const starts = state.committed ?? state.running;
    const newest = newestConfirmed(state, starts && slots[starts]);
    return {
      ...state,
      ...(newest !== null && { newestSignedAtSec: newest }),
      protocol: { version: UPDATE_PROTOCOL_VERSION, features: UPDATE_FEATURES },
      slots,
      trustedKeyIds: trustedKeysOf(this.#around.config).map(({ id }) => id),
      session: this.sessionView,
    };
  }

  #state(): Promise<UpdateState> {
    return this.#around.init.get<UpdateState>(INIT_API.update);
  }

  async #slots(): Promise<UpdateStatus['slots']> {
    if (this.#session) return this.#readSlotsTogether();
    this.#contents ??= this.#readSlots();
    try {
      return await this.#contents;
    } catch (error) {
      this.#contents = undefined;
      throw error;
    }
  }

  /** During a session what the slots hold changes. Manifests are large, and many may ask. */
  #readSlotsTogether(): Promise<UpdateStatus['slots']> {
    this.#reading ??= this.#readSlots().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readSlots(): Promise<UpdateStatus['slots']> {
    using disk = this.#around.openDisk('look');
    const contents: Record<Slot, SlotContent | null> = { a: null, b: null };
    for (const slot of SLOTS) {
      const stored = await (slot === disk.source ? readRunningSlot : readSlot)(disk.boot, slot);
      contents[slot] = stored && describeSlot(stored);
    }
    return contents;
  }

  /** Whether the image that runs would take the next update of those who have signed it. */
  async trustsItsSigners(): Promise<boolean> {
    using disk = this.#around.openDisk('look');
    return await trustsItsSigners(disk, trustedKeysOf(this.#around.config));
  }

  /**
   * Makes firmware that both slots start from the committed slot's; returns the names of files that were replaced. Does
   * nothing while somebody updates or something is on trial.
   */
  async renewSharedFiles(): Promise<readonly string[]> {
    if (this.#session) return [];
    const { running, committed, appsFrom, trial, isStarting } = await this.#state();
    if (trial !== null || isStarting === true || running === null || running !== committed) return [];
    if (appsFrom !== null) return [];
    const session = await this.#takePlace(ITSELF, this.#around.config.buildId);
    try {
      return await session.perform(() =>
        renewSharedFiles(session.openDisk(() => this.#openToWrite(otherSlot(running)))),
      );
    } finally {
      await session.end(new SessionEnded('The firmware was looked at'));
    }
  }

  /** What a request may be packed against; undefined: no slot has a manifest with this hash. */
  async dictionary(sha256: string): Promise<Uint8Array | undefined> {
    using disk = this.#around.openDisk('look');
    const manifest = await findSlotManifest(disk.boot, sha256);
    return manifest && dictionaryOf(manifest);
  }

  /** Throws ImageRefusal or UpdateConflict. */
  async begin(request: UpdateRequest): Promise<UpdateOffer> {
    const { config } = this.#around;
    const image = checkImage(request, config, readClock(this.#around.isClockSet()));
    const session = await this.#takePlace(request.client, image.manifest.buildId);
    try {
      const { offer } = await session.prepare(() => this.#prepare(session, image, request));
      if (offer.mode === 'none') await session.end(new SessionEnded('This build runs already'));
      return { id: session.id, ...offer };
    } catch (error) {
      await session.end(new SessionEnded('The update was refused', { cause: error }));
      throw error;
    }
  }

  /** The place of the one who may write. Throws UpdateConflict while another client has it. */
  async #takePlace(client: UpdateClient, buildId: string): Promise<UpdateSession> {
    while (this.#session) {
      const { view, clientId } = this.#session;
      if (clientId !== client.id) {
        const since = new Date(view.startedAtMs).toISOString().slice(11, 19);
        throw new UpdateConflict('update-busy', `${view.client} updates this device since ${since} UTC`, {
          session: view,
        });
      }
      await this.#session.end(new SessionEnded('The same client has begun anew'));
    }
    this.#session = new UpdateSession({
      client,
      buildId,
      idleMs: this.#around.idleMs,
      onEnd: (session, reason) => {
        this.#lastEnd = { id: session.id, reason };
        this.#session = undefined;
        this.#contents = undefined;
      },
    });
    return this.#session;
  }

  async #prepare(session: UpdateSession, image: OfferedImage, request: UpdateRequest): Promise<SessionWork> {
    const { signal } = session;
    const { signedAtSec } = image;
    const offer = await examineImage(this.#around, image, request, signal);
    if (offer.mode === 'none')
      return { installer: null, offer: { ...offer, missingChunks: [], missingBytes: 0 }, signedAtSec };
    const disk = session.openDisk(() => this.#openToWrite(offer.slot));
    // The medium itself is asked, whatever init believes.
    if ((await new LoaderFiles(disk.layout, disk.boot).committed()) === disk.target)
      throw restartFirst(`This device starts from slot ${disk.target}, which is the one to write`);
    const installer = await this.#around
      .openInstaller({ disk, signal, ...image })
      .catch(refuseWhatDoesNotFit);
    const missingChunks = installer.missing();
    const missingBytes = sizeOf(missingChunks, image);
    return { installer, offer: { ...offer, missingChunks, missingBytes }, signedAtSec };
  }

  #openToWrite(slot: Slot): OpenUpdateDisk {
    try {
      return this.#around.openDisk('write');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
      throw restartFirst(`This device still uses files of slot ${slot}`);
    }
  }

  /** Throws SessionEnded when there is no such session, or not any more. */
  session(id: string): UpdateSession {
    if (this.#session?.id === id) return this.#session;
    if (this.#lastEnd?.id === id) throw this.#lastEnd.reason;
    throw new SessionEnded('There is no such session');
  }

  /** Ends the session, if there is one of that id. */
  async leave(id: string): Promise<void> {
    if (this.#session?.id === id) await this.#session.end(new SessionEnded('The client has ended it'));
  }

  /** Ends the session and begins the trial. */
  async try(id: string, { confirmBy }: TryRequest): Promise<TryAccepted> {
    const session = this.session(id);
    const { offer, signedAtSec: newestSignedAtSec } = session.installed;
    const { slot, mode, changedApps, unchangedApps = [] } = offer;
    const { buildId, client: who } = session.view;
    if (mode === 'none') throw new UpdateConflict('nothing-to-do', 'This build runs already');
    return this.#handOver(session, {
      slot,
      buildId,
      mode,
      confirmBy,
      who,
      changedApps,
      unchangedApps,
      newestSignedAtSec,
    });
  }

  async #handOver(session: UpdateSession, request: TrialRequest): Promise<TryAccepted> {
    const unhealthyApps = await this.#around.unhealthyApps();
    const { trial } = await session.handOver(new SessionEnded('The trial has begun'), () =>
      this.#around.init.post<UpdateState>(INIT_API.updateTrial, { ...request, unhealthyApps }),
    );
    if (!trial) throw new Error('init has begun no trial');
    return { mode: trial.mode, trialId: trial.id };
  }

  async confirm({ buildId, client }: ConfirmRequest, otherwise: string): Promise<UpdateState> {
    const confirm: ConfirmTrial = { buildId, who: client?.name ?? otherwise };
    return this.#around.init.post<UpdateState>(INIT_API.updateConfirm, confirm);
  }

  /** Ends the trial that goes on; without one, tries the slot that is not committed. */
  async rollBack(client: UpdateClient): Promise<UpdateState> {
    const state = await this.#state();
    if (state.trial) {
      return this.#around.init.post<UpdateState>(INIT_API.updateRollback, { who: client.name });
    }
    if (state.committed === null)
      throw new UpdateConflict('cannot-try', 'The configuration of the boot loader cannot be read');
    const slot = otherSlot(state.committed);
    if (state.trialStart === null)
      throw new UpdateConflict(
        'cannot-try',
        state.trialProblem ?? 'This device has no way to try another slot, so that it cannot go back',
      );
    const slots = await this.#slots();
    const there = slots[slot];
    const here = slots[state.appsFrom ?? state.running ?? state.committed];
    if (!there) throw new UpdateConflict('slot-unusable', `Slot ${slot} holds nothing that could be started`);
    const session = await this.#takePlace(client, there.buildId);
    try {
      const newest = newestConfirmed(state, slots[state.committed]);
      const manifest = await session.perform(() => this.#verify(session, slot, newest));
      await this.#handOver(session, {
        slot,
        buildId: manifest.buildId,
        mode: 'reboot',
        confirmBy: 'device',
        who: client.name,
        changedApps: [],
        unchangedApps: compareApps(here?.apps ?? [], there.apps).unchangedApps,
      });
    } finally {
      await session.end(new SessionEnded('The roll-back was refused'));
    }
    return this.#state();
  }

  /** The slot also notes what it is gone back from: it may be older than what may come next. */
  async #verify(session: UpdateSession, slot: Slot, newestSec: number | null): Promise<Manifest> {
    using disk = this.#around.openDisk('note');
    const manifest = await verifySlot(disk, slot, trustedKeysOf(this.#around.config), session.signal);
    session.signal.throwIfAborted();
    if (newestSec !== null) await noteNewestConfirmed(disk.boot, slot, newestSec);
    return manifest;
  }

  async close(): Promise<void> {
    await this.#session?.end(new SessionEnded('web stops'));
  }
}

function restartFirst(problem: string): UpdateConflict {
  return new UpdateConflict('restart-first', `${problem}: it has to restart first`);
}

function refuseWhatDoesNotFit(error: unknown): never {
  if (error instanceof SlotSizeError || error instanceof FatSpaceError)
    throw new ImageRefusal('layout', error.message, { cause: error });
  throw error;
}

function sizeOf(chunks: readonly number[], { manifest }: OfferedImage): number {
  const lengths = [manifest.root, ...manifest.bootFiles].flatMap((content) =>
    content.chunks.map(({ lengthBytes }) => lengthBytes),
  );
  return chunks.reduce((sum, index) => sum + (lengths[index] ?? 0), 0);
}
