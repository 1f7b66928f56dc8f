// Update protocol, version 1: what a client and a device say to each other below /api/v1/update (docs/update-protocol.md).
// Types and paths; no I/O. Access and refusals are those of web-api.ts.
//
//   GET    /api/v1/update                read   -> UpdateStatus
//   POST   /api/v1/update                change -> 201 UpdateOffer. Body: UpdateRequest, JSON, maybe `Content-Encoding: zstd`
//                                        and then packed against a manifest (manifest-dictionary.ts).
//                                        409 UpdateBusy: somebody else updates, or a trial goes on.
//                                        422 UpdateRefused: signature, board, layout, older, ...; nothing was written.
//   PUT    /api/v1/update/ID/chunks      change -> ChunksReceived. Body: a chunk stream (formats/chunk-stream.ts) in zstd.
//                                        May be repeated, also with some of the chunks. 422: a chunk is not what it says.
//   POST   /api/v1/update/ID/install     change -> one InstallEvent a line (NDJSON), the last one `installed` or `failed`.
//                                        409: chunks are missing.
//   POST   /api/v1/update/ID/try         change -> 202 TryAccepted. Body: TryRequest. Ends the session; the trial begins.
//   DELETE /api/v1/update/ID             change -> 204. What was received stays and needs not be sent again.
//   POST   /api/v1/update/confirm        change -> UpdateState. Body: ConfirmRequest. 409: no such trial, or not healthy yet.
//   POST   /api/v1/update/rollback       change -> 202 UpdateState. Body: RollbackRequest. During a trial: ends it. Otherwise
//                                        the other slot is tried like an update (confirmed by the device's own health).
//
// A session ends when nothing was heard of its client for SESSION_IDLE_MS.

import type { ManifestApp } from '../manifest/manifest.ts';
import type { Slot } from '../board/slots.ts';
import type { ConfirmBy, SwitchMode, UpdateState } from './update-state.ts';

export const UPDATE_PROTOCOL_VERSION = 1;
/** What this side can do beyond version 1's core; a client uses only what both have. */
export const UPDATE_FEATURES = [
  'zstd',
  'live',
  'kexec',
  'signed-permissions',
  'manifest-dictionary',
] as const;

export const UPDATE_API = {
  update: '/api/v1/update',
  confirm: '/api/v1/update/confirm',
  rollback: '/api/v1/update/rollback',
  session: (id: string) => `/api/v1/update/${encodeURIComponent(id)}`,
  chunks: (id: string) => `/api/v1/update/${encodeURIComponent(id)}/chunks`,
  install: (id: string) => `/api/v1/update/${encodeURIComponent(id)}/install`,
  try: (id: string) => `/api/v1/update/${encodeURIComponent(id)}/try`,
} as const;

export const SESSION_IDLE_MS = 30_000;
/** How long a device may take to answer: it reads all that it holds, from an SD card maybe. */
export const UPDATE_ANSWER_LIMIT_MS = 10 * 60 * 1000;
/**
 * Window of a zstd frame that is sent to a device, as the power of two: 8 MiB. A larger one would cost the device its
 * memory.
 */
export const MAX_ZSTD_WINDOW_LOG = 23;

/** What a slot holds, by its manifest. */
export interface SlotContent {
  buildId: string;
  /** Of the manifest's bytes; absent: an older device. */
  manifestSha256?: string;
  hostname: string;
  tskrazyVersion: string;
  buildTimeSec: number;
  /** null: not signed. */
  signedAtSec: number | null;
  /** Newest signing time that was confirmed when the device went back to this slot. Absent: it did not. */
  newestConfirmedSec?: number;
  components: Readonly<Record<string, string>>;
  apps: readonly ManifestApp[];
}

export interface UpdateClient {
  /** Drawn by the client and kept, so that it can take over a session of its own. */
  id: string;
  /** Name for people: `michael@laptop`. */
  name: string;
}

export interface SessionView {
  client: UpdateClient['name'];
  startedAtMs: number;
  lastHeardAtMs: number;
  buildId: string;
}

export interface UpdateStatus extends UpdateState {
  protocol: { version: typeof UPDATE_PROTOCOL_VERSION; features: readonly string[] };
  /** null: nothing that could be started. */
  slots: Readonly<Record<Slot, SlotContent | null>>;
  /** Ids of the keys whose signatures count. */
  trustedKeyIds: readonly string[];
  session: SessionView | null;
}

export interface UpdateRequest {
  client: UpdateClient;
  /** The manifest's text, byte by byte as it was signed. */
  manifest: string;
  /** The signatures' text likewise, with what is permitted (UpdatePermissions). */
  signatures: string;
  /** For devices without `signed-permissions`, which take the client's word for it. Others only say so in their refusal. */
  allowDowngrade?: boolean;
  /** Likewise. */
  allowRename?: boolean;
  /** Never switch live. */
  forceReboot?: boolean;
}

/** Chunks are counted through: those of the root image first, then those of each boot file in the manifest's order. */
export interface UpdateOffer {
  id: string;
  /** What goes to which slot. */
  slot: Slot;
  /** `none`: this build runs already and is committed; there is nothing to do. */
  mode: SwitchMode | 'none';
  /** Why not `live`, a phrase each: `the kernel changes`. */
  rebootBecause: readonly string[];
  changedApps: readonly string[];
  /** Apps that both builds have, and the same. Absent: an older device, which does not compare them. */
  unchangedApps?: readonly string[];
  /** What else there is to know before it goes on, a sentence each; absent: nothing, or an older device. */
  notes?: readonly string[];
  /** Ascending. */
  missingChunks: readonly number[];
  missingBytes: number;
}

/** What stands beside `error` in a refusal (shared/api/refusals.ts). */
export interface UpdateBusy {
  session?: SessionView;
  /** The code `restart-first`, for clients of 0.1. */
  restartFirst?: true;
}

/** Why an image is refused: the codes `image-manifest` and so on. */
export type RefusalReason =
  /** The bytes are no manifest, or one of a kind that this device cannot read. */
  | 'manifest'
  /** Nobody whom this device trusts has signed it. */
  | 'signature'
  /** What vouches for it is keys that expire, and this device does not know what time it is. */
  | 'clock'
  | 'board'
  /** A signed permission takes it. */
  | 'hostname'
  /** A partition is too small. */
  | 'layout'
  /** Signed before the newest that the device has confirmed. A signed permission takes it. */
  | 'older'
  /** The image was signed later than it is now. A signed permission takes it. */
  | 'future';

/** Beside `error`, likewise. */
export interface UpdateRefused {
  /** As in the code, for clients of 0.1. */
  reason: RefusalReason;
}

export interface ChunksReceived {
  chunks: number;
  bytes: number;
  /** Number of chunks that are still missing. */
  missingChunks: number;
}

export type InstallEvent =
  | { event: 'progress'; phase: 'root' | 'boot files' | 'check'; doneBytes: number; totalBytes: number }
  | { event: 'installed'; writtenBytes: number; reusedBytes: number }
  | { event: 'failed'; message: string };

export interface TryRequest {
  confirmBy: ConfirmBy;
}

export interface TryAccepted {
  mode: SwitchMode;
  trialId: string;
}

export interface ConfirmRequest {
  buildId: string;
  client?: UpdateClient;
}

export interface RollbackRequest {
  client: UpdateClient;
}
