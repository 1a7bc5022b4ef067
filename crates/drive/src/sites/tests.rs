use super::*;

fn origin(number: usize) -> Origin {
    Origin::parse(&format!("https://api{number}.example.com")).unwrap()
}

#[test]
fn an_origin_has_a_place_once_it_refused_a_token_and_keeps_it() {
    let mut sites = Sites::default();
    assert_eq!(sites.of(&origin(1)), None);
    let mut keep = |number| {
        let site = sites.refusing(&origin(number));
        sites.keep(&origin(number));
        site
    };
    let (first, second) = (keep(1), keep(2));
    assert_ne!(first, second);
    assert_eq!((sites.of(&origin(1)), sites.of(&origin(2))), (Some(first), Some(second)));
    assert_eq!(sites.refusing(&origin(1)), first);
    assert_eq!(sites.origins([second, first].into_iter()), [origin(2), origin(1)]);
    assert_eq!(sites.of(&origin(3)), None);
    sites.forget();
    assert_eq!(sites.of(&origin(1)), None);
}

#[test]
fn who_is_not_remembered_takes_no_place() {
    let mut sites = Sites::default();
    assert_eq!(sites.refusing(&origin(1)), sites.refusing(&origin(2)));
    assert_eq!(sites.of(&origin(1)), None);
    sites.keep(&origin(2));
    assert_ne!(sites.refusing(&origin(1)), sites.refusing(&origin(2)));
}

#[test]
fn origins_beyond_the_last_place_share_one_and_the_list_grows_no_more() {
    let mut sites = Sites::default();
    let own: Vec<Site> = (0..Site::OWN)
        .map(|number| {
            sites.keep(&origin(number));
            sites.refusing(&origin(number))
        })
        .collect();
    assert!(!own.contains(&Site::SHARED));
    assert_eq!(sites.refusing(&origin(Site::OWN)), Site::SHARED);
    sites.keep(&origin(Site::OWN));
    assert_eq!(sites.refusing(&origin(Site::OWN + 1)), Site::SHARED);
    // Whoever has no place may be one of those: it is not served what they refused.
    assert_eq!(sites.of(&origin(Site::OWN + 2)), Some(Site::SHARED));
    assert_eq!(sites.0.len(), Site::OWN);
    assert!(sites.origins([Site::SHARED].into_iter()).is_empty());
}
