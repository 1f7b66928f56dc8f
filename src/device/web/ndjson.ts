// Reads newline-delimited JSON from a stream, chunk by chunk: one array for what each chunk completed, so
// that whoever passes lines on can pass on many at once.

/** A line of init's is far shorter; without a bound a broken one would fill the memory. */
const MAX_LINE_CHARS = 1024 * 1024;

export async function* readNdjson<T>(chunks: AsyncIterable<string>): AsyncGenerator<T[]> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_CHARS) throw new RangeError('Cannot read NDJSON: a line does not end');
    const values = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as T);
    if (values.length > 0) yield values;
  }
}
