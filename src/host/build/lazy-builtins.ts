// Builtins of Node.js that a device program loads when it first uses one of them, not when it starts: all imports of
// its modules are at the top of a bundle, and these are for what comes later or seldom.

const LAZY_BUILTINS = [
  'node:child_process',
  'node:crypto',
  'node:dgram',
  'node:dns/promises',
  'node:fs/promises',
  'node:net',
  'node:os',
  'node:timers/promises',
  'node:tls',
  'node:v8',
  'node:zlib',
] as const;

/**
 * Goes before a bundle's own code. There, an import of a builtin is a call of `require`, and each use of what was
 * imported reads a property of what that returned; so an object that asks the builtin for each of its properties does
 * as well as the builtin itself. "use strict" is the bundle's own, which no longer comes first.
 */
export const LAZY_BUILTINS_CODE = `"use strict";
require = ((load) => {
  const lazy = new Set(${JSON.stringify(LAZY_BUILTINS)});
  const standInFor = (id) =>
    new Proxy({}, {
      get: (_, name) => load(id)[name],
      has: (_, name) => name in load(id),
      ownKeys: () => Reflect.ownKeys(load(id)),
      getOwnPropertyDescriptor(_, name) {
        const property = Reflect.getOwnPropertyDescriptor(load(id), name);
        return property && { ...property, configurable: true };
      },
    });
  return (id) => (lazy.has(id) ? standInFor(id) : load(id));
})(require);`;
