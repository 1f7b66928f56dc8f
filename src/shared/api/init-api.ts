// What init's control API speaks: HTTP/1.1 with JSON bodies over the Unix socket INIT_SOCKET_PATH, for
// the programs of this device only (the socket is root's). Types and paths; no I/O.
//
//   GET  /v1/system                          -> SystemStatus
//   GET  /v1/services                        -> ServiceStatus[]
//   POST /v1/services/NAME/{start,stop,restart} -> ServiceStatus, when the act is done
//   GET  /v1/logs/NAME?lines=N&follow=1      -> one LogLine a line (NDJSON); NAME: a service, or a LOG_OF_*
//   GET  /v1/logs/NAME?lines=N&since=MS&boot=-1 -> the same of the boot before, from the copy in /perm
//   GET  /v1/boots                           -> BootRecord[], newest first; the first one is this boot
//   GET  /v1/events                          -> one InitEvent a line; first one `service` event for each
//                                               service as it is now, then one for every change
//   POST /v1/reboot, /v1/poweroff            -> 202 PowerAccepted; init then stops everything
//   GET  /v1/update                          -> UpdateState (update-state.ts)
//   GET  /v1/update?brief=1                  -> UpdateBrief
//   POST /v1/update/trial                    -> 202 UpdateState. Body: TrialRequest. The slot must be whole and checked
//   POST /v1/update/checks                   -> 204. Body: TrialCheck[], all that the sender looks at, during a trial
//   POST /v1/update/confirm                  -> UpdateState. Body: ConfirmTrial. 409: not on trial, or not healthy yet
//   POST /v1/inspect/APP                     -> one InspectEvent a line (debug/debug-api.ts). Body: { who }
//   POST /v1/update/rollback                 -> 202 UpdateState. Body: { who }. 409: not on trial
//   GET  /v1/wifi, POST /v1/wifi/...         -> shared/network/wifi-api.ts
//   GET  /v1/breakglass, POST /v1/breakglass/... -> shared/breakglass/breakglass-api.ts
//
// A refusal is an ApiError; refusals.ts has its codes and their statuses. A follower that does not read is cut off.

import type { BreakglassSession } from '../breakglass/breakglass-api.ts';
import type { BoardId } from '../board/boards.ts';
import type { WifiTrials } from '../network/wifi-api.ts';
import type { ServiceStatus } from '../services/services.ts';
import type { RefusalCode } from './refusals.ts';
import type { Slot } from '../board/slots.ts';

/**
 * Names of the logs that belong to no service; no service may be called so. In both, what is serious has the
 * stream `stderr` and all else `stdout`.
 */
export const LOG_OF_INIT = 'init';
export const LOG_OF_KERNEL = 'kernel';

export const SERVICE_ACTIONS = ['start', 'stop', 'restart'] as const;
export type ServiceAction = (typeof SERVICE_ACTIONS)[number];

export const INIT_API = {
  system: '/v1/system',
  services: '/v1/services',
  boots: '/v1/boots',
  events: '/v1/events',
  reboot: '/v1/reboot',
  poweroff: '/v1/poweroff',
  update: '/v1/update',
  updateBrief: '/v1/update?brief=1',
  updateTrial: '/v1/update/trial',
  updateChecks: '/v1/update/checks',
  updateConfirm: '/v1/update/confirm',
  updateRollback: '/v1/update/rollback',
  inspect: (app: string) => `/v1/inspect/${encodeURIComponent(app)}`,
  serviceAction: (name: string, action: ServiceAction) =>
    `/v1/services/${encodeURIComponent(name)}/${action}`,
  /** The last `lines` lines; `follow` keeps the answer open for the lines to come. */
  log: (name: string, options: LogQuery & { follow?: boolean } = {}) => {
    const query = new URLSearchParams();
    if (options.lines !== undefined) query.set('lines', String(options.lines));
    if (options.since !== undefined) query.set('since', String(options.since));
    if (options.boot !== undefined && options.boot !== 0) query.set('boot', String(options.boot));
    if (options.follow === true) query.set('follow', '1');
    return `/v1/logs/${encodeURIComponent(name)}${query.size > 0 ? `?${query.toString()}` : ''}`;
  },
} as const;

/** Which lines of a log. */
export interface LogQuery {
  lines?: number;
  /** Unix time in ms: lines from then on, by the clock of the device when they were written. */
  since?: number;
  /** 0 is this boot, -1 the one before, and so on. An earlier one cannot be followed. */
  boot?: number;
}

/** A start of the device, as far as its logs are kept in /perm. */
export interface BootRecord {
  /** Number as in LogQuery. */
  boot: number;
  /** The kernel's: /proc/sys/kernel/random/boot_id. */
  id: string;
  buildId: string;
  slot: Slot | null;
  /** Unix time in ms when the kernel started, by the clock at the time when /perm was there. */
  bootedAtMs: number;
  /** How it went down in order; null: it has not, because it still runs or was cut off. */
  end: { atMs: number; how: string } | null;
  /** Names of the logs that there is something of. */
  logs: readonly string[];
}

export interface PermStatus {
  /** `pending` while it is still being prepared; `tmpfs`: nothing written there survives a reboot. */
  state: 'pending' | 'mounted' | 'tmpfs';
  /** Path of the block device, e.g. `/dev/vda4`; null when there is none. */
  device: string | null;
  /** One sentence for a person: what was done (formatted, grown, repaired) or why it is a tmpfs. */
  note: string | null;
}

/** Whether it is so, and whether it was at any time since the start. */
export interface PowerCondition {
  now: boolean;
  sinceStart: boolean;
}

/** Of a Raspberry Pi; null: nobody on this board tells. */
export interface PowerStatus {
  underVoltage: PowerCondition;
  /** The processor is held back, for the voltage or for heat. */
  throttled: PowerCondition | null;
  /** The processor is so warm that its clocks are lowered a little. */
  softTemperatureLimit: PowerCondition | null;
}

export interface SystemStatus {
  hostname: string;
  board: BoardId;
  buildId: string;
  buildTimeSec: number;
  tskrazyVersion: string;
  components: Readonly<Record<string, string>>;
  /** null: the kernel command line named none. */
  slot: Slot | null;
  /** Release as `uname -r` says it. */
  kernel: string;
  /** Unix time in ms when the kernel started, by the clock as it is now. */
  bootedAtMs: number;
  uptimeSec: number;
  perm: PermStatus;
  /** Average length of the run queue over 1, 5 and 15 minutes. */
  loadAverage: readonly [number, number, number];
  watchdog: 'off' | 'fed' | 'none';
  /** null: nobody on this board tells. Absent: a device of before this was told. */
  power?: PowerStatus | null;
  /** Boot steps that failed and were passed over: what a person should know about this boot. */
  warnings: readonly string[];
  /** The break-glass session that there is. Absent: none. */
  breakglass?: BreakglassSession;
  /** Networks that are and were tried. Absent: none since the start. */
  wifi?: WifiTrials;
}

export type InitEvent = { type: 'service'; status: ServiceStatus };

export interface PowerAccepted {
  accepted: 'reboot' | 'poweroff';
}

export interface ApiError {
  error: string;
  code: RefusalCode;
  /** What a trial that cannot be confirmed yet waits for, as in Trial. */
  waitsFor?: readonly string[];
}
