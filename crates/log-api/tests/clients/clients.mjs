// Follows a stream with node's fetch or its EventSource, as docs/CLIENTS.md shows it, and prints what it got.
//
//     node --experimental-eventsource clients.mjs fetch URL TOKEN
//     node --experimental-eventsource clients.mjs event-source:30 URL ""
//     node --experimental-eventsource clients.mjs event-source-anew URL ""
//
// The output is that of clients.py. With thirty sources, each line also has the number of its source. They send no token: the
// proxy of the test does.

const [library, url, token] = process.argv.slice(2);

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

// How long to wait after an answer that asks to come back. Every other status that is not 2xx is final.
function waitAfter(answer) {
  if (![429, 502, 503, 504].includes(answer.status)) throw new Error(`status ${answer.status}`);
  return Number(answer.headers.get("Retry-After") ?? 5);
}

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
      if (!answer.ok) {
        await sleep(waitAfter(answer));
        continue;
      }
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
    await sleep(0.2);
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

// An EventSource that ends for good does not say why. The job's status does.
function followAnew(cursor) {
  return new Promise((resolve, reject) => {
    const source = new EventSource(cursor ? `${url}&after_id=${cursor}` : url);
    for (const name of ["heartbeat", "log", "gap", "done"]) {
      source.addEventListener(name, (event) => {
        cursor = event.lastEventId;
        if (!take(name, JSON.parse(event.data))) return;
        source.close();
        resolve();
      });
    }
    source.onerror = async () => {
      if (source.readyState !== EventSource.CLOSED) return;
      try {
        const answer = await fetch(url.replace(/\/stream.*/, "/status"));
        // The job is there, so it was the limit of streams.
        await sleep(answer.ok ? 15 : waitAfter(answer));
        resolve(followAnew(cursor));
      } catch (error) {
        reject(error);
      }
    };
  });
}

if (library === "fetch") {
  await followByFetch();
} else if (library === "event-source-anew") {
  const alive = setInterval(() => {}, 1000);
  await followAnew();
  clearInterval(alive);
} else {
  const count = Number(library.split(":")[1] ?? 1);
  // The pause of this EventSource before it comes back does not keep node running.
  const alive = setInterval(() => {}, 1000);
  await Promise.all(Array.from({ length: count }, (_, number) => followByEventSource(number)));
  clearInterval(alive);
}
