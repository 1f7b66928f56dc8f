// Whether a page of a virtual machine answers, asked again and again while the machine boots.

/**
 * QEMU takes a connection long before anybody listens in the guest, and does not pass it on later: short tries
 * see the page soonest. But on a machine where everything is slow an answer takes its time, so they grow with
 * the time that has passed since the machine was started.
 */
export async function answers(url: string | URL, elapsedMs: number): Promise<boolean> {
  const limitMs = Math.min(5000, 300 + elapsedMs / 20);
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(limitMs) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    // Not yet.
    return false;
  }
}
