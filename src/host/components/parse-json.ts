// What tools and registries print, which is JSON when all is well.

/** undefined: it is something else. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
