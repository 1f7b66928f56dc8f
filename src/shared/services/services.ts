// Services as the image bakes them in (`DeviceConfig`, written by the host to DEVICE_CONFIG_PATH) and
// as init reports them (`ServiceStatus`, control API on INIT_SOCKET_PATH). No I/O here.

import type { AppKind } from './app-kinds.ts';
import type { DevicePackages } from './device-packages.ts';
import type { ListenSpec } from './listen.ts';
import type { BoardId } from '../board/boards.ts';
import type { TrustedKey } from '../manifest/manifest-signature.ts';
import type { DeviceTls } from './device-tls.ts';
import type { NetworkConfig } from '../network/network-config.ts';
import type { WifiConfig } from '../network/wifi.ts';
import type { SandboxSpec, ServiceLimits, ServiceUser } from './sandbox.ts';

export const DEVICE_CONFIG_PATH = '/etc/tskrazy/device.json';
export const INIT_SOCKET_PATH = '/run/tsk/init.sock';

export type RestartPolicy = 'always' | 'on-failure' | 'never';
/** Exit code by which a program says that it is not to be restarted (gokrazy's convention). */
export const EXIT_DO_NOT_RESTART = 125;

/** The longest `stopTimeoutSec`. */
export const MAX_STOP_TIMEOUT_SEC = 600;
/** Who has asked for a stop or restart need not wait any longer for the answer. */
export const ACT_LIMIT_MS = (MAX_STOP_TIMEOUT_SEC + 60) * 1000;

/** `system`: a program of ours in /tsk. The others are the user's apps. */
export type ServiceKind = 'system' | AppKind;

/**
 * `lan`: the networks that the device is in. `outbound`: everybody but the device itself, and nobody reaches it. `none`:
 * nobody.
 */
export const APP_NETWORKS = ['full', 'lan', 'outbound', 'none'] as const;
export type AppNetwork = (typeof APP_NETWORKS)[number];

export interface ServiceSpec {
  name: string;
  kind: ServiceKind;
  /** Absolute path of the executable, then its arguments. */
  argv: readonly string[];
  /** Added to the environment that init gives to every service. */
  env: Readonly<Record<string, string>>;
  /** Names of what it is given as files (app-secrets.ts). Absent: none. */
  secrets?: readonly string[];
  /** Directories below the app's own in /app that lie in /perm (writable.ts). Absent: none. */
  writable?: readonly string[];
  /** Created on start (0700) and made the working directory when it lies below /perm. */
  dataDir: string;
  restart: RestartPolicy;
  autostart: boolean;
  /** Time from SIGTERM to SIGKILL. */
  stopTimeoutSec: number;
  /** Conditions (app-contract.ts) that have to hold before each start. Absent: none. */
  waitFor?: readonly string[];
  /**
   * Whether the app says by its socket when it is ready (app-contract.ts), and is `starting` until then. Absent:
   * false.
   */
  ready?: boolean;
  /** Asked during a trial: anything but a 2xx from this URL of the device itself is an app that is not well. */
  health?: { url: string };
  /** Whom it runs as; its data directory is theirs. Absent: root. */
  user?: ServiceUser;
  /** Absent: it sees everything that is there, and has all the privileges of its user. */
  sandbox?: SandboxSpec;
  limits?: ServiceLimits;
  /** Whether it goes before all others when the device runs out of memory. Absent: false. */
  diesFirst?: boolean;
  /** What it may listen on, as tskrazy.json says it (shared/network/ports.ts). Absent: `any`. Of no matter for `system`. */
  ports?: readonly string[];
  /** Whom it reaches, and who reaches it. Absent: `full`. */
  network?: AppNetwork;
  /** Sockets that init opens for it, once, and hands to each of its processes. Absent: none. */
  listen?: readonly ListenSpec[];
}

export interface DeviceConfig {
  formatVersion: 1;
  hostname: string;
  board: BoardId;
  /** Hash of all content of the image, hex; see host/build/build-id.ts. */
  buildId: string;
  /** Unix time; the clock is never set to anything before it. */
  buildTimeSec: number;
  tskrazyVersion: string;
  components: Readonly<Record<string, string>>;
  web: {
    port: number;
    /** scrypt hash, see shared/api/password.ts; null: no password, the page answers 403 to changes. */
    passwordHash: string | null;
    /** What `Host` may say besides the device's own names and addresses. Absent: nothing. */
    hosts?: readonly string[];
    /** Absent: the page is served in clear alone. */
    tls?: DeviceTls;
  };
  /** Keys of which one must have signed an update. Absent or none: updates over the network are refused. */
  update?: { trustedKeys: readonly TrustedKey[] };
  /** Absent: whoever may update gets permits (shared/permit/). */
  breakglass?: 'off';
  /** Absent: DHCP on every wired interface. */
  network?: NetworkConfig;
  /** Absent: the image has neither a supplicant nor firmware. */
  wifi?: WifiConfig;
  time?: {
    /** Name in the IANA's list. Absent: UTC. */
    zone?: string;
    /** Absent: those that DHCP names, and the public pool. See shared/network/time-servers.ts for the form. */
    servers?: readonly string[];
  };
  services: readonly ServiceSpec[];
}

export type ServiceState = 'waiting' | 'starting' | 'running' | 'stopping' | 'stopped' | 'backoff' | 'failed';

export interface ServiceStatus {
  name: string;
  kind: ServiceKind;
  state: ServiceState;
  /** Process id while there is a process. */
  pid: number | null;
  /** Unix time in ms of the last start, by the clock as it is now, as all times here; null before the first. */
  startedAtMs: number | null;
  /** Starts since boot. */
  startCount: number;
  /** How the last process ended. */
  lastExit: { code: number | null; signal: string | null; atMs: number } | null;
  /** Unix time in ms of the next start while `backoff`. */
  nextStartAtMs: number | null;
  /** One sentence for a person when the state needs one: why it waits, why it failed. */
  reason: string | null;
  /** Last line that the service wrote. */
  lastLine: string | null;
  /** The URL as its spec has it. */
  health?: { url: string };
  /** What its program has installed by itself, as the app says. Absent: it has said nothing of it. */
  installed?: DevicePackages;
}

/** `init`: what init says of the service itself (started, exited, ...). */
export type LogStream = 'stdout' | 'stderr' | 'init';

export interface LogLine {
  /** Counts up within one log from 0; a gap means that lines were dropped. */
  seq: number;
  timeMs: number;
  stream: LogStream;
  /** Text without its newline. */
  text: string;
}
