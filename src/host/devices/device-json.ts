// What devices say, at the one place where it comes in: all texts in it are made visible, so that nothing of it can steer
// the terminal in which it ends, whichever verb prints it.

import { visibleValue } from '../../shared/text/visible-text.ts';

/** Throws SyntaxError. */
export function parseDeviceJson(json: string): unknown {
  return visibleValue(JSON.parse(json) as unknown);
}
