// What the types allow, and what they do not; compiled, never run.
import { queued, type QueueOptions, type QueueState } from "../evergrant-queue.js";

const options: QueueOptions = { max: 10, patience: 1000, atOnce: 2, onwait: ({ origin, waiting, ms }: QueueState) => `${origin} ${waiting + ms}` };
const send: typeof fetch = queued(fetch, options);
const answer: Promise<Response> = send(new URL("https://orders.example.com"), { method: "POST", body: "{}" });
queued((request) => fetch(request, { cache: "no-store" }))(new Request("https://orders.example.com"));
void answer;

// @ts-expect-error a time is a number of milliseconds
queued(fetch, { patience: "1s" });
// @ts-expect-error there is something to send with
queued();
