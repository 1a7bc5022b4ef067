// A fetch that waits: README.md
const now = () => performance.now();
const timer = (run, ms) => setTimeout(run, Math.min(ms, 2e9));

export function queued(fetch, { max = 1024, patience = 6e4, atOnce = 4, onwait } = {}) {
	const gates = {};
	let calls = 0;

	// In order, a few at a time; after a rest the first goes alone.
	const next = (gate) => {
		const { origin, waiting, rest, until } = gate;
		for (; !rest && waiting[0] && gate.sent < gate.most; gate.sent++) waiting.shift().go(true);
		queueMicrotask(() => onwait?.({ origin, waiting: waiting.length, ms: rest ? until - now() : 0 }));
	};

	return async (input, init) => {
		const request = new Request(input, init);
		const { signal } = request;
		const stream = init?.body?.getReader || init?.body?.[Symbol.asyncIterator];
		const { origin } = new URL(request.url);
		const gate = (gates[origin] ??= { origin, waiting: [], sent: 0, most: atOnce });
		const { waiting } = gate;
		const call = calls++;
		const end = now() + patience;
		// Whether its turn comes in time.
		const turn = (done) => {
			const place = { call, go: (mine) => done(mine, clearTimeout(late)) };
			const leave = () => {
				const at = waiting.indexOf(place);
				if (at < 0) return;
				waiting.splice(at, 1);
				place.go();
				next(gate);
			};
			const late = timer(leave, gate.rest && gate.until > end ? 0 : end - now());
			signal.addEventListener("abort", leave);
			waiting.push(place);
			waiting.sort((a, b) => a.call - b.call);
			next(gate);
		};

		if (waiting.length >= max) throw new DOMException("queue full", "QuotaExceededError");
		for (let answer; ; ) {
			signal.throwIfAborted();
			if (!(await new Promise(turn))) {
				signal.throwIfAborted();
				if (answer) return answer;
				throw new DOMException("no turn in time", "TimeoutError");
			}
			let { until } = gate, ms;
			try {
				answer = await fetch(stream ? request : request.clone());
				ms = restOf(answer);
			} finally {
				// Unless it was sent before a rest.
				if (until === gate.until) {
					gate.sent--;
					if (ms === 0) gate.most = atOnce;
					if (ms) {
						const rest = timer(() => next(gate, (gate.rest = 0)), ms);
						rest.unref?.();
						Object.assign(gate, { sent: 0, most: 1, until: now() + ms, rest });
					}
					next(gate);
				}
			}
			if (!ms || stream || !(await repeatable(request.method, answer))) return answer;
		}
	};
}

// With up to a quarter more, drawn.
function restOf({ status, headers }) {
	const after = headers.get("retry-after");
	if (!after || !/429|503/.test(status)) return 0;
	const date = Date.parse(headers.get("date")) || Date.now();
	const ms = after < 1e9 ? after * 1e3 : Date.parse(after) - date;
	return Math.max(ms, 1e3) * (1 + Math.random() / 4) || 0;
}

// RFC 9110 9.2.2, or it had no effect.
async function repeatable(method, answer) {
	if (/^(GET|HEAD|PUT|DELETE)$/.test(method)) return true;
	const is = /problem/.test(answer.headers.get("content-type"));
	const said = is && (await answer.clone().json().catch(() => 0));
	return ["no", "refused"].includes(said?.sent);
}
