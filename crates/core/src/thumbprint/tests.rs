use super::*;
use alloc::format;
use alloc::string::ToString;

#[test]
fn it_is_written_as_in_a_jwt_and_read_from_nothing_else() {
    let thumbprint = Thumbprint::new(core::array::from_fn(|at| at as u8));
    let text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    assert_eq!((thumbprint.to_string().as_str(), Thumbprint::parse(text)), (text, Some(thumbprint)));
    assert_eq!(format!("{thumbprint:?}"), format!("Thumbprint({text})"));
    assert_eq!(thumbprint.as_bytes()[31], 31);
    for wrong in [
        "",
        "AAECAw",
        &text[..42],
        &format!("{text}A"),
        &format!("{text}="),
        &format!("{}9", &text[..42]),
        &text.replace('A', "+"),
    ] {
        assert_eq!(Thumbprint::parse(wrong), None, "{wrong}");
    }
    assert_eq!(SecretText::from(thumbprint).expose(), text);
}
