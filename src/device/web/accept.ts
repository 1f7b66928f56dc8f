// What a client wants to read (RFC 9110, section 12.5.1).

interface MediaRange {
  type: string;
  quality: number;
}

/** How much the client likes `mediaType`, from 0 (not at all) to 1. Without the header it takes everything. */
export function acceptance(accept: string | undefined, mediaType: string): number {
  if (accept === undefined) return 1;
  const ranges = accept.split(',').map(parseRange);
  const [group = ''] = mediaType.split('/');
  // The closest one counts, wherever it stands.
  for (const wanted of [mediaType, `${group}/*`, '*/*']) {
    const found = ranges.find(({ type }) => type === wanted);
    if (found) return found.quality;
  }
  return 0;
}

/** Whether a refusal is to be a page: browsers name the type, programs that take anything do not. */
export function prefersPage(accept: string | undefined): boolean {
  const page = acceptance(accept, 'text/html');
  const isNamed = /\btext\/html\b/i.test(accept ?? '');
  return isNamed && page > 0 && page >= acceptance(accept, 'application/json');
}

function parseRange(text: string): MediaRange {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const q = parameters.find((parameter) => parameter.startsWith('q='));
  const quality = q === undefined ? 1 : Number(q.slice(2));
  return { type, quality: quality >= 0 && quality <= 1 ? quality : 0 };
}
