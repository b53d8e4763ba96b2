// The client of the API: no DOM, no dependency, for pages and for node 20 and later.
//
//   for await (const event of follow({ job: "build-1", getToken })) if (event.type === "lines") show(event.lines);

export { follow } from "./follow.js";
export { firstGap, page, readAll, search, status } from "./pages.js";
export { ApiError } from "./request.js";
export { searchAll } from "./search-all.js";
