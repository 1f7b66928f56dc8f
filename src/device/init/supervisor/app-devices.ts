// The /dev of each sandboxed app: a directory of its own, with nodes that are the app's own too: root's, of the app's group,
// 0660. What its `sandbox.devices` mean is in there, and nothing besides; what is plugged in later appears while the app runs,
// and what is pulled out goes. The directory is on a file system that sandboxes see read-only, so not even root in one adds a
// node or takes the room that others need.
//
// PWM is the one that has no node: its directory in sysfs is shown, writable to a group (`dev/pwm` leads there).

import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describeError } from '../../describe-error.ts';
import { isDeviceName, NAMED_DEVICES, nodesOf } from '../../../shared/services/device-names.ts';
import {
  PWM_GROUP,
  RESERVE_USER,
  type SandboxSpec,
  type ServiceUser,
} from '../../../shared/services/sandbox.ts';
import type { Sys } from '../../sys/sys.ts';
import { findDevices, findPwmChip, type FoundNode } from './find-devices.ts';

/** Nobody's, so that only privileged programs come in: root in a sandbox that sees all of /run is not one of them. */
const STORE = '/run/tsk/devices/own';
/** The same, as sandboxes see it. */
const VIEW = '/run/tsk/devices/shown';
/** Nodes are made here, and moved to their place when they are whole. */
const NEW_NODE = `${STORE}/.new`;
/** admin-guide/devices.txt: memory devices, and the terminal of whoever asks. */
const HARMLESS: Readonly<Record<string, [major: number, minor: number]>> = {
  null: [1, 3],
  zero: [1, 5],
  full: [1, 7],
  random: [1, 8],
  urandom: [1, 9],
  tty: [5, 0],
};
const LINKS = {
  fd: '/proc/self/fd',
  stdin: '/proc/self/fd/0',
  stdout: '/proc/self/fd/1',
  stderr: '/proc/self/fd/2',
  core: '/proc/kcore',
  ptmx: 'pts/ptmx',
};
/** sysfs-class-pwm: what sets a channel. Not `export`, `unexport`, nor what the kernel does with the device. */
const PWM_FILES = ['period', 'duty_cycle', 'polarity', 'enable'];

export interface DevicesApp {
  name: string;
  user?: ServiceUser;
  sandbox: SandboxSpec;
}

/** What a sandbox shows. */
export interface AppDirectory {
  /** Stands in for /dev. */
  directory: string;
  /** Directories in sysfs that are writable to groups. */
  sysfs: readonly string[];
  groups: readonly number[];
}

interface OpenApp {
  app: DevicesApp;
  nodes: Map<string, FoundNode>;
  note: (text: string) => void;
}

export class AppDevices {
  readonly #sys: Sys;
  readonly #open = new Map<string, OpenApp>();
  /** Apps whose directory has all but its devices. */
  readonly #prepared = new Set<string>();
  #isMounted = false;
  #isLookDue = false;

  constructor(sys: Sys) {
    this.#sys = sys;
  }

  /** Until `close` its devices are kept as they come and go; `note` hears of that. Throws when there can be no /dev. */
  open(app: DevicesApp, note: (text: string) => void): AppDirectory {
    try {
      this.#mount();
      if (!this.#prepared.has(app.name)) this.#prepare(app.name, note);
    } catch (cause) {
      throw new Error(`Cannot make its /dev: ${describeError(cause)}`, { cause });
    }
    this.#prepared.add(app.name);
    this.#open.get(app.name)?.nodes.forEach((_node, path) => this.#remove(app.name, path));
    const opened: OpenApp = { app, nodes: new Map(), note };
    this.#open.set(app.name, opened);
    this.#renew(opened, () => undefined);
    for (const device of app.sandbox.devices) this.#tellIfMissing(device, note);
    const hasPwm = app.sandbox.devices.includes('pwm');
    const chip = hasPwm ? this.#openPwm(note) : undefined;
    this.#link(app.name, 'pwm', chip);
    return {
      directory: `${VIEW}/${app.name}`,
      sysfs: chip === undefined ? [] : [chip],
      groups: chip === undefined ? [] : [PWM_GROUP],
    };
  }

  /** Its process has ended. */
  close(name: string): void {
    for (const path of this.#open.get(name)?.nodes.keys() ?? []) this.#remove(name, path);
    this.#open.delete(name);
  }

  /** A device has come or gone. What comes at once (a hub, all that a driver makes) costs one look. */
  lookSoon(): void {
    if (this.#isLookDue || this.#open.size === 0) return;
    this.#isLookDue = true;
    setImmediate(() => {
      this.#isLookDue = false;
      for (const opened of this.#open.values()) this.#renew(opened, opened.note);
    });
  }

  /** Never throws: one app's device must not cost another's. */
  #renew(opened: OpenApp, tell: (text: string) => void): void {
    try {
      this.#follow(opened, tell);
    } catch (error) {
      opened.note(`cannot follow its devices: ${describeError(error)}`);
    }
  }

  #follow({ app, nodes, note }: OpenApp, tell: (text: string) => void): void {
    const wanted = new Map(app.sandbox.devices.flatMap((device) => [...findDevices(this.#sys, device)]));
    for (const [path, node] of nodes) {
      if (isSame(wanted.get(path), node)) continue;
      this.#remove(app.name, path);
      nodes.delete(path);
      tell(`device ${path} is gone`);
    }
    for (const [path, node] of wanted) {
      if (nodes.has(path)) continue;
      try {
        this.#make(app.name, path, { ...node, group: app.user?.uid ?? 0, mode: 0o660 });
        nodes.set(path, node);
        tell(`device ${path} is there`);
      } catch (error) {
        note(`cannot show it device ${path}: ${describeError(error)}`);
      }
    }
  }

  #make(name: string, path: string, node: Parameters<Sys['makeDeviceNode']>[1]): void {
    const place = this.#placeOf(name, path);
    const newNode = this.#sys.path(NEW_NODE);
    mkdirSync(dirname(place), { recursive: true });
    rmSync(newNode, { force: true });
    this.#sys.makeDeviceNode(newNode, node);
    renameSync(newNode, place);
  }

  #remove(name: string, path: string): void {
    rmSync(this.#placeOf(name, path), { force: true });
    // Programs take a directory for a sign that there are such devices.
    for (let parent = dirname(path); parent !== '/dev'; parent = dirname(parent)) {
      if (!removeIfEmpty(this.#placeOf(name, parent))) return;
    }
  }

  /** `path` is below /dev. */
  #placeOf(name: string, path: string): string {
    return this.#sys.path(join(STORE, name, path.slice('/dev/'.length)));
  }

  #mount(): void {
    if (this.#isMounted) return;
    const flags = ['nosuid'] as const;
    for (const directory of [STORE, VIEW])
      mkdirSync(this.#sys.path(directory), { recursive: true, mode: 0o700 });
    this.#sys.mount({
      source: 'tmpfs',
      target: STORE,
      type: 'tmpfs',
      flags,
      options: `mode=700,uid=${RESERVE_USER}`,
    });
    this.#sys.mount({ source: STORE, target: VIEW, type: 'none', flags: ['bind'] });
    this.#sys.mount({
      source: 'none',
      target: VIEW,
      type: 'none',
      flags: [...flags, 'remount', 'bind', 'ro'],
    });
    this.#isMounted = true;
  }

  /** What bwrap would make of /dev, whose file system nobody outside could add to. */
  #prepare(name: string, note: (text: string) => void): void {
    const directory = this.#sys.path(`${STORE}/${name}`);
    rmSync(directory, { recursive: true, force: true });
    for (const each of ['', 'pts', 'shm']) mkdirSync(join(directory, each), { mode: 0o755 });
    for (const [node, [major, minor]] of Object.entries(HARMLESS))
      this.#make(name, `/dev/${node}`, {
        kind: 'character',
        number: (major << 8) | minor,
        group: 0,
        mode: 0o666,
      });
    for (const [link, target] of Object.entries(LINKS)) symlinkSync(target, join(directory, link));
    try {
      // Terminals of its own: each mount of this file system is another.
      this.#sys.mount({
        source: 'devpts',
        target: `${VIEW}/${name}/pts`,
        type: 'devpts',
        flags: ['nosuid', 'noexec'],
        options: 'newinstance,ptmxmode=0666,mode=620',
      });
    } catch (error) {
      note(`has no terminals: ${describeError(error)}`);
    }
  }

  #link(name: string, link: string, target: string | undefined): void {
    const path = this.#placeOf(name, `/dev/${link}`);
    rmSync(path, { force: true });
    if (target !== undefined) symlinkSync(target, path);
  }

  #tellIfMissing(device: string, note: (text: string) => void): void {
    if (findDevices(this.#sys, device).size > 0) return;
    if (!isDeviceName(device)) {
      note(`device "${device}" is not there; it will be seen as soon as it is plugged in`);
      return;
    }
    const { sysfs, nodes } = NAMED_DEVICES[device];
    if (
      device === 'pwm' ? findPwmChip(this.#sys) !== undefined : existsSync(this.#sys.path(sysfs ?? '/none'))
    )
      return;
    const what = sysfs ?? nodesOf(device).join(', ');
    const line = NAMED_DEVICES[device].line?.text;
    const why = line === undefined ? '' : `; is "${line}" in config.txt, and does the model have it?`;
    note(`device "${device}" is not there: nothing is ${nodes.length === 0 ? 'in' : 'at'} ${what}${why}`);
  }

  /** All channels: whoever may set one need not be able to ask for it. */
  #openPwm(note: (text: string) => void): string | undefined {
    const chip = findPwmChip(this.#sys);
    if (chip === undefined) return undefined;
    const channels = existsSync(`${chip}/npwm`) ? Number(readFileSync(`${chip}/npwm`, 'latin1')) : 0;
    for (let channel = 0; channel < channels; channel++) {
      const directory = `${chip}/pwm${channel}`;
      try {
        if (!existsSync(directory)) writeFileSync(`${chip}/export`, `${channel}\n`);
        for (const name of PWM_FILES) {
          chownSync(`${directory}/${name}`, 0, PWM_GROUP);
          chmodSync(`${directory}/${name}`, 0o660);
        }
      } catch (error) {
        // A driver of the kernel may have it.
        note(`cannot have channel ${channel} of ${basename(chip)}: ${describeError(error)}`);
      }
    }
    return chip;
  }
}

function isSame(one: FoundNode | undefined, other: FoundNode): boolean {
  return one?.kind === other.kind && one.number === other.number;
}

function removeIfEmpty(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch {
    // What is in it is another device.
    return false;
  }
}
