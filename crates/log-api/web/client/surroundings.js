// What happens around a stream: the page is hidden and shown, the network goes, the machine sleeps.
//
// A hidden page stays connected. After a sleep the socket still looks open, so the clock tells: a timer that comes late
// means that the machine slept. In node there is no page, and only the clock is watched.

/** A timer of this period that comes this late has slept. */
const TICK_MS = 5000;
const SLEPT_MS = 15_000;

/**
 * @typedef {object} Listener
 * @property {() => void} wake   the page can be seen again, or the machine slept: is the connection still alive?
 * @property {() => void} leave  the page goes into the back/forward cache, which an open stream would keep it out of
 * @property {() => void} enter  the page is back
 * @property {() => void} online
 * @property {() => void} offline
 */

/**
 * Tells the listener until the returned function is called.
 * @param {Listener} listener
 */
export function watchSurroundings(listener) {
  /** @type {Array<() => void>} */
  const undo = [];
  /** @param {EventTarget | undefined} target @param {string} name @param {() => void} call */
  const on = (target, name, call) => {
    if (!target?.addEventListener) return;
    target.addEventListener(name, call);
    undo.push(() => target.removeEventListener(name, call));
  };
  const view = typeof window === "undefined" ? undefined : window;
  on(view?.document, "visibilitychange", () => {
    if (view?.document.visibilityState === "visible") listener.wake();
  });
  on(view, "online", listener.online);
  on(view, "offline", listener.offline);
  on(view, "pagehide", listener.leave);
  on(view, "pageshow", listener.enter);
  let last = Date.now();
  const timer = setInterval(() => {
    const now = Date.now();
    if (now - last > SLEPT_MS) listener.wake();
    last = now;
  }, TICK_MS);
  // In node, a client that nobody reads must not keep the process alive.
  /** @type {{unref?: () => void}} */ (/** @type {unknown} */ (timer)).unref?.();
  undo.push(() => clearInterval(timer));
  return () => undo.forEach((call) => call());
}

/** Whether the browser knows that there is no network. `false` proves nothing. */
export function isOffline() {
  return typeof navigator !== "undefined" && navigator.onLine === false;
}
