// Reads Debian control data: the stanzas that `apt-cache show` prints and that Packages files hold.
// Debian Policy, chapter 5.

export type Stanza = Readonly<Record<string, string>>;

/** Continuation lines are joined to their field with a newline. */
export function* parseStanzas(lines: Iterable<string>): Generator<Stanza> {
  let stanza: Record<string, string> = {};
  let field = '';
  for (const line of lines) {
    if (line.trim() === '') {
      if (field !== '') yield stanza;
      stanza = {};
      field = '';
    } else if (line.startsWith(' ') || line.startsWith('\t')) {
      stanza[field] = `${stanza[field] ?? ''}\n${line.slice(1)}`;
    } else {
      const colon = line.indexOf(':');
      field = line.slice(0, colon);
      stanza[field] = line.slice(colon + 1).trim();
    }
  }
  if (field !== '') yield stanza;
}

/** Names that the package stands for besides its own. */
export function providedBy(stanza: Stanza): string[] {
  return (stanza['Provides'] ?? '').split(',').flatMap((term) => term.trim().split(/[\s(]/)[0] || []);
}

/** Names in Pre-Depends and Depends; of alternatives, the first. */
export function dependenciesOf(stanza: Stanza): string[] {
  const fields = [stanza['Pre-Depends'], stanza['Depends']].filter((field) => field !== undefined);
  return fields
    .join(',')
    .split(',')
    .map(
      (term) =>
        term
          .split('|')[0]
          ?.trim()
          .split(/[\s:(]/)[0] ?? '',
    )
    .filter((name) => name !== '');
}
