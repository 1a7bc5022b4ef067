//! Gzip (RFC 1952) and deflate (RFC 1950, RFC 1951), unpacked piece by piece within a bound.

use evergrant_core::{Coding, Response};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_IGNORE_ADLER32, TINFL_FLAG_PARSE_ZLIB_HEADER,
    TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use std::mem;
use zeroize::Zeroizing;

/// How much is unpacked, in bytes, and of how much: one byte beyond the longest body tells that it was passed. The input has
/// a bound of its own, since packed data can go on for ever without a byte of output.
const BOUND: usize = Response::MAX_BODY + 1;

/// How gzip begins: two magic numbers, and deflate, the one method there is (RFC 1952 §2.3.1).
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// The fixed part of a gzip header, in bytes.
const FIXED: usize = 10;
/// The flags of its optional parts.
const CHECKSUM: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
/// Flags of what nobody knows yet, and so cannot be skipped.
const RESERVED: u8 = 0xe0;
/// CRC-32 and length, in bytes.
const TRAILER: usize = 8;

/// The buffer is the whole output, and its own dictionary: an inflater with a window would keep a second copy there.
const RAW: u32 =
    TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF | TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_IGNORE_ADLER32;
const ZLIB: u32 =
    TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF | TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_PARSE_ZLIB_HEADER;

/// A body that is being unpacked, in memory that is reserved once and wiped with it. No packed byte is kept, but for eight at
/// most that the inflater has begun.
///
/// It is one member of gzip, or one stream of deflate, and nothing follows it: of several, one reader would take the first
/// and another one all.
pub(crate) struct Unpacker {
    inflater: Box<DecompressorOxide>,
    is_gzip: bool,
    step: Step,
    output: Zeroizing<Vec<u8>>,
    filled: usize,
    taken: usize,
    checksum: u32,
}

/// What the next byte is.
#[derive(Clone, Copy)]
enum Step {
    /// This one of the fixed part of a gzip header, with the flags, if they were seen.
    Fixed(usize, u8),
    /// Of the length of an extra field, whose low byte was seen or not; the flags of the parts behind it.
    Length(Option<u8>, u8),
    /// One of so many that are skipped; the flags of the parts behind them.
    Skip(u16, u8),
    /// Of a text that ends with a zero; the flags of the parts behind it.
    Text(u8),
    /// The first of deflate, or the second, which together tell whether it has a wrapper.
    Wrapper(Option<u8>),
    /// Deflated data, to be read with these flags of the inflater.
    Deflated(u32),
    /// This one of the end of gzip, with those before it.
    Trailer(usize, [u8; TRAILER]),
    /// One too many.
    End,
    /// Unwanted: what came is damaged, or more came than belongs to it.
    Broken,
    /// Unwanted: a bound was passed.
    TooLong,
}

impl Unpacker {
    /// For a body that is coded so; `None` where it is not coded, or in a way that is not unpacked.
    pub(crate) fn new(coding: Coding) -> Option<Self> {
        let (is_gzip, step) = match coding {
            Coding::Gzip => (true, Step::Fixed(0, 0)),
            Coding::Deflate => (false, Step::Wrapper(None)),
            _ => return None,
        };
        let output = Zeroizing::new(vec![0; BOUND]);
        Some(Self { inflater: Box::default(), is_gzip, step, output, filled: 0, taken: 0, checksum: !0 })
    }

    /// How much has been unpacked, in bytes.
    pub(crate) const fn len(&self) -> usize {
        self.filled
    }

    /// Whether another piece can change anything. Behind the end it can: nothing may stand there.
    pub(crate) const fn wants_more(&self) -> bool {
        !matches!(self.step, Step::Broken | Step::TooLong)
    }

    /// The next piece of what came.
    pub(crate) fn push(&mut self, mut piece: &[u8]) {
        while let Some(byte) = piece.first().copied().filter(|_| self.wants_more()) {
            if self.taken == BOUND {
                self.step = Step::TooLong;
                return;
            }
            let used = match self.step {
                Step::Deflated(flags) => self.inflate(piece, flags),
                // Data without a wrapper begins so only if its first three bits are followed by a one that means nothing.
                Step::Wrapper(None) if byte & 0x0f == 8 => {
                    self.step = Step::Wrapper(Some(byte));
                    1
                }
                Step::Wrapper(None) => {
                    self.step = Step::Deflated(RAW);
                    0
                }
                Step::Wrapper(Some(first)) => {
                    // RFC 1950 §2.2: a multiple of 31, and no dictionary that was agreed on before.
                    let is_zlib = u16::from_be_bytes([first, byte]).is_multiple_of(31) && byte & 0x20 == 0;
                    let flags = if is_zlib { ZLIB } else { RAW };
                    self.step = Step::Deflated(flags);
                    self.inflate(&[first], flags);
                    0
                }
                _ => {
                    self.step = self.after(byte);
                    1
                }
            };
            self.taken += used;
            piece = piece.get(used..).unwrap_or_default();
        }
    }

    /// The body, or one byte more than the longest that is read; `None` if it is damaged, not at its end, or followed by
    /// something.
    pub(crate) fn finish(mut self) -> Option<Vec<u8>> {
        match self.step {
            Step::End => self.output.truncate(self.filled),
            Step::TooLong => {}
            _ => return None,
        }
        Some(mem::take(&mut *self.output))
    }

    /// The beginning of a body that is coded so, as far as `packed` goes, and at most `limit` bytes of it.
    pub(crate) fn beginning(coding: Coding, packed: &[u8], limit: usize) -> Option<Zeroizing<Vec<u8>>> {
        let mut unpacker = Self::new(coding)?;
        unpacker.push(packed);
        unpacker.output.truncate(unpacker.filled.min(limit));
        Some(mem::take(&mut unpacker.output))
    }

    /// Unpacks as much as there is. How many bytes were used.
    fn inflate(&mut self, packed: &[u8], flags: u32) -> usize {
        let packed = packed.get(..BOUND - self.taken).unwrap_or(packed);
        let (status, used, written) =
            decompress(&mut self.inflater, packed, &mut self.output, self.filled, flags);
        let unpacked = self.output.get(self.filled..self.filled + written).unwrap_or_default();
        if self.is_gzip {
            self.checksum = crc32(self.checksum, unpacked);
        }
        self.filled += written;
        match status {
            // It has used all that there was.
            TINFLStatus::NeedsMoreInput => {}
            TINFLStatus::HasMoreOutput => self.step = Step::TooLong,
            TINFLStatus::Done if self.is_gzip => self.step = Step::Trailer(0, [0; TRAILER]),
            TINFLStatus::Done => self.step = Step::End,
            _ => self.step = Step::Broken,
        }
        used
    }

    /// The step after this byte of what is around the data.
    fn after(&self, byte: u8) -> Step {
        match self.step {
            Step::Fixed(at, _) if MAGIC.get(at).is_some_and(|magic| *magic != byte) => Step::Broken,
            Step::Fixed(3, _) if byte & RESERVED != 0 => Step::Broken,
            Step::Fixed(3, _) => Step::Fixed(4, byte),
            Step::Fixed(at, flags) if at + 1 == FIXED => next_part(flags),
            Step::Fixed(at, flags) => Step::Fixed(at + 1, flags),
            Step::Length(None, rest) => Step::Length(Some(byte), rest),
            Step::Length(Some(low), rest) => match u16::from_le_bytes([low, byte]) {
                0 => next_part(rest),
                length => Step::Skip(length, rest),
            },
            Step::Skip(..=1, rest) => next_part(rest),
            Step::Skip(length, rest) => Step::Skip(length - 1, rest),
            Step::Text(rest) if byte == 0 => next_part(rest),
            Step::Trailer(at, mut bytes) => {
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
                if at + 1 < TRAILER { Step::Trailer(at + 1, bytes) } else { self.judge(bytes) }
            }
            Step::Text(_) => self.step,
            _ => Step::Broken,
        }
    }

    /// RFC 1952 §2.3.1: CRC-32 and length of the data, little endian.
    fn judge(&self, trailer: [u8; TRAILER]) -> Step {
        let said = u64::from_le_bytes(trailer);
        let is_so = said == (self.filled as u64) << 32 | u64::from(!self.checksum);
        if is_so { Step::End } else { Step::Broken }
    }
}

/// What a vector holds is wiped byte by byte, and what it has room for at full speed.
impl Drop for Unpacker {
    fn drop(&mut self) {
        self.output.clear();
    }
}

/// The first of these optional parts of a gzip header, or the data behind them.
const fn next_part(flags: u8) -> Step {
    if flags & EXTRA != 0 {
        Step::Length(None, flags & !EXTRA)
    } else if flags & NAME != 0 {
        Step::Text(flags & !NAME)
    } else if flags & COMMENT != 0 {
        Step::Text(flags & !COMMENT)
    } else if flags & CHECKSUM != 0 {
        Step::Skip(2, flags & !CHECKSUM)
    } else {
        Step::Deflated(RAW)
    }
}

/// The CRC of RFC 1952 §8, begun with all ones, of some bytes more; its complement is the checksum.
fn crc32(begun: u32, bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut place = 0;
        while place < 256 {
            let (mut crc, mut bit) = (place as u32, 0);
            while bit < 8 {
                crc = if crc & 1 == 1 { 0xedb8_8320 ^ crc >> 1 } else { crc >> 1 };
                bit += 1;
            }
            table[place] = crc;
            place += 1;
        }
        table
    };
    bytes.iter().fold(begun, |crc, byte| TABLE[usize::from(crc as u8 ^ byte)] ^ crc >> 8)
}

#[cfg(test)]
mod tests;
