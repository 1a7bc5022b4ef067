use super::*;
use rcgen::{CertificateParams, KeyPair};
use std::fs;

fn certificate() -> rcgen::Certificate {
    let key = KeyPair::generate().unwrap();
    CertificateParams::new(vec!["auth.example.com".into()]).unwrap().self_signed(&key).unwrap()
}

fn read(content: impl AsRef<[u8]>) -> Result<Roots, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    Roots::read(file.path(), Duration::from_secs(100)).map_err(|failure| failure.to_string())
}

#[test]
fn every_certificate_of_a_bundle_is_read_whatever_stands_around_it() {
    let (one, two) = (certificate().pem(), certificate().pem());
    let key = KeyPair::generate().unwrap().serialize_pem();
    let bundle = format!("# ours\n{one}\r\nsubject=nobody\n{key}{two}");
    assert_eq!(read(bundle).unwrap().certificates().len(), 2);
    let of_windows = format!("\u{feff}{}", one.replace('\n', "\r\n"));
    assert_eq!(read(of_windows).unwrap().certificates().len(), 1);
}

#[test]
fn a_file_without_a_certificate_says_what_to_do() {
    let key = KeyPair::generate().unwrap().serialize_pem();
    for content in ["", "not PEM at all", &key] {
        let error = read(content).unwrap_err();
        assert!(
            error.contains("has no certificate in PEM") && error.contains("BEGIN CERTIFICATE"),
            "{error}"
        );
    }
    let error = read(certificate().der()).unwrap_err();
    assert!(error.contains("openssl x509 -inform der"), "{error}");
}

#[test]
fn a_broken_file_is_refused_whole() {
    let good = certificate().pem();
    let cut = &good[..good.len() / 2];
    let error = read(format!("{good}{cut}")).unwrap_err();
    assert!(error.contains("is not a complete PEM file"), "{error}");
    let other = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let error = read(format!("{good}{other}")).unwrap_err();
    assert!(error.contains("cannot be read (number 2)"), "{error}");
    let error = read(vec![b'x'; 1024 * 1024 + 1]).unwrap_err();
    assert!(error.contains("longer than 1048576 bytes"), "{error}");
    let error = Roots::read(Path::new("/nowhere/ca.pem"), Duration::from_secs(100)).unwrap_err().to_string();
    assert!(error.contains("/nowhere/ca.pem") && error.contains("cannot be read"), "{error}");
}
