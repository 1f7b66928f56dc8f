// One log to one reader: as text, as NDJSON, or followed as server-sent events. Init's flow is never held
// up and memory never grows with a reader that is slow: what does not fit is dropped, oldest first, and
// shows as a gap in `seq`.

import type http from 'node:http';

import type { LogLine } from '../../shared/services/services.ts';
import type { EventStream } from './event-stream.ts';
import { logError } from './log.ts';
import { readNdjson } from './ndjson.ts';

/** A flooding service becomes ten messages a second, not a hundred thousand. */
const BATCH_MS = 100;
const MAX_PENDING_LINES = 1_000;
const MAX_PENDING_CHARS = 256 * 1024;

function formatLogLine(line: LogLine): string {
  const mark = line.stream === 'stdout' ? ' ' : line.stream === 'stderr' ? '!' : '*';
  return `${new Date(line.timeMs).toISOString()} ${mark} ${line.text}\n`;
}

/** Lines that wait for their batch. Bounded. */
class PendingLines {
  #lines: LogLine[] = [];
  #chars = 0;

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  add(lines: readonly LogLine[]): void {
    this.#lines.push(...lines);
    for (const line of lines) this.#chars += line.text.length;
    let drop = 0;
    while (
      drop < this.#lines.length - 1 &&
      (this.#lines.length - drop > MAX_PENDING_LINES || this.#chars > MAX_PENDING_CHARS)
    )
      this.#chars -= this.#lines[drop++]?.text.length ?? 0;
    if (drop > 0) this.#lines.splice(0, drop);
  }

  take(): LogLine[] {
    const lines = this.#lines;
    this.#lines = [];
    this.#chars = 0;
    return lines;
  }
}

export interface FollowOptions {
  bootId: string;
  /** Header of the request: what the reader has seen last. */
  lastEventId: string | undefined;
}

/** `BOOT:SEQ`: numbers of another boot say nothing of this one. */
function resumeAfter({ bootId, lastEventId }: FollowOptions): number {
  const [boot, seq = ''] = (lastEventId ?? '').split(':', 2);
  return boot === bootId && /^\d{1,15}$/.test(seq) ? Number(seq) : -1;
}

/** Returns at once; ends when either side does. */
export function followLog(source: http.IncomingMessage, stream: EventStream, options: FollowOptions): void {
  const pending = new PendingLines();
  const after = resumeAfter(options);
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    timer = undefined;
    // A reader that is behind gets them when it has caught up.
    if (pending.isEmpty || stream.isBehind) return;
    const lines = pending.take();
    stream.send('lines', JSON.stringify(lines), `${options.bootId}:${lines.at(-1)?.seq ?? 0}`);
  };
  stream.onDrain(flush);
  stream.onClose(() => {
    clearTimeout(timer);
    source.destroy();
  });
  const pump = async () => {
    for await (const lines of readNdjson<LogLine>(source as AsyncIterable<string>)) {
      pending.add(after < 0 ? lines : lines.filter((line) => line.seq > after));
      timer ??= setTimeout(flush, BATCH_MS);
    }
  };
  pump()
    .catch((error: unknown) => {
      if (!source.destroyed) logError('Cannot follow a log', error);
    })
    .finally(() => {
      clearTimeout(timer);
      flush();
      stream.end();
    });
}

/** The lines that init has now, in the reader's own time. */
export async function* logText(
  source: http.IncomingMessage,
  format: 'text' | 'ndjson',
): AsyncGenerator<string> {
  for await (const lines of readNdjson<LogLine>(source as AsyncIterable<string>))
    yield lines
      .map((line) => (format === 'text' ? formatLogLine(line) : `${JSON.stringify(line)}\n`))
      .join('');
}
