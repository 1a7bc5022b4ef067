//! What is read of certificates and keys, and what is said of what is none.

use super::*;
use crate::fixture::{Folder, issue, secs};
use std::fs;

const LIMIT: Duration = secs(60);

/// The certificate of RFC 8705, appendix A, and what it says of it.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----\n\
MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx\n\
ODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG\n\
SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ\n\
/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID\n\
SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV\n\
bUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=\n\
-----END CERTIFICATE-----\n";
const THUMBPRINT: &str = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";

/// No key, and yet as one looks.
fn part(label: &str) -> String {
    format!("-----BEGIN {label}-----\nMAMCAQA=\n-----END {label}-----\n")
}

fn read(text: &str) -> Result<CertifiedKey, (String, String)> {
    CertifiedKey::from_pem(text).map_err(|error| match error {
        ConfigError::KeyFormat { found, mend } => (found.to_string(), mend.to_string()),
        error => panic!("{error}"),
    })
}

// Conforms: R-8705-d
#[test]
fn the_thumbprint_is_the_digest_of_the_certificate_as_the_rfc_has_it() {
    let certified = read(&(CERTIFICATE.to_owned() + &part("PRIVATE KEY"))).unwrap();
    assert_eq!(certified.thumbprint().to_string(), THUMBPRINT);
}

#[test]
fn the_first_certificate_is_the_clients_own_and_the_others_stay_in_order_whatever_stands_between() {
    let (issuer, own) = (issue("issuer"), issue("own"));
    let text = format!("subject: own\r\n{}words\n{}{}", own.certificate, own.key, issuer.certificate);
    let certified = read(&text.replace('\n', "\r\n")).unwrap();
    let alone = |certificate: &str| read(&(certificate.to_owned() + &own.key)).unwrap();
    assert_eq!(certified.thumbprint(), alone(&own.certificate).thumbprint());
    let chain: Vec<_> = certified.certificates().map(<[u8]>::to_vec).collect();
    let ders =
        [&own.certificate, &issuer.certificate].map(|pem| alone(pem).certificates().next().unwrap().to_vec());
    assert_eq!(chain, ders);
    assert_ne!(certified, alone(&own.certificate), "the rest of the chain counts, too");
    let again = format!("{}{}{}", own.certificate, issuer.certificate, own.key);
    assert_eq!(certified, read(&again).unwrap());
}

#[test]
fn what_is_written_as_pem_reads_as_the_same() {
    let (own, issuer) = (issue("own"), issue("issuer"));
    for (label, encoding) in [
        ("PRIVATE KEY", KeyEncoding::Pkcs8),
        ("RSA PRIVATE KEY", KeyEncoding::Pkcs1),
        ("EC PRIVATE KEY", KeyEncoding::Sec1),
    ] {
        let text = own.certificate.clone() + &issuer.certificate + &part("EC PARAMETERS") + &part(label);
        let certified = read(&text).unwrap();
        assert_eq!(certified.key(), (encoding, &[0x30, 3, 2, 1, 0][..]));
        assert_eq!(read(certified.pem().expose()).unwrap(), certified);
        let parts = certified.certificates_pem() + certified.key_pem().expose();
        assert_eq!(parts, certified.pem().expose());
        assert!(
            parts.lines().all(|line| line.len() <= 64)
                && parts.contains(&format!("-----BEGIN {label}-----\n"))
        );
    }
}

#[test]
fn what_is_no_certificate_or_no_key_says_what_was_found_and_which_command_would_do() {
    let certificate = part("CERTIFICATE");
    let key = part("PRIVATE KEY");
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMAMC\n-----END RSA PRIVATE KEY-----\n";
    for (text, found, mend) in [
        (String::new(), "there is no certificate in PEM", "openssl x509 -inform DER"),
        (key.clone(), "there is no certificate, though something else", "BEGIN CERTIFICATE"),
        (part("CERTIFICATE REQUEST") + &key, "a certificate signing request", "have an authority sign it"),
        (part("TRUSTED CERTIFICATE") + &key, "another form of PEM", "openssl x509 -in FILE -out"),
        (part("PKCS7") + &key, "PKCS#7", "openssl pkcs7 -print_certs"),
        (certificate.clone(), "there is no private key", "openssl pkey -inform DER"),
        (
            certificate.clone() + &part("ENCRYPTED PRIVATE KEY"),
            "the private key is encrypted",
            "openssl pkey -in KEY",
        ),
        (certificate.clone() + old, "the private key is encrypted", "openssl pkey -in KEY"),
        (
            certificate.clone() + &part("PUBLIC KEY"),
            "a public key",
            "the private key that the certificate was issued for",
        ),
        (
            certificate.clone() + &part("OPENSSH PRIVATE KEY"),
            "the format of OpenSSH",
            "ssh-keygen -p -m PKCS8",
        ),
        (certificate.clone() + &part("DSA PRIVATE KEY"), "one of DSA", "openssl genpkey"),
        (certificate.clone() + &key + &part("EC PRIVATE KEY"), "several private keys", "keep the one"),
        (certificate.clone() + &key.replace("MAMC", "?"), "not base64", "write the file again"),
        (certificate.replace("MAMCAQA=", "") + &key, "not base64", "write the file again"),
        (certificate.clone() + "-----BEGIN PRIVATE KEY-----\nMAMC", "no END line", "replace it by a rename"),
        (certificate.clone() + "-----BEGIN PRIVATE", "no END line", "replace it by a rename"),
        (
            certificate + "-----BEGIN PRIVATE KEY-----\nMAMC\n-----END CERTIFICATE-----\n",
            "no END line",
            "rename",
        ),
    ] {
        let (said, to_do) = read(&text).expect_err(&text);
        assert!(said.contains(found) && to_do.contains(mend), "{text}: {said}: {to_do}");
        assert!(said.chars().count() < Excerpt::MAX_CHARS && to_do.chars().count() < Excerpt::MAX_CHARS);
    }
}

#[test]
fn no_text_at_all_makes_the_reader_of_pem_panic() {
    let own = issue("own");
    let whole = own.certificate + &own.key;
    for end in 0..whole.len() {
        let _cut = CertifiedKey::from_pem(&whole[..end]);
        let _rest = CertifiedKey::from_pem(&whole[end..]);
    }
    let _odd = read("-----BEGIN -----\n-----END -----\u{feff}-----BEGIN \u{e9}-----").unwrap_err();
}

#[test]
fn two_files_are_read_anew_each_time_and_errors_name_the_one_that_lacks() {
    let (folder, first, second) = (Folder::new(), issue("first"), issue("second"));
    let identity = Identity::files(folder.at("tls.crt"), folder.at("tls.key"));
    let name = || identity.name().unwrap().into_owned();
    assert_eq!(identity.read(LIMIT), Err(SourceError::Missing));
    assert!(name().ends_with("tls.crt"));
    fs::write(folder.at("tls.crt"), &first.certificate).unwrap();
    assert_eq!(identity.read(LIMIT), Err(SourceError::Missing));
    assert!(name().ends_with("tls.key"));
    fs::write(folder.at("tls.key"), &first.key).unwrap();
    assert_eq!(identity.read(LIMIT).unwrap(), first.certified());
    assert!(name().ends_with("tls.crt"));
    fs::write(folder.at("tls.crt"), &second.certificate).unwrap();
    fs::write(folder.at("tls.key"), &second.key).unwrap();
    assert_eq!(identity.read(LIMIT).unwrap(), second.certified());
    // A key in the place of the certificate, and the other way round.
    fs::write(folder.at("tls.key"), &second.certificate).unwrap();
    assert!(matches!(identity.read(LIMIT), Err(SourceError::Unusable(ConfigError::KeyFormat { .. }))));
    assert!(name().ends_with("tls.key"));
    fs::write(folder.at("tls.crt"), b"\x30\x82\xff").unwrap();
    let error = identity.read(LIMIT).unwrap_err().to_string();
    assert!(error.contains("DER or PKCS#12") && error.contains("openssl pkcs12 -in FILE -noenc"), "{error}");
    assert!(name().ends_with("tls.crt"));
    // One file with both.
    fs::write(folder.at("both.pem"), first.pem()).unwrap();
    let both = Identity::files(folder.at("both.pem"), folder.at("both.pem"));
    assert_eq!(both.read(LIMIT).unwrap(), first.certified());
    assert_eq!(
        Identity::source(FileSource::new(folder.at("both.pem"))).read(LIMIT).unwrap(),
        first.certified()
    );
}

/// Both files are replaced after the certificate was read, and before its key is: the pipe in the place of the key gives it when that is done.
#[cfg(unix)]
#[test]
fn a_certificate_that_was_replaced_before_its_key_was_read_is_read_again() {
    let (folder, first, second) = (Folder::new(), issue("first"), issue("second"));
    let (certificate, key) = (folder.at("tls.crt"), folder.at("tls.key"));
    fs::write(&certificate, &first.certificate).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &key, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let identity = Identity::files(&certificate, &key);
    let reader = thread::spawn(move || identity.read(LIMIT));
    // It is opened for writing once somebody reads it.
    let mut pipe = fs::OpenOptions::new().write(true).open(&key).unwrap();
    for (text, path) in [(&second.certificate, &certificate), (&second.key, &key)] {
        fs::write(folder.at("next"), text).unwrap();
        fs::rename(folder.at("next"), path).unwrap();
    }
    std::io::Write::write_all(&mut pipe, second.key.as_bytes()).unwrap();
    drop(pipe);
    assert_eq!(reader.join().unwrap().unwrap(), second.certified());
}

#[test]
fn a_text_that_stays_is_looked_at_once_and_a_source_each_time() {
    let (first, second) = (issue("first"), issue("second"));
    assert_eq!(Identity::pem(&first.pem()).unwrap().read(LIMIT).unwrap(), first.certified());
    assert!(matches!(Identity::pem(&first.certificate), Err(ConfigError::KeyFormat { .. })));
    let texts = std::sync::Mutex::new(vec![second.pem(), first.pem()]);
    let identity = Identity::source(move || Ok(SecretText::new(&texts.lock().unwrap().pop().unwrap())));
    assert_eq!(identity.read(LIMIT).unwrap(), first.certified());
    assert_eq!(identity.read(LIMIT).unwrap(), second.certified());
}

#[test]
fn debug_shows_places_and_thumbprints_and_nothing_of_a_key() {
    let own = issue("own");
    let certified = own.certified();
    let places = [Identity::files("/run/tls.crt", "/run/tls.key"), Identity::pem(&own.pem()).unwrap()];
    let shown = format!("{places:?} {certified:?} {:?} {:?}", certified.pem(), certified.key_pem());
    assert!(shown.contains("/run/tls.key") && shown.contains(&certified.thumbprint().to_string()), "{shown}");
    let secret = own.key.lines().nth(1).unwrap();
    assert!(!shown.contains(&secret[..20]), "{shown}");
}
