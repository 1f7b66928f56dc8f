// What docs/troubleshooting.md explains: the messages that people will see most. A UserError names its topic, and whoever
// prints the error tells where to read more.

export const HELP_TOPICS = [
  'no-instance',
  'download',
  'offline',
  'npm-packages',
  'native-add-on',
  'bundling',
  'needs-go',
  'update-key',
  'secrets',
  'flash-refused',
  'no-qemu',
  'vm-does-not-boot',
  'not-found',
  'no-answer',
  'not-proven',
  'another-device',
  'wrong-password',
  'wrong-host',
  'too-old',
  'untrusted-key',
  'image-refused',
  'update-busy',
  'not-back',
  'rolled-back',
] as const;

export type HelpTopic = (typeof HELP_TOPICS)[number];

const PAGE = 'docs/troubleshooting.md';

/** An address where the package has a home in the web; otherwise the path of the page in the package. */
export function whereToReadMore(topic: HelpTopic, homepage: string | undefined): string {
  const path = `${PAGE}#${topic}`;
  return homepage === undefined ? path : new URL(path, homepage.replace(/\/?$/, '/')).href;
}
