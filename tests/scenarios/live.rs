//! Secrets that live elsewhere: each is read for each token request.

use super::*;
use evergrant_tests::places::{Folder, Place};
use evergrant_tokio_reqwest::core::{AssertionKind, SourceError, Unready};
use evergrant_tokio_reqwest::{CommandSource, SecretText};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// How every foreign assertion of these scenarios ends, where nobody shows it.
pub(crate) const SIGNATURE: &str = "sentinel-signature_of-the-assertion";

/// The server's client, whose secret is read.
fn live(server: &Server) -> Client {
    client(server).with_auth(ClientAuth::post_live(Server::CLIENT_ID).unwrap())
}

/// A client whose secret is read there, on a clock that stands. Whatever fails rests as long as it says.
fn reading(server: &Server, place: Place) -> (Setup, ManualClock) {
    let clock = ManualClock::new();
    let setup = Setup {
        client: live(server),
        secret: Some(place),
        clock: Some(clock.clone()),
        policy: quick().with_jitter(false),
        ..Setup::new(server)
    };
    (setup, clock)
}

/// What a program that prints this is called with.
fn printing(text: &str) -> CommandSource {
    CommandSource::new("printf").argument("%s\\n").argument(text)
}

/// What is seen of a run with this server, in which callers came one after the other.
fn over(server: &Server, shell: &Arc<dyn Shell>, results: &[u16]) -> Trace {
    trace(server, results.to_vec(), shell, false)
}

fn unready(seen: &Seen) -> &Unready {
    match seen.error() {
        Error::Failed { cause: Cause::NotSent(unready), .. } => unready,
        error => panic!("expected a secret that cannot be had, saw {error:?}"),
    }
}

pub(crate) fn a_secret_in_a_file_that_is_renewed_is_read_for_each_request(mount: Mount) -> Trace {
    let (server, folder) = (server(), Folder::new());
    let (setup, clock) = reading(&server, Place::file(folder.put("secret", format!("{SECRET}\n"))));
    let shell = mount(&setup);
    let first = shell.call(&get(&server)).status();
    server.rotate_client(Server::CLIENT_ID, SECOND_SECRET);
    folder.put("secret", SECOND_SECRET);
    // The token lives on, and nothing is asked for.
    let held = shell.call(&get(&server)).status();
    assert_eq!(server.counts().token_requests, 1);
    clock.advance(secs(3600));
    let second = shell.call(&get(&server)).status();
    let read: Vec<_> =
        server.requests().iter().filter_map(|request| request.parameter("client_secret")).collect();
    assert_eq!(read, [SECRET, SECOND_SECRET]);
    over(&server, &shell, &[first, held, second])
}

pub(crate) fn each_way_to_authenticate_takes_a_secret_that_is_read(mount: Mount) -> Trace {
    let server = server();
    let id = Server::CLIENT_ID;
    let ways = [ClientAuth::basic_live(id), ClientAuth::basic_raw_live(id), ClientAuth::post_live(id)];
    let places = [Place::call(|| Ok(SecretText::new(SECRET))), Place::command(printing(SECRET))];
    let places = if cfg!(unix) { &places[..] } else { &places[..1] };
    let (mut last, mut results) = (None, Vec::new());
    for (way, place) in ways.into_iter().flat_map(|way| places.iter().map(move |place| (way.clone(), place)))
    {
        let (mut setup, _) = reading(&server, place.clone());
        setup.client = setup.client.with_auth(way.unwrap());
        let shell = mount(&setup);
        results.push(shell.call(&get(&server)).status());
        last = Some(shell);
    }
    assert!(results.iter().all(|status| *status == 200), "{results:?}");
    over(&server, &last.unwrap(), &results)
}

/// Calls for two minutes, each of which is told the server's words, and counts the token requests.
fn refused_for_two_minutes(shell: &Arc<dyn Shell>, server: &Server, clock: &ManualClock) -> u64 {
    for _ in 0..12 {
        let seen = shell.call(&get(server));
        assert_eq!(seen.error().refusal().and_then(Refusal::code), Some("invalid_client"), "{seen:?}");
        assert!(seen.error().is_permanent());
        clock.advance(secs(10));
    }
    server.counts().token_requests
}

// I36
pub(crate) fn a_wrong_secret_is_mended_in_its_file_while_the_program_runs(mount: Mount) -> Trace {
    let (server, folder) = (server(), Folder::new());
    // What a wrong secret in the configuration costs the server.
    let (setup, clock) = reading(&server, Place::file(folder.put("secret", "wrong")));
    let auth = ClientAuth::post(Server::CLIENT_ID, "wrong").unwrap();
    let fixed = mount(&Setup { client: client(&server).with_auth(auth), secret: None, ..setup });
    let by_fixed = refused_for_two_minutes(&fixed, &server, &clock);
    server.reset_counts();

    let (setup, clock) = reading(&server, Place::file(folder.at("secret")));
    let shell = mount(&setup);
    let by_live = refused_for_two_minutes(&shell, &server, &clock);
    assert!((1..=by_fixed).contains(&by_live), "{by_live} requests, {by_fixed} with a fixed secret");
    // Another wrong one is sent at once, and costs no more either.
    folder.put("secret", "as wrong");
    let seen = shell.call(&get(&server));
    assert_eq!((seen.error().is_permanent(), server.counts().token_requests), (true, by_live + 1));
    folder.put("secret", SECRET);
    clock.advance(secs(10) + ms(1));
    let healed = shell.call(&get(&server)).status();
    assert_eq!((healed, server.counts().token_requests), (200, by_live + 2));
    over(&server, &shell, &[healed])
}

/// Each run may ask somebody, or be paid for.
pub(crate) fn a_costly_command_is_run_no_more_often_than_its_secret_may_be_sent(mount: Mount) -> Trace {
    let (server, folder) = (server(), Folder::new());
    let runs = Arc::new(AtomicU32::new(0));
    let place = if cfg!(unix) {
        let script = format!("echo run >> {}; echo wrong", folder.at("runs").display());
        Place::costly_command(CommandSource::new("sh").argument("-c").argument(script))
    } else {
        let runs = Arc::clone(&runs);
        Place::call(move || {
            runs.fetch_add(1, Ordering::SeqCst);
            Ok(SecretText::new("wrong").costly())
        })
    };
    let (setup, clock) = reading(&server, place);
    let shell = mount(&setup);
    let sent = refused_for_two_minutes(&shell, &server, &clock);
    let noted = std::fs::read_to_string(folder.at("runs")).unwrap_or_default().lines().count();
    assert_eq!((sent, noted as u64 + u64::from(runs.load(Ordering::SeqCst))), (4, 4));
    over(&server, &shell, &[])
}

/// A JWT that somebody else has signed, for this program.
fn assertion(subject: &str, exp: u64) -> String {
    let [header, payload] = [
        r#"{"alg":"RS256","kid":"of the platform"}"#.to_owned(),
        format!(r#"{{"iss":"https://platform.example","aud":["https://issuer.example"],"sub":"{subject}","exp":{exp}}}"#),
    ]
    .map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{header}.{payload}.{SIGNATURE}")
}

fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn a_foreign_assertion_is_read_from_its_file_and_sent_alone(mount: Mount) -> Trace {
    let (server, folder) = (server(), Folder::new());
    // A token that the API knows: what is checked of an assertion is the business of its issuer.
    let known = mount(&Setup::new(&server));
    assert_eq!(known.call(&get(&server)).status(), 200);
    let token = server.issued().pop().unwrap();
    let body = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#);
    let granted = Fault::status_with_body(200, "application/json", body);
    let _granted = server.fault(Endpoint::Token, granted, Times::UntilCleared);

    let first = assertion("system:serviceaccount:shop:orders", 4_000_000_000);
    let (mut setup, clock) = reading(&server, Place::file(folder.put("token", format!("{first}\n"))));
    let auth = ClientAuth::assertion(Server::CLIENT_ID, AssertionKind::JWT_BEARER).unwrap();
    setup.client = setup.client.with_auth(auth);
    let shell = mount(&setup);
    let mut results = vec![shell.call(&get(&server)).status()];
    let second = assertion("system:serviceaccount:shop:orders", 4_000_003_600);
    folder.put("token", &second);
    clock.advance(secs(3600));
    results.push(shell.call(&get(&server)).status());

    let requests = server.requests();
    let asked = requests.iter().filter(|request| request.endpoint() == Endpoint::Token);
    // Behind that of the client whose token this is.
    let asked: Vec<_> = asked.skip(1).collect();
    for (request, assertion) in asked.iter().zip([&first, &second]) {
        let expected = format!(
            "grant_type=client_credentials&client_id={}&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion={assertion}",
            Server::CLIENT_ID
        );
        assert_eq!(String::from_utf8_lossy(request.body()), expected);
        assert_eq!(request.header("authorization"), None, "one way at a time");
    }
    assert_eq!(asked.len(), 2);
    over(&server, &shell, &results)
}

pub(crate) fn a_refused_assertion_tells_what_it_says_of_itself(mount: Mount) -> Trace {
    let (server, folder) = (server(), Folder::new());
    let refused = Fault::error(401, "invalid_client");
    let _refused = server.fault(Endpoint::Token, refused, Times::UntilCleared);
    let mut last = None;
    for (exp, said) in [
        (unix_time() - 180, ["ended 3 min", "its writer seems to have stopped"]),
        (
            4_000_000_000,
            ["the audience https://issuer.example", "the subject system:serviceaccount:shop:orders"],
        ),
    ] {
        let path = folder.put("token", assertion("system:serviceaccount:shop:orders", exp));
        let (mut setup, _) = reading(&server, Place::file(&path));
        let auth = ClientAuth::assertion(Server::CLIENT_ID, AssertionKind::JWT_BEARER).unwrap();
        setup.client = setup.client.with_auth(auth.without_client_id());
        let shell = mount(&setup);
        let seen = shell.call(&get(&server));
        let told = seen.error().to_string();
        assert!(said.iter().all(|said| told.contains(said)), "{told}");
        assert!(told.contains(&*path.to_string_lossy()) && !told.contains(SIGNATURE), "{told}");
        last = Some(shell);
    }
    // What ends 3 min ago is another moment for each shell.
    Trace { requests: vec![], ..over(&server, &last.unwrap(), &[]) }
}

pub(crate) fn the_value_of_a_parameter_is_read_for_each_request(mount: Mount) -> Trace {
    let server = server();
    let reads = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&reads);
    let place = Place::call(move || match counted.fetch_add(1, Ordering::SeqCst) {
        0 => Ok(SecretText::new(SECRET)),
        1 => Ok(SecretText::new(SECOND_SECRET)),
        _ => Err(SourceError::failed("nobody is there")),
    });
    let (mut setup, clock) = reading(&server, Place::call(|| Ok(SecretText::new(SECRET))));
    let provider = Provider::rfc6749(&server.token_endpoint()).unwrap();
    let client = client_at(provider).live_param("password").live_param("subject_token");
    setup.client = client.build().unwrap();
    setup.secret = None;
    setup.params =
        vec![("password", place), ("subject_token", Place::call(|| Ok(SecretText::new("a subject"))))];
    setup.fail_fast = true;
    let shell = mount(&setup);
    let mut results = vec![shell.call(&get(&server)).status()];
    clock.advance(secs(3600));
    results.push(shell.call(&get(&server)).status());
    let sent = |name: &str| -> Vec<_> {
        server.requests().iter().filter_map(|request| request.parameter(name)).collect()
    };
    assert_eq!(sent("password"), [SECRET, SECOND_SECRET]);
    assert_eq!(sent("subject_token"), ["a subject", "a subject"]);
    clock.advance(secs(3600));
    let seen = shell.call(&get(&server));
    let told = unready(&seen).to_string();
    assert!(told.contains("the parameter password") && told.contains("nobody is there"), "{told}");
    over(&server, &shell, &results)
}

/// What stands in a file that is no secret may be one all the same.
pub(crate) fn a_secret_that_cannot_be_read_is_told_by_its_place_and_never_by_its_text(mount: Mount) -> Trace {
    let (server, folder) = (server(), Folder::new());
    let mut last = None;
    let mut fails = |place: Place, name: &str, class: Class, reason: &str| {
        let (setup, _) = reading(&server, place);
        let shell = mount(&Setup { fail_fast: true, ..setup });
        let seen = shell.call(&get(&server));
        let unready = unready(&seen);
        let told = seen.error().to_string();
        assert!(told.contains("the client secret") && told.contains(name) && told.contains(reason), "{told}");
        assert_eq!(
            (unready.class(), seen.error().is_permanent()),
            (class, class == Class::Permanent),
            "{told}"
        );
        last = Some(shell);
    };
    let (waits, fixed) = (Class::Transient, Class::Permanent);
    let mut of_file = |name: &str, bytes: &[u8], class, reason| {
        let path = folder.put(name, bytes);
        fails(Place::file(&path), &path.to_string_lossy(), class, reason);
    };
    of_file("empty", b"\n", waits, "it is empty");
    of_file("broken", format!("{SECRET}\n{SECRET}").as_bytes(), fixed, "client_secret");
    of_file("bytes", &[SECRET.as_bytes(), b"\xff"].concat(), fixed, "not UTF-8 text");
    of_file("long", SECRET.repeat(4000).as_bytes(), fixed, "longer than 64 KiB");
    let missing = folder.at("missing");
    fails(Place::file(&missing), &missing.to_string_lossy(), waits, "it is not there");
    fails(Place::file(folder.at("")), &folder.at("").to_string_lossy(), waits, "");
    fails(Place::call(|| panic!("in a source")), "", waits, "panic");
    if cfg!(unix) {
        let script = "printf '%s' \"$0\"; exit 3";
        let command = CommandSource::new("sh").argument("-c").argument(script).argument(SECRET);
        fails(Place::command(command.clone()), "from sh", waits, "it ended with status 3");
        fails(Place::costly_command(command), "from sh", waits, "it ended with status 3");
        let command = CommandSource::new("evergrant-no-such-program").argument(SECRET);
        fails(Place::command(command), "evergrant-no-such-program", waits, "no such program");
    }
    assert_eq!(server.counts().token_requests, 0, "nothing was sent");
    over(&server, &last.unwrap(), &[])
}

/// Whoever writes it may start after whoever reads it.
pub(crate) fn a_secret_that_comes_a_moment_later_is_waited_for(mount: Mount) -> Trace {
    let (server, folder) = (server(), Folder::new());
    let (setup, _) = reading(&server, Place::file(folder.at("secret")));
    let shell = mount(&Setup { clock: None, ..setup });
    let call = at_once(&shell, 1, &get(&server)).remove(0);
    while !matches!(shell.status().request, RequestStatus::Resting(..)) {
        thread::sleep(ms(1));
    }
    folder.put("secret", SECRET);
    let seen = call.join().unwrap().status();
    assert_eq!(server.counts().token_requests, 1, "what was not sent costs the server nothing");
    over(&server, &shell, &[seen])
}

// I40
pub(crate) fn no_failure_of_a_source_takes_the_token_that_is_held(mount: Mount) -> Trace {
    let server = server();
    let reads = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&reads);
    let place = Place::call(move || match counted.fetch_add(1, Ordering::SeqCst) {
        0 => Ok(SecretText::new(SECRET)),
        read if read % 4 == 0 => panic!("in a source"),
        read if read % 4 == 1 => Err(SourceError::Missing),
        read if read % 4 == 2 => Ok(SecretText::new("two\nlines")),
        _ => Ok(SecretText::new("wrong")),
    });
    let (setup, clock) = reading(&server, place);
    let shell = mount(&setup);
    let mut results = vec![shell.call(&get(&server)).status()];
    clock.advance(secs(3300));
    while used_for(&shell) > secs(20) {
        results.push(shell.call(&get(&server)).status());
        while matches!(shell.status().request, RequestStatus::InFlight(_)) {
            thread::sleep(ms(1));
            // A runtime of one thread moves only while somebody calls.
            results.push(shell.call(&get(&server)).status());
        }
        clock.advance(secs(10));
    }
    assert!(results.iter().all(|status| *status == 200), "{results:?}");
    assert!(reads.load(Ordering::SeqCst) > 4, "it was tried");
    Trace { requests: vec![], results: vec![], is_of_its_own: false }
}

/// How long the token is used that is held.
fn used_for(shell: &Arc<dyn Shell>) -> std::time::Duration {
    shell.status().held.unwrap().used_for
}

/// Credentials that were pushed are used at once, whatever is known of the old ones.
pub(crate) fn a_rotation_takes_effect_on_a_secret_that_was_read(mount: Mount) -> Trace {
    let (server, folder) = (server(), Folder::new());
    let (setup, clock) = reading(&server, Place::file(folder.put("secret", "wrong")));
    let shell = mount(&setup);
    assert!(shell.call(&get(&server)).error().is_permanent());
    shell.rotate(ClientAuth::basic(Server::CLIENT_ID, SECRET).unwrap(), Rotation::Drop);
    clock.advance(ms(1));
    let pushed = shell.call(&get(&server)).status();
    // And back to what is read, where the right one stands now.
    folder.put("secret", SECRET);
    shell.rotate(ClientAuth::basic_live(Server::CLIENT_ID).unwrap(), Rotation::Drop);
    clock.advance(ms(1));
    let read = shell.call(&get(&server)).status();
    over(&server, &shell, &[pushed, read])
}
