// Reads server-sent events (HTML standard, section 9.2.6), as far as devices send them: `id`, `event`, `data`.

export interface ServerSentEvent {
  /** The last one given; it stays until another comes. */
  id: string;
  event: string;
  data: string;
}

/** A batch of log lines is far shorter; without a bound another server could fill the memory. */
const MAX_EVENT_CHARACTERS = 8 * 1024 * 1024;

export async function* readServerSentEvents(chunks: AsyncIterable<string>): AsyncGenerator<ServerSentEvent> {
  let id = '';
  let event = '';
  let data: string[] = [];
  let characters = 0;
  for await (const lines of readLines(chunks)) {
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { id, event: event || 'message', data: data.join('\n') };
        event = '';
        data = [];
        characters = 0;
        continue;
      }
      const [, field = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
      if (field === 'id') id = value;
      else if (field === 'event') event = value;
      else if (field === 'data') {
        data.push(value);
        characters += line.length;
        if (characters > MAX_EVENT_CHARACTERS)
          throw new RangeError('Cannot read events: the data of one do not end');
      }
    }
  }
}

/** As they come. What stands after the last end of a line was cut off, and is none. */
async function* readLines(chunks: AsyncIterable<string>): AsyncGenerator<string[]> {
  /** Of the line that has not ended, and searched for its end: with each chunk anew that would take longer and longer. */
  let pieces: string[] = [];
  let characters = 0;
  for await (const chunk of chunks) {
    // A carriage return at the end may be the first half of a line's end.
    const half = pieces.at(-1)?.endsWith('\r') === true ? (pieces.pop() ?? '') : '';
    const [first = '', ...others] = (half + chunk).split(/\r\n|\n|\r(?!$)/);
    const last = others.pop();
    if (last === undefined) {
      pieces.push(first);
      characters += chunk.length;
    } else {
      yield [pieces.join('') + first, ...others];
      pieces = [last];
      characters = last.length;
    }
    if (characters > MAX_EVENT_CHARACTERS) throw new RangeError('Cannot read events: a line does not end');
  }
}
