// What devices say, at the one place where it comes in: all texts in it are made visible, so that nothing of it can steer
// the terminal in which it ends, whichever verb prints it.

import { visibleValue } from '../../shared/text/visible-text.ts';

/** Throws SyntaxError. */
export function parseDeviceJson(json: string): unknown {
  try {
    return visibleValue(JSON.parse(json) as unknown);
  } catch (cause) {
    // Who answers for a device may nest values without end; whoever walks through them has a stack that ends.
    if (cause instanceof RangeError) throw new SyntaxError('Values are nested too deeply', { cause });
    throw cause;
  }
}
