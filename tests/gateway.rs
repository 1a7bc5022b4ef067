//! The gateway as one more shell: what it makes of a refused token is what the adapters make of it.

use crate::printed::with_no_secret;
use crate::scenarios::{self, Call, Seen, Setup, Shell, Trace};
use crate::shells::{Mount, SHELLS};
use evergrant_gateway::{Address, Gateway, Listener, OnRefused, Route, Running, Upstream};
use evergrant_tests::{http, install_tls};
use evergrant_tokio_reqwest::{ClientAuth, Rotation, Status, Tokens};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// A program on a gateway, which calls it in place of the API.
struct Behind {
    runtime: Runtime,
    running: Running,
    tokens: Tokens,
    api: String,
}

fn behind(setup: &Setup) -> Arc<dyn Shell> {
    install_tls();
    let tokens = Tokens::builder(setup.client.clone()).policy(setup.policy.clone());
    let tokens = tokens.fail_fast(setup.fail_fast);
    let tokens = match &setup.clock {
        Some(clock) => tokens.clock(clock.clone()),
        None => tokens,
    };
    let tokens = tokens.build().unwrap();
    let api = setup.origins.iter().next().unwrap().to_string();
    let route = Route::new("/", Upstream::parse(&api).unwrap(), tokens.clone()).unwrap();
    // As the adapters do.
    let route = route.on_refused(OnRefused::Pass);
    let gateway = Gateway::builder().route(route).workers(2).build().unwrap();
    let running = gateway.serve(&[Listener::new(Address::parse("127.0.0.1:0").unwrap())]).unwrap();
    Arc::new(Behind { runtime: Runtime::new().unwrap(), running, tokens, api })
}

impl Shell for Behind {
    fn call(&self, call: &Call) -> Seen {
        let gateway = &self.running.addresses()[0];
        let url = call.url.replacen(&self.api, &format!("http://{gateway}"), 1);
        self.runtime.block_on(async {
            let request = http().request(call.method.parse().unwrap(), url).body(call.body).send();
            match request.await {
                Ok(answer) => Seen::Answer(answer.status().as_u16(), answer.text().await.unwrap()),
                Err(error) => Seen::Failed(error.to_string()),
            }
        })
    }

    fn rotate(&self, auth: ClientAuth, rotation: Rotation) {
        self.tokens.rotate(auth, rotation);
    }

    fn status(&self) -> Status {
        self.tokens.status()
    }
}

/// The scenario through a gateway, and on an adapter: what the callers and the servers see is the same.
fn as_on_an_adapter(scenario: fn(Mount) -> Trace) {
    let expected = scenario(SHELLS[1].1);
    assert_eq!(scenario(behind), expected);
}

macro_rules! suite {
    ($($scenario:ident)*) => {
        $(#[test]
        fn $scenario() {
            with_no_secret(stringify!($scenario), || as_on_an_adapter(scenarios::$scenario));
        })*
    };
}

// Those that are about the answers of an API; what a gateway makes of errors is told by its own tests.
suite! {
    a_cold_start_makes_one_request_for_all
    a_refused_token_is_replaced_and_the_body_sent_again
    the_replays_own_refusal_is_handed_on
    invalid_token_at_403_is_a_refused_token
    a_carriers_bad_secret_does_not_cost_a_token
    a_carriers_bad_secret_is_told_from_ours_in_a_packed_answer
    insufficient_scope_is_handed_on
    a_401_that_names_another_scheme_is_a_refused_token
    an_error_of_the_api_is_an_answer
    each_request_has_a_replay_of_its_own
    a_token_that_just_came_is_given_time_to_settle
    a_transient_failure_is_waited_through
    nobody_sees_the_endpoint_fail_while_the_token_lives
    fifty_calls_with_a_refused_token_share_one_request
}
