use super::*;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use flate2::{Compression, GzBuilder};
use std::io::Write as _;

/// What servers send: gzip, deflate as it should be, and deflate without its wrapper.
const FORMS: [(Coding, Pack); 3] = [(Coding::Gzip, gzip), (Coding::Deflate, zlib), (Coding::Deflate, raw)];

type Pack = fn(&[u8]) -> Vec<u8>;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn raw(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn unpack(coding: Coding, pieces: &[&[u8]]) -> Option<Vec<u8>> {
    let mut unpacker = Unpacker::new(coding).unwrap();
    pieces.iter().for_each(|piece| unpacker.push(piece));
    unpacker.finish()
}

/// Words that repeat themselves, near and far, and bytes that do not.
fn text(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut byte = |place: usize| {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        if place % 700 < 500 { b"{\"access_token\":\"abc\"}"[place % 22] } else { (state >> 16) as u8 }
    };
    (0..length).map(&mut byte).collect()
}

#[test]
fn what_was_packed_is_unpacked_wherever_it_is_cut() {
    for (coding, pack) in FORMS {
        for body in [text(0), text(1), text(40_000), vec![b' '; 70_000]] {
            let packed = pack(&body);
            for size in [1, 2, 3, 7, 1000, packed.len()] {
                let pieces: Vec<&[u8]> = packed.chunks(size).collect();
                let unpacked = unpack(coding, &pieces);
                assert!(unpacked.as_ref() == Some(&body), "{coding:?}, {} bytes by {size}", body.len());
            }
        }
        let packed = pack(&text(300));
        for cut in 0..=packed.len() {
            let (first, second) = packed.split_at(cut);
            assert_eq!(unpack(coding, &[first, &[], second]), Some(text(300)), "{coding:?} cut at {cut}");
        }
    }
}

#[test]
fn a_gzip_header_may_have_all_its_parts_and_none_that_nobody_knows() {
    let header = GzBuilder::new().extra(vec![7; 300]).filename("a name").comment("a comment").mtime(1);
    let mut encoder = header.write(Vec::new(), Compression::default());
    encoder.write_all(b"body").unwrap();
    let full = encoder.finish().unwrap();
    // With a checksum of the header, which nobody looks at: the body has its own.
    let mut checked = full.clone();
    let end = full.len() - TRAILER - raw(b"body").len();
    checked[3] |= CHECKSUM;
    checked.splice(end..end, [0xab, 0xcd]);
    let mut bare = gzip(b"body");
    bare[3] |= EXTRA;
    bare.splice(10..10, [0, 0]);
    for packed in [&full, &checked, &bare] {
        let pieces: Vec<&[u8]> = packed.chunks(1).collect();
        assert_eq!(unpack(Coding::Gzip, &pieces).as_deref(), Some(&b"body"[..]));
        assert_eq!(unpack(Coding::Gzip, &[packed]).as_deref(), Some(&b"body"[..]));
    }
    for (place, value) in [(0, 0x1e), (1, 0x8a), (2, 7), (3, 0x20), (3, 0x80)] {
        let mut other = gzip(b"body");
        other[place] = value;
        let mut unpacker = Unpacker::new(Coding::Gzip).unwrap();
        unpacker.push(&other);
        assert!(!unpacker.wants_more(), "{place}: {value}");
        assert_eq!(unpacker.finish(), None);
    }
}

#[test]
fn what_is_cut_off_is_broken_wherever_it_is_cut() {
    for (coding, pack) in FORMS {
        let packed = pack(&text(300));
        for length in 0..packed.len() {
            assert_eq!(
                unpack(coding, &[&packed[..length]]),
                None,
                "{coding:?}: {length} of {}",
                packed.len()
            );
        }
    }
}

#[test]
fn what_was_changed_on_the_way_is_broken_where_a_checksum_tells() {
    for (coding, pack) in [FORMS[0], FORMS[1]] {
        let body = text(60);
        let packed = pack(&body);
        for place in 0..packed.len() {
            for bit in 0..8 {
                let mut changed = packed.clone();
                changed[place] ^= 1 << bit;
                let unpacked = unpack(coding, &[&changed]);
                // The time, the system and the effort in a gzip header, the size of a window in zlib's, change nothing.
                assert!(
                    unpacked.is_none_or(|unpacked| unpacked == body),
                    "{coding:?}: bit {bit} of byte {place}"
                );
            }
        }
        let last = packed.len() - 1;
        let mut changed = packed;
        changed[last] ^= 1;
        assert_eq!(unpack(coding, &[&changed]), None);
    }
}

#[test]
fn nothing_may_follow_not_even_another_member() {
    for (coding, pack) in FORMS {
        let packed = pack(b"body");
        for more in [&b"\0"[..], b"x", b"\0\0\0\0\0\0\0\0", &pack(b"another")] {
            assert_eq!(unpack(coding, &[&[&packed, more].concat()]), None, "{coding:?}");
            let mut unpacker = Unpacker::new(coding).unwrap();
            unpacker.push(&packed);
            assert!(unpacker.wants_more(), "it is not known yet that nothing follows");
            unpacker.push(more);
            assert!(!unpacker.wants_more());
            assert_eq!(unpacker.finish(), None, "{coding:?}");
        }
    }
}

#[test]
fn a_plain_body_under_the_label_of_a_packed_one_is_broken() {
    for coding in [Coding::Gzip, Coding::Deflate] {
        assert_eq!(unpack(coding, &[br#"{"access_token":"abc","token_type":"Bearer"}"#]), None, "{coding:?}");
    }
    assert_eq!(unpack(Coding::Gzip, &[&zlib(b"body")]), None);
    assert_eq!(unpack(Coding::Deflate, &[&gzip(b"body")]), None);
    assert!(Unpacker::new(Coding::Identity).is_none() && Unpacker::new(Coding::Other).is_none());
}

#[test]
fn deflate_that_only_looks_like_a_wrapper_is_read_without_one() {
    // A stored block whose five padding bits are not zero: 0x78 0x01 would be a wrapper, 0x78 0x05 is none.
    let stored = [0x78, 0x05, 0, 0xfa, 0xff, b'h', b'e', b'l', b'l', b'o', 0x01, 0, 0, 0xff, 0xff];
    let pieces: Vec<&[u8]> = stored.chunks(1).collect();
    assert_eq!(unpack(Coding::Deflate, &pieces).as_deref(), Some(&b"hello"[..]));
    assert_eq!(unpack(Coding::Deflate, &[&stored]).as_deref(), Some(&b"hello"[..]));
}

#[test]
fn a_bomb_stops_at_the_bound_and_takes_no_more_memory_than_that() {
    for (coding, pack) in FORMS {
        let longest = unpack(coding, &[&pack(&vec![b' '; Response::MAX_BODY])]).unwrap();
        assert_eq!((longest.len(), longest.capacity()), (Response::MAX_BODY, BOUND));
        for length in [BOUND, BOUND + 1, 8 << 20] {
            let packed = pack(&vec![b' '; length]);
            let mut unpacker = Unpacker::new(coding).unwrap();
            packed.chunks(1000).for_each(|piece| unpacker.push(piece));
            assert_eq!(unpacker.len(), BOUND);
            let cut = unpacker.finish().unwrap();
            assert_eq!((cut.len(), cut.capacity()), (BOUND, BOUND), "{coding:?}: {length}");
        }
    }
}

#[test]
fn packed_data_without_end_and_without_output_is_too_long() {
    let nothing = [0, 0, 0, 0xff, 0xff];
    for mut head in [
        gzip(b"")[..10].to_vec(),
        zlib(b"")[..2].to_vec(),
        vec![],
        [&gzip(b"")[..3], &[NAME, 0, 0, 0, 0, 0, 0]].concat(),
    ] {
        let coding = if head.first() == Some(&0x1f) { Coding::Gzip } else { Coding::Deflate };
        head.extend(if head.get(3) == Some(&NAME) { &b"names"[..] } else { &nothing });
        let mut unpacker = Unpacker::new(coding).unwrap();
        unpacker.push(&head);
        let again: &[u8] = if head.ends_with(b"s") { b"a name without an end " } else { &nothing };
        let pushed = (0_usize..).find(|_| {
            unpacker.push(again);
            !unpacker.wants_more()
        });
        assert!(pushed.unwrap() <= BOUND / again.len());
        assert_eq!(unpacker.finish().map(|body| body.len()), Some(BOUND), "{coding:?}");
    }
}

#[test]
fn a_beginning_is_unpacked_as_far_as_it_goes() {
    for (coding, pack) in FORMS {
        let body = text(3000);
        let packed = pack(&body);
        let beginning = Unpacker::beginning(coding, &packed[..packed.len() / 2], 100_000).unwrap();
        assert!(beginning.len() > 100 && body.starts_with(&beginning), "{coding:?}: {}", beginning.len());
        let limited = Unpacker::beginning(coding, &packed, 1000).unwrap();
        assert_eq!(*limited, body[..1000]);
        assert!(Unpacker::beginning(coding, b"", 1000).unwrap().is_empty());
    }
    assert!(Unpacker::beginning(Coding::Identity, b"body", 1000).is_none());
}
