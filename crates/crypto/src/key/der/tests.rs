use super::*;

#[test]
fn values_are_read_one_behind_the_other_by_their_tags() {
    let mut der = Der::of_sequence(&[0x30, 8, 2, 1, 5, 3, 3, 0, 7, 8]).unwrap();
    assert_eq!(der.value(OCTET_STRING), None, "another tag changes nothing");
    assert_eq!(der.unsigned(), Some(&[5][..]));
    assert!(!der.is_over());
    assert_eq!(der.bits(), Some(&[7, 8][..]));
    assert!(der.is_over() && der.value(INTEGER).is_none());
    assert_eq!((around(1), in_place(1)), (0xa1, 0x81));
}

#[test]
fn a_length_is_written_in_one_way() {
    let of = |length: &[u8], count: usize| [&[0x04], length, &vec![7; count]].concat();
    for (length, count) in [
        (&[0][..], 0),
        (&[0x7f], 0x7f),
        (&[0x81, 0x80], 0x80),
        (&[0x81, 0xff], 0xff),
        (&[0x82, 1, 0], 0x100),
        (&[0x82, 0xbf, 0xff], 0xbfff),
    ] {
        let bytes = of(length, count);
        let mut der = Der::new(&bytes);
        assert_eq!(der.value(OCTET_STRING).map(<[u8]>::len), Some(count), "{length:02x?}");
        assert!(der.is_over());
        let cut = &bytes[..bytes.len() - 1];
        assert_eq!(Der::new(cut).value(OCTET_STRING), None, "{length:02x?}, cut off");
    }
    for (length, count) in [
        (&[0x80][..], 0),         // its end is said behind it
        (&[0x81, 0x7f], 0x7f),    // one byte would do
        (&[0x82, 0, 0xff], 0xff), // two would do
        (&[0x83, 0, 1, 0], 0x100),
        (&[0xff], 0x7f),
    ] {
        assert_eq!(Der::new(&of(length, count)).value(OCTET_STRING), None, "{length:02x?}");
    }
}

#[test]
fn a_tag_of_several_bytes_is_nothing() {
    assert_eq!(Der::new(&[0x1f, 1, 7]).value(0x1f), None);
    assert_eq!(Der::new(&[0xbf, 1, 7]).value(0xbf), None);
}

#[test]
fn a_number_is_not_negative_and_has_no_zero_that_says_nothing() {
    let read =
        |value: &[u8]| Der::new(&[&[2, value.len() as u8], value].concat()).unsigned().map(<[u8]>::to_vec);
    assert_eq!(read(&[0]), Some(vec![]));
    assert_eq!(read(&[1, 0]), Some(vec![1, 0]));
    assert_eq!(read(&[0, 0x80]), Some(vec![0x80]));
    for wrong in [&[][..], &[0x80], &[0xff, 1], &[0, 0x7f], &[0, 0]] {
        assert_eq!(read(wrong), None, "{wrong:02x?}");
    }
}

#[test]
fn a_bit_string_has_whole_bytes() {
    assert_eq!(whole_bytes(&[0, 1, 2]), Some(&[1, 2][..]));
    assert_eq!(whole_bytes(&[4, 0x10]), None);
    assert_eq!(whole_bytes(&[]), None);
}

#[test]
fn nothing_follows_the_sequence_that_bytes_are() {
    assert!(Der::of_sequence(&[0x30, 0]).is_some());
    assert!(Der::of_sequence(&[0x30, 0, 0]).is_none());
    assert!(Der::of_sequence(&[0x31, 0]).is_none());
}
