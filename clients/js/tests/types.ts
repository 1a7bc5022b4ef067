// What the declarations promise, and what they refuse: for tsc --noEmit --strict.
import { queued, type QueueOptions, type QueueState } from "../evergrant-queue.js";

const states: QueueState[] = [];
const options: QueueOptions = { max: 10, patience: 5000, atOnce: 2, onwait: (state) => states.push(state) };

// Takes what fetch takes, and gives what fetch gives.
const send: typeof fetch = queued(fetch, options);
const answers: Promise<Response>[] = [
	send("/orders"),
	send(new URL("https://api.example.com/"), { method: "POST", body: "{}" }),
	send(new Request("https://api.example.com/", { signal: AbortSignal.timeout(1000) })),
	queued(fetch)("/orders"),
	queued((request: Request) => fetch(request, { priority: "low" }), {})("/orders"),
];

for (const { origin, waiting, ms } of states) {
	const line: string = `${origin.toLowerCase()}: ${waiting.toFixed()} for ${ms.toFixed()} ms`;
	console.log(line, answers.length);
}

// @ts-expect-error: there is nothing to send with.
queued();
// @ts-expect-error: milliseconds are a number.
queued(fetch, { patience: "5s" });
// @ts-expect-error: it is spelled atOnce.
queued(fetch, { atonce: 1 });
// @ts-expect-error: that is no answer.
queued(async () => 200);
