// What several apps are warned of at once, such as code or a tsconfig.json that they share, is said once.

/** Each once, where it came first. */
export function distinctWarnings(...parts: readonly (readonly string[] | undefined)[]): string[] {
  return [...new Set(parts.flatMap((part) => part ?? []))];
}
