// Terminals of the page in a break-glass session: web has the side of the person, and init starts a shell at the other one. The
// page's password does not suffice for one: it takes the key that only those were told who have come with a permit.

import { randomBytes } from 'node:crypto';
import {
  MAX_INPUT_CHARACTERS,
  MAX_TERMINAL_SIDE,
  type NewTerminal,
  type TerminalSize,
} from '../../shared/breakglass/breakglass-api.ts';
import type { UntrustedValue } from '../../shared/untrusted-json.ts';
import { limitSilence } from '../sys/peer-silence.ts';
import { PseudoTerminal } from '../sys/pseudo-terminal.ts';
import { addressOf, openerOf } from './breakglass-handlers.ts';
import type { Exchange, Handler } from './exchange.ts';
import { HttpError } from './http-error.ts';
import { readFields } from './request-body.ts';
import { sendJson } from './respond.ts';

/** Whoever has opened one looks at it at once. */
const UNSEEN_LIMIT_MS = 20_000;
/** Requests with input for a program that reads none. */
const MAX_WAITING = 16;
const KEY = /^[\w-]{1,100}$/;
const INPUT = new RegExp(`^[^]{0,${MAX_INPUT_CHARACTERS}}$`);

interface OpenTerminal {
  sessionId: string;
  terminal: PseudoTerminal;
  isSeen: boolean;
  waiting: number;
}

const terminals = new Map<string, OpenTerminal>();

export const openTerminal: Handler = async (context, exchange) => {
  const sessionId = exchange.params['id'] ?? '';
  const { key, size } = await readFields(exchange.request, context.bodyPace, (body) => ({
    key: body.field('key').text(KEY),
    size: readSize(body),
  }));
  const opener = openerOf(context);
  if (!(await opener.isTerminalKey(key)))
    throw new HttpError(
      'wrong-terminal-key',
      'This terminal is for who has opened the session: "tsk ssh --browser" brings its key',
    );
  const terminal = new PseudoTerminal(size);
  try {
    await opener.startTerminal(sessionId, addressOf(exchange.request), terminal.number);
  } catch (error) {
    terminal.close();
    throw error;
  }
  const id = randomBytes(16).toString('hex');
  const open: OpenTerminal = { sessionId, terminal, isSeen: false, waiting: 0 };
  terminals.set(id, open);
  const unseen = setTimeout(() => {
    if (!open.isSeen) terminal.close();
  }, UNSEEN_LIMIT_MS);
  terminal.output.once('close', () => {
    clearTimeout(unseen);
    terminals.delete(id);
    context.status.expire();
  });
  context.status.expire();
  sendJson(exchange.response, 201, { id } satisfies NewTerminal);
};

/** One page looks at it, and the terminal ends with that. */
export const followTerminal: Handler = (context, exchange) => {
  const open = find(exchange);
  if (open.isSeen) throw new HttpError('busy', 'Another page shows this terminal');
  const stream = context.streams.open(exchange.response);
  // A computer that is unplugged says nothing, and the session would not be idle for as long as TCP waits.
  limitSilence(exchange.request.socket, context.peerSilenceMs);
  open.isSeen = true;
  const { terminal } = open;
  terminal.output.on('data', (bytes: Buffer) => {
    stream.send('output', JSON.stringify(bytes.toString('base64')));
    // What is shown faster than it is read waits where it is made.
    if (stream.isBehind) terminal.output.pause();
  });
  stream.onDrain(() => terminal.output.resume());
  stream.onClose(() => terminal.close());
  terminal.output.once('close', () => stream.end());
};

export const typeInTerminal: Handler = async (context, exchange) => {
  const open = find(exchange);
  const text = await readFields(exchange.request, context.bodyPace, (body) => body.field('text').text(INPUT));
  if (open.waiting >= MAX_WAITING) throw new HttpError('busy', 'What runs in this terminal does not read');
  open.waiting++;
  await open.terminal.type(Buffer.from(text));
  open.waiting--;
  sendNothing(exchange);
};

export const resizeTerminal: Handler = async (context, exchange) => {
  const { terminal } = find(exchange);
  terminal.resize(await readFields(exchange.request, context.bodyPace, readSize));
  sendNothing(exchange);
};

function find({ params }: Exchange): OpenTerminal {
  const open = terminals.get(params['terminal'] ?? '');
  if (open === undefined || open.sessionId !== params['id'])
    throw new HttpError('breakglass-ended', 'This terminal is closed');
  return open;
}

function readSize(body: UntrustedValue): TerminalSize {
  return {
    columns: body.field('columns').integer(1, MAX_TERMINAL_SIDE),
    rows: body.field('rows').integer(1, MAX_TERMINAL_SIDE),
  };
}

function sendNothing({ response }: Exchange): void {
  response.writeHead(204);
  response.end();
}
