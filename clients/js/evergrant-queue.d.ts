/** What a queue is told when it is made. */
export interface QueueOptions {
	/**
	 * How many requests may wait, for each origin, when another one comes: that is rejected with a `QuotaExceededError`. Those that are sent
	 * again have had their place. At least 1. Default 1024.
	 */
	max?: number;
	/**
	 * How long a request waits, in milliseconds, from the call to its last turn. Then the call ends with the server's last answer, or if there
	 * was none it is rejected with a `TimeoutError`. What waits longer than that anyway ends at once. A request that is on its way is not
	 * ended by it. Default 120 000: a rest of the gateway is shorter.
	 */
	patience?: number;
	/** How many requests wait for an answer at once, for each origin. Default 4: browsers have 6 connections to an HTTP/1.1 server. */
	atOnce?: number;
	/**
	 * Called whenever something may have changed at an origin, also when nobody waits any more, but not as the time runs down: count that
	 * yourself. What it throws is an uncaught error, which stops
	 * no request in a page, and ends a program of Node.js.
	 */
	onwait?: (state: QueueState) => void;
}

/** How an origin is doing. */
export interface QueueState {
	/** Such as `https://server.example.com`. */
	origin: string;
	/** How many requests wait. */
	waiting: number;
	/** How many milliseconds are left of the rest that its server asked for; 0 if nothing rests. */
	ms: number;
}

/**
 * A fetch that waits while a server asks for it.
 *
 * An answer of 503 or 429 with `Retry-After` closes the origin: what follows waits in order. When the time is over, and up to a quarter
 * more, the first goes alone; if it passes the others follow. A request that was answered so is sent again if its method is GET, HEAD,
 * PUT or DELETE (RFC 9110 section 9.2.2), or if a problem document says that it had no effect (`sent` is `no` or `refused`); one whose
 * `body` in `init` is a stream never is.
 *
 * @param fetch Is called with a `Request`, as often as it is sent.
 */
export function queued(
	fetch: (request: Request) => Promise<Response>,
	options?: QueueOptions,
): (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
