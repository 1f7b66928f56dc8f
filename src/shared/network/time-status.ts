// What the `net` service knows of the time, replaced atomically in TIME_STATUS_PATH at every change: for whoever
// waits for a clock that is right, and for the status page. No I/O here.

export const TIME_STATUS_PATH = '/run/tsk/time.json';

export interface TimeServerStatus {
  /** Name as configured or as DHCP gave it: `192.168.1.1`, `0.pool.ntp.org`. */
  name: string;
  /** The address that is asked; null until the name is resolved. */
  address: string | null;
  /**
   * `agrees`: its time is used. `disagrees`: it contradicts the majority. `silent`: no answer lately. `unfit`: answers that
   * cannot be used, `problem` says why. `refused`: the server asks to be left alone.
   */
  state: 'new' | 'agrees' | 'disagrees' | 'silent' | 'unfit' | 'refused';
  /** Null without a usable answer. What the device's clock lacks to this server's, and the way there and back. */
  offsetMs: number | null;
  delayMs: number | null;
  stratum: number | null;
  /** One sentence when its answers cannot be used. */
  problem: string | null;
}

export interface TimeStatus {
  formatVersion: 1;
  /**
   * The clock has been set by time servers since boot. Stays true when they fall silent later: the clock
   * goes on, only less exactly.
   */
  synchronised: boolean;
  /** Unix time in ms of the last adjustment; null before the first. */
  lastAdjustedAtMs: number | null;
  /** What was found to be wrong with the clock at the last adjustment. */
  lastOffsetMs: number | null;
  /** Seconds between two questions to each server. */
  pollIntervalSec: number;
  servers: readonly TimeServerStatus[];
  /** One sentence when something keeps the clock from being set. */
  problem: string | null;
  /** What is odd and was coped with, a sentence each: a build time ahead of the true time. Absent: an older device. */
  notes?: readonly string[];
}
