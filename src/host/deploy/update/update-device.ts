// Updates a device from beginning to end: looks at what it runs, sends what it lacks, has it try the new build, and
// confirms that when all is well (docs/updates.md). A trial of this very build that goes on already is joined.

import { parseSignatures, type UpdatePermissions } from '../../../shared/manifest/manifest-signature.ts';
import { shortBuildId } from '../../../shared/manifest/short-build-id.ts';
import type {
  SlotContent,
  UpdateOffer,
  UpdateRequest,
  UpdateStatus,
} from '../../../shared/update/update-api.ts';
import type { ConfirmBy, SwitchMode, Trial } from '../../../shared/update/update-state.ts';
import type { BuiltImage } from '../../build/build-image.ts';
import { RefusalError } from '../../devices/refusal-error.ts';
import { describeChanges } from './describe-changes.ts';
import { type FollowedTrial, followTrial, runningContent } from './follow-trial.ts';
import { describeRestartFirst, type ExpectedRestart } from './restart-time.ts';
import { restartDevice } from './restart-device.ts';
import { OutageWatch } from './outage-watch.ts';
import { interrupted } from './standing.ts';
import { transfer } from './transfer.ts';
import type { UpdateContext } from './update-context.ts';
import {
  anotherTrial,
  noPassword,
  olderImage,
  otherBoard,
  otherName,
  refusedUpdate,
  untrustedKeys,
} from './update-problems.ts';
import type { UpdatePlan, UpdateResult } from './update-result.ts';

export type UpdateImage = Pick<
  BuiltImage,
  'manifest' | 'manifestBytes' | 'sign' | 'rootImagePath' | 'bootFiles'
>;

export interface UpdateOptions {
  image: UpdateImage;
  /** A manifest by its hash, of builds that were made here before. */
  findManifest?: (sha256s: readonly string[]) => Promise<{ sha256: string; manifest: Uint8Array } | null>;
  confirmBy: ConfirmBy;
  forceReboot: boolean;
  allowDowngrade: boolean;
  allowRename: boolean;
  /** Ends when it is known what would be done. */
  dryRun: boolean;
  onPlan: (plan: UpdatePlan) => void;
}

export async function updateDevice(context: UpdateContext, options: UpdateOptions): Promise<UpdateResult> {
  const update = new Update(context, options);
  try {
    return await update.run();
  } catch (error) {
    const { hostname, standing, signal } = context;
    throw signal.aborted ? interrupted(hostname, standing, signal) : error;
  } finally {
    await update.close();
  }
}

interface Switched {
  mode: SwitchMode;
  bytesWritten: number;
}

class Update {
  readonly #context: UpdateContext;
  readonly #options: UpdateOptions;
  readonly #signedAtSec: number;
  #fromBuildId = '';
  #running: SlotContent | null = null;
  #plan: UpdatePlan | null = null;
  #watch: OutageWatch | undefined;
  /** Not null: the device cannot take an update before it has restarted, and has been restarted for it. */
  #restartsFirst: UpdatePlan['restartsFirst'] = null;
  /** Of the start before that into the trial. */
  #bootId = '';

  constructor(context: UpdateContext, options: UpdateOptions) {
    this.#context = context;
    this.#options = options;
    // A computer whose clock is behind must not make an update older than the same image, flashed, would be.
    this.#signedAtSec = Math.max(Math.floor(Date.now() / 1000), options.image.manifest.buildTimeSec);
  }

  async run(): Promise<UpdateResult> {
    const status = await this.#context.api.status();
    const running = runningContent(status);
    this.#running = running?.content ?? null;
    this.#fromBuildId = this.#running?.buildId ?? this.#context.link.status.system.buildId;
    if (status.trial?.buildId === this.#buildId) return this.#join(status, status.trial);
    const { board } = this.#context.link.status.system;
    if (this.#fromBuildId === this.#buildId && running?.slot === status.committed)
      return this.#result({ outcome: 'unchanged' });
    this.#check(status, board);
    return this.#update(status);
  }

  async close(): Promise<void> {
    await this.#watch?.stop();
  }

  get #buildId(): string {
    return this.#options.image.manifest.buildId;
  }

  get #signingKeys(): string[] {
    const { signatures } = parseSignatures(this.#options.image.sign(this.#signedAtSec));
    return signatures.map(({ keyId }) => keyId);
  }

  /** What can be told before anything is sent, and better than by the device. */
  #check(status: UpdateStatus, board: string): void {
    const { hostname, link, clockSkewMs } = this.#context;
    const { manifest } = this.#options.image;
    if (!link.status.mayChange) throw noPassword(hostname);
    if (board !== manifest.board) throw otherBoard(hostname, board, manifest.board);
    if (hostname !== manifest.hostname && !this.#options.allowRename)
      throw otherName(hostname, manifest.hostname);
    if (status.trial !== null) throw anotherTrial(hostname, status.trial, clockSkewMs);
    const signing = this.#signingKeys;
    if (!signing.some((id) => status.trustedKeyIds.includes(id)))
      throw untrustedKeys(hostname, status.trustedKeyIds, signing);
    // Devices of 0.1 know only of the image that runs.
    const newestSec = status.newestSignedAtSec ?? this.#running?.signedAtSec ?? 0;
    if (this.#signedAtSec < newestSec && !this.#options.allowDowngrade)
      throw olderImage(hostname, this.#signedAtSec, newestSec);
  }

  async #update(status: UpdateStatus): Promise<UpdateResult> {
    const { image, confirmBy } = this.#options;
    const knownRecords = new Set(status.history.map(({ id }) => id));
    const sent = await transfer(this.#context, {
      image,
      confirmBy,
      buildId: this.#buildId,
      fromBuildId: this.#fromBuildId,
      knownRecords,
      open: () => this.#open(status),
      onOffer: (offer) => this.#takeOffer(offer, status),
      beforeTry: (offer) => this.#startWatch(offer),
    });
    if (sent === null) return this.#result({ outcome: this.#plan === null ? 'unchanged' : 'dry run' });
    const { mode, trialId, writtenBytes: bytesWritten } = sent;
    if (confirmBy === 'device') return this.#result({ outcome: 'on trial', mode, bytesWritten });
    const bootIdBefore = mode === 'reboot' ? this.#bootId : null;
    return this.#follow({ mode, trialId, bytesWritten, bootIdBefore, knownRecords });
  }

  /** A trial that goes on, after a Ctrl-C say: only its end is missing. */
  async #join(status: UpdateStatus, trial: Trial): Promise<UpdateResult> {
    const { mode, id: trialId, buildId, fromBuildId, confirmBy } = trial;
    this.#fromBuildId = fromBuildId;
    const rollsBackAtMs = trial.deadlineAtMs + this.#context.clockSkewMs;
    this.#context.take({ type: 'trial', buildId, fromBuildId, rollsBackAtMs, confirmBy });
    this.#context.say(`${this.#context.hostname} tries this build already.`);
    if (this.#options.dryRun || this.#options.confirmBy === 'device')
      return this.#result({ outcome: 'on trial', mode });
    const isThere = mode === 'live' || status.running === trial.slot;
    const bootIdBefore = isThere ? null : this.#context.link.status.bootId;
    const knownRecords = new Set(status.history.map(({ id }) => id));
    const result = await this.#follow({ mode, trialId, bytesWritten: 0, bootIdBefore, knownRecords });
    // The switch was before.
    return { ...result, secondsWithoutService: null };
  }

  async #follow(
    trial: Pick<FollowedTrial, 'trialId' | 'knownRecords' | 'bootIdBefore'> & Switched,
  ): Promise<UpdateResult> {
    const { mode, bytesWritten } = trial;
    const watch = (this.#watch ??= new OutageWatch(this.#context.link.client));
    const known = {
      buildId: this.#buildId,
      fromBuildId: this.#fromBuildId,
      confirmBy: this.#options.confirmBy,
      doing: `Trying build ${shortBuildId(this.#buildId)}`,
      expected: 'confirmed',
    } as const;
    const { outcome, record } = await followTrial(this.#context, { ...trial, ...known }, watch.page);
    this.#context.take({ type: 'over' });
    return this.#result({
      outcome,
      mode,
      bytesWritten,
      record,
      reason: record?.reason ?? null,
      secondsWithoutService: await watch.secondsWithout(this.#context.signal),
    });
  }

  /** Packed against a manifest that both sides have, where there is one and it is still there. */
  async #send(request: UpdateRequest, { protocol, slots }: UpdateStatus): Promise<UpdateOffer> {
    const { api } = this.#context;
    const zstd = protocol.features.includes('zstd');
    const known = Object.values(slots).flatMap((slot) => slot?.manifestSha256 ?? []);
    const base =
      zstd && protocol.features.includes('manifest-dictionary')
        ? ((await this.#options.findManifest?.(known)) ?? null)
        : null;
    try {
      return await api.open(request, { zstd, base });
    } catch (error) {
      if (base === null || !(error instanceof RefusalError) || error.code !== 'wrong-type') throw error;
      return api.open(request, { zstd });
    }
  }

  /** Restarts the device first when it says that it cannot do without; null: it is not to be done, only known. */
  async #open(status: UpdateStatus): Promise<UpdateOffer | null> {
    const { client, hostname, clockSkewMs } = this.#context;
    const { image, forceReboot } = this.#options;
    const request = {
      client,
      manifest: new TextDecoder().decode(image.manifestBytes),
      ...this.#signFor(status),
      forceReboot,
    };
    try {
      return await this.#send(request, status);
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      if (error.code !== 'restart-first' || this.#restartsFirst !== null)
        throw refusedUpdate(error, hostname, status, this.#signingKeys, clockSkewMs);
    }
    this.#restartsFirst = await this.#context.expectRestart();
    if (this.#options.dryRun) return null;
    await this.#restart(this.#restartsFirst);
    return this.#open(status);
  }

  /** With what is permitted; devices of 0.1 take the client's word for that. */
  #signFor({
    protocol,
    newestSignedAtSec,
  }: UpdateStatus): Pick<UpdateRequest, 'signatures' | 'allowDowngrade' | 'allowRename'> {
    const { image, allowDowngrade, allowRename } = this.#options;
    const sign = (permitted?: UpdatePermissions): string =>
      new TextDecoder().decode(image.sign(this.#signedAtSec, permitted));
    if (!protocol.features.includes('signed-permissions'))
      return { signatures: sign(), allowDowngrade, allowRename };
    if (!allowDowngrade && !allowRename) return { signatures: sign() };
    return {
      signatures: sign({
        downgradeFromSec: allowDowngrade ? (newestSignedAtSec ?? 0) : null,
        renameFrom: allowRename ? this.#context.link.status.system.hostname : null,
      }),
    };
  }

  async #restart(expected: ExpectedRestart): Promise<void> {
    const { link, hostname, say } = this.#context;
    say(describeRestartFirst(hostname, expected));
    this.#watch = new OutageWatch(link.client);
    await restartDevice(this.#context, this.#watch.page);
  }

  /** null: there is none before the device has restarted. */
  #takeOffer(offer: UpdateOffer | null, status: UpdateStatus): boolean {
    if (offer?.mode === 'none') return false;
    this.#plan = {
      buildId: this.#buildId,
      fromBuildId: this.#fromBuildId,
      // Without an offer, the slot that the device still runs from.
      slot: offer?.slot ?? status.running ?? 'a',
      restartsFirst: this.#restartsFirst,
      mode: offer?.mode ?? null,
      rebootBecause: offer?.rebootBecause ?? [],
      notes: offer?.notes ?? [],
      changes: this.#running && describeChanges(this.#running, this.#options.image.manifest),
      missingChunks: offer?.missingChunks.length ?? null,
      missingBytes: offer?.missingBytes ?? null,
    };
    this.#options.onPlan(this.#plan);
    return !this.#options.dryRun;
  }

  /** From the moment before the switch. */
  async #startWatch({ mode, changedApps }: UpdateOffer): Promise<void> {
    const { link } = this.#context;
    const { client } = link;
    if (this.#options.confirmBy === 'device') return;
    await link.refresh();
    this.#bootId = link.status.bootId;
    this.#watch ??= new OutageWatch(client);
    const stay = new Set(this.#options.image.manifest.apps.map(({ name }) => name));
    if (mode === 'live')
      await this.#watch.watchApps(
        client,
        changedApps.filter((name) => stay.has(name)),
      );
  }

  #result(result: Pick<UpdateResult, 'outcome'> & Partial<UpdateResult>): UpdateResult {
    return {
      buildId: this.#buildId,
      fromBuildId: this.#fromBuildId,
      mode: null,
      reason: null,
      bytesSent: this.#context.bytesSent,
      bytesWritten: 0,
      secondsWithoutService: null,
      plan: this.#plan,
      record: null,
      ...result,
    };
  }
}
