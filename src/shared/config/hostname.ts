// "hostname" in tskrazy.json. Each rule refuses by itself, so that a message names the one that was broken.

import * as v from 'valibot';

/** Length of the kernel's utsname. */
const MAX_LENGTH = 64;
const MAX_LABEL_LENGTH = 63;

/** A pattern for editors, which know patterns only: characters, lengths, hyphens and numbers. */
const PATTERN =
  '^(?=.{1,64}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)*(?!\\d+$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$';

/** Names that hosts files give to the machine itself and to groups of machines: Debian's, and those of macOS. */
const TAKEN: ReadonlySet<string> = new Set([
  'broadcasthost',
  'ip6-allhosts',
  'ip6-allnodes',
  'ip6-allrouters',
  'ip6-localhost',
  'ip6-localnet',
  'ip6-loopback',
  'ip6-mcastprefix',
  'localhost',
]);

/** Why `name` cannot be a device's, as the end of a sentence that begins with it; undefined when it can. */
export function hostnameProblem(name: string): string | undefined {
  if (name === '') return 'must not be empty';
  return lettersProblem(name) ?? meaningProblem(name.toLowerCase());
}

/** RFC 1123, section 2.1, which lets names begin with a digit, and RFC 952 before it. */
function lettersProblem(name: string): string | undefined {
  const [foreign] = /[^A-Za-z0-9.-]/u.exec(name) ?? [];
  if (foreign !== undefined) {
    return `has the character ${JSON.stringify(foreign)}: a hostname has letters from a to z, digits, hyphens, and dots between its parts (RFC 1123)`;
  }
  for (const label of name.split('.')) {
    if (label === '') return 'has a dot with nothing before or after it: dots stand between parts (RFC 1123)';
    if (label.startsWith('-') || label.endsWith('-')) {
      return `has a hyphen at the ${label.startsWith('-') ? 'beginning' : 'end'} of "${label}": hyphens stand between letters or digits (RFC 952)`;
    }
    if (label.length > MAX_LABEL_LENGTH) {
      return `has ${label.length} characters in a row without a dot: ${MAX_LABEL_LENGTH} are the most (RFC 1123)`;
    }
  }
  if (name.length <= MAX_LENGTH) return undefined;
  return `has ${name.length} characters: Linux takes ${MAX_LENGTH} at most`;
}

function meaningProblem(name: string): string | undefined {
  const labels = name.split('.');
  const last = labels.at(-1) ?? '';
  // inet_aton(3) and the URL standard read hexadecimal numbers too.
  if (/^(?:\d+|0x[0-9a-f]*)$/.test(last)) {
    return `${labels.length === 1 ? 'is a number' : `ends in a number, "${last}"`}: it would be taken for an IP address (RFC 1123)`;
  }
  if (last === 'local') {
    const proposal = labels.length === 1 ? 'choose another name' : `write "${labels.slice(0, -1).join('.')}"`;
    return `${labels.length === 1 ? 'is' : 'ends in'} the domain "local" of multicast DNS, under which the device answers anyway (RFC 6762): ${proposal}`;
  }
  if (TAKEN.has(name) || last === 'localhost' || last === 'localdomain') {
    return 'is what each machine calls itself or its neighbours (RFC 6761): choose a name of its own';
  }
  return undefined;
}

/** `pattern` is for generators: JSON Schema has no word for the rest. */
const hostnameCheck = {
  ...v.check<string, (issue: v.CheckIssue<string>) => string>(
    (name) => hostnameProblem(name) === undefined,
    ({ input }) => hostnameProblem(input) ?? '',
  ),
  pattern: PATTERN,
};

export const hostnameSchema = v.pipe(
  v.string('must be a string'),
  hostnameCheck,
  v.description('Name of the device in the network'),
);
