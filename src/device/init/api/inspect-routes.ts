// The route of the control API below /v1/inspect. See shared/debug/debug-api.ts for what it means.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { ALIVE_EVERY_MS, type InspectEvent } from '../../../shared/debug/debug-api.ts';
import type { AppInspectors } from '../debug/app-inspectors.ts';
import { NdjsonStream } from './ndjson-stream.ts';
import { readJson } from './read-json.ts';

/** Control characters are refused: the text is shown in logs. */
const WHO = /^[^\p{Cc}]{1,200}$/u;

/** `inspectors` is loaded with the first request: most of the time nobody debugs. */
export async function routeInspect(
  inspectors: () => Promise<AppInspectors>,
  app: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const who = await readJson(request, (body) => body.field('who').text(WHO));
  const all = await inspectors();
  const inspector = await all.open(app, who);
  const stream = new NdjsonStream(response);
  const send = (event: InspectEvent): void => stream.send(event);
  const heartbeat = setInterval(() => send({ event: 'alive' }), ALIVE_EVERY_MS);
  const end = (reason: string): void => {
    send({ event: 'closed', reason });
    stream.end();
  };
  const lifetime = setTimeout(() => end('it was open for as long as it may be'), all.lifetimeMs);
  // Whoever asked may have gone meanwhile, and this is called at once then.
  stream.onClose(() => {
    clearInterval(heartbeat);
    clearTimeout(lifetime);
    void inspector.close();
  });
  send({ event: 'open', id: inspector.id, app, endpoint: inspector.endpoint });
  void inspector.ended.then(end);
}
