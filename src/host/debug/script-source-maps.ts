// Gives debuggers the source maps that the build has left here: a device has none. What goes by is the inspector's protocol
// (Chrome DevTools Protocol); of it only the news of a script is changed, also of those of workers, which comes in texts in texts.

import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { encodeServerFrame, ServerFrames } from '../../formats/websocket.ts';
import type { SourcePlaces } from '../devices/source-places.ts';
import { devicePath } from './device-path.ts';
import { objectOf, textOf } from './loose-values.ts';

const HEAD_END = '\r\n\r\n';
const MAX_HEAD_BYTES = 16 * 1024;
/** A heap snapshot comes in pieces, a CPU profile in one. */
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;
/** Both are looked for before anything is parsed: almost all messages are something else. */
const SCRIPT_PARSED = 'Debugger.scriptParsed';
const OF_WORKER = 'NodeWorker.receivedMessageFromWorker';

/** `directory`: the instance's, which sources are relative to. */
export class ScriptSourceMaps {
  readonly #places: SourcePlaces;
  readonly #directory: string;
  /** By path on the device. */
  readonly #urls = new Map<string, string | undefined>();

  constructor(places: SourcePlaces, directory: string) {
    this.#places = places;
    this.#directory = directory;
  }

  /** A text of the inspector, as the debugger is to have it. */
  complete(text: string): string {
    if (!text.includes(SCRIPT_PARSED)) return text;
    const message = parse(text);
    const params = objectOf(message?.['params']);
    switch (message?.['method']) {
      case SCRIPT_PARSED: {
        const sourceMapURL = this.#urlOf(textOf(params['url']));
        if (sourceMapURL === undefined || textOf(params['sourceMapURL']) !== '') return text;
        return JSON.stringify({ ...message, params: { ...params, sourceMapURL } });
      }
      case OF_WORKER: {
        const inner = textOf(params['message']);
        return JSON.stringify({ ...message, params: { ...params, message: this.complete(inner) } });
      }
      default:
        return text;
    }
  }

  /** In the URL itself: whoever debugs need not be able to read files of this computer, nor to ask a server. */
  #urlOf(scriptUrl: string): string | undefined {
    const path = devicePath(scriptUrl);
    if (path === undefined) return undefined;
    if (!this.#urls.has(path)) this.#urls.set(path, this.#encode(path));
    return this.#urls.get(path);
  }

  #encode(path: string): string | undefined {
    const map = this.#places.mapOf(path);
    if (map === undefined) return undefined;
    const files = map.sources.map((source) => resolve(this.#directory, source));
    const text = JSON.stringify({
      ...map,
      sourceRoot: '',
      sources: files.map((file) => pathToFileURL(file).href),
      sourcesContent: files.map((file) => (existsSync(file) ? readFileSync(file, 'utf8') : null)),
    });
    return `data:application/json;base64,${Buffer.from(text).toString('base64')}`;
  }
}

/** The bytes of an inspector's answer and of all that it sends behind it, with source maps. */
export class MappedStream {
  readonly #maps: ScriptSourceMaps;
  readonly #frames = new ServerFrames(MAX_MESSAGE_BYTES);
  #head: Buffer | undefined = Buffer.alloc(0);

  constructor(maps: ScriptSourceMaps) {
    this.#maps = maps;
  }

  /** What goes on to the debugger. Throws SyntaxError for what no inspector sends. */
  take(piece: Buffer): Uint8Array[] {
    if (this.#head === undefined) return this.#takeFrames(piece);
    this.#head = Buffer.concat([this.#head, piece]);
    const end = this.#head.indexOf(HEAD_END);
    if (end < 0) {
      if (this.#head.length > MAX_HEAD_BYTES) throw new SyntaxError('Cannot read an answer: it has no end');
      return [];
    }
    const start = end + HEAD_END.length;
    const [head, rest] = [this.#head.subarray(0, start), this.#head.subarray(start)];
    this.#head = undefined;
    return [head, ...this.#takeFrames(rest)];
  }

  #takeFrames(piece: Uint8Array): Uint8Array[] {
    return this.#frames.take(piece).map(({ kind, payload }) => {
      if (kind !== 'text') return encodeServerFrame(kind, payload);
      // Cheaper than to decode each.
      const isOfScript = Buffer.from(payload.buffer, payload.byteOffset, payload.length).includes(
        SCRIPT_PARSED,
      );
      if (!isOfScript) return encodeServerFrame(kind, payload);
      return encodeServerFrame(kind, Buffer.from(this.#maps.complete(Buffer.from(payload).toString('utf8'))));
    });
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}
