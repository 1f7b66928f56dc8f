// The live switch: apps come from the other slot's image, without a restart of the device. What has changed is
// stopped and started again from there; what has not goes on with its process, and comes from there at its next start.
// What has to be the same for that (everything but apps) is looked at here once more. `net` and `web` are left alone.

import { isDeepStrictEqual } from 'node:util';
import type { DeviceConfig } from '../../../shared/services/services.ts';
import type { Slot } from '../../../shared/board/slots.ts';
import type { TrialRequest } from '../../../shared/update/update-state.ts';
import type { Device } from '../device/device.ts';
import type { AppPlan } from '../supervisor/supervisor.ts';
import { closeLiveRoot, isReleased, type LiveRoot, openLiveRoot } from './live-root.ts';

export type LiveSwitchRequest = Pick<TrialRequest, 'slot' | 'buildId' | 'changedApps'>;

interface Effect {
  slot: Slot;
  root: LiveRoot;
  before: { config: DeviceConfig; apps: readonly AppPlan[] };
  after: readonly AppPlan[];
  changed: ReadonlySet<string>;
  isKept: boolean;
  /** Resolves when all that was to be started has been. */
  done: Promise<void>;
}

export class LiveSwitch {
  readonly #device: Device;
  #effect: Effect | undefined;

  constructor(device: Device) {
    this.#device = device;
  }

  /** Whose apps run, when those are others than the running root's. */
  get slot(): Slot | null {
    return this.#effect?.slot ?? null;
  }

  /** Resolves when all apps have been started. Rejects when the switch cannot be made; everything is as before then. */
  async start({ slot, buildId, changedApps }: LiveSwitchRequest): Promise<void> {
    const { config, supervisor, sys, log, perm } = this.#device;
    if (this.#effect !== undefined) {
      throw new Error(`Apps come from slot ${this.#effect.slot} already: the device has to restart first`);
    }
    if (perm.state === 'pending') throw new Error('The device is still starting');
    await this.#device.breakglass?.end(`apps come from slot ${slot} from now on`);
    const root = openLiveRoot(sys, slot);
    try {
      checkReplaceable(config, root.config, buildId);
    } catch (error) {
      closeLiveRoot(sys, root);
      throw error;
    }
    const before = supervisor.apps();
    const after = planApps(before, root);
    const changed = new Set([...changedApps, ...differingSpecs(before, after)]);
    log.say(`live switch to slot ${slot}, build ${buildId}: ${describe(before, after, changed)}`);
    this.#device.config = root.config;
    const done = supervisor.replaceApps(after, (name) => changed.has(name));
    this.#effect = { slot, root, before: { config, apps: before }, after, changed, isKept: false, done };
    await done;
  }

  /** Apps come from the running root again, and those run that did before. */
  async undo(): Promise<void> {
    const effect = this.#effect;
    if (effect === undefined || effect.isKept) return;
    await effect.done;
    const { supervisor, sys, log } = this.#device;
    log.say(`live switch: back from slot ${effect.slot}`);
    this.#device.config = effect.before.config;
    const plans = planReturn(effect, supervisor.apps());
    const fromRoot = supervisor.list().filter(({ runsFrom }) => runsFrom === effect.root.directory);
    const toRestart = new Set([...effect.changed, ...fromRoot.map(({ spec }) => spec.name)]);
    // A sandbox of the running root has copies of all mounts that it finds, and would keep the other root in use:
    // that has to be gone before. Sandboxes of its own have their copies, the others need it to the end.
    await Promise.all(
      fromRoot.filter(({ spec }) => spec.sandbox === undefined).map((service) => service.stop()),
    );
    closeLiveRoot(sys, effect.root);
    await supervisor.replaceApps(plans, (name) => toRestart.has(name));
    this.#effect = undefined;
    if (!(await isReleased(sys, effect.slot))) {
      this.#device.warn(
        `Something still uses the files of slot ${effect.slot}: restart before the next update`,
      );
    }
  }

  /** For good: the other slot is what the device starts from now on. */
  keep(): void {
    if (this.#effect !== undefined) this.#effect.isKept = true;
  }
}

function checkReplaceable(running: DeviceConfig, next: DeviceConfig, buildId: string): void {
  if (next.buildId !== buildId) throw new Error(`The slot has build ${next.buildId}, not ${buildId}`);
  const [from, to] = [fixedParts(running), fixedParts(next)];
  const differing = [...new Set([...Object.keys(from), ...Object.keys(to)])].filter(
    (key) => !isDeepStrictEqual(from[key], to[key]),
  );
  if (differing.length === 0) return;
  throw new Error(`Only a restart of the device can change its ${differing.join(', ')}`);
}

/** Everything but what names the very build, and the apps. */
function fixedParts(config: DeviceConfig): Record<string, unknown> {
  const { buildId: _id, buildTimeSec: _time, ...fixed } = config;
  return { ...fixed, services: config.services.filter(({ kind }) => kind === 'system') };
}

/** An app goes on as a person has left it, unless the new configuration says something new of its start. */
function planApps(before: readonly AppPlan[], root: LiveRoot): AppPlan[] {
  const present = byName(before);
  return root.config.services
    .filter(({ kind }) => kind !== 'system')
    .map((spec) => {
      const app = present.get(spec.name);
      const isWanted = app?.spec.autostart === spec.autostart ? app.isWanted : spec.autostart;
      return { spec, root: root.directory, isWanted };
    });
}

/** What a person has started or stopped meanwhile stays so. */
function planReturn({ before, after }: Effect, now: readonly AppPlan[]): AppPlan[] {
  const [switched, present] = [byName(after), byName(now)];
  return before.apps.map((app) => {
    const isWanted = present.get(app.spec.name)?.isWanted;
    const isAsSwitched = isWanted === undefined || isWanted === switched.get(app.spec.name)?.isWanted;
    return isAsSwitched ? app : { ...app, isWanted };
  });
}

function differingSpecs(before: readonly AppPlan[], after: readonly AppPlan[]): string[] {
  const present = byName(before);
  return after
    .filter(({ spec }) => !isDeepStrictEqual(spec, present.get(spec.name)?.spec))
    .map(({ spec }) => spec.name);
}

function describe(
  before: readonly AppPlan[],
  after: readonly AppPlan[],
  changed: ReadonlySet<string>,
): string {
  const [old, all] = [new Set(byName(before).keys()), new Set(byName(after).keys())];
  const parts = [
    { verb: 'stops', names: [...old.difference(all)] },
    { verb: 'restarts', names: [...old.intersection(all).intersection(changed)] },
    { verb: 'starts', names: [...all.difference(old)] },
  ];
  const words = parts
    .filter(({ names }) => names.length > 0)
    .map(({ verb, names }) => `${verb} ${names.join(', ')}`);
  return words.length > 0 ? words.join('; ') : 'no app changes';
}

function byName(apps: readonly AppPlan[]): Map<string, AppPlan> {
  return new Map(apps.map((app) => [app.spec.name, app]));
}
