//! `listen`: an address, or a table with who may use it.

use super::super::reader::{Reader, Value, items};
use super::route::Placed;
use crate::client::folders::located;
use crate::tell::escaped::Line;
use evergrant_gateway::{Access, Address, Identity, Keys, Listener, Peers};
use http::HeaderName;
use std::path::{Path, PathBuf};

/// A place to listen at. Whoever can reach it and may not is not let in: that is known when it is made.
#[derive(Clone, Debug)]
pub(crate) struct Listen {
    pub(crate) address: Address,
    /// `None`: what suits the address.
    pub(crate) access: Option<Access>,
    hosts: Vec<String>,
    require_header: Option<HeaderName>,
    plain_http: bool,
    pub(crate) tls: Option<TlsFiles>,
}

/// Where the certificate of a listener is, and its key.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: Placed<PathBuf>,
    pub(crate) key: Placed<PathBuf>,
}

pub(super) const KEYS: [&str; 8] =
    ["address", "peers", "keys", "anyone", "hosts", "require_header", "plain_http", "tls"];

/// Keys that a later version has.
const LATER: [&str; 1] = ["http2"];

const FORMS: &str = "write \"localhost:8484\", an IP address and a port, or \"unix:PATH\"";

impl Listen {
    /// An address, with who may use it where nobody says more.
    pub(crate) const fn at(address: Address) -> Self {
        Self { address, access: None, hosts: Vec::new(), require_header: None, plain_http: false, tls: None }
    }

    /// Where it listens unless somebody says otherwise.
    pub(crate) const fn usual() -> Self {
        Self::at(Address::Localhost(8484))
    }

    /// As the library takes it, with the certificate that is in its files, if it has any.
    pub(crate) fn listener(&self, identity: Option<Identity>) -> Listener {
        let listener = Listener::new(self.address.clone())
            .hosts(self.hosts.iter().map(String::as_str))
            .plain_http(self.plain_http);
        let listener = match &self.access {
            Some(access) => listener.access(access.clone()),
            None => listener,
        };
        let listener = match &self.require_header {
            Some(name) => listener.require_header(name.clone()),
            None => listener,
        };
        match identity {
            Some(identity) => listener.tls(identity),
            None => listener,
        }
    }

    /// Whether a page in a browser can call it: not over a Unix socket, not where a preflight would lack a key or a field,
    /// and not where it would have to trust a certificate first.
    pub(crate) const fn is_for_pages(&self) -> bool {
        let is_open = matches!(self.access, None | Some(Access::Anyone));
        !matches!(self.address, Address::Unix(_))
            && is_open
            && self.require_header.is_none()
            && self.tls.is_none()
    }

    /// Why the address and who may use it do not suit each other, and what to do next.
    pub(super) fn fault(&self) -> Option<(&'static str, &'static str)> {
        let (is_socket, is_local) = (matches!(self.address, Address::Unix(_)), self.address.is_local());
        match &self.access {
            Some(Access::Peers(_)) if !is_socket => {
                Some(("users are known over a Unix socket alone", "use unix:PATH, or keys in place of peers"))
            }
            _ if is_socket && self.tls.is_some() => {
                Some(("nobody can listen to what goes over a Unix socket", "remove tls"))
            }
            Some(Access::Keys(_)) if !is_local && !self.plain_http && self.tls.is_none() => Some((
                "the keys would be sent in clear to this address, which can be reached from other machines",
                "add tls, put TLS in front and listen at localhost, or add plain_http = true where the network encrypts",
            )),
            None if !is_local => Some((
                "this address can be reached from other machines, where whoever calls acts as the client",
                "add keys (evergrant gateway key NAME makes one), or anyone = true",
            )),
            _ => None,
        }
    }
}

/// The places, and the names of all keys. `fault`: why an address and who may use it do not suit each other.
pub(super) fn read(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    folder: &Path,
    fault: fn(&Listen) -> Option<(&'static str, &'static str)>,
) -> (Vec<Listen>, Vec<String>) {
    let items = items(value);
    if items.is_empty() {
        reader.wrong(value, "this is empty", FORMS);
    }
    let (mut listens, mut names): (Vec<Listen>, _) = (Vec::new(), Vec::new());
    for item in &items {
        let listen = if item.is_table() {
            table(reader, item, folder, &mut names)
        } else {
            address(reader, item, folder).map(Listen::at)
        };
        let Some(listen) = listen else { continue };
        if let Some((happened, next)) = fault(&listen) {
            reader.wrong(item, happened, next);
        }
        if listens.iter().any(|other| other.address == listen.address) {
            reader.wrong(item, "this address is repeated", "write another one, or remove it");
        }
        listens.push(listen);
    }
    (listens, names)
}

fn address(reader: &mut Reader<'_>, value: &Value<'_>, folder: &Path) -> Option<Address> {
    let address = reader.read(value, Address::parse, FORMS)?;
    Some(match address {
        Address::Unix(path) => match path.to_str() {
            Some(path) => Address::Unix(located(path, folder)),
            None => Address::Unix(path),
        },
        other => other,
    })
}

/// `None` too if it is not known who may use it.
fn table(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    folder: &Path,
    names: &mut Vec<String>,
) -> Option<Listen> {
    let mut at = None;
    let mut who: Vec<(&str, Option<Access>)> = Vec::new();
    // Its address is known last.
    let mut listen = Listen::usual();
    for (key, value) in reader.table(value) {
        match key.as_str() {
            "address" => at = Some(address(reader, &value, folder)),
            "peers" => who.push(("peers", peers(reader, &value).map(Access::Peers))),
            "keys" => who.push(("keys", keys(reader, &value, names).map(Access::Keys))),
            "anyone" if reader.flag(&value) == Some(true) => who.push(("anyone", Some(Access::Anyone))),
            "anyone" => {}
            "hosts" => {
                listen.hosts = reader.read_all(&value, host, "write a name, or name:port, without a scheme");
            }
            "require_header" => {
                let read =
                    |text: &str| text.parse::<HeaderName>().map_err(|_| "this is not the name of a header");
                listen.require_header = reader.read(&value, read, "write a name such as \"X-Evergrant\"");
            }
            "plain_http" => listen.plain_http = reader.flag(&value).unwrap_or_default(),
            "tls" => listen.tls = tls(reader, &value, folder),
            later if LATER.contains(&later) => reader.not_yet(&key),
            _ => reader.unknown(&key, &KEYS),
        }
    }
    let Some(address) = at else {
        reader.wrong(value, "there is no address", "write address = \"localhost:8484\" into it");
        return None;
    };
    let access = match who.pop() {
        None => None,
        Some((last, _)) if !who.is_empty() => {
            let more = who.iter().map(|(name, _)| format!(" and {name}"));
            let happened = format!("it has {last}{}", more.collect::<String>());
            reader.wrong(value, happened, "say in one way who may use the address");
            return None;
        }
        Some((_, access)) => Some(access?),
    };
    Some(Listen { address: address?, access, ..listen })
}

/// Two files.
fn tls(reader: &mut Reader<'_>, value: &Value<'_>, folder: &Path) -> Option<TlsFiles> {
    const NEXT: &str = "write { certificate = \"FILE\", key = \"FILE\" }";
    let (mut certificate, mut key) = (None, None);
    let table = reader.table(value);
    for (name, value) in &table {
        let file = match name.as_str() {
            "certificate" => &mut certificate,
            "key" => &mut key,
            _ => {
                reader.unknown(name, &["certificate", "key"]);
                return None;
            }
        };
        *file = reader.text(value).map(|path| Placed::at(reader, value, located(&path, folder)));
    }
    for lacking in ["certificate", "key"] {
        if value.is_table() && table.iter().all(|(name, _)| name.as_str() != lacking) {
            reader.wrong(value, format!("there is no {lacking}"), NEXT);
        }
    }
    Some(TlsFiles { certificate: certificate?, key: key? })
}

/// Users and groups by their numbers.
fn peers(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Peers> {
    let (mut uids, mut gids, mut named) = (Vec::new(), Vec::new(), 0);
    for (key, value) in reader.table(value) {
        let ids = match key.as_str() {
            "uids" => &mut uids,
            "gids" => &mut gids,
            _ => {
                reader.unknown(&key, &["uids", "gids"]);
                return None;
            }
        };
        let items = items(&value);
        named += items.len();
        for item in &items {
            let id = reader.count(item, 0..=u32::MAX);
            if id == Some(NOBODY) {
                reader.wrong(item, "this is nobody, whom nothing is served to", "write another number");
            }
            ids.extend(id);
        }
    }
    if named == 0 && value.is_table() {
        reader.wrong(value, "it names nobody", "write { uids = [1000] }, { gids = [1000] }, or both");
    }
    if uids.is_empty() && gids.is_empty() {
        return None;
    }
    let peers = uids.into_iter().fold(Peers::only(NOBODY), Peers::with_uid);
    Some(gids.into_iter().fold(peers, Peers::with_gid))
}

/// Each a name, and the digest of a key.
fn keys(reader: &mut Reader<'_>, value: &Value<'_>, names: &mut Vec<String>) -> Option<Keys> {
    const NEXT: &str = "make a key, and the line for this file, with evergrant gateway key NAME";
    let table = reader.table(value);
    if value.is_empty() {
        reader.wrong(value, "there is no key", NEXT);
    }
    names.extend(table.iter().map(|(name, _)| name.as_str().to_owned()));
    let keys: Vec<_> = table
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), reader.read(value, digest, NEXT)?)))
        .collect();
    if keys.is_empty() || keys.len() < table.len() {
        return None;
    }
    Keys::new(keys)
        .map_err(|error| {
            const NEXT: &str = "correct the name, or make another key with evergrant gateway key NAME";
            reader.wrong(value, Line(&error.to_string()).to_string(), NEXT);
        })
        .ok()
}

/// A user that is never let in, so that groups can be named alone.
const NOBODY: u32 = 65_534;

/// What stands before the digits of a digest.
pub(crate) const SHA256: &str = "sha256:";

fn digest(text: &str) -> Result<[u8; 32], &'static str> {
    // The key itself must not be here, and is not shown.
    const WRONG: &str = "this is not sha256: and 64 hexadecimal digits";
    let digits = text.strip_prefix(SHA256).ok_or(WRONG)?;
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(WRONG);
    }
    let mut digest = [0; 32];
    for (byte, place) in digest.iter_mut().zip((0..64).step_by(2)) {
        let pair = digits.get(place..place + 2).ok_or(WRONG)?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| WRONG)?;
    }
    Ok(digest)
}

fn host(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "this is not the name of a host";
    let authority: http::uri::Authority = text.parse().map_err(|_| WRONG)?;
    if authority.as_str().contains('@') { Err(WRONG) } else { Ok(text.to_owned()) }
}
