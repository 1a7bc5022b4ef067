//! `evergrant demo`: the main job on servers of its own. Many workers call an API without pause on tokens that live a
//! few seconds, while the authorization server is revoked, broken and mended under them.

mod report;

use crate::commands::runtime::block_on;
use crate::tell::failure::Failure;
use crate::tell::live::Live;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use clap::Args;
use evergrant_mock::{Endpoint, Fault, Server, Times};
use evergrant_tokio_reqwest::{
    Api, Client, ClientAuth, LastOutcome, Origins, Policy, Provider, Status, Tokens,
};
use report::{Phase, Report, Tally};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The times of a demonstration, all in proportion to its length.
#[derive(Clone, Copy)]
struct Plan {
    /// How long it takes.
    whole: Duration,
    /// A quarter of a token's life.
    unit: Duration,
    /// How long a token lives.
    life: Duration,
}

impl Plan {
    fn of(seconds: u64) -> Self {
        // A token's life is told in whole seconds.
        let life = Duration::from_secs((seconds / 5).max(1));
        Self { whole: Duration::from_secs(seconds), unit: life / 4, life }
    }

    /// How long tokens are replaced with overlap: what the other phases, some 13 units, leave of the whole.
    fn overlap(self) -> Duration {
        self.whole.saturating_sub(self.unit * 13).max(self.unit * 6)
    }

    /// The usual policy, on the scale of tokens that live a few seconds.
    fn policy(self) -> Policy {
        Policy::new()
            .with_min_interval(self.unit / 10)
            .with_settle(self.unit / 10)
            .with_gate(self.unit, self.unit * 4)
            .with_backoff(self.unit / 4, self.unit)
            .with_patience(Duration::from_secs(120))
    }
}

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant demo --seconds 10";
    demo, usage, transient
))]
pub(crate) struct DemoArgs {
    /// How many seconds it takes
    ///
    /// It takes longer on a machine that is very slow.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(5..=3600), value_name = "N")]
    pub(crate) seconds: u64,
    /// How many workers call the API at once
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..=1000), value_name = "N")]
    pub(crate) workers: u64,
}

pub(crate) fn run(args: &DemoArgs, manner: Manner) -> Result<(), Failure> {
    let (plan, workers) = (Plan::of(args.seconds), args.workers);
    let view = if manner.json { View::none() } else { View::on_stdout() };
    let (demo, api) = Demo::prepare(plan, view)?;
    let life = plan.life.as_secs_f64();
    demo.view.say(&format!("{workers} workers call an API without pause; a token lives {life:.1} s."));
    let report = block_on(async { Ok(demo.conduct(&api, workers).await) })?;
    let told =
        if manner.json { stdout::line(report.json()) } else { stdout::line(format_args!("\n{report}")) };
    // What it found says more than that nobody could read it.
    report.verdict().and(told.map(drop))
}

struct Demo {
    plan: Plan,
    server: Server,
    tokens: Tokens,
    tally: Arc<Tally>,
    view: View,
}

/// The story, and below it the source as it changes if stdout is a terminal.
struct View {
    live: Option<Live>,
    /// Whether the story is told where there is nothing to draw on.
    told: bool,
    drawn: Instant,
}

impl View {
    fn on_stdout() -> Self {
        Self { live: Live::on_stdout(), told: true, drawn: Instant::now() }
    }

    /// For those who want the report alone.
    fn none() -> Self {
        Self { live: None, told: false, drawn: Instant::now() }
    }

    fn say(&self, text: &str) {
        match &self.live {
            Some(live) => live.say(text),
            None if self.told => {
                // Whoever cannot read the story is told by the report, if by anything.
                let _told = stdout::line(text);
            }
            None => {}
        }
    }

    fn show(&mut self, status: &Status) {
        // The eye sees no more, and the workers need the processor.
        const FRAME: Duration = Duration::from_millis(50);
        if let Some(live) = &mut self.live
            && self.drawn.elapsed() >= FRAME
        {
            live.show(status);
            self.drawn = Instant::now();
        }
    }

    fn end(self) {
        if let Some(live) = self.live {
            live.end();
        }
    }
}

impl Demo {
    /// Its servers, its client, and the API that its workers call.
    fn prepare(plan: Plan, view: View) -> Result<(Self, Api), Failure> {
        let server = Server::builder()
            .lifetime(plan.life)
            .start()
            .map_err(|error| Failure::system("the demonstration's servers cannot be started", &error))?;
        // As far away as a server of the same continent.
        server.set_delay(Endpoint::Token, plan.unit / 10);

        let provider = Provider::rfc6749(&server.token_endpoint())?;
        let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET)?;
        let client = Client::builder(provider, auth).scope("*").build()?;
        let tokens = Tokens::builder(client).policy(plan.policy()).build()?;
        let origins = Origins::parse([server.origin().as_str()])?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .map_err(|error| Failure::system("the HTTP client cannot be built", &error))?;
        let api = Api::new(http, tokens.clone(), origins);
        Ok((Self { plan, server, tokens, tally: Arc::default(), view }, api))
    }

    async fn conduct(mut self, api: &Api, workers: u64) -> Report {
        let over = Arc::new(AtomicBool::new(false));
        let (url, start) = (self.server.resource("/shipments"), Instant::now());
        let mut phases = Vec::new();

        let mut phase = self.begin("cold start", "everyone needs a token, nobody has one");
        let working: Vec<_> = (0..workers)
            .map(|_| tokio::spawn(work(api.clone(), url.clone(), Arc::clone(&self.tally), Arc::clone(&over))))
            .collect();
        self.watch(&mut phase, self.plan.unit, |status| status.held.is_some()).await;
        phases.push(self.end(phase, 1));

        let mut phase = self.begin("refresh with overlap", "tokens are replaced while the old ones are used");
        self.watch(&mut phase, self.plan.overlap(), |_| true).await;
        // The next phase begins with a token that is neither new nor due.
        let (unit, ready) = (self.plan.unit, |status: &Status| refresh_in(status));
        self.watch(&mut phase, Duration::ZERO, |status| (unit..unit * 2).contains(&ready(status))).await;
        let refreshes = phase.elapsed().as_nanos() / (self.plan.life * 6 / 10).as_nanos();
        phases.push(self.end(phase, 2 + u64::try_from(refreshes).unwrap_or(u64::MAX)));

        let mut phase = self.begin("revoked", "every token is refused from now on: 401");
        self.server.revoke_all();
        self.watch(&mut phase, self.plan.unit * 3 / 2, |status| status.held.is_some()).await;
        let due = u64::from(phase.elapsed() >= self.plan.life * 6 / 10);
        phases.push(self.end(phase, 1 + due));

        let mut phase = self.begin("server down, token alive", "the authorization server answers 503");
        self.break_server();
        let nearly_over = |status: &Status| {
            matches!(status.last_outcome, Some((LastOutcome::Failed(_), _)))
                && status.held.is_none_or(|held| held.used_for < unit / 2)
        };
        self.watch(&mut phase, Duration::ZERO, nearly_over).await;
        self.mend_server();
        self.watch(&mut phase, Duration::ZERO, |status| refresh_in(status) > unit).await;
        let allowed = self.attempts(phase.elapsed());
        phases.push(self.end(phase, allowed));

        let mut phase =
            self.begin("server down, longer than a token lives", "503 again, and the token will end");
        self.break_server();
        self.watch(&mut phase, Duration::ZERO, |status| status.held.is_none()).await;
        self.view.say("      the token is over: the workers wait");
        self.watch(&mut phase, self.plan.unit * 3 / 2, |_| true).await;
        self.mend_server();
        self.watch(&mut phase, Duration::ZERO, |status| status.held.is_some() && status.waiting == 0).await;
        let rest = self.plan.whole.saturating_sub(start.elapsed());
        self.watch(&mut phase, rest.max(self.plan.unit / 2), |_| true).await;
        let allowed = self.attempts(phase.elapsed());
        phases.push(self.end(phase, allowed));

        over.store(true, Ordering::Relaxed);
        let mut died = 0;
        for worker in working {
            died += u64::from(worker.await.is_err());
        }
        self.view.end();
        Report { phases, died, took: start.elapsed() }
    }

    fn begin(&self, name: &'static str, story: &str) -> Phase {
        self.view.say(&format!("  {name}: {story}"));
        self.tally.reset();
        Phase::begin(name, self.server.counts().token_requests)
    }

    fn end(&self, phase: Phase, allowed: u64) -> Phase {
        let done = phase.end(&self.tally, self.server.counts().token_requests, allowed);
        self.view.say(&format!("      {}", done.line()));
        done
    }

    fn break_server(&self) {
        let down = Fault::status(503);
        let _cleared_by_mend = self.server.fault(Endpoint::Token, down, Times::UntilCleared);
    }

    fn mend_server(&self) {
        self.view.say("      the authorization server is back");
        self.server.clear_faults();
    }

    /// Looks on for at least that long and until `done`, but not for ever: what never comes shows in the figures. On a
    /// machine that is very slow the first call of a phase may take longer than all that; it is waited for.
    async fn watch(&mut self, phase: &mut Phase, at_least: Duration, done: impl Fn(&Status) -> bool) {
        let start = Instant::now();
        let at_most = at_least + self.plan.unit * 20 + Duration::from_secs(20);
        loop {
            let status = self.tokens.status();
            phase.queue(status.waiting);
            self.view.show(&status);
            let passed = start.elapsed();
            if passed >= at_least && ((done(&status) && self.tally.requests() > 0) || passed >= at_most) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The most token requests that the backoff allows in this time of failures, the one that succeeds included.
    fn attempts(&self, time: Duration) -> u64 {
        let (policy, mut attempts, mut spent) = (self.plan.policy(), 1, Duration::ZERO);
        loop {
            let shortest = (policy.backoff(attempts - 1) / 2).max(policy.min_interval());
            spent += shortest;
            if spent > time {
                return u64::from(attempts) + 1;
            }
            attempts += 1;
        }
    }
}

/// How long until the held token is due; zero when none is held.
fn refresh_in(status: &Status) -> Duration {
    status.held.map_or(Duration::ZERO, |held| held.refresh_in)
}

/// One worker: calls the API, again and again.
async fn work(api: Api, url: String, tally: Arc<Tally>, over: Arc<AtomicBool>) {
    let Ok(url) = reqwest::Url::parse(&url) else { return };
    while !over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let request = reqwest::Request::new(reqwest::Method::GET, url.clone());
        let answer = match api.execute(request).await {
            // The body is read, so that the connection is used again.
            Ok(answer) => answer.error_for_status().map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let failed = match answer {
            Ok(answer) => answer.bytes().await.err().map(|error| error.to_string()),
            Err(error) => Some(error),
        };
        tally.count(asked.elapsed(), failed.as_deref());
    }
}

#[cfg(test)]
mod tests;
