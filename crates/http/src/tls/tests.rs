use super::*;

fn detail(error: &TransportError) -> &str {
    assert_eq!(error.kind(), TransportErrorKind::Tls);
    error.detail().unwrap().as_str()
}

#[test]
fn the_words_of_openssl_become_sentences_of_ours_and_others_stay() {
    let verify = "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify failed:../ssl/statem/statem_clnt.c:1889:";
    for (text, sentence) in [
        (format!("{verify} (self-signed certificate)"), UNTRUSTED),
        (format!("{verify} (unable to get local issuer certificate)"), UNTRUSTED),
        (format!("{verify} (certificate has expired)"), EXPIRED),
        (format!("{verify} (certificate is not yet valid)"), NOT_YET),
        (format!("{verify} (Hostname mismatch)"), OTHER_NAME),
        (format!("{verify} (IP address mismatch)"), OTHER_NAME),
        (format!("{verify} (certificate revoked)"), REVOKED),
        (format!("{verify} (certificate signature failure)"), SIGNATURE),
        (format!("{verify} (EE certificate key too small)"), ALGORITHM),
        (format!("{verify} (unsuitable certificate purpose)"), PURPOSE),
        ("error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/record/ssl3_record.c:354:".into(), PLAIN_HTTP),
        ("error:0A000102:SSL routines:ssl_choose_client_version:unsupported protocol:..".into(), VERSION),
        ("error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure:..".into(), HANDSHAKE),
        ("error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:..".into(), CLIENT_CERTIFICATE),
        ("error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:..".into(), CLIENT_REFUSED),
        ("unable to get certificate CRL".into(), "unable to get certificate CRL"),
        ("The operation was interrupted".into(), "The operation was interrupted"),
    ] {
        assert_eq!(detail(&tls_text_error(&text)), sentence, "{text}");
    }
}

#[test]
fn a_build_without_tls_and_one_without_a_provider_cannot_ask_an_https_endpoint_and_say_what_to_enable() {
    let secure = Endpoint::parse("https://auth.example/token").unwrap();
    let plain = Endpoint::parse("http://127.0.0.1:8080/token").unwrap();
    for support in [TlsSupport::Absent, TlsSupport::NoProvider, TlsSupport::Ready] {
        assert_eq!(require_tls(&plain, support), Ok(()), "{support:?}");
    }
    assert_eq!(require_tls(&secure, TlsSupport::Ready), Ok(()));
    let says = |support| require_tls(&secure, support).unwrap_err().to_string();
    let absent = says(TlsSupport::Absent);
    assert!(absent.contains("this build has no TLS: enable the feature rustls or native-tls"), "{absent}");
    let provider = says(TlsSupport::NoProvider);
    assert!(provider.contains("call rustls's CryptoProvider::install_default"), "{provider}");
    assert!(absent.ends_with("adapter") && provider.ends_with("adapter"), "nothing is cut");
}
