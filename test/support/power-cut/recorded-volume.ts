// A file system of this computer's kernel, all of whose writes and flushes are recorded, for cutting the power without a
// machine: ext4 on a loop device on a file that qemu-storage-daemon shows by FUSE and writes through QEMU's log. Needs root.

import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endChildAtTheEnd } from '../at-the-end.ts';
import { eventually } from '../machines/appliance.ts';
import type { Lifetime } from '../updates/update-lab.ts';
import { recordingArguments } from './write-log.ts';

/** The smallest for which ext4 has a journal of a usual size. */
const VOLUME_BYTES = 64 * 2 ** 20;
/** As init makes and mounts /perm (device/init/perm/prepare-perm.ts). */
const MOUNT_OPTIONS = 'loop,nosuid,nodev,noatime';

export class RecordedVolume {
  /** As it was before the recording. */
  readonly imagePath: string;
  readonly logPath: string;
  readonly #directory: string;
  #end: () => Promise<void> = async () => undefined;

  private constructor(directory: string) {
    this.#directory = directory;
    this.imagePath = join(directory, 'first.img');
    this.logPath = join(directory, 'log');
  }

  /** Mounted at `mountPoint`, with files of it in `directory`. */
  static async mount(t: Lifetime, directory: string, mountPoint: string): Promise<RecordedVolume> {
    const volume = new RecordedVolume(directory);
    await volume.#mount(mountPoint);
    t.after(() => volume.end());
    return volume;
  }

  get loggedBytes(): number {
    return statSync(this.logPath).size;
  }

  async #mount(mountPoint: string): Promise<void> {
    const [image, shown] = ['volume.img', 'shown'].map((name) => join(this.#directory, name)) as [
      string,
      string,
    ];
    for (const path of [image, shown]) writeFileSync(path, '');
    truncateSync(image, VOLUME_BYTES);
    run('mkfs.ext4', '-q', image);
    copyFileSync(image, this.imagePath);
    recordingArguments(this.logPath);
    const files = [
      ['--blockdev', `driver=file,node-name=volume,filename=${image}`],
      ['--blockdev', `driver=file,node-name=log,filename=${this.logPath}`],
      ['--blockdev', 'driver=blklogwrites,node-name=recorded,file=volume,log=log,log-append=on'],
      ['--export', `type=fuse,id=shown,node-name=recorded,mountpoint=${shown},writable=on`],
    ].flat();
    const daemon = spawn('qemu-storage-daemon', files, { stdio: 'inherit' });
    endChildAtTheEnd(daemon);
    const ended = new Promise((resolve) => daemon.once('exit', resolve));
    await eventually('the volume to be shown', async () => statSync(shown).size === VOLUME_BYTES);
    mkdirSync(mountPoint, { recursive: true });
    run('mount', '-o', MOUNT_OPTIONS, shown, mountPoint);
    this.#end = async () => {
      run('umount', mountPoint);
      daemon.kill();
      await ended;
    };
  }

  /** The log is whole after that. */
  async end(): Promise<void> {
    const end = this.#end;
    this.#end = async () => undefined;
    await end();
  }
}

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}
