// Writes as much as it is let, with and without newlines.

const LINES = 'flood '.repeat(20).concat('\n').repeat(500);
const ENDLESS = 'x'.repeat(64 * 1024);

function flood(): void {
  process.stdout.write(LINES);
  process.stderr.write(ENDLESS);
  setImmediate(flood);
}
flood();
