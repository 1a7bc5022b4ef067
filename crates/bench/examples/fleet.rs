//! What a fleet asks of its token endpoint: ten thousand real machines in simulated time, without a socket or a sleep.
//!
//!     cargo run --release -p evergrant-bench --example fleet
//!
//! It prints two tables, and writes `fleet/day.csv`, `fleet/outage.csv` and `fleet/outage.svg` beside this crate's manifest. The
//! seeds are fixed, so every run writes the same bytes.
//!
//! Every instance has callers at all times: it asks at the first instant at which its machine would. All start in the same
//! second. The endpoint answers after 50 ms, whatever the load: a grant, or 503 while it is down.

// An example shows what it does.
#![allow(clippy::print_stdout)]

use evergrant_core::{
    Call, Client, ClientAuth, Flight, Landing, Machine, Mono, Now, Outcome, Policy, Provider, Response, Step,
    Wall,
};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

const INSTANCES: u32 = 10_000;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const LATENCY: Duration = Duration::from_millis(50);
/// Ten minutes that begin before the first refresh of anyone, with or without jitter, and outlast every first token of an hour:
/// that is asked for anew from 52 min on, and used until 59.5 min.
const OUTAGE: Range<u64> = 3100..3700;
/// How much of the run the picture shows, and one of the tables tells by the second.
const WINDOW: u64 = 2 * HOUR;

fn main() -> Result<(), Box<dyn Error>> {
    println!("One instance, callers at all times: token requests in a day\n");
    println!(
        "| life of a token | computed, jitter on | simulated, jitter on | computed, off | simulated, off |"
    );
    println!("|---|---|---|---|---|");
    for life in [300, HOUR, DAY] {
        let mut cells = format!("| {life} s |");
        for jitter in [true, false] {
            // The mean of a thousand tells the same as that of all.
            let instances = INSTANCES / 10;
            let run = run(&Plan { instances, jitter, life, outage: 0..0 })?;
            let simulated = total(&run.requests) as f64 / f64::from(instances);
            write!(cells, " {:.0} | {simulated:.2} |", computed(jitter, life))?;
        }
        println!("{cells}");
    }

    let hours = |jitter, outage| run(&Plan { instances: INSTANCES, jitter, life: HOUR, outage });
    let runs = [
        ("quiet day, jitter on", hours(true, 0..0)?),
        ("quiet day, jitter off", hours(false, 0..0)?),
        ("outage at expiry, jitter on", hours(true, OUTAGE)?),
        ("outage at expiry, jitter off", hours(false, OUTAGE)?),
    ];
    println!("\n{INSTANCES} instances that start together, tokens of an hour: requests at the endpoint\n");
    println!(
        "| | in a day | most in a second: start | refresh | outage | 2 min after it | last one served after | without a token, mean |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (name, run) in &runs {
        println!("| {name} | {} |", run.row());
    }

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fleet");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("day.csv"), day(&runs))?;
    fs::write(folder.join("outage.csv"), seconds(&runs))?;
    fs::write(folder.join("outage.svg"), picture(&runs)?)?;
    Ok(())
}

/// What is simulated.
struct Plan {
    instances: u32,
    jitter: bool,
    /// Of each token, in seconds.
    life: u64,
    /// In seconds from the start.
    outage: Range<u64>,
}

/// What came of it.
struct Run {
    /// For each second, the requests that arrived in it.
    requests: Vec<u32>,
    outage: Range<u64>,
    /// The first moment from the end of the outage on at which everyone held a token again.
    recovered: Duration,
    /// The time without a token, all instances together, the start aside.
    without: Duration,
}

/// One process of the fleet. It has one event ahead of it: an answer if a request is in the air, else its next request.
struct Instance {
    machine: Machine,
    flight: Option<Flight>,
    use_until: Option<Mono>,
}

fn run(plan: &Plan) -> Result<Run, Box<dyn Error>> {
    let auth = ClientAuth::post("client", "secret")?;
    let client = Client::builder(Provider::rfc6749("https://auth.example.com/token")?, auth).build()?;
    let body = format!(r#"{{"access_token":"token","token_type":"Bearer","expires_in":{}}}"#, plan.life);
    let granted = |number: u64| {
        // A server hands out another token each time: the same one again would be no progress.
        let body = body.replace("token\",\"token_type", &format!("{number}\",\"token_type"));
        Response::new(200).with_header("Content-Type", b"application/json").with_body(body.into())
    };

    let mut fleet: Vec<Instance> = (0..u64::from(plan.instances))
        .map(|seed| Instance {
            machine: Machine::new(Policy::new().with_jitter(plan.jitter), seed),
            flight: None,
            use_until: None,
        })
        .collect();
    let mut events: BinaryHeap<_> =
        (0..plan.instances).map(|instance| Reverse((Duration::ZERO, instance))).collect();
    let mut run = Run {
        requests: vec![0; usize::try_from(DAY)?],
        outage: plan.outage.clone(),
        recovered: Duration::ZERO,
        without: Duration::ZERO,
    };
    let mut answers = 0;

    while let Some(Reverse((time, number))) = events.pop() {
        let second = time.as_secs();
        let Some(count) = run.requests.get_mut(usize::try_from(second)?) else { break };
        let now = at(time);
        let Some(instance) = fleet.get_mut(usize::try_from(number)?) else { continue };
        let next = if let Some(flight) = instance.flight.take() {
            answers += 1;
            let down = plan.outage.contains(&flight.sent_at().mono.since_origin().as_secs());
            let response = if down { Response::new(503) } else { granted(answers) };
            let outcome =
                client.read(&response, flight.sent_at()).map_or_else(Outcome::Refused, Outcome::Granted);
            if let Landing::Installed { .. } = instance.machine.complete(now, flight, outcome) {
                run.without += instance.use_until.map_or(Duration::ZERO, |end| now.mono.since(end));
                if instance.use_until.is_some_and(|end| now.mono >= end) {
                    run.recovered = run.recovered.max(time);
                }
                instance.use_until = instance.machine.held(now).map(|token| token.use_until().mono);
            }
            instance.machine.next_wake(now).since_origin()
        } else {
            // A call without patience: what is due is sent, and nobody waits.
            let Step::Send(flight) = instance.machine.poll(now, &mut Call::new(now.mono)) else {
                return Err("a poll at `next_wake` sends, and this one did not".into());
            };
            *count += 1;
            instance.flight = Some(flight);
            time + LATENCY
        };
        events.push(Reverse((next, number)));
    }
    Ok(run)
}

/// Both clocks, `since` after the start of the fleet.
fn at(since: Duration) -> Now {
    Now::new(Mono::from_origin(since), Wall::from_epoch(Duration::from_secs(1_800_000_000) + since))
}

/// The first, and one more whenever the mean time from one request to the next has passed: what is used of a life, less `ahead`
/// and the mean of a jitter that is uniform up to half of it.
fn computed(jitter: bool, life: u64) -> f64 {
    let (policy, life) = (Policy::new(), Duration::from_secs(life));
    let ahead = policy.ahead(life);
    let early = ahead + if jitter { ahead / 4 } else { Duration::ZERO };
    (DAY as f64 / (life - policy.leeway(life) - early).as_secs_f64()).ceil()
}

impl Run {
    fn row(&self) -> String {
        let per_day = total(&self.requests);
        let start = self.most(0..60);
        let (outage, after) = (self.outage.clone(), self.outage.end..self.outage.end + 120);
        if outage.is_empty() {
            return format!("{per_day} | {start} | {} | - | - | - | 0 s |", self.most(60..DAY))
                .trim_end_matches(" |")
                .to_owned();
        }
        let last = self.recovered.saturating_sub(Duration::from_secs(outage.end));
        let without = self.without.as_secs_f64() / f64::from(INSTANCES);
        format!(
            "{per_day} | {start} | {} | {} | {} | {:.1} s | {without:.1} s",
            self.most(WINDOW..DAY),
            self.most(outage),
            self.most(after),
            last.as_secs_f64(),
        )
    }

    /// The most requests in one second of these.
    fn most(&self, seconds: Range<u64>) -> u32 {
        self.slice(seconds).iter().copied().max().unwrap_or(0)
    }

    fn slice(&self, seconds: Range<u64>) -> &[u32] {
        let end = usize::try_from(seconds.end).unwrap_or(usize::MAX).min(self.requests.len());
        let start = usize::try_from(seconds.start).unwrap_or(usize::MAX).min(end);
        &self.requests[start..end]
    }
}

fn total(requests: &[u32]) -> u64 {
    requests.iter().copied().map(u64::from).sum()
}

/// For each minute of the day and each run: its requests, and the most of them in one second.
fn day(runs: &[(&str, Run)]) -> String {
    let mut text = String::from("minute");
    for (name, _) in runs {
        let name = name.replace(", ", " ");
        let _ = write!(text, ",{name}: requests,{name}: most in a second");
    }
    for minute in 0..DAY / 60 {
        let _ = write!(text, "\n{minute}");
        for (_, run) in runs {
            let seconds = minute * 60..minute * 60 + 60;
            let _ = write!(text, ",{},{}", total(run.slice(seconds.clone())), run.most(seconds));
        }
    }
    text.push('\n');
    text
}

/// For each second of the window with a request in any run: the requests of each.
fn seconds(runs: &[(&str, Run)]) -> String {
    let mut text = String::from("second");
    for (name, _) in runs {
        let _ = write!(text, ",{}", name.replace(", ", " "));
    }
    for second in 0..WINDOW {
        let counts: Vec<u32> = runs.iter().map(|(_, run)| run.most(second..second + 1)).collect();
        if counts.iter().any(|count| *count > 0) {
            let _ = write!(text, "\n{second}");
            for count in counts {
                let _ = write!(text, ",{count}");
            }
        }
    }
    text.push('\n');
    text
}

/// Requests per second over the window, one panel for each run, on one logarithmic scale.
fn picture(runs: &[(&str, Run)]) -> Result<String, std::fmt::Error> {
    const LEFT: u64 = 70;
    const WIDTH: u64 = 900;
    const TOP: u64 = 56;
    const PANEL: u64 = 130;
    const GAP: u64 = 46;
    let height = TOP + runs.len() as u64 * (PANEL + GAP);
    let (full, x) = (LEFT + WIDTH + 20, |second: u64| LEFT + second * WIDTH / WINDOW);
    let mut svg = String::new();
    writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {full} {height}" font-family="sans-serif" font-size="12" fill="#333">
<rect width="{full}" height="{height}" fill="#fff"/>
<text x="{LEFT}" y="24" font-size="16">Token requests per second: {INSTANCES} instances that start together, tokens of an hour</text>
<text x="{LEFT}" y="42">first two hours; each stroke is the busiest second of its eight; logarithmic scale</text>"##
    )?;
    for (index, (name, run)) in runs.iter().enumerate() {
        let top = TOP + index as u64 * (PANEL + GAP) + 16;
        let base = top + PANEL;
        // Four decades, from one request to ten thousand.
        let y = |count: u32| base as f64 - f64::from(count.max(1)).log10() / 4.0 * PANEL as f64;
        writeln!(svg, r#"<text x="{LEFT}" y="{}" font-weight="bold">{name}</text>"#, top - 5)?;
        if !run.outage.is_empty() {
            let (from, to) = (x(run.outage.start), x(run.outage.end));
            writeln!(
                svg,
                r##"<rect x="{from}" y="{top}" width="{}" height="{PANEL}" fill="#f6d5cf"/><text x="{}" y="{}">down</text>"##,
                to - from,
                from + 4,
                top + 14
            )?;
        }
        for count in [1, 10, 100, 1000, 10_000] {
            let line = y(count);
            writeln!(
                svg,
                r##"<path d="M{LEFT} {line:.1}H{}" stroke="#ddd"/><text x="{}" y="{:.1}" text-anchor="end">{count}</text>"##,
                LEFT + WIDTH,
                LEFT - 6,
                line + 4.0
            )?;
        }
        for minute in (0..=WINDOW / 60).step_by(10) {
            writeln!(
                svg,
                r#"<text x="{}" y="{}" text-anchor="middle">{minute} min</text>"#,
                x(minute * 60),
                base + 15
            )?;
        }
        let mut strokes = String::new();
        let step = WINDOW / WIDTH;
        for second in (0..WINDOW).step_by(usize::try_from(step).unwrap_or(1)) {
            let most = run.most(second..second + step);
            if most > 0 {
                // One request is a stroke too: the scale begins at one.
                write!(strokes, "M{} {base}V{:.1}", x(second), y(most) - 1.0)?;
            }
        }
        writeln!(svg, r##"<path d="{strokes}" stroke="#1f5f99"/>"##)?;
    }
    writeln!(svg, "</svg>")?;
    Ok(svg)
}
