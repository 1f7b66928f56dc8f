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
  let rest = '';
  let id = '';
  let event = '';
  let data: string[] = [];
  for await (const chunk of chunks) {
    // A carriage return at the end may be the first half of a line's end.
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    if (rest.length > MAX_EVENT_CHARACTERS) throw new RangeError('Cannot read events: a line does not end');
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { id, event: event || 'message', data: data.join('\n') };
        event = '';
        data = [];
        continue;
      }
      const [, field = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
      if (field === 'id') id = value;
      else if (field === 'event') event = value;
      else if (field === 'data') data.push(value);
    }
  }
}
