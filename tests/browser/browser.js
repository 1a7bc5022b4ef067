// Chromium, and what a test needs of it.
import { createRequire } from "node:module";
import { join } from "node:path";
import { after } from "node:test";
import { behind, gateway, LONG, site } from "./servers.js";

const require = createRequire(join(process.env.MODULES, "here.js"));
const { chromium } = require("playwright-core");
export const AXE = require.resolve("axe-core/axe.min.js");

const FLAGS = [
	"--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
	"--disable-component-update", "--disable-sync", "--no-proxy-server",
];

/** One that ends with the file's tests. */
export async function browser(...flags) {
	const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: [...FLAGS, ...flags] });
	after(() => browser.close());
	return browser;
}

/** Runs the test with an API, a site, and a gateway that lists the site; all end with it. `isDown`: no token can be had. */
export const world = (browser, options, test) => async () => {
	const api = await behind();
	api.isDown = options.isDown ?? false;
	const pages = await site();
	const ends = [api.close, pages.close];
	try {
		const between = await gateway(api, { origins: [pages.url], ...options });
		ends.unshift(between.end);
		const context = await browser.newContext({ reducedMotion: "no-preference" });
		context.setDefaultTimeout(LONG);
		ends.unshift(() => context.close());
		await test({ api, pages, gateway: between, context, page: await opened(context, pages.url) });
	} finally {
		for (const end of ends) await end();
	}
};

/** A page at this URL, with the module as `queued`. */
export async function opened(context, url) {
	const page = await context.newPage();
	await page.goto(url);
	await page.evaluate(async () => {
		const { queued } = await import("/evergrant-queue.js");
		// Sends as many at once, each with its number as its body; what became of each.
		window.all = async (url, count, options) => {
			const send = queued(fetch, options);
			const one = async (number) => (await send(url, { method: "POST", body: String(number) })).status;
			const began = performance.now();
			const timed = (name) => ({ name, ms: performance.now() - began });
			return Promise.all(Array.from({ length: count }, (_, number) =>
				one(number).then((status) => timed(String(status)), (error) => timed(error.name))));
		};
	});
	return page;
}

export const all = (page, url, count, options) =>
	page.evaluate(({ url, count, options }) => window.all(url, count, options), { url, count, options });

/** The bodies of as many calls, as they are sorted. */
export const numbers = (count) => Array.from({ length: count }, (_, number) => String(number)).sort();
