// Whether a page of a virtual machine answers, asked again and again while the machine boots.

/**
 * QEMU takes a connection long before anybody listens in the guest and does not pass it on later, hence the limit.
 * Much shorter ones leave it with so many half-open connections that those to come are slow (seen: 90 s).
 */
export async function answers(url: string | URL, limitMs = 5000): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(limitMs) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    // Not yet.
    return false;
  }
}
