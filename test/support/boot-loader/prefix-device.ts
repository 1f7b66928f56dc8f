// A device whose boot loader is the one of prefix-loader.ts, with init and web as they are: init against a recording
// kernel, web's receiver beside it on the same disk. Its firmware knows a flag that makes it start the other slot once.

import { existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { openBlockDevice } from '../../../src/device/block-device.ts';
import { DeviceBootSwitch } from '../../../src/device/boot-loader/device-boot-switch.ts';
import { kexecWay } from '../../../src/device/boot-loader/kexec-way.ts';
import type { TrialWay } from '../../../src/device/boot-loader/trial-way.ts';
import { locateRootDisk, partitionOf } from '../../../src/device/root-disk.ts';
import { UpdateReceiver } from '../../../src/device/update/update-receiver.ts';
import { openSlotInstaller } from '../../../src/device/update/slot-installer.ts';
import { InitClient } from '../../../src/device/web/init-client.ts';
import { writeFatFileInPlace } from '../../../src/formats/fat/editor.ts';
import { openFat } from '../../../src/formats/fat/volume.ts';
import { INIT_API } from '../../../src/shared/api/init-api.ts';
import { BOOT_PARTITION } from '../../../src/shared/board/disk-layout.ts';
import { isSlot, type Slot } from '../../../src/shared/board/slots.ts';
import {
  type DeviceConfig,
  DEVICE_CONFIG_PATH,
  INIT_SOCKET_PATH,
} from '../../../src/shared/services/services.ts';
import type { UpdateClient, UpdateOffer } from '../../../src/shared/update/update-api.ts';
import type { RecordingSys } from '../init/recording-sys.ts';
import { TrialDevice } from '../init/trial-device.ts';
import { streamOf } from '../updates/update-device.ts';
import { type TestImage, type TestKey, UpdateTarget } from '../updates/update-target.ts';
import { PREFIX_LAYOUT } from './prefix-loader.ts';

const MIB = 1024 * 1024;
const FLAG = '/sys/firmware/start-once';
/** The firmware leaves it when it obeys the flag. */
const OBEYED = '/sys/firmware/started-once';
const KEXEC_STATE = '/sys/kernel/kexec_loaded';
const CLIENT: UpdateClient = { id: 'laptop-1', name: 'michael@laptop' };

export class PrefixDevice {
  readonly sys: RecordingSys;
  readonly trials: TrialDevice;
  readonly target: UpdateTarget;
  readonly said: string[] = [];
  readonly #key: TestKey;
  #receiver: UpdateReceiver | undefined;

  private constructor(sys: RecordingSys, target: UpdateTarget, key: TestKey) {
    this.sys = sys;
    this.target = target;
    this.#key = key;
    this.trials = new TrialDevice(sys);
    this.trials.openBootSwitch = async () => {
      const parts = { sys, boot: partitionOf(locateRootDisk(sys), BOOT_PARTITION), layout: PREFIX_LAYOUT };
      const say = (text: string): void => void this.said.push(text);
      return DeviceBootSwitch.open({ ...parts, ways: [flagWay(sys), kexecWay(parts)], say });
    };
  }

  /** `running` is in slot a, and `next` is what updates may bring. */
  static async make(
    sys: RecordingSys,
    key: TestKey,
    running: TestImage,
    next: TestImage,
  ): Promise<PrefixDevice> {
    const target = await UpdateTarget.create(running, 4 * MIB, { layout: PREFIX_LAYOUT });
    const device = new PrefixDevice(sys, target, key);
    device.trials.buildIds = { a: running.manifest.buildId, b: next.manifest.buildId };
    device.trials.prepare();
    sys.file(KEXEC_STATE, '0\n');
    // One disk for init and web.
    rmSync(sys.path('/dev/vda1'));
    symlinkSync(target.bootPath, sys.path('/dev/vda1'));
    return device;
  }

  /** What firmware and boot loader do: the flag is used up before a slot starts. Returns which one that is. */
  async start(): Promise<Slot> {
    const flag = this.sys.path(FLAG);
    let slot = existsSync(flag) ? readFileSync(flag, 'utf8') : '';
    rmSync(flag, { force: true });
    if (slot === '') slot = await this.committed();
    else this.sys.file(OBEYED, '');
    if (!isSlot(slot)) throw new Error(`The firmware finds no directory "${slot}"`);
    await this.startFrom(slot);
    return slot;
  }

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

  /** The firmware has lost what it was told. */
  forget(): void {
    rmSync(this.sys.path(FLAG));
  }

  get receiver(): UpdateReceiver {
    const config = JSON.parse(readFileSync(this.sys.path(DEVICE_CONFIG_PATH), 'utf8')) as DeviceConfig;
    this.#receiver ??= new UpdateReceiver({
      config: { ...config, update: { trustedKeys: [this.#key.trusted] } },
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

function flagWay(sys: RecordingSys): TrialWay {
  const flag = sys.path(FLAG);
  return {
    name: 'start-once',
    refusal: 'the firmware takes no flag',
    outlivesStarts: true,
    isUsable: (notes) => notes['isFlagLost'] !== true,
    async arm(slot) {
      rmSync(sys.path(OBEYED), { force: true });
      sys.file(FLAG, slot);
      return { isFlagSet: true };
    },
    disarm: async () => rmSync(flag, { force: true }),
    restart: () => sys.power('restart'),
    async recall(notes) {
      const isLost = notes['isFlagSet'] === true && !existsSync(sys.path(OBEYED));
      return { notes: isLost || notes['isFlagLost'] === true ? { isFlagLost: true } : {}, isLost };
    },
  };
}
