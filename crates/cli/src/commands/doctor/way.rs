//! The way to the token endpoint, step by step: its name, a connection, TLS. Nothing of the client is sent here.

use super::findings::{Findings, State};
use crate::client::certificate;
use crate::client::network::Network;
use crate::client::roots::Roots;
use crate::client::setup::Setup;
use crate::tell::failure::Failure;
use crate::tell::when;
use evergrant_drive::CertifiedKey;
use evergrant_http::tls_error;
use evergrant_tokio_reqwest::Origin;
use evergrant_tokio_reqwest::core::{Endpoint, Excerpt, Span};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use rustls_platform_verifier::Verifier;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// A certificate that ends sooner should have been renewed already: those who do it by themselves do it at 30 days.
pub(super) const RENEWAL: Duration = Duration::from_secs(14 * 86_400);

const PLAIN_HTTP: &str =
    "none: plain http, as dangerous_plain_http allows: whoever can read the network has the client's secret";

const USE_HTTPS: &str = "use https, unless the network is safe by itself";

/// Whether a proxy stands on the way of the token request, as the user or the environment says.
pub(super) fn proxy(
    endpoint: &Endpoint,
    network: &Network,
    findings: &mut Findings,
) -> Result<bool, Failure> {
    match network.proxy_for(endpoint.origin()) {
        Ok(None) => {
            if network.is_passed_by(endpoint.origin()) {
                let says = "not used: loopback addresses never go through a proxy";
                findings.add("proxy", State::Good, says.into(), [])?;
            }
            Ok(false)
        }
        Ok(Some(proxy)) => {
            let says = format!(
                "{proxy}: the token request goes through it; the next lines test the direct connection"
            );
            findings.add("proxy", State::Good, says, [])?;
            Ok(true)
        }
        Err(error) => {
            findings.add("proxy", State::Fault, error.to_string(), [])?;
            Err(error.into())
        }
    }
}

/// Resolves, connects, shakes hands. What fails is a fault, or a warning where a proxy may do better.
pub(super) fn walk(
    endpoint: &Endpoint,
    setup: &Setup,
    shown: Option<&CertifiedKey>,
    proxied: bool,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let (network, timeout) = (&setup.network, setup.timeout);
    let origin = endpoint.origin();
    let failed = |findings: &mut Findings, about, says: String, next: &str| {
        let state = if proxied { State::Warning } else { State::Fault };
        findings.add(about, state, says.clone(), [next.to_owned()])?;
        if proxied { Ok(()) } else { Err(Failure::way(says, next)) }
    };
    let addresses = match resolve(origin, timeout, findings)? {
        Ok(addresses) => addresses,
        Err(reason) => {
            let says = format!("the host name {} cannot be resolved: {reason}", origin.host());
            return failed(
                findings,
                "name",
                says,
                "check the host in the token endpoint, and this machine's DNS",
            );
        }
    };
    let stream = match connect(&addresses, timeout, findings)? {
        Ok(stream) => stream,
        Err(reason) => {
            let says = format!("no connection to {}, port {}: {reason}", origin.host(), origin.port());
            return failed(
                findings,
                "connection",
                says,
                "check the port, the firewall, and whether the server runs",
            );
        }
    };
    if origin.scheme() != "https" {
        return if origin.is_loopback() {
            findings.add("tls", State::Good, "none: plain http to this machine itself".into(), [])
        } else {
            findings.add("tls", State::Warning, PLAIN_HTTP.into(), [USE_HTTPS.to_owned()])
        };
    }
    match tls(stream, origin, (&network.roots, shown), findings)? {
        Ok(()) => Ok(()),
        Err(reason) => {
            let says = format!("TLS with {} fails: {reason}", origin.host());
            let next = "check that the port speaks TLS, the server's certificate, this machine's trusted roots and its clock";
            failed(findings, "tls", says, next)
        }
    }
}

fn resolve(
    origin: &Origin,
    timeout: Duration,
    findings: &mut Findings,
) -> Result<Result<Vec<SocketAddr>, String>, Failure> {
    if let Ok(address) = bare(origin).parse::<IpAddr>() {
        return Ok(Ok(vec![SocketAddr::new(address, origin.port())]));
    }
    // The system's resolver knows no timeout.
    let (sender, receiver) = mpsc::channel();
    let (host, port) = (bare(origin), origin.port());
    let began = Instant::now();
    let resolver = thread::Builder::new()
        .spawn(move || sender.send((host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>)));
    let addresses = match (resolver, receiver.recv_timeout(timeout)) {
        (Err(error), _) | (_, Ok(Err(error))) => return Ok(Err(error.to_string())),
        (_, Err(_)) => return Ok(Err(format!("no response came within {} s", timeout.as_secs()))),
        (_, Ok(Ok(addresses))) => addresses,
    };
    let mut hosts: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    hosts.dedup();
    let says = format!("{} is {} ({} ms)", origin.host(), hosts.join(", "), began.elapsed().as_millis());
    findings.add("name", State::Good, says, [])?;
    Ok(Ok(addresses))
}

/// Every address at the same time, each with what came of it: one that swallows packets costs those clients something that try
/// one after the other.
fn connect(
    addresses: &[SocketAddr],
    timeout: Duration,
    findings: &mut Findings,
) -> Result<Result<TcpStream, String>, Failure> {
    let (mut first, mut reasons) = (None, Vec::new());
    let tried: Vec<_> = addresses
        .iter()
        .map(|address| {
            let address = *address;
            let began = Instant::now();
            let try_it = move || (TcpStream::connect_timeout(&address, timeout), began.elapsed());
            (address, thread::Builder::new().spawn(try_it))
        })
        .collect();
    for (address, trying) in tried {
        let ended = trying
            .and_then(|trying| trying.join().map_err(|_| io::Error::other("the attempt was abandoned")));
        let (outcome, took) = match ended {
            Ok((outcome, took)) => (outcome, took.as_millis()),
            Err(error) => (Err(error), 0),
        };
        match outcome {
            Ok(stream) => {
                findings.add("connection", State::Good, format!("to {address} ({took} ms)"), [])?;
                first = first.or(Some(stream));
            }
            Err(error) => reasons.push(format!("{address}: {error} ({took} ms)")),
        }
    }
    let Some(stream) = first else {
        return Ok(Err(match reasons.is_empty() {
            true => "the name has no address".into(),
            false => reasons.join("; "),
        }));
    };
    for reason in reasons {
        let next = "tell the server's operator, or check this machine's route to that address: clients that try one \
                    address after the other wait for it";
        findings.add("connection", State::Warning, format!("none to {reason}"), [next.to_owned()])?;
    }
    let limited =
        stream.set_read_timeout(Some(timeout)).and_then(|()| stream.set_write_timeout(Some(timeout)));
    Ok(limited.map(|()| stream).map_err(|error| error.to_string()))
}

fn tls(
    mut stream: TcpStream,
    origin: &Origin,
    (roots, own): (&Roots, Option<&CertifiedKey>),
    findings: &mut Findings,
) -> Result<Result<(), String>, Failure> {
    let began = Instant::now();
    let connection = match handshake(&mut stream, &bare(origin), roots, own) {
        Ok(connection) => connection,
        // What rustls itself says is in part the name of a Rust type.
        Err(error) => {
            let known = tls_error(&error).and_then(|known| known.detail().map(ToString::to_string));
            return Ok(Err(known.unwrap_or_else(|| shown(&error))));
        }
    };
    let version = connection.protocol_version().and_then(|version| version.as_str()).unwrap_or("TLS");
    let says = format!("{version} ({} ms)", began.elapsed().as_millis());
    findings.add("tls", State::Good, says.replace('_', "."), [])?;
    let first = connection.peer_certificates().and_then(<[_]>::first);
    let Some(certificate) = first.and_then(|der| Certificate::from_der(der).ok()) else { return Ok(Ok(())) };
    let ends = certificate.tbs_certificate().validity().not_after.to_unix_duration();
    let left = ends.saturating_sub(when::now());
    let issuer = shown(certificate.tbs_certificate().issuer());
    let says = format!("the server's certificate ends in {}; issued by {issuer}", Span(left));
    if left < RENEWAL {
        let next = "tell the server's operator to renew it".to_owned();
        findings.add("certificate", State::Warning, says, [next])?;
    } else {
        findings.add("certificate", State::Good, says, [])?;
    }
    Ok(Ok(()))
}

/// With the roots of every token request: this machine's, and those of the user; and with the certificate that it shows.
fn handshake(
    stream: &mut TcpStream,
    host: &str,
    roots: &Roots,
    own: Option<&CertifiedKey>,
) -> io::Result<ClientConnection> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let extra = roots.certificates().iter().cloned();
    let verifier = Verifier::new_with_extra_roots(extra, provider.clone()).map_err(io::Error::other)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let config = match own {
        Some(own) => config
            .with_client_auth_cert(certificate::chain(own), certificate::private_key(own))
            .map_err(io::Error::other)?,
        None => config.with_no_client_auth(),
    };
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(stream)?;
    }
    Ok(connection)
}

/// What may have come from the server: bounded, and nothing that a terminal obeys.
pub(super) fn shown(text: &dyn fmt::Display) -> String {
    Excerpt::new(&text.to_string(), &[]).unwrap_or_default().as_str().to_owned()
}

/// The host as the system takes it: IPv6 without brackets.
fn bare(origin: &Origin) -> String {
    origin.host().to_string().trim_matches(['[', ']']).to_owned()
}
