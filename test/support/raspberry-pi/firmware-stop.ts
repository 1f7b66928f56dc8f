/** A Raspberry Pi would not start: what is wrong, and what somebody in front of it sees. */
export class FirmwareStop extends Error {
  readonly seen: string;

  constructor(problem: string, seen: string) {
    super(`${problem} (${seen})`);
    this.name = 'FirmwareStop';
    this.seen = seen;
  }
}
