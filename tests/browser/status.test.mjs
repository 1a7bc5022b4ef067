// The status page of the admin address.
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { browser, limit, open, packages, root, until, world } from "./world.mjs";

const HOSTILE = "<img src=x onerror=alert(1)>";
const SCHEMES = ["light", "dark"];
const WIDTHS = [400, 1200];
const pictures = join(root, "target/browser");

describe("the status page", { concurrency: true }, () => {
	let chromium, shared;
	before(async () => {
		chromium = await browser();
		shared = await world({ rests: { error: "invalid_client", error_description: HOSTILE } });
		await until(async () => {
			const { sources } = await shared.gateway.status();
			return sources.every(({ status }) => status.held || status.request.state === "resting");
		}, "each client has its answer");
		// One passes; one is answered here.
		await fetch(`${shared.gateway.url}/orders`);
		await fetch(`${shared.gateway.url}/labels/${HOSTILE}`);
	});
	after(async () => {
		await chromium?.close();
		await shared?.close();
	});

	/** Runs `test` with the page, whose console and requests must be as they should. */
	const run = (name, test, options) => it(name, limit, async () => {
		const { gateway } = shared;
		const { page, said, close } = await open(chromium, "about:blank", options);
		try {
			const requests = [];
			page.on("request", (request) => requests.push(request.url()));
			if (options?.javaScriptEnabled !== false) {
				await page.addInitScript(() => {
					globalThis.violations = [];
					addEventListener("securitypolicyviolation", (event) => globalThis.violations.push(event.blockedURI));
				});
			}
			await page.goto(gateway.admin);
			await test({ ...shared, page, said, requests });
		} finally {
			await close();
		}
	});

	/** Waits until a table shows this: what happened is seen once in a second. */
	const shows = (page, table, text) =>
		until(async () => (await page.locator(`#${table}`).innerText()).includes(text), `${table} show ${text}`);

	/** A number of the page. */
	const number = async (page, name) => Number(await page.locator("#numbers div", { hasText: name }).locator("dd").innerText());

	run("shows a token's life, what rests, and in which words of the server", async ({ page }) => {
		const orders = page.locator("#clients tr", { hasText: "orders" });
		assert.match(await orders.innerText(), /token 1: .* left, renewed in /);
		const { width, height } = await orders.locator("svg.bar rect.left").boundingBox();
		assert.ok(width > 50 && height > 5, `a bar of ${width} x ${height}`);
		// While it asks again, it does not rest.
		await until(async () => {
			const text = await page.locator("#clients tr", { hasText: "labels" }).innerText();
			return text.includes("no token") && /rests for .*, until \d\d:\d\d:\d\d UTC: /.test(text) && text.includes(HOSTILE);
		}, "a client rests");
		await shows(page, "requests", HOSTILE);
		assert.match(await page.locator("#answered").innerText(), /GET \/labels\/.*503\s+client-refused\s+no/);
		assert.equal(await page.locator("svg.graph polyline").count(), 2);
	});

	run("refreshes itself, and runs nothing of what a server says", async ({ page, said, requests, gateway }) => {
		await page.evaluate(() => (globalThis.same = true));
		const before = await number(page, "answered in all");
		const loads = requests.length;
		await fetch(`${gateway.url}/orders`);
		await until(async () => (await number(page, "answered in all")) > before, "the page shows one more");
		// Twice more, with the server's words.
		await until(() => requests.length >= loads + 3, "the page asks again");
		await shows(page, "requests", HOSTILE);
		assert.equal(await page.locator("img").count(), 0);
		assert.deepEqual(await page.evaluate(() => [globalThis.same, globalThis.violations]), [true, []]);
		assert.deepEqual(said, []);
		assert.deepEqual([...new Set(requests)], [`${gateway.admin}/`]);
	});

	run("says that the gateway does not answer, until it does", async ({ page }) => {
		const note = page.locator("#note");
		assert.equal(await note.innerText(), "");
		await page.route("**", (route) => route.abort());
		await until(async () => /^no answer since .*\d/.test(await note.innerText()), "the page says so");
		assert.match(await page.locator("#clients").innerText(), /orders/, "what it showed stays");
		await page.unroute("**");
		await until(async () => (await note.innerText()) === "", "the page says no more");
	});

	run("has its tables without script", async ({ page, said, gateway }) => {
		for (const [table, text] of [["clients", HOSTILE], ["requests", "token 1 arrived"], ["answered", "client-refused"]]) {
			const read = async () => (await page.locator(`#${table}`).innerText()).includes(text);
			await until(async () => (await read()) || (await page.reload(), await read()), `${table} have ${text}`);
		}
		const before = await number(page, "answered in all");
		await fetch(`${gateway.url}/orders`);
		await until(async () => (await page.reload(), (await number(page, "answered in all")) > before), "loaded again it shows one more");
		assert.deepEqual(said, []);
	}, { javaScriptEnabled: false });

	for (const colorScheme of SCHEMES) {
		it(`has no fault that axe finds, in ${colorScheme} colours and at any width`, limit, async () => {
			const axe = await readFile(packages.resolve("axe-core/axe.min.js"), "utf8");
			await mkdir(pictures, { recursive: true });
			const found = [];
			for (const width of WIDTHS) {
				const viewport = { width, height: 900 };
				const { page, said, close } = await open(chromium, shared.gateway.admin, { colorScheme, viewport });
				try {
					await shows(page, "requests", HOSTILE);
					const wide = await page.evaluate(() => document.documentElement.scrollWidth);
					assert.ok(wide <= width, `${wide} pixels wide in ${width}`);
					await page.screenshot({ path: join(pictures, `status-${colorScheme}-${width}.png`), fullPage: true });
					// As text: the page's policy lets no other script in.
					await page.evaluate(axe);
					const { violations, passes } = await page.evaluate(() => {
						const runOnly = { type: "tag", values: ["wcag2a", "wcag2aa", "best-practice"] };
						return globalThis.axe.run(document, { runOnly });
					});
					for (const { id, nodes } of violations) found.push(`${width} pixels: ${id}: ${nodes.map(({ html }) => html).join(", ")}`);
					assert.ok(passes.some(({ id }) => id === "color-contrast"));
					assert.deepEqual(said, []);
				} finally {
					await close();
				}
			}
			assert.deepEqual(found, []);
		});
	}
});
