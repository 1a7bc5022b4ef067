//! `evergrant demo`: the main job on servers of its own. Many workers call an API without pause on tokens that live a
//! few seconds, while the authorization server revokes them, fails and recovers; and devices without tokens call it through a
//! program and its gateway.

mod destination;
mod devices;
mod markup;
mod page;
mod picture;
mod plan;
mod report;
mod row;
mod scale;
mod table;
mod tally;
mod timeline;
mod view;
mod why;

use crate::client::args::number;
use crate::client::network;
use crate::commands::runtime::block_on;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use crate::tell::terminal::Terminal;
use clap::builder::{PathBufValueParser, TypedValueParser as _};
use clap::{Args, ValueHint};
use destination::Destination;
use devices::Program;
use evergrant_mock::{Endpoint, Fault, Server, Times};
use evergrant_tokio_reqwest::{Api, Client, ClientAuth, LastOutcome, Origin, Provider, Status, Tokens};
use plan::Plan;
use report::{Phase, Report, Running};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tally::Tally;
use timeline::{Timeline, What};
use tokio::task::JoinHandle;
use view::View;
use why::why;

/// The phases that it has.
const PHASES: usize = 6;

/// Longer than any demonstration: a worker that waits for a token, and then calls on the connection that it kept, must not meet
/// a server that has just closed it.
const NEVER_IDLE: Duration = Duration::from_secs(86_400);

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant demo --seconds 10",
    "evergrant demo --seconds 10 --report demo.html";
    demo, usage, transient
))]
pub(crate) struct DemoArgs {
    /// How many seconds it takes, 5 to 3600
    ///
    /// It takes longer on a machine that is very slow.
    #[arg(long, default_value_t = 20, value_parser = number(5_u64..=3600), value_name = "N")]
    pub(crate) seconds: u64,
    /// How many workers call the API at once, 1 to 1000
    #[arg(long, default_value_t = 32, value_parser = number(1_u64..=1000), value_name = "N")]
    pub(crate) workers: u64,
    /// Draw what happened into this file: .html for a page, .svg for a picture
    ///
    /// It shows the life of each token, when the server was down, the calls a second, the queue and the longest waits. A file
    /// that is there is replaced when the report is complete.
    #[arg(long, value_name = "FILE", value_parser = PathBufValueParser::new().try_map(Destination::named), value_hint = ValueHint::FilePath)]
    report: Option<Destination>,
}

pub(crate) fn run(args: &DemoArgs, manner: Manner) -> Result<(), Failure> {
    let (plan, workers) = (Plan::of(args.seconds), args.workers);
    // Before anybody waits for what cannot be written.
    let destination = args.report.as_ref().map(Destination::open).transpose()?;
    let view = if manner.json { View::none() } else { View::on_stdout() };
    let (mut demo, api) = Demo::prepare(plan, view)?;
    let life = plan.life.as_secs();
    demo.view
        .labelled("", &format!("{} an API without pause; a token lives {life} s.", report::call(workers)));
    let report = block_on(demo.conduct(&api, workers))?;
    let written = destination.map(|place| place.write(&report)).transpose();
    let told = tell(&report, args.report.as_ref().filter(|_| written.is_ok()), manner);
    // What it found says more than what became of it.
    report.verdict().and(written.map(drop)).and(told)
}

fn tell(report: &Report, written: Option<&Destination>, manner: Manner) -> Result<(), Failure> {
    if manner.json {
        let mut object = report.json();
        if let Some(written) = written {
            object["report"] = written.path().to_string_lossy().into();
        }
        return stdout::json(&object).map(drop);
    }
    if let Some(written) = written {
        stdout::plain(&format!("\nreport: {}", written.path().display()))?;
    }
    stdout::line(format_args!("\n{}", table::figures(report, Terminal::stdout()))).map(drop)
}

struct Demo {
    plan: Plan,
    server: Server,
    origin: Origin,
    tokens: Tokens,
    tally: Arc<Tally>,
    timeline: Timeline,
    view: View,
    /// How many phases have begun.
    begun: usize,
}

impl Demo {
    /// Its servers, its client, and the API that its workers call.
    fn prepare(plan: Plan, view: View) -> Result<(Self, Api), Failure> {
        let server = Server::builder()
            .lifetime(plan.life)
            .idle_timeout(NEVER_IDLE)
            .start()
            .map_err(|error| Failure::system("the demonstration's servers cannot be started", &error))?;
        // As far away as a server of the same continent.
        server.set_delay(Endpoint::Token, plan.unit / 10);

        let provider = Provider::rfc6749(&server.token_endpoint())?;
        let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET)?;
        let client = Client::builder(provider, auth).scope("*").build()?;
        let tokens = Tokens::builder(client).policy(plan.policy()).build()?;
        let origin = Origin::parse(&server.origin())?;
        let http = network::without_needless_roots(reqwest::Client::builder().no_proxy(), &origin);
        let api = Api::new(network::build(http)?, tokens.clone(), [origin.clone()].into_iter().collect());
        let (tally, timeline) = (Arc::default(), Timeline::begin());
        Ok((Self { plan, server, origin, tokens, tally, timeline, view, begun: 0 }, api))
    }

    async fn conduct(mut self, api: &Api, workers: u64) -> Result<Report, Failure> {
        let over = Arc::new(AtomicBool::new(false));
        let (url, start) = (self.server.resource("/shipments"), Instant::now());
        self.timeline = Timeline::begin();
        let mut phases = Vec::new();

        let mut phase = self.begin("cold start", None, "everyone needs a token, nobody has one");
        let working: Vec<_> = (0..workers)
            .map(|_| tokio::spawn(work(api.clone(), url.clone(), Arc::clone(&self.tally), Arc::clone(&over))))
            .collect();
        self.watch(&mut phase, self.plan.unit, |status| status.held.is_some()).await;
        // Where the machine has so much to do that the phase lasts longer, its token is replaced.
        let allowed = 1 + self.plan.refreshes(phase.elapsed());
        phases.push(self.end(phase, allowed));

        let unit = self.plan.unit;
        let story = "tokens are replaced while the old ones are used";
        let mut phase = self.begin("refresh with overlap", None, story);
        self.watch(&mut phase, self.plan.overlap(), |_| true).await;
        self.until_steady(&mut phase).await;
        let allowed = 2 + self.plan.refreshes(phase.elapsed());
        phases.push(self.end(phase, allowed));

        let story = "the API answers 401 to every token so far";
        let mut phase = self.begin("revoked", Some(What::Revoked), story);
        self.server.revoke_all();
        self.timeline.revoked();
        self.watch(&mut phase, self.plan.unit * 3 / 2, |status| status.held.is_some()).await;
        let allowed = 1 + self.plan.refreshes(phase.elapsed());
        phases.push(self.end(phase, allowed));

        let story = "the authorization server answers 503";
        let mut phase = self.begin("server down, token alive", Some(What::Down), story);
        self.break_server();
        let nearly_over = |status: &Status| {
            matches!(status.last_outcome, Some((LastOutcome::Failed(_), _)))
                && status.held.is_none_or(|held| held.used_for < unit / 2)
        };
        self.watch(&mut phase, Duration::ZERO, nearly_over).await;
        self.restore_server();
        self.watch(&mut phase, Duration::ZERO, |status| refresh_in(status) > unit).await;
        let allowed = self.plan.attempts(phase.elapsed());
        phases.push(self.end(phase, allowed));

        let story = "503 again, past the token's end";
        let mut phase = self.begin("server down, longer than a token lives", Some(What::Down), story);
        self.break_server();
        self.watch(&mut phase, Duration::ZERO, |status| status.held.is_none()).await;
        self.view.say("the token has expired: the workers wait");
        self.watch(&mut phase, self.plan.unit * 3 / 2, |_| true).await;
        self.restore_server();
        self.watch(&mut phase, Duration::ZERO, |status| status.held.is_some() && status.waiting == 0).await;
        // Those that have waited are answered.
        self.watch(&mut phase, self.plan.unit / 2, |_| true).await;
        let allowed = self.plan.attempts(phase.elapsed());
        phases.push(self.end(phase, allowed));
        over.store(true, Ordering::Relaxed);
        let mut died = died_among(working).await;

        let story = "devices know no token and call a program, which calls the gateway; 503, then 401";
        let mut phase = self.begin("through the gateway", Some(What::Down), story);
        let gateway = devices::gateway(&self.origin, &self.tokens, self.plan.policy().patience())?;
        let program = Program::start(&gateway, workers).await?;
        let (over, devices) = (Arc::new(AtomicBool::new(false)), program.devices("/shipments")?);
        let calling: Vec<_> = (0..workers)
            .map(|number| {
                tokio::spawn(devices.clone().work(number, Arc::clone(&self.tally), Arc::clone(&over)))
            })
            .collect();
        self.watch(&mut phase, self.plan.unit / 2, |_| true).await;
        self.until_steady(&mut phase).await;
        self.break_server();
        self.watch(&mut phase, self.plan.unit * 4 / 5, |_| true).await;
        self.server.revoke_all();
        self.timeline.revoked();
        self.watch(&mut phase, Duration::ZERO, |status| status.held.is_none()).await;
        self.view.say("the token was revoked: the devices' requests wait in the gateway");
        self.watch(&mut phase, self.plan.unit * 3 / 2, |_| true).await;
        self.restore_server();
        self.watch(&mut phase, Duration::ZERO, |status| status.held.is_some() && status.waiting == 0).await;
        let rest = self.plan.whole.saturating_sub(start.elapsed());
        self.watch(&mut phase, rest.max(self.plan.unit / 2), |_| true).await;
        let allowed = 1 + self.plan.attempts(phase.elapsed());
        phases.push(self.end(phase, allowed));
        over.store(true, Ordering::Relaxed);
        died += died_among(calling).await;
        self.timeline.end(&self.tally);
        self.view.end();
        let (timeline, life, took) = (self.timeline, self.plan.life, start.elapsed());
        Ok(Report { phases, timeline, workers, life, died, took })
    }

    fn begin(&mut self, name: &'static str, trouble: Option<What>, story: &str) -> Running {
        self.begun += 1;
        let label = format!("{}/{PHASES} ", self.begun);
        self.view.labelled(&label, &format!("{}: {story}", view::name(name, trouble)));
        let _of_before = self.tally.take();
        self.timeline.phase(name);
        Running::begin(name, self.server.counts().token_requests)
    }

    fn end(&mut self, phase: Running, allowed: u64) -> Phase {
        let done = phase.end(self.tally.take(), self.server.counts().token_requests, allowed);
        self.view.came_to(&done);
        done
    }

    fn break_server(&mut self) {
        let down = Fault::status(503);
        let _cleared_later = self.server.fault(Endpoint::Token, down, Times::UntilCleared);
        self.timeline.down();
    }

    fn restore_server(&mut self) {
        self.view.say("the authorization server is back");
        self.server.clear_faults();
        self.timeline.up();
    }

    /// Until the token is neither new nor due: what is revoked then is not refused because it has expired on its way, either.
    async fn until_steady(&mut self, phase: &mut Running) {
        let unit = self.plan.unit;
        self.watch(phase, Duration::ZERO, |status| (unit..unit * 2).contains(&refresh_in(status))).await;
    }

    /// Looks on for at least that long and until `done`, but not for ever: what never comes shows in the figures. On a
    /// machine that is very slow the first call of a phase may take longer than all that; it is waited for.
    async fn watch(&mut self, phase: &mut Running, at_least: Duration, done: impl Fn(&Status) -> bool) {
        let start = Instant::now();
        let at_most = at_least + self.plan.unit * 20 + Duration::from_secs(20);
        loop {
            let status = self.tokens.status();
            phase.queue(status.waiting);
            self.timeline.look(&status, &self.tally);
            self.view.show(&status, &self.timeline);
            let passed = start.elapsed();
            if passed >= at_least && ((done(&status) && self.tally.requests() > 0) || passed >= at_most) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// How long until the held token is due; zero when none is held.
fn refresh_in(status: &Status) -> Duration {
    status.held.map_or(Duration::ZERO, |held| held.refresh_in)
}

/// How many of these ended by a panic.
async fn died_among(working: Vec<JoinHandle<()>>) -> u64 {
    let mut died = 0;
    for worker in working {
        died += u64::from(worker.await.is_err());
    }
    died
}

/// One worker: calls the API, again and again.
async fn work(api: Api, url: String, tally: Arc<Tally>, over: Arc<AtomicBool>) {
    let Ok(url) = reqwest::Url::parse(&url) else { return };
    while !over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let request = reqwest::Request::new(reqwest::Method::GET, url.clone());
        let answer = match api.execute(request).await {
            // The body is read, so that the connection is used again.
            Ok(answer) => answer.error_for_status().map_err(|error| why(&error)),
            Err(error) => Err(why(&error)),
        };
        let failed = match answer {
            Ok(answer) => answer.bytes().await.err().map(|error| why(&error)),
            Err(error) => Some(error),
        };
        tally.count(asked.elapsed(), failed.as_deref());
    }
}

#[cfg(test)]
mod tests;
