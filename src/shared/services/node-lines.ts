// The lines of Node.js that an app may ask for (`nodeVersion`) beside the image's own, on which init and all programs of ours run.
// Each lies in the image at most once, for all apps that ask for it, and only where one does.

export const NODE_LINES = ['22', '24'] as const;
export type NodeLine = (typeof NODE_LINES)[number];

/** Undefined: the image's own. */
export function nodeDirectory(line: NodeLine | undefined): string {
  return line === undefined ? '/bin' : `/opt/node-${line}/bin`;
}

export function nodePath(line: NodeLine | undefined): string {
  return `${nodeDirectory(line)}/node`;
}
