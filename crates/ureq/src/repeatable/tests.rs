use super::sealed::Sealed as _;
use super::*;

/// Whether what is sent are the very bytes that are held.
fn is_lent(body: &impl RepeatableBody, held: &[u8]) -> bool {
    body.sent().is_some_and(|sent| std::ptr::eq(sent, held))
}

#[test]
fn every_body_is_lent_and_none_is_copied() {
    let (text, bytes) = ("a=1".to_owned(), vec![1, 2, 3]);
    assert!(is_lent(&text, text.as_bytes()) && is_lent(&&text, text.as_bytes()));
    assert!(
        is_lent(&text.as_str(), text.as_bytes()) && is_lent(&Cow::Borrowed(text.as_str()), text.as_bytes())
    );
    assert!(is_lent(&bytes, &bytes) && is_lent(&&bytes, &bytes) && is_lent(&bytes.as_slice(), &bytes));
    let (array, shared, counted) = ([1_u8, 2, 3], Bytes::from(bytes.clone()), Arc::<[u8]>::from(bytes));
    assert!(is_lent(&&array, &array) && is_lent(&shared, &shared) && is_lent(&counted, &counted));
    assert!(is_lent(&shared.clone(), &shared) && is_lent(&Arc::clone(&counted), &counted));
    assert_eq!(().sent(), None);
}
