use super::*;

fn accepts(clients: &Clients, id: &str, secret: &str) -> bool {
    clients.find(|known, its| (known, its) == (id, secret)) == Some(id)
}

#[test]
fn a_secret_is_accepted_from_its_own_client_alone() {
    let mut clients = Clients::new("one", "a");
    clients.add("other", "b");
    assert!(accepts(&clients, "one", "a") && accepts(&clients, "other", "b"));
    assert!(!accepts(&clients, "one", "b") && !accepts(&clients, "other", "a"));
    clients.set_first("third", "c");
    assert_eq!(clients.ids().collect::<Vec<_>>(), ["third", "other"]);
    clients.set_only("one", "a");
    assert_eq!((clients.first(), clients.ids().count()), (Some("one"), 1));
}

#[test]
fn an_added_secret_is_accepted_beside_the_others_and_a_set_one_alone() {
    let mut clients = Clients::new("one", "a");
    clients.add("one", "b");
    assert!(accepts(&clients, "one", "a") && accepts(&clients, "one", "b"));
    clients.set("one", "c");
    assert!(
        accepts(&clients, "one", "c") && !accepts(&clients, "one", "a") && !accepts(&clients, "one", "b")
    );
    clients.set("new", "n");
    assert!(accepts(&clients, "new", "n") && clients.ids().count() == 2);
}

#[test]
fn what_each_client_sends_first_is_refused_until_it_sends_something_else() {
    let mut clients = Clients::new("one", "a");
    assert_eq!(clients.sends("one", "a"), Turn::Judged);
    clients.refuse_until_changed();
    let turns = ["a", "a", "b", "b", "a"].map(|text| clients.sends("one", text));
    assert_eq!(turns, [Turn::Refused, Turn::Refused, Turn::Changed, Turn::Judged, Turn::Judged]);
    assert_eq!(clients.sends("other", "b"), Turn::Refused);
    clients.refuse_until_changed();
    assert_eq!(clients.sends("one", "b"), Turn::Refused);
    clients.set("one", "b");
    assert_eq!((clients.sends("one", "b"), clients.sends("other", "b")), (Turn::Judged, Turn::Refused));
    clients.set_only("one", "b");
    assert_eq!(clients.sends("one", "x"), Turn::Judged);
}
