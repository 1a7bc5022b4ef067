//! A profile, and the gateway's routes, judged before anything is sent and without running a command.

use crate::client::args::ClientArgs;
use crate::client::identity::Pem;
use crate::client::lack::{Lack, Unmade};
use crate::client::nearest::nearest;
use crate::client::profile::Profile;
use crate::client::profile::gateway::{Listen, RouteTable, TlsFiles};
use crate::client::roots::Roots;
use crate::client::settings::Settings;
use crate::tell::failure::Failure;
use evergrant_gateway::{Identity, Listener, Upstream};
use evergrant_tokio_reqwest::Origin;
use std::time::Duration;

/// How long a pipe may take in whose place certificates are.
const LIMIT: Duration = Duration::from_secs(10);

/// What a profile says by itself, or everything that is wrong with it, with its line where that is known. What a faulty
/// profile lacks may be what is wrong with it, and is not said twice.
pub(crate) fn settings(profile: Profile, is_faulty: bool) -> Result<Settings, Vec<(Option<usize>, Failure)>> {
    let keys: Vec<String> = profile.lines.keys().cloned().collect();
    // A key that is there, or one that was probably meant, has been complained of.
    let is_said = |lack: Lack| {
        is_faulty && keys.iter().any(|key| nearest(key, &[lack.key()]).is_some() || key == lack.key())
    };
    let settings = match Settings::merge(&ClientArgs::default(), profile) {
        Ok(settings) => settings,
        Err(Unmade::Wrong(failure)) => return Err(vec![(None, failure)]),
        Err(Unmade::Lacking(lacks)) => {
            let lacks = lacks.all().filter(|lack| !is_said(*lack));
            return Err(lacks.map(|lack| (None, lack.in_profile())).collect());
        }
    };
    let faults = settings.faults();
    if faults.is_empty() { Ok(settings) } else { Err(faults) }
}

/// Where a route leads: where it says, or to the only API that its client is for.
pub(crate) fn upstream(route: &RouteTable, origins: &[Origin]) -> Result<Upstream, Failure> {
    const NEXT: &str = "write upstream = \"https://api.example.com/\" into it";
    match &route.upstream {
        Some(upstream) => secure(upstream.clone(), origins),
        None => only(origins, "the route's profile", NEXT),
    }
}

/// An upstream that tokens may be sent to: over TLS, on this machine, or where the profile allows plain http.
fn secure(upstream: Upstream, origins: &[Origin]) -> Result<Upstream, Failure> {
    let origin = upstream.origin();
    if upstream.is_tls() || origin.is_loopback() || origins.contains(origin) {
        return Ok(upstream);
    }
    Err(Failure::usage(
        format!("upstream is plain http to {}", origin.host()),
        "use https, or list its origin in origins of the profile, beside dangerous_plain_http = true",
    ))
}

/// The only one of these, which are the origins of whoever.
pub(crate) fn only(origins: &[Origin], of: &str, next: &str) -> Result<Upstream, Failure> {
    match origins {
        // Whoever said it has said whether plain http may be.
        [origin] => Upstream::dangerous_plain_http(&origin.to_string())
            .map_err(|error| Failure::usage(format!("the API {origin} cannot be called: {error}"), next)),
        [] => Err(Failure::usage(format!("{of} names no API"), next)),
        more => Err(Failure::usage(format!("{of} names {} APIs", more.len()), next)),
    }
}

/// The certificates that a route names.
pub(crate) fn roots(route: &RouteTable) -> Result<Option<Roots>, Failure> {
    route.ca.as_ref().map(|ca| Roots::read(&ca.value, LIMIT)).transpose()
}

/// A listener of the library, with the certificate that is in its files.
pub(crate) fn listener(listen: &Listen) -> Result<Listener, Failure> {
    Ok(listen.listener(identity(listen)?))
}

/// The certificate that a listener shows, if it shows one.
fn identity(listen: &Listen) -> Result<Option<Identity>, Failure> {
    let read = |tls: &TlsFiles| Pem::read(&tls.certificate.value, &tls.key.value, LIMIT)?.identity();
    listen.tls.as_ref().map(read).transpose()
}

/// What is wrong with the certificate of a listener, with its line.
pub(crate) fn listen(listen: &Listen) -> Option<(usize, Failure)> {
    let line = listen.tls.as_ref()?.certificate.line;
    identity(listen).err().map(|failure| (line, failure))
}

/// What is wrong with a route that its own lines do not show, each with its line. `origins`: of its profile, if that is good.
pub(crate) fn route(route: &RouteTable, origins: Option<&[Origin]>) -> Vec<(usize, Failure)> {
    let upstream = origins.and_then(|origins| upstream(route, origins).err());
    let roots = roots(route).err();
    let line_of_roots = route.ca.as_ref().map_or(route.path.line, |ca| ca.line);
    let upstream = upstream.map(|failure| (route.path.line, failure));
    upstream.into_iter().chain(roots.map(|failure| (line_of_roots, failure))).collect()
}
