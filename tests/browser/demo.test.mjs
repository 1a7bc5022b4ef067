// The demo page, as somebody sees it who presses its button.
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { browser, limit, packages, root, until, world } from "./world.mjs";

const PAGE = { flags: ["--demo-page", "127.0.0.1:0"], route: 'patience = "50ms"' };
const GET_ALONE = 'patience = "50ms"\nmethods = ["GET"]';
const pictures = join(root, "target/browser");
const axe = await readFile(packages.resolve("axe-core/axe.min.js"), "utf8");

/** The page, and what its console says. */
async function shown(context, url, options = {}) {
	const page = await context.newPage();
	const faults = [];
	page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
	page.on("pageerror", (error) => faults.push(String(error)));
	await page.addInitScript(() => {
		window.violations = [];
		document.addEventListener("securitypolicyviolation", ({ violatedDirective }) => window.violations.push(violatedDirective));
	});
	await page.emulateMedia(options);
	await page.goto(url);
	const count = async (lane) => Number(await page.locator(`[data-lane=${lane}] .count`).textContent());
	const dots = (kind) => page.locator(`#dots .${kind}`).count();
	const clean = async (expected = 503) => {
		// An answer of 503 is an error to the console, and what the page is about.
		const isExpected = (text) => [503, expected].some((status) => text.includes(`status of ${status}`));
		assert.deepEqual(faults.filter((text) => !isExpected(text)), []);
		assert.deepEqual(await page.evaluate(() => window.violations), []);
	};
	return { page, count, dots, clean };
}

const ready = (gateway) => until(async () => (await gateway.status()).ready, "the gateway is ready");

async function check(page) {
	// Past the page's policy, which holds for scripts of the page alone.
	await page.evaluate(axe);
	const { violations } = await page.evaluate(() => window.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
	assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map(({ target, failureSummary }) => [target, failureSummary])]), []);
}

describe("the demo page", { concurrency: true }, () => {
	let chromium;
	before(async () => {
		await mkdir(pictures, { recursive: true });
		chromium = await browser();
	});
	after(() => chromium?.close());

	/** Runs `test` with servers, a gateway and a browser's profile of its own. */
	const run = (name, options, test) => it(name, limit, async () => {
		const { close, ...rest } = await world({ ...PAGE, ...options });
		try {
			const context = await chromium.newContext({ reducedMotion: "no-preference" });
			try {
				await test({ context, ...rest });
			} finally {
				await context.close();
			}
		} finally {
			await close();
		}
	});

	run("the requests of its button are answered", {}, async ({ server, gateway, context }) => {
		await ready(gateway);
		for (const url of [gateway.demo, gateway.demo.replace("127.0.0.1", "localhost")]) {
			server.came.length = 0;
			const { page, count, dots, clean } = await shown(context, url);
			assert.equal(await page.locator("#gateway").textContent(), gateway.url);
			await page.getByRole("button", { name: "Send 20 requests" }).click();
			await until(async () => (await count("answered")) === 20, "20 are answered");
			assert.deepEqual([await dots("ok"), await dots("waiting"), await dots("server")], [20, 0, 0]);
			assert.equal(await page.locator("#answers li").count(), 10);
			await page.getByLabel("Method").selectOption("POST");
			await page.getByLabel("Path").fill("orders");
			await page.getByRole("button", { name: "Send 1", exact: true }).click();
			await until(async () => (await count("answered")) === 21, "21 are answered");
			await until(async () => /21 answered/.test(await page.locator("#summary").textContent()), "it is said");
			const { method, path, body } = server.came.at(-1);
			assert.deepEqual([server.came.length, method, path, body], [21, "POST", "/orders", "request 21"]);
			await clean();
			await page.close();
		}
	});

	run("during an outage they wait, and then they leave", { down: true }, async ({ server, gateway, context }) => {
		const { page, count, dots, clean } = await shown(context, gateway.demo);
		await page.getByLabel("Method").selectOption("POST");
		await page.getByLabel("Path").press("Enter");
		await until(async () => (await dots("waiting")) === 20 && (await count("waiting")) === 20, "20 wait");
		await until(async () => /The server asks to wait [1-9]/.test(await page.locator("#summary").textContent()), "it is said for how long");
		assert.equal(server.came.length, 0);
		await page.setViewportSize({ width: 1200, height: 900 });
		server.down = false;
		await until(async () => (await count("answered")) === 20, "20 are answered");
		assert.deepEqual([await dots("ok"), await count("waiting"), server.came.length], [20, 0, 20]);
		assert.match(await page.locator("#answers li").first().textContent(), /^200POST \/waited [1-9]/);
		await clean();
	});

	run("what fails is told with what the gateway says of it", { route: GET_ALONE }, async ({ gateway, context }) => {
		await ready(gateway);
		const { page, dots } = await shown(context, gateway.demo);
		await page.getByLabel("Method").selectOption("POST");
		await page.getByRole("button", { name: "Send 1", exact: true }).click();
		await until(async () => (await dots("failed")) === 1, "one has failed");
		assert.match(await page.locator("#answers li").textContent(), /^405POST \/waited 0\.\d sthe route does not list .*\(sent: no\)$/);
	});

	for (const [width, height] of [[1200, 900], [400, 900]]) {
		for (const colorScheme of ["light", "dark"]) {
			run(`axe finds nothing at ${width} pixels in the ${colorScheme} scheme`, { down: true, route: GET_ALONE }, async ({ server, gateway, context }) => {
				const { page, count, dots, clean } = await shown(context, gateway.demo, { colorScheme });
				await page.setViewportSize({ width, height });
				const picture = (name) => page.screenshot({ path: join(pictures, `demo-${name}-${colorScheme}-${width}.png`), fullPage: true });
				await check(page);
				await page.getByRole("button", { name: "Send 20 requests" }).click();
				await until(async () => (await dots("waiting")) >= 16, "they wait");
				await until(async () => /asks to wait/.test(await page.locator("#summary").textContent()), "it is said for how long");
				await page.waitForFunction(() => document.getAnimations().length === 0);
				await picture("waiting");
				await check(page);
				server.down = false;
				await until(async () => (await count("answered")) === 20, "they are answered");
				// What fails looks its best, too.
				await page.getByLabel("Method").selectOption("POST");
				await page.getByRole("button", { name: "Send 1", exact: true }).click();
				await until(async () => (await dots("failed")) === 1, "one has failed");
				await until(async () => /21 answered, 1 of them failed/.test(await page.locator("#summary").textContent()), "it is said");
				await page.waitForFunction(() => document.getAnimations().length === 0);
				await picture("answered");
				await check(page);
				assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is cut off");
				await clean(405);
			});
		}
	}
});
