// Follows a stream with node's fetch or its EventSource, as docs/CLIENTS.md shows it, and prints what it got.
//
//     node --experimental-eventsource clients.mjs fetch URL TOKEN
//     node --experimental-eventsource clients.mjs event-source:30 URL ""
//
// The output is that of clients.py. With thirty sources, each line also has the number of its source. They send no token: the
// proxy of the test does.

const [library, url, token] = process.argv.slice(2);

const show = (text) => (text === null || text.length <= 1000 ? text : `${text.length} characters`);
const print = (object) => process.stdout.write(JSON.stringify(object) + "\n");

function take(name, data) {
  if (name === "log") print({ id: data.id, text: show(data.text) });
  if (name === "gap") print({ gap: data });
  if (name === "done") print({ done: data.status });
  return name === "done";
}

async function followByFetch() {
  let cursor;
  for (;;) {
    try {
      const headers = { Authorization: `Bearer ${token}` };
      if (cursor) headers["Last-Event-ID"] = cursor;
      const answer = await fetch(url, { headers });
      if (answer.status === 204) return;
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      let rest = "";
      for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
        const blocks = (rest + piece).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) {
          const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s)));
          cursor = fields.id;
          if (take(fields.event, JSON.parse(fields.data))) return;
        }
      }
      // A clean end without `done` must not be taken for the end of the log.
      print({ cleanEndWithoutDone: true });
    } catch (error) {
      if (String(error).includes("status ")) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function followByEventSource(number) {
  return new Promise((resolve, reject) => {
    const source = new EventSource(url);
    for (const name of ["log", "gap", "done"]) {
      source.addEventListener(name, (event) => {
        const data = JSON.parse(event.data);
        if (name === "log") print({ source: number, id: data.id, text: show(data.text) });
        if (name === "gap") print({ source: number, gap: data });
        if (name === "done") {
          print({ source: number, done: data.status });
          source.close();
          resolve();
        }
      });
    }
    source.onerror = () => {
      // It comes back by itself, unless the answer had a status other than 200.
      if (source.readyState === EventSource.CLOSED) reject(new Error(`source ${number} is closed for good`));
    };
  });
}

if (library === "fetch") {
  await followByFetch();
} else {
  const count = Number(library.split(":")[1] ?? 1);
  // The pause of this EventSource before it comes back does not keep node running.
  const alive = setInterval(() => {}, 1000);
  await Promise.all(Array.from({ length: count }, (_, number) => followByEventSource(number)));
  clearInterval(alive);
}
