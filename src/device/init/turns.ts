// Patience that is not measured by the clock alone. A machine that gets no processor time (a starved host, apps that all
// start at once) shows a late timer and what it waits for in the same moment, and the timer is served first. So a limit
// here is a number of turns of the event loop, each of which was processor time that init had, and in each of which all
// that had come by then was served; a turn takes a tenth of a second or as long as it takes.

const TURN_MS = 100;

/**
 * Calls `onOver` after that many turns, which are as much time at least. Returns what calls it off.
 *
 * @example
 * const callOff = afterTurns(50, () => socket.destroy()); // 5 s of a machine that has nothing else to do
 */
export function afterTurns(turns: number, onOver: () => void): () => void {
  let left = turns;
  // An interval is called once a turn, however many of its times have passed.
  const timer = setInterval(() => {
    if (--left > 0) return;
    clearInterval(timer);
    onOver();
  }, TURN_MS);
  return () => clearInterval(timer);
}
