use super::super::KEYS;
use super::*;

#[test]
fn every_key_of_a_profile_is_in_the_draft() {
    let draft = text(Path::new("config.toml"), "a", &ClientArgs::default(), &[]).unwrap();
    for key in KEYS {
        assert!(draft.contains(&format!("\n# {key} = ")), "{key} is not in: {draft}");
    }
}

#[test]
fn what_the_comments_show_is_valid() {
    let draft = text(Path::new("config.toml"), "a", &ClientArgs::default(), &[]).unwrap();
    for proof in PROOFS {
        is_valid(&draft, proof);
    }
}

const PROOFS: [&str; 3] = ["client_secret", "client_assertion", "signing_key"];

fn is_valid(draft: &str, proof: &str) {
    let lines = draft.lines().map(|line| match line.strip_prefix("# ") {
        // One of them, and one place of it.
        Some(line) if PROOFS.iter().any(|other| *other != proof && line.starts_with(other)) => "",
        Some(line) if line.starts_with("auth =") && proof != "client_secret" => "",
        Some(line) if line.starts_with("client_secret") && !line.contains("env") => "",
        Some(line) if line.contains(" = ") => line,
        _ => line,
    });
    let profiles = Profiles::parse("config.toml".into(), &lines.collect::<Vec<_>>().join("\n"));
    let failures: Vec<_> = profiles.failures(Of::All).map(|failure| failure.to_string()).collect();
    assert_eq!(failures, [] as [String; 0]);
}
