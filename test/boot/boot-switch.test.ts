// What loader, firmware and kernel do with what the boot switch tells them: slot b is a copy of slot a, and an app
// with the switch in its hands goes back and forth between them. Kernels that the loader cannot start are tried by
// test/updates/roll-back.test.ts.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { sliceDevice } from '../../src/formats/byte-source.ts';
import { openFat } from '../../src/formats/fat/volume.ts';
import { buildImage } from '../../src/host/build/build-image.ts';
import { DEFAULT_DISK_BYTES, writeDiskImage } from '../../src/host/build/disk-image.ts';
import { openInstance } from '../../src/host/config/instance.ts';
import { FileDevice } from '../../src/host/files/file-device.ts';
import { silentProgress } from '../../src/host/progress.ts';
import { powerOff, startVirtualMachine, type VirtualMachine } from '../../src/host/vm/virtual-machine.ts';
import { slotOfCmdline } from '../../src/shared/board/cmdline.ts';
import { layOutDisk, SECTOR_BYTES } from '../../src/shared/board/disk-layout.ts';
import { SLOT_PARTITION, type Slot } from '../../src/shared/board/slots.ts';
import { replaceFatFile } from '../support/formats/fat-change.ts';
import { eventually } from '../support/machines/appliance.ts';
import { endMachineAtTheEnd } from '../support/at-the-end.ts';
import { HOST_BOARD, UNGUARDED } from '../support/machines/host-board.ts';
import { requireTool } from '../support/require-tool.ts';

const SWITCHER = join(import.meta.dirname, '../support/machines/device-apps/boot-switcher.ts');
const SWITCHER_PORT = 8081;
const COPY_BYTES = 1024 * 1024;

interface SwitcherState {
  bootId: string;
  cmdline: string;
  committed: Slot;
  trialStart: string;
  trace: string | null;
  said: string[];
}

class SwitchedDevice {
  readonly #directory: string;
  #vm: VirtualMachine | undefined;
  #lastBootId = '';

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async make(t: TestContext): Promise<SwitchedDevice> {
    const directory = mkdtempSync(join(tmpdir(), 'tsk-test-switch-'));
    const device = new SwitchedDevice(directory);
    t.after(async () => {
      await device.cutPower();
      rmSync(directory, { recursive: true, force: true });
    });
    writeFileSync(join(directory, 'main.ts'), `import ${JSON.stringify(SWITCHER)};\n`);
    const apps = { switcher: { node: './main.ts', user: 'root', sandbox: 'off' } };
    // A kernel that panics waits in a loop before it restarts.
    const kernel = { extraArgs: [...UNGUARDED, 'panic=1'] };
    const config = { hostname: 'switched', board: HOST_BOARD.id, kernel, apps };
    writeFileSync(join(directory, 'tskrazy.json'), JSON.stringify(config));
    const instance = await openInstance(directory);
    const built = await buildImage({ instance, board: HOST_BOARD, offline: false, report: silentProgress });
    await writeDiskImage(built, device.#diskPath);
    await built.dispose();
    await copySlot(device.#diskPath, built.manifest.root.sizeBytes);
    return device;
  }

  get #diskPath(): string {
    return join(this.#directory, 'disk.img');
  }

  async powerOn(): Promise<void> {
    this.#vm = await startVirtualMachine({
      board: HOST_BOARD,
      name: 'switched',
      diskPath: this.#diskPath,
      directory: this.#directory,
      memoryMiB: 512,
      forwards: [{ hostPort: 0, guestPort: SWITCHER_PORT }],
    });
    endMachineAtTheEnd(this.#vm);
  }

  async cutPower(): Promise<void> {
    if (this.#vm) await powerOff(this.#vm, this.#vm.ended, 0);
    this.#vm = undefined;
  }

  /** As when the battery is empty that keeps them. */
  forgetFirmwareVariables(): void {
    rmSync(join(this.#directory, 'firmware-variables.fd'));
  }

  /** Of the next start. */
  async started(): Promise<SwitcherState & { slot: Slot | undefined }> {
    const state = await eventually('the next start', async () => {
      const response = await fetch(this.#url(''), { signal: AbortSignal.timeout(10_000) });
      const answer = (await response.json()) as SwitcherState;
      return answer.bootId !== this.#lastBootId && answer;
    });
    this.#lastBootId = state.bootId;
    return { ...state, slot: slotOfCmdline(state.cmdline) };
  }

  async tell(what: string): Promise<void> {
    const response = await fetch(this.#url(what), { method: 'POST' });
    if (!response.ok) throw new Error(`${what}: ${await response.text()}`);
  }

  console(): string {
    const path = join(this.#directory, 'console.log');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  #url(path: string): string {
    return `http://127.0.0.1:${this.#vm?.ports.get(SWITCHER_PORT) ?? 0}/${path}`;
  }
}

async function copySlot(diskPath: string, rootBytes: number): Promise<void> {
  const disk = await FileDevice.open(diskPath, 'r+');
  try {
    const partitions = layOutDisk(DEFAULT_DISK_BYTES).partitions.map(({ firstSector, sectorCount }) =>
      sliceDevice(disk, firstSector * SECTOR_BYTES, sectorCount * SECTOR_BYTES),
    );
    const [boot, rootA, rootB] = [
      partitions[0]!,
      partitions[SLOT_PARTITION.a - 1]!,
      partitions[SLOT_PARTITION.b - 1]!,
    ];
    for (let offset = 0; offset < rootBytes; offset += COPY_BYTES) {
      await rootB.write(offset, await rootA.read(offset, Math.min(COPY_BYTES, rootBytes - offset)));
    }
    const kernel = await (await openFat(boot)).openFile('a/vmlinuz');
    await replaceFatFile(boot, 'b/vmlinuz', kernel, { zone: 'b', timestampSec: 0 });
  } finally {
    await disk.close();
  }
}

test('a slot is tried once, committed, and left again when it panics', async (t) => {
  if (!requireTool(t, HOST_BOARD.qemuSystem)) return;
  const device = await SwitchedDevice.make(t);
  t.after(() => t.diagnostic(device.console().slice(-500)));

  await t.test('a trial by variable', async () => {
    await device.powerOn();
    const first = await device.started();
    assert.deepEqual(
      [first.slot, first.committed, first.trace, first.said, first.trialStart],
      ['a', 'a', null, [], 'efi-variable'],
    );
    await device.tell('renew-entry?slot=b&text=' + encodeURIComponent(argumentsOf(first.cmdline) + ' quiet'));
    await device.tell('arm?slot=b');
    await device.tell('restart-into-trial');
    const trial = await device.started();
    assert.deepEqual([trial.slot, trial.committed, trial.trace], ['b', 'a', 'kept']);
    assert.match(trial.cmdline, / quiet$/);
  });

  await t.test('a firmware that forgets is noticed, and kexec used; a panic leads back', async () => {
    await device.tell('commit?slot=b');
    await device.tell('arm?slot=a');
    await device.cutPower();
    device.forgetFirmwareVariables();
    await device.powerOn();
    const back = await device.started();
    assert.deepEqual([back.slot, back.trace, back.trialStart], ['b', 'lost', 'kexec']);
    await device.tell('arm?slot=a');
    await device.tell('restart-into-trial');
    const trial = await device.started();
    assert.deepEqual([trial.slot, trial.committed, trial.trialStart], ['a', 'b', 'kexec']);
    assert.match(trial.cmdline, /^tskrazy\.start=kexec root=/);
    await device.tell('panic');
    const after = await device.started();
    // The variable that was written to find out is there: the firmware is trusted again.
    assert.deepEqual([after.slot, after.committed, after.trialStart], ['b', 'b', 'efi-variable']);
  });
});

/** Without those that name slot and root. */
function argumentsOf(cmdline: string): string {
  return cmdline
    .split(' ')
    .filter((word) => !/^(root|tskrazy\.slot)=/.test(word))
    .join(' ');
}
