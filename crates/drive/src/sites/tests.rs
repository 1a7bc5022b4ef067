use super::*;

fn origin(number: usize) -> Origin {
    Origin::parse(&format!("https://api{number}.example.com")).unwrap()
}

#[test]
fn an_origin_has_a_place_once_it_refused_a_token_and_keeps_it() {
    let mut sites = Sites::default();
    assert_eq!(sites.of(&origin(1)), None);
    let first = sites.refusing(&origin(1));
    let second = sites.refusing(&origin(2));
    assert_ne!(first, second);
    assert_eq!((sites.of(&origin(1)), sites.of(&origin(2))), (Some(first), Some(second)));
    assert_eq!(sites.refusing(&origin(1)), first);
    assert_eq!(sites.origins([second, first].into_iter()), [origin(2), origin(1)]);
    assert_eq!(sites.of(&origin(3)), None);
}

#[test]
fn origins_beyond_the_last_place_share_one_and_the_list_grows_no_more() {
    let mut sites = Sites::default();
    let own: Vec<Site> = (0..Site::OWN).map(|number| sites.refusing(&origin(number))).collect();
    assert!(!own.contains(&Site::SHARED));
    assert_eq!(sites.refusing(&origin(Site::OWN)), Site::SHARED);
    assert_eq!(sites.refusing(&origin(Site::OWN + 1)), Site::SHARED);
    // Whoever has no place may be one of those: it is not served what they refused.
    assert_eq!(sites.of(&origin(Site::OWN + 2)), Some(Site::SHARED));
    assert_eq!(sites.0.len(), Site::OWN);
    assert!(sites.origins([Site::SHARED].into_iter()).is_empty());
}
