use super::*;
use rcgen::{CertificateParams, DnType, DnValue, KeyPair};

#[test]
fn a_subject_is_written_as_openssl_writes_it() {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let country = DnValue::PrintableString("NL".try_into().unwrap());
    params.distinguished_name.push(DnType::CountryName, country);
    params.distinguished_name.push(DnType::OrganizationName, "Shop, Inc");
    params.distinguished_name.push(DnType::CommonName, "orders");
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    // openssl x509 -noout -subject -nameopt RFC2253
    assert_eq!(subject(certificate.der()).as_deref(), Some(r"CN=orders,O=Shop\, Inc,C=NL"));
    assert_eq!(subject(&certificate.der()[1..]), None);
}

#[test]
fn certificates_are_all_that_are_in_a_text_and_at_least_one() {
    let certificate = CertificateParams::default().self_signed(&KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap().serialize_pem();
    let text = format!("{key}{}words\n{}", certificate.pem(), certificate.pem());
    assert_eq!(certificates(&text).unwrap(), [certificate.der().to_vec(), certificate.der().to_vec()]);
    for text in ["", "nonsense", &key] {
        assert_eq!(certificates(text).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
