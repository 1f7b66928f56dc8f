// A device of which nothing but the kernel and the firmware is played: init against a recording kernel, web's receiver beside
// it on the same disk.

import { readFileSync, rmSync, symlinkSync } from 'node:fs';
import { openBlockDevice } from '../../../src/device/block-device.ts';
import { UpdateReceiver } from '../../../src/device/update/update-receiver.ts';
import { openSlotInstaller } from '../../../src/device/update/slot-installer.ts';
import { InitClient } from '../../../src/device/web/init-client.ts';
import { openFat } from '../../../src/formats/fat/volume.ts';
import { writeFatFileInPlace } from '../../../src/formats/fat/write-in-place.ts';
import { INIT_API } from '../../../src/shared/api/init-api.ts';
import type { BoardId } from '../../../src/shared/board/boards.ts';
import type { Slot } from '../../../src/shared/board/slots.ts';
import {
  type DeviceConfig,
  DEVICE_CONFIG_PATH,
  INIT_SOCKET_PATH,
} from '../../../src/shared/services/services.ts';
import type { UpdateClient, UpdateOffer } from '../../../src/shared/update/update-api.ts';
import type { RecordingSys } from '../init/recording-sys.ts';
import { TrialDevice } from '../init/trial-device.ts';
import { streamOf } from '../updates/update-device.ts';
import type { TestImage, TestKey, UpdateTarget } from '../updates/update-target.ts';

const CLIENT: UpdateClient = { id: 'laptop-1', name: 'michael@laptop' };

/** A device that is updated: its firmware is for those who extend it. */
export abstract class UpdatedDevice {
  readonly sys: RecordingSys;
  readonly trials: TrialDevice;
  readonly target: UpdateTarget;
  readonly said: string[] = [];
  readonly #key: TestKey;
  readonly #board: BoardId;
  #receiver: UpdateReceiver | undefined;

  /** `running` is in slot a, and `next` is what updates may bring. */
  protected constructor(
    sys: RecordingSys,
    target: UpdateTarget,
    key: TestKey,
    [running, next]: readonly [TestImage, TestImage],
  ) {
    this.sys = sys;
    this.target = target;
    this.#key = key;
    this.#board = running.manifest.board;
    this.trials = new TrialDevice(sys);
    this.trials.buildIds = { a: running.manifest.buildId, b: next.manifest.buildId };
    this.trials.prepare();
    // One disk for init and web.
    rmSync(sys.path('/dev/vda1'));
    symlinkSync(target.bootPath, sys.path('/dev/vda1'));
  }

  /** What firmware and boot loader do. Returns which slot that starts. */
  abstract start(): Promise<Slot>;

  /** As kexec does, too. */
  async startFrom(slot: Slot): Promise<void> {
    this.target.running = slot;
    await this.#receiver?.close();
    this.#receiver = undefined;
    await this.trials.boot(slot);
  }

  /** By config.txt, read in a way of its own. */
  async committed(): Promise<string> {
    return /^os_prefix=(.)\/$/m.exec(await this.readBoot('config.txt'))?.[1] ?? '';
  }

  async readBoot(path: string): Promise<string> {
    using boot = openBlockDevice(this.target.bootPath, this.target.bootBytes, 'r');
    return Buffer.from(await (await openFat(boot)).readFile(path)).toString();
  }

  /** In place. */
  async overwriteBoot(path: string, text: string): Promise<void> {
    using boot = openBlockDevice(this.target.bootPath, this.target.bootBytes, 'r+');
    await writeFatFileInPlace(boot, path, Buffer.from(text));
  }

  get receiver(): UpdateReceiver {
    const config = JSON.parse(readFileSync(this.sys.path(DEVICE_CONFIG_PATH), 'utf8')) as DeviceConfig;
    this.#receiver ??= new UpdateReceiver({
      config: { ...config, board: this.#board, update: { trustedKeys: [this.#key.trusted] } },
      init: new InitClient(this.sys.path(INIT_SOCKET_PATH)),
      isClockSet: () => true,
      unhealthyApps: async () => [],
      openDisk: (use) => this.target.openDisk(use),
      openInstaller: openSlotInstaller,
      idleMs: 60_000,
    });
    return this.#receiver;
  }

  /** All that a client does, until the device goes down for the trial. */
  async update(image: TestImage): Promise<UpdateOffer> {
    const { receiver } = this;
    const { manifestText: manifest, signaturesText: signatures } = image;
    const offer = await receiver.begin({ client: CLIENT, manifest, signatures });
    const session = receiver.session(offer.id);
    const body = await streamOf(image, offer.missingChunks);
    await session.receive(async function* () {
      yield body;
    });
    await session.install(() => {}, new AbortController().signal);
    await receiver.try(offer.id, { confirmBy: 'client' });
    await this.trials.down();
    return offer;
  }

  async shutDown(): Promise<void> {
    await this.trials.ask('POST', INIT_API.reboot);
    await this.trials.down();
  }

  async rollBack(): Promise<void> {
    await this.receiver.rollBack(CLIENT);
    await this.trials.down();
  }

  async confirm(image: TestImage): Promise<void> {
    await this.trials.advance(30);
    await this.receiver.confirm({ buildId: image.manifest.buildId }, 'somebody');
  }
}
