/** As people read, compare and type build ids, everywhere alike. */
export function shortBuildId(buildId: string): string {
  return buildId.slice(0, 12);
}
