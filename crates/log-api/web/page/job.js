// The job of a page: the last part of its address.

/** @param {string} path */
export function jobOf(path) {
  const name = path.split("/").filter(Boolean).pop() ?? "";
  try {
    return decodeURIComponent(name);
  } catch {
    // No job has such a name, and the service will say so.
    return name;
  }
}
