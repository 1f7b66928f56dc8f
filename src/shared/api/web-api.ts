// What the device's web server speaks to programs and to its own page: JSON over HTTP/1.1 below /api/v1,
// and server-sent events (HTML standard, section 9.2). Types and paths; no I/O.
//
//   GET  /health                                   open      -> 200 `ok`
//   GET  /api/v1/status                            read      -> WebStatus
//   GET  /api/v1/events                            read      -> server-sent events: see WebEvents
//   GET  /api/v1/events?status=once                read      -> the same, with one `status`, at the start
//   GET  /api/v1/boots                             read      -> BootRecord[], newest first
//   GET  /api/v1/ports                             read      -> ListeningPort[], in the order of their numbers
//   GET  /api/v1/logs/NAME?lines=N                 read      -> text, one line a log line, with time stamps
//   GET  /api/v1/logs/NAME?lines=N&since=MS&boot=-1 read     -> the same of the boot before
//   GET  /api/v1/logs/NAME?lines=N&format=ndjson   read      -> one LogLine a line
//   GET  /api/v1/logs/NAME?lines=N&follow=1        read      -> server-sent events: see LogEvents
//   POST /api/v1/services/NAME/{start,stop,restart} change   -> ServiceStatus (202 when `web` restarts itself)
//   POST /api/v1/reboot, /api/v1/poweroff          change    -> 202 PowerAccepted
//   GET  /api/v1/sessions                          open      -> LoginInfo
//   POST /api/v1/sessions                          open      -> 201 NewSession. Basic, or a Login as the body
//   DELETE /api/v1/sessions                        change    -> 204; ends the session whose token comes
//   /api/v1/wifi and below: ../network/wifi-api.ts
//   /api/v1/update and below: update-api.ts
//
// Who: `read` and `change` want `Authorization: Bearer` with a session's token, or `Authorization: Basic` with the device's
// password (any user name). A device without a password lets everybody read and nobody change. `change` is refused for
// another site's pages (Origin), and everything where `Host` is not the device's. A refusal is a WebError (refusals.ts).

import type { LogQuery, ServiceAction, SystemStatus } from './init-api.ts';
import type { NetStatus } from '../network/net-status.ts';
import type { LogLine, ServiceStatus } from '../services/services.ts';
import type { TimeStatus } from '../network/time-status.ts';
import type { SessionView } from '../update/update-api.ts';
import type { UpdateBrief } from '../update/update-state.ts';

/** Basic authentication has a user name; any is accepted, this is the one to send. */
export const WEB_USER = 'tskrazy';

/** Under which a tab keeps its session's token, in the sessionStorage of the page's origin. */
export const SESSION_STORED_AS = 'tskrazy-session';

/** Lines that one log request may ask for; a ring holds fewer or about as many. */
export const MAX_LOG_LINES = 10_000;

export const WEB_API = {
  health: '/health',
  status: '/api/v1/status',
  events: '/api/v1/events',
  serviceEvents: '/api/v1/events?status=once',
  sessions: '/api/v1/sessions',
  boots: '/api/v1/boots',
  ports: '/api/v1/ports',
  reboot: '/api/v1/reboot',
  poweroff: '/api/v1/poweroff',
  serviceAction: (name: string, action: ServiceAction) =>
    `/api/v1/services/${encodeURIComponent(name)}/${action}`,
  log: (name: string, options: LogQuery & { follow?: boolean; format?: 'text' | 'ndjson' } = {}) => {
    const query: string[] = [];
    if (options.lines !== undefined) query.push(`lines=${options.lines}`);
    if (options.since !== undefined) query.push(`since=${options.since}`);
    if (options.boot !== undefined && options.boot !== 0) query.push(`boot=${options.boot}`);
    if (options.follow === true) query.push('follow=1');
    if (options.format !== undefined) query.push(`format=${options.format}`);
    return `/api/v1/logs/${encodeURIComponent(name)}${query.length > 0 ? `?${query.join('&')}` : ''}`;
  },
} as const;

/** Usage of a service's processes. null: not known (yet). */
export interface ServiceUsage {
  /**
   * What would be free without it: anonymous and shared memory of its processes. Not the pages of files (the
   * Node.js binary, say), which several programs share and the kernel may drop. Files in memory that no process shows
   * count where the kernel has a memory controller.
   */
  memoryBytes: number | null;
  /** 1 = one core busy, over the time since the sample before. */
  cpuCores: number | null;
  processes: number;
}

export interface ServiceView extends ServiceStatus {
  usage: ServiceUsage | null;
}

/** Where somebody listens (TCP), or waits for datagrams (UDP, without the ports that clients get). */
export interface ListeningPort {
  protocol: 'tcp' | 'udp';
  port: number;
  /** `0.0.0.0` is all of IPv4, `::` all of both. */
  addresses: readonly string[];
  /** null: none of the services, or not told among very many. An app with a network of its own is not seen. */
  service: string | null;
}

const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/;

/** Whether only programs on the device reach it. */
export function isOnDeviceOnly({ addresses }: ListeningPort): boolean {
  return addresses.every((address) => LOOPBACK.test(address));
}

export interface DiskHealth {
  /** Errors that the file system has met since it was made; null: it does not count them. */
  fileSystemErrors: number | null;
  /** Of the medium's life, as far as the medium tells: 100 is used up. */
  wearPercent: number | null;
}

export interface DiskUsage {
  mountPoint: string;
  totalBytes: number;
  /** Bytes for programs without privileges; total - available is not what is used (reserved blocks). */
  availableBytes: number;
  usedBytes: number;
  /** Files that it can have, and can take yet. Absent: no such number, or a device of before this was told. */
  files?: { total: number; free: number };
  /** Absent: a device of before this was told. */
  health?: DiskHealth;
}

/** What the device starts from. null in it: the disk does not say. */
export interface BootDisk {
  /** `/dev/mmcblk0` */
  path: string;
  kind: 'SD card' | 'eMMC' | 'NVMe' | 'disk';
  name: string | null;
  /** Month and year, `08/2023`: cards say. */
  madeIn: string | null;
  sizeBytes: number;
  /** Of the medium's life: 100 is used up. */
  wearPercent: number | null;
}

interface Traffic {
  interfaceName: string;
  receivedBytes: number;
  sentBytes: number;
}

export interface DeviceUsage {
  cpu: {
    cores: number;
    /** 1 = all cores busy. */
    busyFraction: number | null;
  };
  memory: { totalBytes: number; availableBytes: number };
  /** Hottest sensor; null when the board has none. */
  temperatureCelsius: number | null;
  /** Turns a minute; null: no fan that tells. Absent: a device of before this was told. */
  fanRpm?: number | null;
  disks: DiskUsage[];
  /** Counters since boot; rates are differences between two statuses. */
  traffic: Traffic[];
}

/** By which browsers know the device. */
export interface PageCertificate {
  port: number;
  /** SHA-256, as browsers write it: "AB:CD:...". */
  fingerprint: string;
  /** The user's, and not the one by which `tsk` knows the device. */
  isOwn: boolean;
}

/** How long the device took for its last start. */
export interface StartTime {
  /** Firmware and boot loader; null: they do not tell. */
  beforeKernelSec: number | null;
  /** From the start of the kernel until the page could be answered. */
  untilPageSec: number;
}

export interface WebStatus {
  /**
   * The device's clock when this was put together. Times of services, of the boot and of updates that go on are by the
   * same clock, whatever it said when they were: what lasts is the difference.
   */
  timeMs: number;
  /** Changes with every boot. */
  bootId: string;
  /** What the board calls itself (DMI or device tree); null when it does not say. */
  model: string | null;
  processor: string | null;
  /** Of the board, as its maker counts: `a02082` of a Raspberry Pi. Absent: a device of before this was told. */
  revision?: string | null;
  /** Of this very board, as a MAC address is of an interface: told to whoever may read. Absent: as above. */
  serialNumber?: string | null;
  /** null: nothing is known of it. Absent: as above. */
  bootDisk?: BootDisk | null;
  system: SystemStatus;
  services: ServiceView[];
  usage: DeviceUsage;
  /** null until `net` has written it. */
  network: NetStatus | null;
  /** null until `net` has written it. */
  time: TimeStatus | null;
  /** null: not known. Absent: a device of before this was told. */
  startTime?: StartTime | null;
  /** False on a device without a password: changes are refused. */
  mayChange: boolean;
  /** null: TLS is off. Absent: a device of before this was told. */
  certificate?: PageCertificate | null;
  /** null: init does not say. What is in the slots is in UpdateStatus. */
  update: UpdateSummary | null;
}

/** How the device stands between two builds: part of every status. */
export interface UpdateSummary extends UpdateBrief {
  session: SessionView | null;
}

/**
 * Events of /api/v1/events by name: `status` at once and then about every two seconds, `service` at each change. A device
 * before 0.2 sends `status` every two seconds whatever it is asked.
 */
export interface WebEvents {
  status: WebStatus;
  service: ServiceStatus;
}

/** Events of a followed log: `lines` with one or more. Its id (`BOOT:SEQ`) resumes by Last-Event-ID. */
export interface LogEvents {
  lines: LogLine[];
}

/** What anybody may know who wants to log in. */
export interface LoginInfo {
  hostname: string;
  /** False: everybody may look, and nobody may change anything. */
  needsPassword: boolean;
}

export interface Login {
  password: string;
}

export interface NewSession {
  token: string;
  /** Time by the device's clock, which may still be set. */
  expiresAtMs: number;
  expiresInSec: number;
}
