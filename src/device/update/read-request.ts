// The JSON that clients send about updates (shared/update/update-api.ts), with bounds on everything. Throws SyntaxError.

import { MAX_MANIFEST_BYTES } from '../../shared/manifest/manifest.ts';
import { MAX_SIGNATURES_BYTES } from '../../shared/manifest/manifest-signature.ts';
import { parseUntrustedJson, type UntrustedValue } from '../../shared/untrusted-json.ts';
import {
  type ConfirmRequest,
  type RollbackRequest,
  type TryRequest,
  type UpdateClient,
  type UpdateRequest,
} from '../../shared/update/update-api.ts';

/** An UpdateRequest as JSON: quotes within the manifest's text are two characters there. */
export const MAX_UPDATE_REQUEST_BYTES = MAX_MANIFEST_BYTES + 2 * 1024 * 1024;

/** A request of ours has less than ten. */
const MAX_REQUEST_VALUES = 1000;

const CLIENT_ID = /^[\w.-]{1,128}$/;
/** The name is shown to people, in terminals too. */
const CLIENT_NAME = /^\P{C}{1,100}$/u;
const BUILD_ID = /^[0-9a-f]{64}$/;

export function readUpdateRequest(bytes: Uint8Array): UpdateRequest {
  const root = parseUntrustedJson(bytes, {
    name: 'the request',
    maxBytes: MAX_UPDATE_REQUEST_BYTES,
    maxValues: MAX_REQUEST_VALUES,
  });
  return {
    client: readClient(root.field('client')),
    manifest: readText(root.field('manifest'), MAX_MANIFEST_BYTES),
    signatures: readText(root.field('signatures'), MAX_SIGNATURES_BYTES),
    allowDowngrade: readFlag(root.field('allowDowngrade')),
    allowRename: readFlag(root.field('allowRename')),
    forceReboot: readFlag(root.field('forceReboot')),
  };
}

export function readTryRequest(bytes: Uint8Array): TryRequest {
  return { confirmBy: readRoot(bytes).field('confirmBy').oneOf(['client', 'device']) };
}

export function readConfirmRequest(bytes: Uint8Array): ConfirmRequest {
  const root = readRoot(bytes);
  const buildId = root.field('buildId').text(BUILD_ID);
  const client = root.field('client');
  return client.isAbsent ? { buildId } : { buildId, client: readClient(client) };
}

export function readRollbackRequest(bytes: Uint8Array): RollbackRequest {
  return { client: readClient(readRoot(bytes).field('client')) };
}

function readRoot(bytes: Uint8Array): UntrustedValue {
  return parseUntrustedJson(bytes, { name: 'the request', maxBytes: bytes.length });
}

function readClient(value: UntrustedValue): UpdateClient {
  return { id: value.field('id').text(CLIENT_ID), name: value.field('name').text(CLIENT_NAME) };
}

function readText(value: UntrustedValue, maxBytes: number): string {
  const text = value.text(/^/);
  if (Buffer.byteLength(text) > maxBytes) throw value.error(`has more than ${maxBytes} bytes`);
  return text;
}

function readFlag(value: UntrustedValue): boolean {
  if (value.isAbsent) return false;
  return value.boolean();
}
