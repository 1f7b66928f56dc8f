// Takes updates, one at a time. It decides what may be written, hands the bytes to the installer and the result to
// init; of HTTP it knows nothing (web/update-routes.ts), and the boot loader is init's alone.

import { FatSpaceError } from '../../formats/fat/layout.ts';
import { INIT_API } from '../../shared/init-api.ts';
import type { DeviceConfig } from '../../shared/services.ts';
import { SLOTS, type Slot } from '../../shared/slots.ts';
import { decideSwitch, type SwitchDecision } from '../../shared/switch-mode.ts';
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
} from '../../shared/update-api.ts';
import type { ConfirmTrial, TrialRequest, UpdateState } from '../../shared/update-state.ts';
import {
  checkClock,
  checkImage,
  checkLayout,
  checkNotOlder,
  checkState,
  type OfferedImage,
} from './check-image.ts';
import { SlotSizeError } from './chunk-plan.ts';
import { describeSlot, readRunningSlot, readSlot, type StoredSlot } from './slot-contents.ts';
import type { SlotInstaller, InstallOptions } from './slot-installer.ts';
import { ImageRefusal, SessionEnded, UpdateConflict } from './update-refusal.ts';
import type { OpenUpdateDisk } from './update-disk.ts';
import { UpdateSession, type SessionWork } from './update-session.ts';
import { verifySlot } from './verify-slot.ts';

/** What updates need of the device around them. */
export interface UpdateSurroundings {
  config: DeviceConfig;
  /** Init's answers; refusals of its come out as they are. */
  init: { get<T>(path: string): Promise<T>; post<T>(path: string, body?: object): Promise<T> };
  isClockSet: () => boolean;
  openDisk: () => OpenUpdateDisk;
  openInstaller: (options: InstallOptions) => Promise<SlotInstaller>;
  idleMs: number;
}

export class UpdateReceiver {
  readonly #around: UpdateSurroundings;
  #session: UpdateSession | undefined;
  #lastEnd: { id: string; reason: Error } | undefined;
  /** Nobody else writes the boot directories: what was read holds until a session has ended. */
  #contents: Promise<UpdateStatus['slots']> | undefined;

  constructor(around: UpdateSurroundings) {
    this.#around = around;
  }

  get sessionView(): SessionView | null {
    return this.#session?.view ?? null;
  }

  async status(): Promise<UpdateStatus> {
    const [state, slots] = await Promise.all([this.#state(), this.#slots()]);
    return {
      ...state,
      protocol: { version: UPDATE_PROTOCOL_VERSION, features: UPDATE_FEATURES },
      slots,
      trustedKeyIds: (this.#around.config.update?.trustedKeys ?? []).map(({ id }) => id),
      session: this.sessionView,
    };
  }

  #state(): Promise<UpdateState> {
    return this.#around.init.get<UpdateState>(INIT_API.update);
  }

  async #slots(): Promise<UpdateStatus['slots']> {
    if (this.#session) return this.#readSlots();
    this.#contents ??= this.#readSlots();
    try {
      return await this.#contents;
    } catch (error) {
      this.#contents = undefined;
      throw error;
    }
  }

  async #readSlots(): Promise<UpdateStatus['slots']> {
    using disk = this.#around.openDisk();
    const contents: Record<Slot, SlotContent | null> = { a: null, b: null };
    for (const slot of SLOTS) {
      const stored = await (slot === disk.source ? readRunningSlot : readSlot)(disk.boot, slot);
      contents[slot] = stored && describeSlot(stored);
    }
    return contents;
  }

  /** Throws ImageRefusal or UpdateConflict. */
  async begin(request: UpdateRequest): Promise<UpdateOffer> {
    const { config } = this.#around;
    const image = checkImage(request, config, Math.floor(Date.now() / 1000));
    const session = await this.#takePlace(request.client, image.manifest.buildId);
    try {
      const disk = this.#around.openDisk();
      const { offer } = await session.prepare(disk, () =>
        this.#prepare({ disk, image, request, signal: session.signal }),
      );
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
        throw new UpdateConflict(`${view.client} updates this device since ${since} UTC`, { session: view });
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

  async #prepare(options: {
    disk: OpenUpdateDisk;
    image: OfferedImage;
    request: UpdateRequest;
    signal: AbortSignal;
  }): Promise<SessionWork> {
    const { disk, image, request, signal } = options;
    const { manifest } = image;
    checkLayout(manifest, disk);
    const running = await readRunningSlot(disk.boot, disk.source);
    if (request.allowDowngrade !== true) checkNotOlder(image.signedAtSec, running?.signedAtSec ?? null);
    checkClock(image, this.#around.config, this.#around.isClockSet());
    const state = await this.#state();
    checkState(state, disk);
    const decision = this.#decide(running, image, request);
    const offer = { slot: disk.target, ...decision };
    if (decision.mode === 'none')
      return { installer: null, offer: { ...offer, missingChunks: [], missingBytes: 0 } };
    if (decision.mode === 'reboot' && state.trialStart === null)
      throw new UpdateConflict('This device has no way to try another slot, so that it takes no update');
    const installer = await this.#around
      .openInstaller({ disk, signal, ...image })
      .catch(refuseWhatDoesNotFit);
    const missingChunks = installer.missing();
    return { installer, offer: { ...offer, missingChunks, missingBytes: sizeOf(missingChunks, image) } };
  }

  #decide(running: StoredSlot | null, { manifest }: OfferedImage, request: UpdateRequest): SwitchDecision {
    if (manifest.buildId === this.#around.config.buildId)
      return { mode: 'none', rebootBecause: [], changedApps: [] };
    const decision: SwitchDecision = running
      ? decideSwitch(running.manifest, manifest)
      : { mode: 'reboot', rebootBecause: ['the manifest of the running image is damaged'], changedApps: [] };
    if (decision.mode !== 'live' || request.forceReboot !== true) return decision;
    return { ...decision, mode: 'reboot', rebootBecause: ['the client asks for it'] };
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
    const { slot, mode, changedApps } = session.installed;
    const { buildId, client: who } = session.view;
    if (mode === 'none') throw new UpdateConflict('This build runs already');
    return this.#handOver(session, { slot, buildId, mode, confirmBy, who, changedApps });
  }

  async #handOver(session: UpdateSession, request: TrialRequest): Promise<TryAccepted> {
    const { trial } = await session.handOver(new SessionEnded('The trial has begun'), () =>
      this.#around.init.post<UpdateState>(INIT_API.updateTrial, request),
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
    const slot = SLOTS.find((each) => each !== state.committed);
    if (state.committed === null || slot === undefined)
      throw new UpdateConflict('The configuration of the boot loader cannot be read');
    if (state.trialStart === null)
      throw new UpdateConflict('This device has no way to try another slot, so that it cannot go back');
    const there = (await this.#slots())[slot];
    if (!there) throw new UpdateConflict(`Slot ${slot} holds nothing that could be started`);
    const session = await this.#takePlace(client, there.buildId);
    try {
      const manifest = await session.perform(() => this.#verify(session, slot));
      await this.#handOver(session, {
        slot,
        buildId: manifest.buildId,
        mode: 'reboot',
        confirmBy: 'device',
        who: client.name,
        changedApps: [],
      });
    } finally {
      await session.end(new SessionEnded('The roll-back was refused'));
    }
    return this.#state();
  }

  async #verify(session: UpdateSession, slot: Slot): Promise<StoredSlot['manifest']> {
    using disk = this.#around.openDisk();
    const stored = await (slot === disk.source ? readRunningSlot : readSlot)(disk.boot, slot);
    if (!stored) throw new UpdateConflict(`Slot ${slot} holds nothing that could be started`);
    await verifySlot(disk, slot, stored.manifest, session.signal);
    return stored.manifest;
  }

  async close(): Promise<void> {
    await this.#session?.end(new SessionEnded('web stops'));
  }
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
