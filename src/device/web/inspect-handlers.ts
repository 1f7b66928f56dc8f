// Opens the inspector of an app for who has a permit, for as long as he listens: init opens it, and closes it when this
// server's request to init ends, which is when the client's does, or this process.

import type http from 'node:http';
import { type InspectEvent, parseInspectRequest } from '../../shared/debug/debug-api.ts';
import { INIT_API } from '../../shared/api/init-api.ts';
import { limitSilence } from '../sys/peer-silence.ts';
import { clientOf } from './auth.ts';
import { Inspection } from './inspections.ts';
import type { Handler } from './exchange.ts';
import { understand } from './http-error.ts';
import { logLine } from './log.ts';
import { readNdjson } from './ndjson.ts';
import { readJson } from './request-body.ts';

/** init gives the app 10 s to open it, and 30 s to close it behind who was there before. */
const OPEN_LIMIT_MS = 45_000;

export const beginInspection: Handler = async (context, { request, response }) => {
  const { inspections, init, bodyPace, peerSilenceMs } = context;
  const permits = await context.permits();
  const permit = permits.check(await readJson(request, bodyPace), 'inspect');
  const { app, client } = understand(parseInspectRequest, permit.request);
  // One that is unplugged says nothing, and is not to keep it open.
  limitSilence(request.socket, peerSilenceMs);
  const who = `${client} (${clientOf(request).address}, key ${permit.keyId})`;
  const source = await init.stream(INIT_API.inspect(app), { body: { who }, timeoutMs: OPEN_LIMIT_MS });
  const stop = (): void => void source.destroy();
  // The client may have gone meanwhile.
  if (response.destroyed) stop();
  response.once('close', stop);
  let opened: string | undefined;
  try {
    for await (const events of readNdjson<InspectEvent>(source as AsyncIterable<string>)) {
      for (const event of events) {
        if (event.event === 'open') {
          opened = event.id;
          inspections.set(event.id, new Inspection(event.endpoint));
          logLine(`The inspector of ${app} is open for ${who}`);
          response.writeHead(200, { 'Content-Type': 'application/x-ndjson; charset=utf-8' });
        }
        response.write(`${JSON.stringify(event)}\n`);
      }
    }
  } catch (error) {
    if (!source.destroyed) throw error;
  } finally {
    if (opened !== undefined) {
      inspections.get(opened)?.end();
      inspections.delete(opened);
      logLine(`The inspector of ${app} is closed`);
    }
    endAnswer(response);
  }
};

function endAnswer(response: http.ServerResponse): void {
  if (response.headersSent) response.end();
}
