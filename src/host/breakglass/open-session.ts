// Opens a break-glass session on a device, or joins the one that is there: asks with a permit (permit/), and
// sends the toolbox where the device does not have it.

import { createReadStream } from 'node:fs';
import {
  BREAKGLASS_API,
  type BreakglassSession,
  type BreakglassStatus,
  type OpenedSession,
} from '../../shared/breakglass/breakglass-api.ts';
import type { BreakglassRequest } from '../../shared/breakglass/breakglass-request.ts';
import { BOARDS } from '../../shared/board/boards.ts';
import { signingKeys, type UpdateKeys } from '../config/update-keys.ts';
import { clientName } from '../client-name.ts';
import type { DeviceClient } from '../devices/device-client.ts';
import type { OpenDevice } from '../devices/open-device.ts';
import { permitKeys } from '../permit/permit-keys.ts';
import { requestPermit } from '../permit/request-permit.ts';
import { megabytes, type ProgressReporter } from '../progress.ts';
import { UserError } from '../user-error.ts';
import { loadToolbox } from './load-toolbox.ts';
import type { Toolbox } from './pack-toolbox.ts';

const TOOLBOX_ANSWER_MS = 120_000;

export interface SessionWishes {
  lifetimeSec: number;
  staysOpen: boolean;
  listen: boolean;
  /** Lines of authorized_keys, without comments. */
  sshKeys: readonly string[];
  /** What goes with the toolbox besides (load-toolbox.ts). */
  tools: readonly string[];
}

/** Who asks for no tools of his own takes those of the session that is there. */
export async function openSession(
  device: OpenDevice,
  wishes: SessionWishes,
  report: ProgressReporter,
): Promise<OpenedSession> {
  const { client, status, instance } = device;
  const act = `open a session on "${client.device.name}"`;
  const keys = await permitKeys(instance, act);
  const { session, maxUnpackedBytes } = await readSession(client);
  if (session !== null && isForAll(session, wishes, keys)) {
    const joined = await ask(client, keys, { ...wishes, toolboxSha256: session.toolboxSha256, act });
    if (!joined.needsToolbox) return joined;
    // It has ended in this moment, and this is another one, whose tools are not known here.
    await closeSession(client, false);
  }
  const board = BOARDS[status.system.board];
  const toolbox = await loadToolbox({ instance, board, tools: wishes.tools, report });
  checkRoom(toolbox.unpackedBytes, maxUnpackedBytes, act);
  const opened = await ask(client, keys, { ...wishes, toolboxSha256: toolbox.sha256, act });
  if (!opened.needsToolbox) return opened;
  // Whoever sends a toolbox is told no more than that it has come.
  return { ...opened, ...(await sendToolbox(client, opened, toolbox, report)) };
}

function isForAll(
  { phase, keyId, listensOn }: BreakglassSession,
  { tools, listen }: SessionWishes,
  keys: UpdateKeys,
): boolean {
  const isOurs = signingKeys(keys).some(({ id }) => id === keyId);
  return phase === 'open' && isOurs && tools.length === 0 && (listensOn !== null || !listen);
}

async function ask(
  client: DeviceClient,
  keys: UpdateKeys,
  {
    tools: _tools,
    act,
    ...wanted
  }: SessionWishes & Pick<BreakglassRequest, 'toolboxSha256'> & { act: string },
): Promise<OpenedSession> {
  const request: BreakglassRequest = { ...wanted, client: clientName() };
  const permit = await requestPermit(client, keys, { purpose: 'breakglass', request, act });
  return client.askJson<OpenedSession>(BREAKGLASS_API.session, {
    method: 'POST',
    // It may have the toolbox already, and start the session at once.
    limitMs: TOOLBOX_ANSWER_MS,
    act,
    headers: { 'Content-Type': 'application/json' },
    body: [Buffer.from(JSON.stringify(permit))],
  });
}

export async function readSession(client: DeviceClient): Promise<BreakglassStatus> {
  return client.askJson<BreakglassStatus>(BREAKGLASS_API.session, { act: 'ask for the break-glass session' });
}

/** `isLeaving`: unless somebody else has to do with it. */
export async function closeSession(client: DeviceClient, isLeaving: boolean): Promise<void> {
  const path = isLeaving ? BREAKGLASS_API.closeIfIdle : BREAKGLASS_API.session;
  await client.askNothing(path, { method: 'DELETE', act: 'close the break-glass session' });
}

async function sendToolbox(
  client: DeviceClient,
  { session }: OpenedSession,
  { path, sizeBytes }: Toolbox,
  report: ProgressReporter,
): Promise<OpenedSession> {
  const step = report.start('Sending the toolbox', sizeBytes);
  async function* body(): AsyncGenerator<Uint8Array> {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      yield chunk;
      step.advance(chunk.length);
    }
  }
  const opened = await client.askJson<OpenedSession>(BREAKGLASS_API.toolbox(session.id), {
    method: 'PUT',
    limitMs: TOOLBOX_ANSWER_MS,
    act: 'send the toolbox',
    headers: {
      'Content-Type': 'application/x-tar',
      'Content-Encoding': 'zstd',
      'Content-Length': String(sizeBytes),
    },
    body: body(),
  });
  step.done(megabytes(sizeBytes));
  return opened;
}

function checkRoom(unpackedBytes: number, maxUnpackedBytes: number, act: string): void {
  if (unpackedBytes <= maxUnpackedBytes) return;
  throw new UserError(
    `Cannot ${act}: its tools take ${megabytes(unpackedBytes)} of memory, and the device has ` +
      `${megabytes(maxUnpackedBytes)} for them`,
    { hint: 'Take fewer tools along.' },
  );
}
