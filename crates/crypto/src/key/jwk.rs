//! Keys as JSON (RFC 7517): private ones read, public ones written, and their thumbprints (RFC 7638).

mod members;

use super::pair::{Curve, Pair, Public, RsaParts, fixed, sha256, unsigned};
use super::pem::decoded;
use super::refused::{GIVE_PRIVATE_JWK, NEW_KEY, ONE_JWK, WRITE_JWK, damaged, refused};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evergrant_core::{Algorithm, ConfigError, KeyInfo, Thumbprint};
use members::{Members, Text};
use zeroize::Zeroizing;

/// What a JWK says.
pub(super) struct Jwk {
    pub(super) pair: Pair,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) id: Option<Box<str>>,
}

/// The key that a JWK is, or the only private one of a set.
pub(super) fn read(text: &str) -> Result<Jwk, ConfigError> {
    let Ok(members) = serde_json::from_str::<Members<'_>>(text) else {
        return Err(refused("JSON that is not a JWK", WRITE_JWK));
    };
    match &members.keys {
        Some(keys) => {
            let mut private = keys.iter().filter(|key| key.is_private());
            match (private.next(), private.next()) {
                (Some(key), None) => of(key),
                (Some(_), Some(_)) => Err(refused("a JWK set with several private keys", ONE_JWK)),
                (None, _) => Err(refused("a JWK set without a private key", GIVE_PRIVATE_JWK)),
            }
        }
        None => of(&members),
    }
}

fn of(jwk: &Members<'_>) -> Result<Jwk, ConfigError> {
    let Some(kind) = &jwk.kty else {
        return Err(if jwk.private_key {
            refused(
                "JSON that has a private key in PEM in it",
                "take that out: jq -r .private_key FILE > key.pem",
            )
        } else {
            refused("JSON without the member kty", WRITE_JWK)
        });
    };
    if jwk.r#use.as_deref().is_some_and(|r#use| r#use != "sig") {
        return Err(refused("a JWK that is not for signatures, by its use", "give one whose use is sig"));
    }
    if jwk.key_ops.as_ref().is_some_and(|ops| ops.iter().all(|op| &**op != "sign")) {
        return Err(refused("a JWK that may not sign, by its key_ops", "give one whose key_ops have sign"));
    }
    let pair = match (&**kind, jwk.crv.as_deref()) {
        ("EC", curve) => ec(jwk, curve)?,
        ("OKP", Some("Ed25519")) => {
            let seed = private(jwk)?;
            Pair::ed25519(&seed, jwk.x.as_ref().map(bytes).transpose()?.as_ref().map(|x| x.as_slice()))?
        }
        ("OKP", _) => return Err(refused("an OKP key on another curve than Ed25519", NEW_KEY)),
        ("RSA", _) => rsa(jwk)?,
        ("oct", _) => match &jwk.k {
            Some(k) => Pair::hmac(&bytes(k)?)?,
            None => return Err(refused("a JWK of kind oct without its secret, k", WRITE_JWK)),
        },
        _ => return Err(refused("a JWK of an unknown kind", NEW_KEY)),
    };
    let algorithms = restricted(pair.algorithms(), jwk.alg.as_deref())?;
    let id = jwk.kid.as_deref().filter(|id| !id.is_empty()).map(Into::into);
    Ok(Jwk { pair, algorithms, id })
}

fn ec(jwk: &Members<'_>, curve: Option<&str>) -> Result<Pair, ConfigError> {
    let Some(curve) = Curve::ALL.into_iter().find(|known| Some(known.name()) == curve) else {
        return Err(refused("an EC key on another curve than P-256 and P-384", NEW_KEY));
    };
    let d = private(jwk)?;
    let (Some(x), Some(y)) = (&jwk.x, &jwk.y) else {
        return Err(refused("an EC key as a JWK without x and y", "export it with all its members"));
    };
    let coordinate = |text| fixed(&bytes(text)?, curve.len()).ok_or_else(damaged);
    let point = [&[4][..], &coordinate(x)?, &coordinate(y)?].concat();
    Pair::ec(curve, &d, &point)
}

fn rsa(jwk: &Members<'_>) -> Result<Pair, ConfigError> {
    let d = private(jwk)?;
    if jwk.oth {
        return Err(refused(
            "an RSA key of more than two primes",
            "make one of two: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out key.pem",
        ));
    }
    let (Some(n), Some(e)) = (&jwk.n, &jwk.e) else {
        return Err(refused("an RSA key as a JWK without n and e", "export it with all its members"));
    };
    let (Some(p), Some(q), Some(dp), Some(dq), Some(qi)) = (&jwk.p, &jwk.q, &jwk.dp, &jwk.dq, &jwk.qi) else {
        return Err(refused(
            "an RSA key as a JWK without its primes",
            // PyJWT finds the primes by n, e and d. Of the rest of the JWK it writes nothing.
            "write p, q, dp, dq and qi as well, which ring needs: python3 -c \"from jwt.algorithms import RSAAlgorithm as A; \
             print(A.to_jwk(A.from_jwk(open('FILE').read())))\" > key.json (with PyJWT and cryptography; add kid and alg again)",
        ));
    };
    let (n, e, p, q) = (bytes(n)?, bytes(e)?, bytes(p)?, bytes(q)?);
    let (dp, dq, qi) = (bytes(dp)?, bytes(dq)?, bytes(qi)?);
    Pair::rsa(RsaParts {
        n: unsigned(&n),
        e: unsigned(&e),
        d: unsigned(&d),
        p: unsigned(&p),
        q: unsigned(&q),
        dp: unsigned(&dp),
        dq: unsigned(&dq),
        qi: unsigned(&qi),
    })
}

fn private(jwk: &Members<'_>) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
    match &jwk.d {
        Some(d) => bytes(d),
        None => Err(refused("a public key as a JWK", GIVE_PRIVATE_JWK)),
    }
}

fn bytes(text: &Text<'_>) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
    decoded(text.as_bytes(), |text, bytes| URL_SAFE_NO_PAD.decode_slice(text, bytes)).ok_or_else(|| {
        refused("a JWK with a member that is not base64url", "write it without padding (RFC 7515 section 2)")
    })
}

/// Those of a key's algorithms that the JWK lets it have (RFC 7517 §4.4).
fn restricted(can: Vec<Algorithm>, alg: Option<&str>) -> Result<Vec<Algorithm>, ConfigError> {
    let Some(alg) = alg else { return Ok(can) };
    // RFC 9864 names the curve.
    let wanted = if alg == "Ed25519" { Some(Algorithm::EdDsa) } else { Algorithm::of_name(alg) };
    match wanted.filter(|wanted| can.contains(wanted)) {
        Some(wanted) => Ok(vec![wanted]),
        None => {
            let names: Vec<&str> = can.iter().map(|can| can.name()).collect();
            Err(refused(
                "a JWK whose alg its key cannot sign by here",
                &format!("leave alg out, or set it to one of: {}", names.join(", ")),
            ))
        }
    }
}

/// The digest of the public key (RFC 7638 §3): its members in the order of their names, without spaces.
pub(super) fn thumbprint(public: &Public<'_>) -> Thumbprint {
    let json = match public {
        Public::Ec { curve, x, y } => {
            format!(r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#, curve.name(), text(x), text(y))
        }
        Public::Ed25519(x) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(x)),
        Public::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(e), text(n)),
        Public::Hmac(thumbprint) => return *thumbprint,
    };
    sha256(json.as_bytes())
}

/// The public key as a JWK, with what else is known of it; a secret has none.
pub(super) fn public_jwk(public: &Public<'_>, info: &KeyInfo) -> Option<String> {
    let mut jwk = match public {
        Public::Ec { curve, x, y } => {
            format!(r#"{{"kty":"EC","crv":"{}","x":"{}","y":"{}""#, curve.name(), text(x), text(y))
        }
        Public::Ed25519(x) => format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}""#, text(x)),
        Public::Rsa { n, e } => format!(r#"{{"kty":"RSA","n":"{}","e":"{}""#, text(n), text(e)),
        Public::Hmac(_) => return None,
    };
    if let Some(id) = info.id() {
        jwk.push_str(r#","kid":"#);
        jwk.push_str(&serde_json::to_string(id).ok()?);
    }
    // An RSA key that may sign in several ways is not told to be for one.
    if let [algorithm] = info.algorithms() {
        jwk.push_str(&format!(r#","alg":"{algorithm}""#));
    }
    jwk.push_str(r#","use":"sig"}"#);
    Some(jwk)
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
