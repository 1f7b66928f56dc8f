// An area of Debian's archive that a host's own package lists do not have, such as `non-free-firmware` of a suite with newer
// packages. It is on the same servers: of the host's sources that of Debian tells where, and by which key.
// sources.list(5), apt_preferences(5)

/** Packages that the host's lists may not have. */
export interface DebianArchive {
  area: string;
  /** Of two that have a package the first counts. */
  suites: readonly string[];
}

interface HostSource {
  uri: string;
  suites: readonly string[];
  areas: readonly string[];
  signedBy: string | undefined;
}

/** Lines of sources.list(5) for an archive; undefined: none of the host's sources is of Debian. */
export function archiveSources(texts: readonly HostSourceText[], archive: DebianArchive): string | undefined {
  const debian = texts
    .flatMap(({ text, isDeb822 }) => (isDeb822 ? readDeb822(text) : readOneLine(text)))
    .find(
      ({ uri, suites, areas }) =>
        /\/debian\/?$/.test(uri) && areas.includes('main') && suites.some((suite) => /^[a-z]+$/.test(suite)),
    );
  if (debian === undefined) return undefined;
  const options = debian.signedBy === undefined ? '' : `[signed-by=${debian.signedBy}] `;
  return archive.suites.map((suite) => `deb ${options}${debian.uri} ${suite} ${archive.area}\n`).join('');
}

export interface HostSourceText {
  text: string;
  isDeb822: boolean;
}

/** The first suite that has a package is what it is taken from, whatever priority the suite gives to itself. */
export function archivePreferences({ suites }: DebianArchive): string {
  return suites
    .map((suite, index) => `Package: *\nPin: release n=${suite}\nPin-Priority: ${900 - index}\n`)
    .join('\n');
}

function readOneLine(text: string): HostSource[] {
  return text.split('\n').flatMap((line) => {
    const [, options = '', uri, suite, areas] =
      /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.+)$/.exec(line) ?? [];
    if (uri === undefined || suite === undefined || areas === undefined) return [];
    const signedBy = /\bsigned-by=(\S+)/.exec(options)?.[1];
    return [{ uri, suites: [suite], areas: words(areas), signedBy }];
  });
}

function readDeb822(text: string): HostSource[] {
  return text.split(/\n[ \t]*\n/).flatMap((stanza) => {
    const field = (name: string): string =>
      new RegExp(`^${name}:[ \\t]*(.*)$`, 'im').exec(stanza)?.[1]?.trim() ?? '';
    const [uri] = words(field('URIs'));
    if (uri === undefined || !words(field('Types')).includes('deb')) return [];
    // A key in the stanza itself, in lines of its own, is not taken over: apt has Debian's keys anyway.
    const signedBy = field('Signed-By');
    return [
      {
        uri,
        suites: words(field('Suites')),
        areas: words(field('Components')),
        signedBy: signedBy.startsWith('/') ? signedBy : undefined,
      },
    ];
  });
}

function words(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}
