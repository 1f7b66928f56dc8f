// Who works with a device, for the people who read its log and its page.

import { hostname, userInfo } from 'node:os';

/** docs/update-protocol.md, 1. */
const MAX_NAME_LENGTH = 100;

export function clientName(): string {
  return `${userName()}@${hostname()}`.slice(0, MAX_NAME_LENGTH);
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container a user may have no entry in the password file.
    return `user ${process.getuid?.() ?? ''}`.trim();
  }
}
