// How many streams the pages of a browser keep open to one server.
//
// Over HTTP/1.1 a browser opens six connections to a server, for all its tabs together, and a stream keeps one for good: a
// seventh tab would wait for ever, and say nothing. So tabs take one of four slots, by locks that end with their tab; who
// gets none reads pages. Over HTTP/2 and later there is no such limit.

/** Two connections stay free for everything else. */
const SLOTS = 4;

/** @typedef {{release: () => void}} Slot */

/**
 * A slot for a stream to this address; `null` if all are taken.
 * @param {string} url @returns {Promise<Slot | null>}
 */
export async function takeSlot(url) {
  const locks = typeof navigator === "undefined" ? undefined : navigator.locks;
  const origin = typeof location === "undefined" ? "" : new URL(url, location.href).origin;
  if (!locks || isMultiplexed(origin)) return { release: () => {} };
  for (let slot = 0; slot < SLOTS; slot += 1) {
    const taken = await tryLock(locks, `job-log ${origin} ${slot}`);
    if (taken) return taken;
  }
  return null;
}

/** @param {LockManager} locks @param {string} name @returns {Promise<Slot | null>} */
function tryLock(locks, name) {
  return new Promise((resolve, reject) => {
    /** @param {Lock | null} lock */
    const hold = (lock) => {
      if (!lock) return resolve(null);
      // The lock is held until this promise is fulfilled.
      return new Promise((release) => resolve({ release: () => release(undefined) }));
    };
    locks.request(name, { ifAvailable: true }, hold).catch(reject);
  });
}

/** Whether what this page has fetched from there came over a protocol that shares one connection.
 * @param {string} origin
 */
function isMultiplexed(origin) {
  const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  const known = /** @type {PerformanceResourceTiming | undefined} */ (entries.find((entry) => entry.name.startsWith(`${origin}/`)));
  return /^h[23]/.test(known?.nextHopProtocol ?? "");
}
