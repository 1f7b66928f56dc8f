// How a program names a line: by its BCM number, or by a name: GPIO17, BCM17, or what the kernel calls it (ID_SDA).

/** The 40-pin header has 0 to 27; what is beyond are the board's own: its card, its radio, its lights. */
export const HEADER_LINES = 28;

/** `lookUp` finds a name of the kernel's. Throws RangeError. */
export function bcmNumberOf(
  line: number | string,
  lookUp: (name: string) => number | undefined = () => undefined,
): number {
  const digits = typeof line === 'string' ? /^(?:GPIO|BCM)?(\d{1,3})$/i.exec(line)?.[1] : undefined;
  const bcm = typeof line === 'number' ? line : digits === undefined ? lookUp(line) : Number(digits);
  if (bcm !== undefined && Number.isInteger(bcm) && bcm >= 0 && bcm < HEADER_LINES) return bcm;
  const name = typeof line === 'number' ? `GPIO line ${line}` : `GPIO line "${line}"`;
  throw new RangeError(
    `Cannot open ${name}: the header has GPIO0 to GPIO${HEADER_LINES - 1}, by their BCM numbers`,
  );
}
