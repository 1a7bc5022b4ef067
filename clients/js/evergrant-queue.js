const now = () => performance.now();
const timer = (run, ms) => setTimeout(run, Math.min(ms, 2e9));

export function queued(fetch, { max = 1024, patience = 12e4, atOnce = 4, onwait } = {}) {
	const gates = {};
	let calls = 0;

	const next = (gate) => {
		const { origin, waiting, rest, until } = gate;
		for (const { end, leave } of [...waiting]) if (rest && until > end) leave();
		for (; !rest && waiting[0] && gate.sent < gate.most; gate.sent++) waiting.shift().go(true);
		queueMicrotask(() => onwait?.({ origin, waiting: waiting.length, ms: rest ? until - now() : 0 }));
	};

	return async (input, init) => {
		const request = new Request(input, init);
		const { signal } = request;
		const stream = init?.body?.getReader || init?.body?.[Symbol.asyncIterator];
		const { origin } = new URL(request.url);
		const gate = (gates[origin] ??= { origin, waiting: [], sent: 0, most: atOnce, until: 0 });
		const { waiting } = gate;
		const call = calls++;
		const end = now() + patience;
		let answer, place;
		const turn = (done) => {
			const go = (mine) => done(mine, clearTimeout(late));
			const leave = () => {
				const at = waiting.indexOf(place);
				if (at < 0) return;
				waiting.splice(at, 1);
				next(gate, go());
			};
			const late = timer(leave, end - now());
			place = { call, end, go, leave };
			waiting.push(place);
			waiting.sort((a, b) => a.call - b.call);
			next(gate);
		};

		if (waiting.length >= max) throw new DOMException("full", "QuotaExceededError");
		signal.addEventListener("abort", () => place?.leave());
		for (;;) {
			signal.throwIfAborted();
			if (!(await new Promise(turn))) {
				signal.throwIfAborted();
				if (answer) return answer;
				throw new DOMException("late", "TimeoutError");
			}
			let { until } = gate, ms;
			answer?.body?.cancel().catch(() => 0);
			try {
				answer = await fetch(stream ? request : request.clone());
				ms = restOf(answer);
			} finally {
				gate.sent--;
				// It may be from before a rest.
				if (until !== gate.until) gate.most--;
				else if (ms === 0) gate.most = atOnce;
				if (ms && now() + ms > gate.until) {
					clearTimeout(gate.rest);
					const rest = timer(() => next(gate, (gate.rest = 0)), ms);
					rest.unref?.();
					Object.assign(gate, { most: gate.sent + 1, until: now() + ms, rest });
				}
				next(gate);
			}
			if (!ms || stream || !(await repeatable(request.method, answer))) return answer;
		}
	};
}

function restOf({ status, headers }) {
	const after = headers.get("retry-after");
	if (!/429|503/.test(status)) return 0;
	const date = Date.parse(headers.get("date")) || Date.now();
	const ms = /^\d+$/.test(after) ? after * 1e3 : / GMT$/.test(after) ? Date.parse(after) - date : NaN;
	return Math.max(ms, 1e3) * (1 + Math.random() / 4) || 0;
}

async function repeatable(method, answer) {
	if (/^(GET|HEAD|PUT|DELETE)$/.test(method)) return true;
	if (answer.redirected || !/problem/.test(answer.headers.get("content-type"))) return false;
	const said = await answer.clone().json().catch(() => 0);
	return ["no", "refused"].includes(said?.sent);
}
