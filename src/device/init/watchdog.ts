// The hardware watchdog resets the device when init stops feeding it. Init feeds it only while it is healthy:
// the timer that feeds runs on the event loop, so a blocked one starves the dog, and `isHealthy` says the rest.

import { existsSync } from 'node:fs';
import type { Sys } from '../sys/sys.ts';

const DEVICE = '/dev/watchdog';
const TIMEOUT_SEC = 60;
/** Missed feedings that the timeout allows for. */
const FEEDINGS_PER_TIMEOUT = 4;

export interface WatchdogOptions {
  sys: Sys;
  isHealthy: () => boolean;
  say: (text: string) => void;
}

/** False: this machine has none. It cannot be turned off again. */
export function feedWatchdog({ sys, isHealthy, say }: WatchdogOptions): boolean {
  const path = sys.path(DEVICE);
  if (!existsSync(path)) return false;
  const watchdog = sys.openWatchdog(path, TIMEOUT_SEC);
  watchdog.feed();
  let wasHealthy = true;
  setInterval(
    () => {
      const healthy = isHealthy();
      if (healthy) watchdog.feed();
      else if (wasHealthy)
        say(`watchdog is not fed any more: it resets the device in ${watchdog.timeoutSec} s`);
      wasHealthy = healthy;
    },
    (watchdog.timeoutSec * 1000) / FEEDINGS_PER_TIMEOUT,
  ).unref();
  say(`watchdog resets the device when init hangs for ${watchdog.timeoutSec} s`);
  return true;
}
