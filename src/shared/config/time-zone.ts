// Names of time zones as the IANA has them (https://www.iana.org/time-zones), links such as US/Eastern included. Which
// there are JavaScript knows; it also takes offsets, abbreviations and any letter case, with which no file is found.

/** A file of that name is looked for, so nothing in it leads elsewhere. */
const ZONE_NAME = /^[A-Z][A-Za-z0-9+_-]*(?:\/[A-Za-z0-9+_-]+)*$/;

/** JavaScript's own, from before there were zones: the database has no such files. */
const ABBREVIATIONS: ReadonlySet<string> = new Set(
  'ACT AET AGT ART AST BET BST CAT CNT CST CTT EAT ECT IET IST JST MIT NET NST PLT PNT PRT PST SST VST'.split(
    ' ',
  ),
);

export function isTimeZone(name: string): boolean {
  if (!ZONE_NAME.test(name) || ABBREVIATIONS.has(name)) return false;
  // Of links JavaScript does not say how they are written: whether there is such a file, the build sees.
  const listed = Intl.supportedValuesOf('timeZone').find((zone) => zone.toLowerCase() === name.toLowerCase());
  if (listed !== undefined) return listed === name;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).format(0) !== '';
  } catch {
    return false;
  }
}

function plain(text: string): string {
  return text.toLowerCase().replaceAll(/[\s_-]+/g, '');
}

/** For a name in other letters, with blanks, or of the city alone; undefined when none is like it. */
export function likelyTimeZone(name: string): string | undefined {
  const wanted = plain(name);
  const zones = Intl.supportedValuesOf('timeZone');
  return (
    zones.find((zone) => plain(zone) === wanted) ??
    zones.find((zone) => plain(zone.slice(zone.lastIndexOf('/') + 1)) === wanted)
  );
}
