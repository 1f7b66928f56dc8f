// A break-glass session as init keeps it, the web server carries it and tsk asks for it. Types, paths and bounds; no I/O.
//
//   GET    /api/v1/breakglass                -> BreakglassStatus
//   POST   /api/v1/breakglass                -> 201 OpenedSession. Body: Permit for `breakglass` (permit/permit.ts)
//   PUT    /api/v1/breakglass/ID/toolbox     -> OpenedSession. Body: a tar of form `ustar`, packed by zstd
//   GET    /api/v1/breakglass/ID/connection  -> 101, Upgrade: TUNNEL_PROTOCOL; from then on the bytes of SSH
//   POST   /api/v1/breakglass/ID/terminals   -> 201 NewTerminal. Body: TerminalRequest
//   GET    /api/v1/breakglass/ID/terminals/TERMINAL         -> events `output`: base64 of bytes, as a JSON string
//   POST   /api/v1/breakglass/ID/terminals/TERMINAL/input   -> 204. Body: TerminalInput
//   POST   /api/v1/breakglass/ID/terminals/TERMINAL/size    -> 204. Body: TerminalSize
//   DELETE /api/v1/breakglass                -> 204; `?if=idle`: only if nobody else has to do with it
//
// Between web and init the same over init's socket: /v1/breakglass, and /v1/breakglass/{open,start,join,announce,terminal,close}.

import type { NoPermits } from '../permit/permit-api.ts';

export interface BreakglassSession {
  id: string;
  /** Of the key that the session was opened with. */
  keyId: string;
  /** Who has opened it, for people. */
  who: string;
  /** Address of whoever has. */
  from: string;
  /** `receiving`: the toolbox is on its way. */
  phase: 'receiving' | 'open' | 'ending';
  toolboxSha256: string;
  openedAtMs: number;
  /** By the clock of the device as it is now. */
  endsAtMs: number;
  staysOpen: boolean;
  /** TCP port of sshd; null: it is reached by the port of the page alone. */
  listensOn: number | null;
  /** Connections by the port of the page. */
  connections: number;
}

export interface BreakglassStatus {
  /** Why no session can be opened; null: one can. */
  unavailable: NoPermits | null;
  session: BreakglassSession | null;
  /** Room for what a toolbox unpacks to. */
  maxUnpackedBytes: number;
}

export interface OpenedSession {
  session: BreakglassSession;
  /** Whether the toolbox is still to be sent. */
  needsToolbox: boolean;
  /** sshd's, as a line of known_hosts has it: `ssh-ed25519 AAAA...`. */
  hostKey: string;
  /** For the terminal of the page. Only who has come with a permit is told it. */
  terminalKey?: string;
}

export interface TerminalSize {
  columns: number;
  rows: number;
}

export interface TerminalRequest extends TerminalSize {
  key: string;
}

export interface NewTerminal {
  /** In the addresses of this terminal: whoever knows it may use it. */
  id: string;
}

export interface TerminalInput {
  text: string;
}

/** In characters, as terminals count them. */
export const MAX_TERMINAL_SIDE = 1000;
/** Of one request with input; more comes in several. */
export const MAX_INPUT_CHARACTERS = 1000;

/** What web tells init of a session whose signature it has found to be right. */
export type OpenBreakglass = Pick<
  BreakglassSession,
  'id' | 'keyId' | 'who' | 'from' | 'toolboxSha256' | 'staysOpen'
> & { lifetimeSec: number; listen: boolean };

export type JoinBreakglass = Pick<BreakglassSession, 'id' | 'who' | 'from' | 'staysOpen'> & {
  lifetimeSec: number;
};

const WEB = '/api/v1/breakglass';

export const BREAKGLASS_API = {
  session: WEB,
  toolbox: (id: string) => `${WEB}/${encodeURIComponent(id)}/toolbox`,
  connection: (id: string) => `${WEB}/${encodeURIComponent(id)}/connection`,
  terminals: (id: string) => `${WEB}/${encodeURIComponent(id)}/terminals`,
  terminal: (id: string, terminal: string) => `${WEB}/${encodeURIComponent(id)}/terminals/${terminal}`,
  closeIfIdle: `${WEB}?if=idle`,
} as const;

export const BREAKGLASS_INIT_API = {
  session: '/v1/breakglass',
  open: '/v1/breakglass/open',
  start: '/v1/breakglass/start',
  join: '/v1/breakglass/join',
  announce: '/v1/breakglass/announce',
  terminal: '/v1/breakglass/terminal',
  close: '/v1/breakglass/close',
} as const;

/** Without a connection, unless the session stays open. */
export const IDLE_LIMIT_SEC = 10 * 60;
export const SSH_PORT = 22;
/** What holds the session is the memory of the device. */
export const MEMORY_SHARE = 4;
export const MAX_TOOLBOX_ENTRIES = 50_000;
/** One that is larger is sent for each session. */
export const MAX_KEPT_TOOLBOX_BYTES = 64 * 1024 * 1024;

/** Name of the service and its log, and of the directory in /perm with the key of sshd. */
export const BREAKGLASS = 'breakglass';

/** Of root alone, on the device; none of it is there without a session. */
export const BREAKGLASS_PATHS = {
  /** The file system in memory: `lower` is the toolbox, `upper` and `work` what the session writes. */
  memory: '/run/tsk/breakglass/memory',
  /** Root of its processes. */
  root: '/run/tsk/breakglass/root',
  socket: '/run/tsk/breakglass/connect.sock',
  authorizedKeys: '/run/tsk/breakglass/authorized_keys',
  terminalKey: '/run/tsk/breakglass/terminal_key',
  hostKey: '/perm/breakglass/ssh_host_ed25519_key',
  /** The toolbox of the last session, by its hash. */
  kept: '/perm/breakglass/toolbox',
  /** Whoever writes there writes into the log of the session. */
  log: '/run/tsk/breakglass/log',
  cgroup: '/sys/fs/cgroup/tsk/breakglass',
} as const;

/** In the session's root: takes core dumps. */
export const KEEP_CORE = '/usr/lib/tskrazy/keep-core';
/** Given to a session's first process: `NAME:UID:DIRECTORY` of each app, with blanks between them. */
export const APPS_VARIABLE = 'TSK_APPS';
/** Below the cgroup of an app: what a session has started in its sandbox. */
export const CGROUP_OF_GUESTS = 'breakglass';

/** The user of sshd's who is an app, for its files: names of apps may be those of other users. */
export function loginOfApp(name: string): string {
  return `app-${name}`;
}

/** Under which a tab keeps the key of the terminal, in the sessionStorage of the page's origin. */
export const TERMINAL_KEY_STORED_AS = 'tskrazy-terminal';
