// The routes of the control API below /v1/breakglass. See shared/breakglass/breakglass-api.ts for what they mean.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { MAX_LIFETIME_SEC } from '../../../shared/breakglass/breakglass-request.ts';
import type { JoinBreakglass, OpenBreakglass } from '../../../shared/breakglass/breakglass-api.ts';
import type { UntrustedValue } from '../../../shared/untrusted-json.ts';
import type { Breakglass } from '../breakglass/breakglass.ts';
import { ApiRefusal } from '../../api-refusal.ts';
import { readJson } from './read-json.ts';
import { sendJson } from './send-json.ts';

export type BreakglassControl = Pick<
  Breakglass,
  'session' | 'open' | 'start' | 'join' | 'announce' | 'startTerminal' | 'close'
>;

const ID = /^[0-9a-f]{32}$/;
const KEY_ID = /^[0-9a-f]{16}$/;
const SHA256 = /^[0-9a-f]{64}$/;
/** Control characters are refused: the text is shown on consoles. */
const TEXT = /^[^\p{Cc}]{1,200}$/u;

/** kernel.pty.max can be no larger. */
const MAX_TERMINAL_NUMBER = 2 ** 20;

/** `action`: what comes after /v1/breakglass/. `control` is loaded with the first request. */
export async function routeBreakglass(
  control: () => Promise<BreakglassControl>,
  action: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  switch (action) {
    case 'open': {
      const body = await readJson(request, readOpen);
      return sendJson(response, 200, (await control()).open(body));
    }
    case 'start': {
      const id = await readJson(request, readId);
      return sendJson(response, 200, await (await control()).start(id));
    }
    case 'join': {
      const body = await readJson(request, readJoin);
      return sendJson(response, 200, (await control()).join(body));
    }
    case 'announce': {
      const { id, from } = await readJson(request, (body) => ({
        id: readId(body),
        from: body.field('from').text(TEXT),
      }));
      (await control()).announce(id, from);
      response.writeHead(204).end();
      return;
    }
    case 'terminal': {
      const { id, from, number } = await readJson(request, (body) => ({
        id: readId(body),
        from: body.field('from').text(TEXT),
        number: body.field('number').integer(0, MAX_TERMINAL_NUMBER),
      }));
      await (await control()).startTerminal(id, from, number);
      response.writeHead(204).end();
      return;
    }
    case 'close': {
      const { why, isLeaving } = await readJson(request, (body) => ({
        why: body.field('why').text(TEXT),
        isLeaving: body.field('isLeaving').boolean(),
      }));
      await (await control()).close(why, isLeaving);
      response.writeHead(204).end();
      return;
    }
    default:
      throw new ApiRefusal('no-such-address', `There is no "/v1/breakglass/${action}"`);
  }
}

function readId(body: UntrustedValue): string {
  return body.field('id').text(ID);
}

function readOpen(body: UntrustedValue): OpenBreakglass {
  return {
    ...readJoin(body),
    keyId: body.field('keyId').text(KEY_ID),
    toolboxSha256: body.field('toolboxSha256').text(SHA256),
    listen: body.field('listen').boolean(),
  };
}

function readJoin(body: UntrustedValue): JoinBreakglass {
  return {
    id: readId(body),
    who: body.field('who').text(TEXT),
    from: body.field('from').text(TEXT),
    lifetimeSec: body.field('lifetimeSec').integer(1, MAX_LIFETIME_SEC),
    staysOpen: body.field('staysOpen').boolean(),
  };
}
